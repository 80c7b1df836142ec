#include "core/store/host_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "core/base/error.h"

namespace hlm {

Buffer AllocatePages(size_t bytes, const char* purpose) {
  if (bytes == 0) return Buffer();
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    throw ResourceExhausted("cannot allocate ", bytes, " bytes of host memory for ", purpose, ": ", std::strerror(errno));
  }
  constexpr size_t kHugePage = size_t{2} << 20;
  if (bytes >= kHugePage) madvise(data, bytes, MADV_HUGEPAGE);  // advice only: small pages do as well
  return Buffer(data, bytes, [](void* p, size_t n) { munmap(p, n); });
}

}  // namespace hlm
