// ThreadSanitizer does not see what oneDNN's generated code touches; in such builds the ranges are declared to it.
#ifndef HORIZON_LM_CPU_OPTIM_TSAN_RANGES_H_
#define HORIZON_LM_CPU_OPTIM_TSAN_RANGES_H_

#include <cstddef>

#if defined(__SANITIZE_THREAD__)
#define HLM_OPTIM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HLM_OPTIM_TSAN 1
#endif
#endif

#ifdef HLM_OPTIM_TSAN
extern "C" {
void __tsan_read_range(void* address, unsigned long bytes);
void __tsan_write_range(void* address, unsigned long bytes);
}
#endif

namespace hlm {

inline void DeclareRead([[maybe_unused]] const void* address, [[maybe_unused]] size_t bytes) {
#ifdef HLM_OPTIM_TSAN
  __tsan_read_range(const_cast<void*>(address), bytes);
#endif
}
inline void DeclareWrite([[maybe_unused]] void* address, [[maybe_unused]] size_t bytes) {
#ifdef HLM_OPTIM_TSAN
  __tsan_write_range(address, bytes);
#endif
}

}  // namespace hlm

#endif  // HORIZON_LM_CPU_OPTIM_TSAN_RANGES_H_
