// horizon: trains, evaluates and tries language models through the public C API.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/handle.h"
#include "samples/horizon/base/nearest.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/cli/command_line.h"

namespace horizon {
namespace {

// Memory that does not suffice, in the command's own words. `plan` has printed what takes it and what would help.
std::string TooLittle(std::string message, const std::string& command) {
  if (message.find("the plan needs") == std::string::npos) return WithSizes(message);
  const std::string used = " may be used";
  if (const size_t end = message.find(used); command == "plan" && end != std::string::npos) {
    return WithSizes(message.substr(0, end + used.size()));
  }
  constexpr const char* kOptions[][2] = {
      {" micro_batch", " --micro-batch"},           {" batch_size", " --batch-size"},   {" seq_len", " --seq-len"},
      {" states bf16", " --states bf16"},           {" states int8", " --states int8"}, {" master none", " --master none"},
      {" optimizer_timing", " --optimizer-timing"}, {" grad_clip", " --grad-clip"}};
  for (const auto& [member, option] : kOptions) {
    if (const size_t at = message.find(member); at != std::string::npos) message.replace(at, std::strlen(member), option);
  }
  return WithSizes(message) + "; `horizon plan` with the same options says with which of them it fits";
}

// What the library says, with what a person at a terminal needs beside it.
std::string Helpful(const ApiError& error, const std::string& command) {
  std::string message = error.what();
  const std::string device = "there is no device '";
  if (error.code() == HLM_RESOURCE_EXHAUSTED) return TooLittle(message, command);
  if (error.code() != HLM_NOT_FOUND || !message.starts_with(device)) return message;
  const size_t end = message.find('\'', device.size());
  return message + DidYouMean(message.substr(device.size(), end - device.size()), {"auto", "cpu", "cuda"});
}

int Main(int argc, char** argv) {
  const auto fail = [](const std::string& message, int status) {
    std::fflush(stdout);
    std::fprintf(stderr, "error: %s\n", OneLine(message).c_str());
    return status;
  };
  try {
    const int status = CommandLine().Run({argv + std::min(argc, 1), argv + argc});
    errno = 0;
    if (status != kExitOk || (std::fflush(stdout) == 0 && std::ferror(stdout) == 0)) return status;
    return fail(std::string("standard output: writing failed") + (errno != 0 ? std::string(": ") + std::strerror(errno) : ""),
                kExitError);
  } catch (const UsageError& error) {
    return fail(error.what(), kExitUsage);
  } catch (const ApiError& error) {
    return fail(Helpful(error, argc > 1 ? argv[1] : ""), kExitError);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", kExitError);
  } catch (const std::exception& error) {
    return fail(error.what(), kExitError);
  }
}

}  // namespace
}  // namespace horizon

int main(int argc, char** argv) { return horizon::Main(argc, argv); }
