// The frames between earshot and trt-runner: what README.md beside this file describes, as C++. Little-endian, as both sides are.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace protocol {

constexpr uint32_t kVersion = 1;
constexpr uint32_t kMagic = 0x52545245;  // "ERTR"
constexpr uint32_t kLongestPayload = 64u << 20;
constexpr uint32_t kMostDims = 8;

enum class Type : uint32_t {
  kHello = 1,
  kLoad = 2,
  kInfer = 3,
  kPing = 4,
  kStop = 5,
  kHelloReply = 129,
  kInfo = 130,
  kScores = 131,
  kPong = 132,
  kStopped = 133,
  kError = 255,
};

enum class Code : uint32_t { kBadRequest = 1, kNoGpu = 2, kBadEngine = 3, kOutOfMemory = 4, kBadShape = 5, kFailed = 6 };

/** What cannot be done, told to the other side as an error frame. */
struct Failure : std::runtime_error {
  Failure(Code c, const std::string& text) : std::runtime_error(text), code(c) {}
  Code code;
};

struct Frame {
  Type type;
  uint32_t sequence;
  std::vector<uint8_t> payload;
};

/** Reads values one after the other; a payload that is too short is a bad request, never a read behind its end. */
class Reader {
 public:
  explicit Reader(const std::vector<uint8_t>& bytes) : bytes_(bytes) {}

  uint32_t u32() {
    uint32_t value;
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }

  const uint8_t* take(size_t length) {
    if (length > left()) throw Failure(Code::kBadRequest, "the payload is shorter than it says");
    const uint8_t* from = bytes_.data() + at_;
    at_ += length;
    return from;
  }

  size_t left() const { return bytes_.size() - at_; }

 private:
  const std::vector<uint8_t>& bytes_;
  size_t at_ = 0;
};

inline void appendU32(std::vector<uint8_t>& bytes, uint32_t value) {
  const uint8_t* from = reinterpret_cast<const uint8_t*>(&value);
  bytes.insert(bytes.end(), from, from + sizeof value);
}

/** @return false at the end of the input between two frames; throws when it ends inside one or is no frame */
bool readFrame(int descriptor, Frame& frame);

void writeFrame(int descriptor, Type type, uint32_t sequence, const std::vector<uint8_t>& payload);

}  // namespace protocol
