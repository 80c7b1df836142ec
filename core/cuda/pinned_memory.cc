#include "core/cuda/pinned_memory.h"

#include <cuda_runtime_api.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "core/base/map_memory.h"
#include "core/base/memory_nodes.h"

namespace hlm::cuda {
namespace {

constexpr size_t kPage = 4096;

void TouchPages(std::byte* data, size_t begin, size_t end) {
  for (size_t at = begin; at < end; at += kPage) *const_cast<volatile std::byte*>(data + at) = std::byte{0};
}

// By as many threads as pay; the calling thread does what is left where threads cannot be had.
void Touch(std::byte* data, size_t bytes) {
  constexpr size_t kShare = size_t{64} << 20;
  const size_t threads = std::clamp<size_t>(bytes / kShare, 1, std::max(1u, std::min(16u, std::thread::hardware_concurrency())));
  const size_t share = (bytes / threads + kPage) / kPage * kPage;
  std::vector<std::thread> helpers;
  size_t at = share;  // the first share is the caller's
  try {
    for (; at < bytes; at += share) helpers.emplace_back(TouchPages, data, at, std::min(at + share, bytes));
  } catch (...) {
    TouchPages(data, at, bytes);
  }
  TouchPages(data, 0, std::min(share, bytes));
  for (std::thread& helper : helpers) helper.join();
}

std::string LockedLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "unlimited";
  return StrCat(limit.rlim_cur, " bytes");
}

}  // namespace

void* PinMemory(size_t bytes, int node) {
  void* data = MapMemory(bytes);
  PreferNode(data, bytes, node);
  Touch(static_cast<std::byte*>(data), bytes);
  const cudaError_t result = cudaHostRegister(data, bytes, cudaHostRegisterPortable);
  if (result == cudaSuccess) return data;
  (void)cudaGetLastError();
  UnmapMemory(data, bytes);
  throw ResourceExhausted("cannot pin ", bytes, " bytes of host memory: ", cudaGetErrorString(result), " (",
                          cudaGetErrorName(result), "); the limit on locked memory (ulimit -l) is ", LockedLimit());
}

void UnpinMemory(void* data, size_t bytes) noexcept {
  // After a failed kernel this fails as well, and the pages go back to the system all the same.
  if (cudaHostUnregister(data) != cudaSuccess) (void)cudaGetLastError();
  UnmapMemory(data, bytes);
}

}  // namespace hlm::cuda
