// TensorRT's C++ API as trt-runner needs it: deserialise, bind memory, run, for TensorRT 8.5 and every later one.
#include "runner.hpp"

#include <chrono>
#include <cstdio>
#include <fstream>

using nvinfer1::Dims;
using protocol::Code;
using protocol::Failure;

namespace {

constexpr std::streamoff kLargestEngine = std::streamoff{2} << 30;

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  const Code code = status == cudaErrorMemoryAllocation ? Code::kOutOfMemory : Code::kFailed;
  throw Failure(code, std::string(what) + ": " + cudaGetErrorString(status));
}

size_t volume(const Dims& dims) {
  size_t product = 1;
  for (int32_t i = 0; i < dims.nbDims; ++i) product *= dims.d[i] > 0 ? static_cast<size_t>(dims.d[i]) : 0;
  return product;
}

std::vector<char> readEngine(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw Failure(Code::kBadEngine, "cannot open " + path);
  const std::streamoff length = file.tellg();
  if (length <= 0 || length > kLargestEngine) throw Failure(Code::kBadEngine, path + " has no engine's length");
  std::vector<char> bytes(static_cast<size_t>(length));
  file.seekg(0);
  if (!file.read(bytes.data(), length)) throw Failure(Code::kBadEngine, "cannot read " + path);
  return bytes;
}

std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    json += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return json + '"';
}

std::string asJson(const Dims& dims) {
  std::string json = "[";
  for (int32_t i = 0; i < dims.nbDims; ++i) json += (i ? "," : "") + std::to_string(dims.d[i]);
  return json + "]";
}

void appendDims(std::vector<uint8_t>& bytes, const Dims& dims) {
  protocol::appendU32(bytes, static_cast<uint32_t>(dims.nbDims));
  for (int32_t i = 0; i < dims.nbDims; ++i) protocol::appendU32(bytes, static_cast<uint32_t>(dims.d[i]));
}

Dims readDims(protocol::Reader& reader) {
  Dims dims{};
  const uint32_t count = reader.u32();
  if (count > protocol::kMostDims) throw Failure(Code::kBadRequest, "a tensor has at most 8 dimensions");
  dims.nbDims = static_cast<int32_t>(count);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t length = reader.u32();
    if (length > protocol::kLongestPayload) throw Failure(Code::kBadRequest, "a dimension is longer than any frame");
    dims.d[i] = static_cast<int32_t>(length);
  }
  return dims;
}

}  // namespace

void Logger::log(Severity severity, const char* message) noexcept {
  if (severity > Severity::kINFO) return;
  static const char* const kMarks[] = {"F", "E", "W", "I"};
  const std::lock_guard<std::mutex> lock(mutex_);
  std::fprintf(stderr, "[%s] [TRT] %s\n", kMarks[static_cast<int>(severity)], message);
  if (severity <= Severity::kERROR) error_ = message;
}

std::string Logger::takeError() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::string error;
  error.swap(error_);
  return error;
}

TensorMemory::TensorMemory(std::string tensor, size_t count) : name(std::move(tensor)), floats(count) {
  void* pinned = nullptr;
  check(cudaMallocHost(&pinned, floats * sizeof(float)), "pinned memory for a tensor");
  host = static_cast<float*>(pinned);
  const cudaError_t status = cudaMalloc(&device, floats * sizeof(float));
  if (status != cudaSuccess) {
    cudaFreeHost(host);
    check(status, "memory of the GPU for a tensor");
  }
}

TensorMemory::~TensorMemory() {
  cudaFree(device);
  cudaFreeHost(host);
}

Runner::Runner() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    throw Failure(Code::kNoGpu, std::string("no GPU: ") + cudaGetErrorString(status));
  }
  check(cudaGetDeviceProperties(&device_, 0), "properties of the GPU");
  check(cudaStreamCreate(&stream_), "a stream of the GPU");
  runtime_.reset(nvinfer1::createInferRuntime(logger_));
  if (!runtime_) throw Failure(Code::kNoGpu, "TensorRT does not start: " + logger_.takeError());
}

Runner::~Runner() {
  unload();
  runtime_.reset();
  if (stream_) cudaStreamDestroy(stream_);
}

std::string Runner::hello() const {
  return "{\"protocol\":" + std::to_string(protocol::kVersion) + ",\"library\":\"tensorrt\"" +
         ",\"version\":" + std::to_string(getInferLibVersion()) + ",\"device\":" + quoted(device_.name) +
         ",\"sm\":" + std::to_string(device_.major * 10 + device_.minor) + "}";
}

std::string Runner::load(const std::string& path) {
  unload();
  const std::vector<char> bytes = readEngine(path);
  logger_.takeError();
  engine_.reset(runtime_->deserializeCudaEngine(bytes.data(), bytes.size()));
  if (!engine_) throw Failure(Code::kBadEngine, "TensorRT does not take the engine: " + logger_.takeError());
  checkTensors();
  for (int32_t i = 0; i < engine_->getNbIOTensors(); ++i) {
    const char* name = engine_->getIOTensorName(i);
    if (engine_->getTensorIOMode(name) == nvinfer1::TensorIOMode::kINPUT) inputName_ = name;
    else outputNames_.push_back(name);
  }
  smallest_ = engine_->getProfileShape(inputName_.c_str(), 0, nvinfer1::OptProfileSelector::kMIN);
  largest_ = engine_->getProfileShape(inputName_.c_str(), 0, nvinfer1::OptProfileSelector::kMAX);
  context_.reset(engine_->createExecutionContext());
  if (!context_) throw Failure(Code::kOutOfMemory, "TensorRT has no memory to run the engine: " + logger_.takeError());
  allocate();
  return tensorsAsJson();
}

