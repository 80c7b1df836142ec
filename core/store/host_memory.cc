#include "core/store/host_memory.h"

#include <algorithm>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/base/map_memory.h"

namespace hlm {

Buffer AllocatePages(size_t bytes, const char* purpose) {
  if (bytes == 0) return Buffer();
  try {
    return Buffer(MapMemory(bytes), bytes, UnmapMemory);
  } catch (const Error& error) {
    throw ResourceExhausted("cannot allocate host memory for ", purpose, ": ", error.message());
  }
}

void TouchPages(const Buffer& buffer, HostPool& pool) {
  constexpr size_t kItem = size_t{64} << 20, kPage = 4096;
  std::byte* const data = buffer.data();
  const size_t bytes = buffer.bytes();
  pool.ParallelFor(CeilDiv(static_cast<int64_t>(bytes), static_cast<int64_t>(kItem)), [&](int64_t item) {
    const size_t begin = static_cast<size_t>(item) * kItem, end = std::min(bytes, begin + kItem);
    for (size_t at = begin; at < end; at += kPage) *const_cast<volatile std::byte*>(data + at) = std::byte{0};
  });
}

}  // namespace hlm
