// The stand-in behind both headers: memory of the processor, the network of test/golden/loudness-model, and faults by order.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "NvInfer.h"

namespace {

constexpr int kVersion = 100300;

int fromEnvironment(const char* name, int fallback) {
  const char* text = std::getenv(name);
  return text ? std::atoi(text) : fallback;
}

/** Set by an engine that orders it: the next cudaMalloc finds no memory. */
bool outOfMemory = false;

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  *count = fromEnvironment("STAND_IN_GPUS", 1);
  return *count > 0 ? cudaSuccess : cudaErrorNoDevice;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  std::strcpy(properties->name, "stand-in \"GPU\"");
  properties->major = 8;
  properties->minor = 7;
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  *stream = reinterpret_cast<cudaStream_t>(std::malloc(1));
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  std::free(stream);
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }

cudaError_t cudaMalloc(void** pointer, size_t size) {
  if (outOfMemory) return cudaErrorMemoryAllocation;
  *pointer = std::malloc(size);
  return cudaSuccess;
}

cudaError_t cudaFree(void* pointer) {
  std::free(pointer);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** pointer, size_t size) {
  *pointer = std::malloc(size);
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* pointer) { return cudaFree(pointer); }

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t size, cudaMemcpyKind, cudaStream_t) {
  std::memcpy(to, from, size);
  return cudaSuccess;
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    default: return "unknown error";
  }
}

extern "C" int32_t getInferLibVersion() noexcept { return fromEnvironment("STAND_IN_TENSORRT", kVersion); }

namespace nvinfer1 {
namespace {

/** An engine file: lines of a key and its value; "fault NAME RUN" orders a fault, "once FILE" lets it happen one time. */
struct Plan {
  std::map<std::string, std::string> values;
  std::string fault;
  int faultRun = 0;

  int number(const char* key) const { return std::atoi(values.at(key).c_str()); }
};

bool readPlan(const std::string& text, Plan& plan) {
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != "stand-in engine") return false;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string key, value;
    words >> key >> value;
    if (key == "fault") {
      plan.fault = value;
      words >> plan.faultRun;
    }
    plan.values[key] = value;
  }
  return true;
}

class Context : public IExecutionContext {
 public:
  Context(const Plan& plan, ILogger& logger) : plan_(plan), logger_(logger) {}

  bool setInputShape(char const*, Dims const& dims) noexcept override {
    const int pooling = plan_.number("pooling");
    const bool fits = dims.nbDims == 4 && dims.d[0] == 1 && dims.d[1] == plan_.number("channels") &&
                      dims.d[3] == plan_.number("bands") && dims.d[2] >= pooling && dims.d[2] <= plan_.number("longest") &&
                      dims.d[2] % pooling == 0;
    if (!fits) {
      logger_.log(ILogger::Severity::kERROR, "IExecutionContext::setInputShape: Error Code 3: API Usage Error");
      return false;
    }
    frames_ = static_cast<int>(dims.d[2]);
    return true;
  }

  Dims getTensorShape(char const* name) const noexcept override {
    const int scores = std::strcmp(name, "activity") == 0 ? 2 : 6;
    Dims dims{};
    dims.nbDims = 3;
    dims.d[0] = 1;
    dims.d[1] = frames_ / plan_.number("pooling") + (faultNow("wrong-size") ? 1000 : 0);
    dims.d[2] = scores;
    return dims;
  }

  bool setTensorAddress(char const* name, void* data) noexcept override {
    addresses_[name] = static_cast<float*>(data);
    return true;
  }

  bool enqueueV3(cudaStream_t) noexcept override {
    run_ += 1;
    if (faultNow("crash")) std::abort();
    if (faultNow("exit")) std::_Exit(3);
    if (faultNow("hang")) std::this_thread::sleep_for(std::chrono::hours(1));
    if (faultNow("noise")) {
      std::printf("a library that prints what it likes\n");
      std::fflush(stdout);
    }
    if (faultNow("fail")) {
      logger_.log(ILogger::Severity::kERROR, "Error Code 1: Cuda Runtime (an illegal memory access was encountered)");
      return false;
    }
    if (plan_.fault == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(plan_.faultRun));
    compute();
    if (faultNow("nan")) addresses_.at("activity")[0] = std::nanf("");
    return true;
  }

