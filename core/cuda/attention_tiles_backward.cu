#include "core/cuda/attention_tiles_backward.cuh"

namespace hlm::cuda {

// delta, and the sinks' partial sums.
size_t TileAttentionBackwardBytes(int64_t tokens, int64_t heads, bool sinks) {
  return static_cast<size_t>((tokens + (sinks ? std::min(tokens, kSinkChunks) : 0)) * heads) * sizeof(float);
}

void TileAttentionBackward(cudaStream_t stream, const ViewAttentionBackwardArgs& args, void* scratch) {
  Bends(args) ? BentTileAttentionBackward(stream, args, scratch) : RunTileAttentionBackward<false>(stream, args, scratch);
}

}  // namespace hlm::cuda
