#include "core/cpu/access.h"

#ifdef HLM_THREAD_SANITIZER
extern "C" {
void __tsan_read_range(void* data, unsigned long bytes);   // NOLINT: the run-time library's own names
void __tsan_write_range(void* data, unsigned long bytes);  // NOLINT
}
#endif

namespace hlm {

void ShowToThreadSanitizer([[maybe_unused]] const AccessList& accesses) {
#ifdef HLM_THREAD_SANITIZER
  for (const Access& access : accesses) {
    if (access.bytes == 0) continue;
    void* data = const_cast<void*>(access.data);
    access.write ? __tsan_write_range(data, access.bytes) : __tsan_read_range(data, access.bytes);
  }
#endif
}

}  // namespace hlm
