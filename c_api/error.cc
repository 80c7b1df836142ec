// Errors: objects handed to the caller. No thread-local state.
#include <execinfo.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <system_error>

#include "c_api/internal.h"
#include "core/base/utf8_text.h"

namespace {

// Handed out where there is no memory for an error object. A short string lives inside the object, so making it allocates
// nothing.
hlm_error& OutOfMemory() {
  alignas(hlm_error) static std::byte place[sizeof(hlm_error)];  // never destroyed: programs may fail in their exit handlers too
  static hlm_error* const error = new (place) hlm_error{HLM_RESOURCE_EXHAUSTED, "out of memory"};
  return *error;
}
// Made when the library is loaded, not when memory is short.
[[maybe_unused]] const hlm_error& out_of_memory_at_load = OutOfMemory();

// libgomp's threads end by pthread_exit, for which glibc opens the unwinder's library, and ends the process where memory is short
// then. Asked for a trace it opens it now.
[[maybe_unused]] const int unwinder_at_load = [] {
  void* frame = nullptr;
  return backtrace(&frame, 1);
}();

// A value that a message names may be megabytes long: its middle is left out.
std::string Shortened(std::string_view message) {
  constexpr size_t kMost = 4096, kBegin = 3000, kEnd = 1000;
  if (message.size() <= kMost) return std::string(message);
  const auto inside = [&](size_t at) { return (static_cast<unsigned char>(message[at]) & 0xc0) == 0x80; };
  size_t begin = kBegin, end = message.size() - kEnd;
  while (begin > 0 && inside(begin)) --begin;
  while (end < message.size() && inside(end)) ++end;
  return std::string(message.substr(0, begin)) + " ... " + std::string(message.substr(end));
}

hlm_error* MakeError(hlm::Code code, const char* message) noexcept {
  try {
    auto error = std::make_unique<hlm_error>(hlm_error{static_cast<int32_t>(code), ""});
    // One line of UTF-8, whatever a caller, a file name or another library put into the text.
    hlm::AppendLossy(error->message, Shortened(message));
    std::replace_if(
        error->message.begin(), error->message.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return error.release();
  } catch (...) {
    return &OutOfMemory();
  }
}

}  // namespace

namespace hlm::capi {

hlm_error* CurrentError() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return MakeError(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return &OutOfMemory();
  } catch (const std::system_error& error) {
    // Of a thread that cannot be had: memory for its stack, or the limit of threads.
    if (error.code() != std::errc::resource_unavailable_try_again) return MakeError(Code::kInternal, error.what());
    return MakeError(Code::kResourceExhausted, "cannot start a thread: Resource temporarily unavailable");
  } catch (const std::exception& error) {
    return MakeError(Code::kInternal, error.what());
  } catch (...) {
    return MakeError(Code::kInternal, "an exception of an unknown type");
  }
}

char* CopyString(const std::string& text) {
  char* copy = new char[text.size() + 1];
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

}  // namespace hlm::capi

extern "C" {

const char* hlm_version(void) { return HLM_VERSION; }

int32_t hlm_error_code(const hlm_error* error) { return error == nullptr ? HLM_OK : error->code; }

const char* hlm_error_message(const hlm_error* error) { return error == nullptr ? "" : error->message.c_str(); }

void hlm_error_destroy(hlm_error* error) {
  if (error != &OutOfMemory()) delete error;
}

const char* hlm_code_name(int32_t code) { return hlm::CodeName(static_cast<hlm::Code>(code)); }

void hlm_string_destroy(char* text) { delete[] text; }

}  // extern "C"
