// Tells ThreadSanitizer what stream work touches (core/device/access.h).
#ifndef HORIZON_LM_CORE_CPU_ACCESS_H_
#define HORIZON_LM_CORE_CPU_ACCESS_H_

#include "core/device/access.h"

#if defined(__SANITIZE_THREAD__)
#define HLM_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HLM_THREAD_SANITIZER 1
#endif
#endif

namespace hlm {

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