void Runner::unload() {
  outputs_.clear();
  input_.reset();
  outputNames_.clear();
  inputName_.clear();
  context_.reset();
  engine_.reset();
}

/** One input and some outputs, all float32: other engines are none of ours, and their memory would be read wrongly. */
void Runner::checkTensors() const {
  int inputs = 0;
  for (int32_t i = 0; i < engine_->getNbIOTensors(); ++i) {
    const char* name = engine_->getIOTensorName(i);
    if (engine_->getTensorIOMode(name) == nvinfer1::TensorIOMode::kINPUT) ++inputs;
    if (engine_->getTensorDataType(name) != nvinfer1::DataType::kFLOAT) {
      throw Failure(Code::kBadEngine, std::string("tensor ") + name + " is not float32");
    }
  }
  if (inputs != 1) throw Failure(Code::kBadEngine, "the engine has " + std::to_string(inputs) + " inputs, not one");
}

void Runner::allocate() {
  setShape(largest_);
  input_ = std::make_unique<TensorMemory>(inputName_, volume(largest_));
  for (const std::string& name : outputNames_) {
    const Dims dims = context_->getTensorShape(name.c_str());
    if (volume(dims) == 0) throw Failure(Code::kBadEngine, "output " + name + " has no fixed size");
    outputs_.push_back(std::make_unique<TensorMemory>(name, volume(dims)));
  }
  bool bound = context_->setTensorAddress(inputName_.c_str(), input_->device);
  for (const auto& output : outputs_) bound = context_->setTensorAddress(output->name.c_str(), output->device) && bound;
  if (!bound) throw Failure(Code::kFailed, "TensorRT does not take the tensors' memory: " + logger_.takeError());
}

void Runner::setShape(const Dims& dims) {
  if (!context_->setInputShape(inputName_.c_str(), dims)) {
    throw Failure(Code::kBadShape, "the engine does not take " + asJson(dims) + ": " + logger_.takeError());
  }
}

std::string Runner::tensorsAsJson() const {
  std::string outputs;
  for (const std::string& name : outputNames_) outputs += (outputs.empty() ? "" : ",") + quoted(name);
  return "{\"input\":" + quoted(inputName_) + ",\"smallest\":" + asJson(smallest_) + ",\"largest\":" + asJson(largest_) +
         ",\"outputs\":[" + outputs + "]}";
}

std::vector<uint8_t> Runner::infer(const std::vector<uint8_t>& request) {
  if (!context_) throw Failure(Code::kBadRequest, "no engine is loaded");
  protocol::Reader reader(request);
  const Dims dims = readDims(reader);
  const size_t floats = volume(dims);
  if (floats == 0 || floats > input_->floats) throw Failure(Code::kBadShape, asJson(dims) + " is outside the profile");
  const uint8_t* values = reader.take(floats * sizeof(float));
  if (reader.left() > 0) throw Failure(Code::kBadRequest, "the payload is longer than its tensor");
  const auto started = std::chrono::steady_clock::now();
  std::memcpy(input_->host, values, floats * sizeof(float));
  setShape(dims);
  const cudaMemcpyKind up = cudaMemcpyHostToDevice;
  check(cudaMemcpyAsync(input_->device, input_->host, floats * sizeof(float), up, stream_), "the copy to the GPU");
  if (!context_->enqueueV3(stream_)) throw Failure(Code::kFailed, "TensorRT does not run: " + logger_.takeError());
  std::vector<Dims> shapes;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    shapes.push_back(outputDims(i));
    const size_t bytes = volume(shapes[i]) * sizeof(float);
    const cudaMemcpyKind down = cudaMemcpyDeviceToHost;
    check(cudaMemcpyAsync(outputs_[i]->host, outputs_[i]->device, bytes, down, stream_), "the copy from the GPU");
  }
  check(cudaStreamSynchronize(stream_), "the GPU");
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
  std::vector<uint8_t> reply;
  protocol::appendU32(reply, static_cast<uint32_t>(micros.count()));
  for (size_t i = 0; i < outputs_.size(); ++i) {
    appendDims(reply, shapes[i]);
    const uint8_t* from = reinterpret_cast<const uint8_t*>(outputs_[i]->host);
    reply.insert(reply.end(), from, from + volume(shapes[i]) * sizeof(float));
  }
  return reply;
}

/** An output larger than its memory would be written behind its end. */
Dims Runner::outputDims(size_t output) const {
  const TensorMemory& memory = *outputs_[output];
  const Dims dims = context_->getTensorShape(memory.name.c_str());
  if (volume(dims) == 0 || volume(dims) > memory.floats) {
    throw Failure(Code::kFailed, "output " + memory.name + " is " + asJson(dims) + ", more than the engine promised");
  }
  return dims;
}
