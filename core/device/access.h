// What a piece of stream work touches, said by the work itself: JIT code, GPUs and OpenMP teams are invisible to tools.
#ifndef HORIZON_LM_CORE_DEVICE_ACCESS_H_
#define HORIZON_LM_CORE_DEVICE_ACCESS_H_

#include <cstddef>
#include <vector>

namespace hlm {

struct Access {
  const void* data = nullptr;
  size_t bytes = 0;  // from the first to the last one that may be touched
  bool write = false;
  const char* what = "";  // a literal
};
using AccessList = std::vector<Access>;  // entries with a null pointer stand for optional arguments and mean nothing

inline Access Reads(const char* what, const void* data, size_t bytes) { return {data, data == nullptr ? 0 : bytes, false, what}; }
inline Access Writes(const char* what, const void* data, size_t bytes) { return {data, data == nullptr ? 0 : bytes, true, what}; }

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DEVICE_ACCESS_H_
