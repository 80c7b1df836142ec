// Errors inside the library are exceptions that carry a canonical code; one guard at the C ABI turns them into hlm_error.
#ifndef HORIZON_LM_CORE_BASE_ERROR_H_
#define HORIZON_LM_CORE_BASE_ERROR_H_

#include <cstdint>
#include <exception>
#include <locale>
#include <sstream>
#include <string>
#include <utility>

namespace hlm {

// The canonical status codes. Numbers are part of the ABI and never reused.
enum class Code : int32_t {
  kOk = 0,
  kCancelled = 1,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
};

// "INVALID_ARGUMENT" and so on; "UNKNOWN" for a number that is not a code.
const char* CodeName(Code code);

class Error : public std::exception {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  Code code_;
  std::string message_;  // one line; names the value and the limit
};

// Streams its arguments into one string.
template <class... Parts>
std::string StrCat(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());  // not the program's, which may write 1.000
  out.exceptions(std::ios::badbit);   // a text that memory was too short for is an error, not a shorter text
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
Error InvalidArgument(const Parts&... parts) {
  return Error(Code::kInvalidArgument, StrCat(parts...));
}
template <class... Parts>
Error NotFound(const Parts&... parts) {
  return Error(Code::kNotFound, StrCat(parts...));
}
template <class... Parts>
Error OutOfRange(const Parts&... parts) {
  return Error(Code::kOutOfRange, StrCat(parts...));
}
template <class... Parts>
Error ResourceExhausted(const Parts&... parts) {
  return Error(Code::kResourceExhausted, StrCat(parts...));
}
template <class... Parts>
Error FailedPrecondition(const Parts&... parts) {
  return Error(Code::kFailedPrecondition, StrCat(parts...));
}
template <class... Parts>
Error Unimplemented(const Parts&... parts) {
  return Error(Code::kUnimplemented, StrCat(parts...));
}
template <class... Parts>
Error DataLoss(const Parts&... parts) {
  return Error(Code::kDataLoss, StrCat(parts...));
}
template <class... Parts>
Error Internal(const Parts&... parts) {
  return Error(Code::kInternal, StrCat(parts...));
}

namespace internal {
[[noreturn]] void CheckFailed(const char* expression, const char* file, int line, const std::string& detail);
}  // namespace internal

// An invariant of our own code. Unlike assert it is on in every build and throws INTERNAL: a bug fails one call, not the process.
#define HLM_CHECK(condition, ...)                                                                                 \
  do {                                                                                                            \
    if (!(condition)) [[unlikely]] {                                                                              \
      ::hlm::internal::CheckFailed(#condition, __FILE__, __LINE__, ::hlm::StrCat("" __VA_OPT__(, ) __VA_ARGS__)); \
    }                                                                                                             \
  } while (false)

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_ERROR_H_
