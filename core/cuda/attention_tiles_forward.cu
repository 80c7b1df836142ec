#include "core/cuda/attention_tiles_forward.cuh"

namespace hlm::cuda {

void TileAttention(cudaStream_t stream, const ViewAttentionArgs& args) {
  Bends(args) ? BentTileAttention(stream, args) : RunTileAttention<false>(stream, args);
}

}  // namespace hlm::cuda
