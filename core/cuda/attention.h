// Causal grouped-query attention on the GPU: our own tiles, in fp32 arithmetic (attention_tiles.cuh) and in bf16 on tensor cores
// (attention_mma.cuh), for any shape; and cuDNN's (attention_cudnn.h), in bf16 for the shapes that it takes. All are deterministic,
// forward and backward.
#ifndef HORIZON_LM_CORE_CUDA_ATTENTION_H_
#define HORIZON_LM_CORE_CUDA_ATTENTION_H_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "core/device/args/attention.h"

namespace hlm::cuda {

// Our own. head_dim and value_dim: multiples of 8, at most kMostHeadDim; views at multiples of 8 elements. In fp32, calls that bend
// their scores (a cap, chunks, slopes, sinks) have kernels of their own, in files of their own.
inline constexpr int64_t kMostHeadDim = 256;
void TileAttention(cudaStream_t stream, const ViewAttentionArgs& args);
void BentTileAttention(cudaStream_t stream, const ViewAttentionArgs& args);
void MmaAttention(cudaStream_t stream, const ViewAttentionArgs& args);
size_t TileAttentionBackwardBytes(int64_t tokens, int64_t heads);
// Not the gradient of sinks, which SinkGradients adds. shared: bytes of shared memory that the GPU lends a block, at least kLeastShared.
void TileAttentionBackward(cudaStream_t stream, const ViewAttentionBackwardArgs& args, size_t shared, void* scratch);
void BentTileAttentionBackward(cudaStream_t stream, const ViewAttentionBackwardArgs& args, void* scratch);
void MmaAttentionBackward(cudaStream_t stream, const ViewAttentionBackwardArgs& args, size_t shared, void* scratch);

// Workspace that both ways want for documents of `longest` tokens, cuDNN's deterministic backward pass over one key head's group
// of query heads of one document among it. Pure.
struct AttentionSizes {
  DType type = DType::kF32;
  int64_t tokens = 0, longest = 0, heads = 0, kv_heads = 0, head_dim = 0, value_dim = 0;  // longest: 0 where it is not known
};
size_t AttentionWorkspaceBytes(const AttentionSizes& sizes);

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_ATTENTION_H_
