#include "core/cuda/attention_tiles_forward.cuh"

namespace hlm::cuda {

void TileAttention(cudaStream_t stream, const ViewAttentionArgs& args) {
  if (args.type == DType::kBF16) return MmaAttention(stream, args);
  Bends(args) ? BentTileAttention(stream, args) : RunTileAttention<false>(stream, args);
}

}  // namespace hlm::cuda
