// Frames read from and written to file descriptors, whole or not at all.
#include "protocol.hpp"

#include <cerrno>
#include <unistd.h>

namespace protocol {
namespace {

/** @return bytes read: fewer than asked for only at the end of the input */
size_t readFully(int descriptor, void* into, size_t length) {
  size_t done = 0;
  while (done < length) {
    const ssize_t count = ::read(descriptor, static_cast<uint8_t*>(into) + done, length - done);
    if (count == 0) break;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw std::runtime_error(std::string("cannot read the input: ") + std::strerror(errno));
    done += static_cast<size_t>(count);
  }
  return done;
}

void writeFully(int descriptor, const void* from, size_t length) {
  size_t done = 0;
  while (done < length) {
    const ssize_t count = ::write(descriptor, static_cast<const uint8_t*>(from) + done, length - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw std::runtime_error(std::string("cannot write the output: ") + std::strerror(errno));
    done += static_cast<size_t>(count);
  }
}

}  // namespace

bool readFrame(int descriptor, Frame& frame) {
  uint32_t header[4];
  const size_t got = readFully(descriptor, header, sizeof header);
  if (got == 0) return false;
  if (got < sizeof header) throw std::runtime_error("the input ended inside a frame");
  // After other bytes than a frame's no later frame could be found again: the only way out is to end.
  if (header[0] != kMagic) throw std::runtime_error("the input is no frame");
  if (header[3] > kLongestPayload) throw std::runtime_error("a frame is longer than any may be");
  frame.type = static_cast<Type>(header[1]);
  frame.sequence = header[2];
  frame.payload.resize(header[3]);
  if (readFully(descriptor, frame.payload.data(), header[3]) < header[3]) {
    throw std::runtime_error("the input ended inside a frame");
  }
  return true;
}

void writeFrame(int descriptor, Type type, uint32_t sequence, const std::vector<uint8_t>& payload) {
  const uint32_t header[4] = {kMagic, static_cast<uint32_t>(type), sequence, static_cast<uint32_t>(payload.size())};
  writeFully(descriptor, header, sizeof header);
  writeFully(descriptor, payload.data(), payload.size());
}

}  // namespace protocol
