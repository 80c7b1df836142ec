#include "core/cuda/attention_tiles_backward.cuh"

namespace hlm::cuda {

void BentTileAttentionBackward(cudaStream_t stream, const ViewAttentionBackwardArgs& args, void* scratch) {
  RunTileAttentionBackward<true>(stream, args, scratch);
}

}  // namespace hlm::cuda
