// horizon: trains, evaluates and tries language models through the public C API.
#include <algorithm>
#include <cstdio>
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

// What the library says, with what a person at a terminal needs beside it.
std::string Helpful(const ApiError& error, const std::string& command) {
  const std::string message = error.what(), device = "there is no device '";
  if (error.code() == HLM_RESOURCE_EXHAUSTED) {
    const bool other = message.starts_with("the plan needs") && command != "plan";
    return WithSizes(message) + (other ? "; `horizon plan` with the same options says with which of them it fits" : "");
  }
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
    if (status == kExitOk && (std::fflush(stdout) != 0 || std::ferror(stdout)))
      return fail("standard output: writing failed", kExitError);
    return status;
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
