#include "core/cuda/attention_mma.cuh"

#include "core/cuda/attention_tiles_backward.cuh"
#include "core/cuda/shared_memory.h"

namespace hlm::cuda {
namespace {

const bf16* Of(const View& view) { return static_cast<const bf16*>(view.data); }
bf16* Of(const MutableView& view) { return static_cast<bf16*>(view.data); }

}  // namespace

void MmaAttention(cudaStream_t stream, const ViewAttentionArgs& a) {
  const TileCall call = MakeTileCall(a);
  ForWidth(a, [&]<int kWidth>() {
    static_assert(MmaShape<kWidth>::kForwardBytes <= kLeastShared);
    const auto tiles = static_cast<unsigned>(TileNumbers(a.tokens, a.documents.count, kMmaRows));
    Launch(MmaForwardKernel<kWidth>, dim3(tiles, static_cast<unsigned>(a.heads)), 128, MmaShape<kWidth>::kForwardBytes, stream,
           call, Of(a.q), Of(a.k), Of(a.v), Of(a.out), a.lse);
  });
  CheckLaunch("MmaAttention");
}

void MmaAttentionBackward(cudaStream_t stream, const ViewAttentionBackwardArgs& a, size_t shared, void* scratch) {
  const TileCall call = MakeTileCall(a);
  auto* delta = static_cast<float*>(scratch);
  const int64_t rows = a.tokens * a.heads;
  const auto delta_blocks = static_cast<unsigned>(CeilDiv(rows, kThreads / 32));
  Launch(DeltaKernel<bf16>, dim3(delta_blocks), kThreads, 0, stream, call, Of(a.dout), Of(a.out), rows, delta);
  const auto gradients = [&]<int kWidth, bool kSmall>() {
    using Shape = MmaShape<kWidth, kSmall>;
    const auto tiles = static_cast<unsigned>(TileNumbers(a.tokens, a.documents.count, kMmaRows));
    Launch(MmaQueryGradientKernel<kWidth, kSmall>, dim3(tiles, static_cast<unsigned>(a.heads)), 128, Shape::kBackwardBytes,
           stream, call, Of(a.q), Of(a.k), Of(a.v), Of(a.dout), a.lse, delta, Of(a.dq));
    Launch(MmaKeyGradientKernel<kWidth, kSmall>, dim3(tiles, static_cast<unsigned>(a.kv_heads)), 128 * Shape::kSplit,
           Shape::kBackwardBytes, stream, call, Of(a.q), Of(a.k), Of(a.v), Of(a.dout), a.lse, delta, Of(a.dk), Of(a.dv));
  };
  ForWidth(a, [&]<int kWidth>() {
    if constexpr (MmaShape<kWidth>::kBackwardShared > kLeastShared) {
      static_assert(MmaShape<kWidth, true>::kBackwardShared <= kLeastShared);
      if (MmaShape<kWidth>::kBackwardShared > shared) return gradients.template operator()<kWidth, true>();
    }
    gradients.template operator()<kWidth, false>();
  });
  CheckLaunch("MmaAttentionBackward");
}

}  // namespace hlm::cuda
