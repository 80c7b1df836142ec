// What a piece of stream work touches, said by the work itself: JIT code and OpenMP teams are invisible to tools.
#ifndef HORIZON_LM_CORE_CPU_ACCESS_H_
#define HORIZON_LM_CORE_CPU_ACCESS_H_

#include <cstddef>
#include <vector>

#if defined(__SANITIZE_THREAD__)
#define HLM_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HLM_THREAD_SANITIZER 1
#endif
#endif

namespace hlm {

struct Access {
  const void* data;
  size_t bytes;
  bool write;
  const char* what;  // a literal
};
using AccessList = std::vector<Access>;  // entries with a null pointer stand for optional arguments and mean nothing

inline Access Reads(const char* what, const void* data, size_t bytes) { return {data, data == nullptr ? 0 : bytes, false, what}; }
inline Access Writes(const char* what, const void* data, size_t bytes) { return {data, data == nullptr ? 0 : bytes, true, what}; }

// libgomp is not instrumented: under ThreadSanitizer every team has one thread, else its barriers would look like races.
#ifdef HLM_THREAD_SANITIZER
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

// Tells ThreadSanitizer of the accesses as if the calling thread made them byte by byte; nothing in other builds.
void ShowToThreadSanitizer(const AccessList& accesses);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_ACCESS_H_