 private:
  /** The fault happens in its run; with a file named "once", only while that file does not exist. */
  bool faultNow(const char* name) const noexcept {
    if (plan_.fault != name || run_ != plan_.faultRun) return false;
    const auto once = plan_.values.find("once");
    if (once == plan_.values.end()) return true;
    if (access(once->second.c_str(), F_OK) == 0) return false;
    std::ofstream(once->second).put('1');
    return true;
  }

  /** Activity: how far the loudest band of W lies above -50 dB; direction: where the intensities of its half point. */
  void compute() {
    const int pooling = plan_.number("pooling"), bands = plan_.number("bands");
    const float* features = addresses_.at("features");
    float* activity = addresses_.at("activity");
    float* direction = addresses_.at("direction");
    const auto pooled = [&](int channel, int label, int band) {
      float sum = 0;
      for (int f = 0; f < pooling; ++f) sum += features[(channel * frames_ + label * pooling + f) * bands + band];
      return sum / static_cast<float>(pooling);
    };
    for (int label = 0; label < frames_ / pooling; ++label) {
      for (int half = 0; half < 2; ++half) {
        float peak = -INFINITY, vector[3] = {0, 0, 0};
        for (int band = half * bands / 2; band < (half + 1) * bands / 2; ++band) {
          peak = std::max(peak, pooled(0, label, band));
          for (int axis = 0; axis < 3; ++axis) vector[axis] += pooled(4 + axis, label, band);
        }
        const float length = std::max(1e-9f, std::hypot(vector[0], vector[1], vector[2]));
        activity[label * 2 + half] = 1 / (1 + std::exp(-(peak + 50) / 2));
        for (int axis = 0; axis < 3; ++axis) direction[(label * 3 + axis) * 2 + half] = vector[axis] / length;
      }
    }
  }

  const Plan& plan_;
  ILogger& logger_;
  int frames_ = 0;
  int run_ = 0;
  std::map<std::string, float*> addresses_;
};

class Engine : public ICudaEngine {
 public:
  Engine(Plan plan, ILogger& logger) : plan_(std::move(plan)), logger_(logger) {}

  int32_t getNbIOTensors() const noexcept override { return 3; }
  char const* getIOTensorName(int32_t index) const noexcept override { return kNames[index]; }

  TensorIOMode getTensorIOMode(char const* name) const noexcept override {
    return std::strcmp(name, "features") == 0 ? TensorIOMode::kINPUT : TensorIOMode::kOUTPUT;
  }

  DataType getTensorDataType(char const* name) const noexcept override {
    const bool half = plan_.fault == "half" && std::strcmp(name, "activity") == 0;
    return half ? DataType::kHALF : DataType::kFLOAT;
  }

  Dims getProfileShape(char const*, int32_t, OptProfileSelector select) const noexcept override {
    const bool least = select == OptProfileSelector::kMIN;
    Dims dims{};
    dims.nbDims = 4;
    dims.d[0] = 1;
    dims.d[1] = plan_.number("channels");
    dims.d[2] = plan_.number(least ? "pooling" : "longest");
    dims.d[3] = plan_.number("bands");
    return dims;
  }

  IExecutionContext* createExecutionContext() noexcept override {
    if (plan_.fault == "out-of-memory") outOfMemory = true;
    return new Context(plan_, logger_);
  }

 private:
  static constexpr const char* kNames[] = {"features", "activity", "direction"};
  const Plan plan_;
  ILogger& logger_;
};

class Runtime : public IRuntime {
 public:
  explicit Runtime(ILogger& logger) : logger_(logger) {}

  ICudaEngine* deserializeCudaEngine(void const* blob, std::size_t size) noexcept override {
    Plan plan;
    if (!readPlan(std::string(static_cast<const char*>(blob), size), plan)) {
      logger_.log(ILogger::Severity::kERROR,
                  "IRuntime::deserializeCudaEngine: Error Code 1: Serialization (Serialization assertion magicTagRead == "
                  "kMAGIC_TAG failed.Magic tag does not match)");
      return nullptr;
    }
    if (plan.number("version") != getInferLibVersion()) {
      logger_.log(ILogger::Severity::kERROR,
                  "IRuntime::deserializeCudaEngine: Error Code 1: Serialization (Serialization assertion "
                  "stdVersionRead == kSERIALIZATION_VERSION failed.Version tag does not match. Note: Current Version: "
                  "240, Serialized Engine Version: 239)");
      return nullptr;
    }
    return new Engine(std::move(plan), logger_);
  }

 private:
  ILogger& logger_;
};

}  // namespace

IRuntime* createInferRuntime(ILogger& logger) noexcept { return new Runtime(logger); }

}  // namespace nvinfer1
