#include "core/store/host_memory.h"

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

}  // namespace hlm
