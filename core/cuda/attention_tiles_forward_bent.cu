#include "core/cuda/attention_tiles_forward.cuh"

namespace hlm::cuda {

void BentTileAttention(cudaStream_t stream, const ViewAttentionArgs& args) { RunTileAttention<true>(stream, args); }

}  // namespace hlm::cuda
