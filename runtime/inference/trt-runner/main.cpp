// trt-runner: answers frames on stdin with frames on stdout until it is told to stop or the input ends.
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <memory>

#include "protocol.hpp"
#include "runner.hpp"

using protocol::Code;
using protocol::Failure;
using protocol::Frame;
using protocol::Type;

namespace {

std::vector<uint8_t> bytesOf(const std::string& text) { return {text.begin(), text.end()}; }

/** The first frame must agree on the protocol; only then is the GPU touched. */
std::unique_ptr<Runner> greet(const Frame& frame) {
  protocol::Reader reader(frame.payload);
  if (frame.type != Type::kHello) throw Failure(Code::kBadRequest, "the first frame must be hello");
  const uint32_t version = reader.u32();
  if (version != protocol::kVersion) {
    throw Failure(Code::kBadRequest, "protocol " + std::to_string(version) + " is asked for, this runner speaks " +
                                         std::to_string(protocol::kVersion));
  }
  return std::make_unique<Runner>();
}

void answer(int out, const Frame& frame, std::unique_ptr<Runner>& runner) {
  const auto reply = [&](Type type, const std::vector<uint8_t>& payload) {
    protocol::writeFrame(out, type, frame.sequence, payload);
  };
  if (!runner || frame.type == Type::kHello) {
    runner = greet(frame);
    return reply(Type::kHelloReply, bytesOf(runner->hello()));
  }
  switch (frame.type) {
    case Type::kLoad:
      return reply(Type::kInfo, bytesOf(runner->load({frame.payload.begin(), frame.payload.end()})));
    case Type::kInfer:
      return reply(Type::kScores, runner->infer(frame.payload));
    case Type::kPing:
      return reply(Type::kPong, {});
    case Type::kStop:
      return reply(Type::kStopped, {});
    default:
      throw Failure(Code::kBadRequest, "a frame of this type is not known");
  }
}

void serve(int in, int out) {
  std::unique_ptr<Runner> runner;
  Frame frame;
  while (protocol::readFrame(in, frame)) {
    try {
      answer(out, frame, runner);
    } catch (const Failure& failure) {
      std::vector<uint8_t> payload;
      protocol::appendU32(payload, static_cast<uint32_t>(failure.code));
      const std::string text = failure.what();
      payload.insert(payload.end(), text.begin(), text.end());
      protocol::writeFrame(out, Type::kError, frame.sequence, payload);
    }
    if (frame.type == Type::kStop) return;
  }
}

}  // namespace

int main() {
  // Libraries print to stdout as they please: frames get a descriptor of their own, and what is printed goes to stderr.
  const int out = dup(STDOUT_FILENO);
  if (out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return 1;
  try {
    serve(STDIN_FILENO, out);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "trt-runner: %s\n", error.what());
    return 1;
  }
}
