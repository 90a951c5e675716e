// One engine on the GPU: its tensors, its memory, and a window through it.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "NvInfer.h"
#include "protocol.hpp"

/** Passes on what TensorRT says, from any thread, to stderr; keeps its newest error, which says more than a null pointer. */
class Logger : public nvinfer1::ILogger {
 public:
  void log(Severity severity, const char* message) noexcept override;
  /** The newest error since the last call; empty when there was none. */
  std::string takeError();

 private:
  std::mutex mutex_;
  std::string error_;
};

/** Memory of one tensor on both sides, large enough for the longest window. Freed with it. */
class TensorMemory {
 public:
  TensorMemory(std::string name, size_t floats);
  ~TensorMemory();
  TensorMemory(const TensorMemory&) = delete;
  TensorMemory& operator=(const TensorMemory&) = delete;

  const std::string name;
  const size_t floats;
  float* host = nullptr;  // pinned, so that copies run beside the processor
  void* device = nullptr;
};

class Runner {
 public:
  Runner();
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  /** JSON: what this runner is and runs on. */
  std::string hello() const;
  /** Loads an engine in place of the one before. @return JSON: its tensors */
  std::string load(const std::string& path);
  /** Takes dims and float32 values of the input. @return microseconds, then dims and values of each output in load()'s order */
  std::vector<uint8_t> infer(const std::vector<uint8_t>& request);

 private:
  void unload();
  void checkTensors() const;
  void allocate();
  void setShape(const nvinfer1::Dims& dims);
  std::string tensorsAsJson() const;
  nvinfer1::Dims outputDims(size_t output) const;

  Logger logger_;
  cudaDeviceProp device_{};
  cudaStream_t stream_ = nullptr;
  std::unique_ptr<nvinfer1::IRuntime> runtime_;
  std::unique_ptr<nvinfer1::ICudaEngine> engine_;
  std::unique_ptr<nvinfer1::IExecutionContext> context_;
  std::string inputName_;
  std::vector<std::string> outputNames_;
  nvinfer1::Dims smallest_{};
  nvinfer1::Dims largest_{};
  std::unique_ptr<TensorMemory> input_;
  std::vector<std::unique_ptr<TensorMemory>> outputs_;
};
