#include "core/cuda/attention_tiles_backward.cuh"

namespace hlm::cuda {

size_t TileAttentionBackwardBytes(int64_t tokens, int64_t heads) { return static_cast<size_t>(tokens * heads) * sizeof(float); }

void TileAttentionBackward(cudaStream_t stream, const ViewAttentionBackwardArgs& args, size_t shared, void* scratch) {
  if (args.type == DType::kBF16) return MmaAttentionBackward(stream, args, shared, scratch);
  Bends(args) ? BentTileAttentionBackward(stream, args, scratch) : RunTileAttentionBackward<false>(stream, args, scratch);
}

}  // namespace hlm::cuda
