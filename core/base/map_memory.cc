#include "core/base/map_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>

#include "core/base/error.h"

namespace hlm {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kHugePage = size_t{2} << 20;

size_t Rounded(size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

}  // namespace

void* MapMemory(size_t bytes) {
  constexpr size_t kMost = static_cast<size_t>(std::numeric_limits<int64_t>::max()) - 2 * kHugePage;
  if (bytes > kMost) throw ResourceExhausted("no memory for ", bytes, " bytes: more than any address space holds");
  const size_t size = Rounded(bytes);
  // mmap gives pages; a larger map is cut at both ends to begin at a huge page.
  const size_t slack = size >= kHugePage ? kHugePage : 0;
  void* map = mmap(nullptr, size + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) throw ResourceExhausted("no memory for ", bytes, " bytes: ", std::strerror(errno));
  if (slack == 0) return map;
  const auto begin = reinterpret_cast<uintptr_t>(map);
  const uintptr_t aligned = (begin + kHugePage - 1) / kHugePage * kHugePage;
  const size_t head = aligned - begin;
  if (head > 0) munmap(map, head);
  if (slack - head > 0) munmap(reinterpret_cast<void*>(aligned + size), slack - head);
  void* data = reinterpret_cast<void*>(aligned);
  madvise(data, size, MADV_HUGEPAGE);  // only advice: nothing depends on it
  return data;
}

void UnmapMemory(void* data, size_t bytes) noexcept { munmap(data, Rounded(bytes)); }

}  // namespace hlm
