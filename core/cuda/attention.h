// Causal grouped-query attention on the GPU, two ways: our own tiles (attention_tiles.cu), in fp32 arithmetic for any shape, and
// cuDNN's (attention_cudnn.cc), in bf16 for the shapes that it takes. Both are deterministic, forward and backward.
#ifndef HORIZON_LM_CORE_CUDA_ATTENTION_H_
#define HORIZON_LM_CORE_CUDA_ATTENTION_H_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/device/ops.h"

namespace hlm::cuda {

// Our own. head_dim: a multiple of 8, at most kMostHeadDim.
inline constexpr int64_t kMostHeadDim = 256;
void TileAttention(cudaStream_t stream, const AttentionArgs& args);
size_t TileAttentionBackwardBytes(int64_t tokens, int64_t heads);
void TileAttentionBackward(cudaStream_t stream, const AttentionBackwardArgs& args, void* scratch);

// cuDNN's, for one GPU and one stream at a time. Graphs are built at the first use of a shape and kept.
class CudnnAttention {
 public:
  CudnnAttention();  // throws UNAVAILABLE where cuDNN cannot be loaded or used
  ~CudnnAttention();
  CudnnAttention(const CudnnAttention&) = delete;
  CudnnAttention& operator=(const CudnnAttention&) = delete;

  // Whether the operation was enqueued. False: cuDNN does not take the shape, or not within the workspace even for one group of
  // heads at a time; nothing was enqueued then, and `refused` has one more.
  bool Forward(cudaStream_t stream, const AttentionArgs& args, void* workspace, size_t bytes);
  bool Backward(cudaStream_t stream, const AttentionBackwardArgs& args, void* workspace, size_t bytes);
  const Fallbacks& refused() const;

  // "cuDNN 9.19.0": part of the plan's numerics.
  static std::string Version();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Workspace that both ways want for documents of `longest` tokens, cuDNN's deterministic backward pass over one key head's group
// of query heads of one document among it. Pure.
size_t AttentionWorkspaceBytes(const OpShapes& shapes);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_ATTENTION_H_
