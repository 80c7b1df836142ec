// Pieces of the workspace, each at a multiple of 256 bytes; without memory it only counts.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_PIECES_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_PIECES_CUH_

#include <cstddef>
#include <cstdint>

#include "core/base/checked.h"
#include "core/cuda/check.h"

namespace hlm::cuda {

class Pieces {
 public:
  explicit Pieces(void* data) : data_(static_cast<std::byte*>(data)) {}
  template <class T>
  T* Take(int64_t n) {
    auto* taken = data_ == nullptr ? nullptr : reinterpret_cast<T*>(data_ + taken_);
    taken_ += static_cast<size_t>(RoundUp(n * static_cast<int64_t>(sizeof(T)), 256));
    return taken;
  }
  size_t taken() const { return taken_; }

 private:
  std::byte* data_;
  size_t taken_ = 0;
};

// A kernel that may take so many floats of dynamic shared memory.
template <class Kernel>
Kernel* WithShared(Kernel* kernel, int floats) {
  Check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, floats * static_cast<int>(sizeof(float))),
        "cudaFuncSetAttribute");
  return kernel;
}
constexpr size_t SharedBytes(int floats) { return static_cast<size_t>(floats) * sizeof(float); }

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_PIECES_CUH_
