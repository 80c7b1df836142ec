// cuDNN's attention, in bf16 for the shapes that it takes. Deterministic, forward and backward.
#ifndef HORIZON_LM_CORE_CUDA_ATTENTION_CUDNN_H_
#define HORIZON_LM_CORE_CUDA_ATTENTION_CUDNN_H_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <string>

#include "core/device/ops.h"

namespace hlm::cuda {

// For one GPU and one stream at a time. Graphs are built at the first use of a shape and kept.
class CudnnAttention {
 public:
  CudnnAttention();  // throws UNAVAILABLE where cuDNN cannot be loaded or used
  ~CudnnAttention();
  CudnnAttention(const CudnnAttention&) = delete;
  CudnnAttention& operator=(const CudnnAttention&) = delete;

  // Whether the operation was enqueued. False: cuDNN does not take the shape, or not within the workspace even for one group of
  // heads at a time; nothing was enqueued then, and `refused` has one more.
  bool Forward(cudaStream_t stream, const ViewAttentionArgs& args, void* workspace, size_t bytes);
  bool Backward(cudaStream_t stream, const ViewAttentionBackwardArgs& args, void* workspace, size_t bytes);
  const Fallbacks& refused() const;

  // "cuDNN 9.19.0": part of the plan's numerics.
  static std::string Version();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_ATTENTION_CUDNN_H_
