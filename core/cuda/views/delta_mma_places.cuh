// What both forms of the delta rule on tensor cores ask of their workspace.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_DELTA_MMA_PLACES_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_DELTA_MMA_PLACES_CUH_

#include "core/cuda/views/delta_mma.cuh"
#include "core/cuda/views/delta_mma.h"
#include "core/cuda/views/pieces.cuh"

namespace hlm::cuda {

// Keys are padded to kKeys.
inline int PaddedKeys(int64_t key_dim) { return key_dim <= 64 ? 64 : 128; }

// Where g is by head, `factors` and `lasts` are still to be taken.
DeltaMma MmaPlacesOf(const auto& a, bool backward, Pieces& pieces) {
  DeltaMma p{.sizes = {static_cast<int>(a.heads), static_cast<int>(a.key_heads), static_cast<int>(a.key_dim),
                       static_cast<int>(a.value_dim), a.scale, a.epsilon},
             .aligned = a.key_dim % 8 == 0 && a.value_dim % 8 == 0,
             .q = Lines<const bf16>(a.q, a.key_heads, a.key_dim),
             .k = Lines<const bf16>(a.k, a.key_heads, a.key_dim),
             .v = Lines<const bf16>(a.v, a.heads, a.value_dim),
             .g = a.g,
             .beta = a.beta,
             .table = nullptr,
             .firsts = nullptr,
             .factors = nullptr,
             .lasts = nullptr,
             .pairs = nullptr,
             .inverse = nullptr,
             .inside = nullptr,
             .states = nullptr,
             .dstates = nullptr};
  const auto fits = [&](const auto&... lines) { p.aligned = p.aligned && (lines.InStepsOf(8) && ...); };
  fits(p.q, p.k, p.v);
  if constexpr (requires { a.dq; }) {
    fits(Lines<bf16>(a.dout, a.heads, a.value_dim), Lines<bf16>(a.dv, a.heads, a.value_dim),
         Lines<bf16>(a.dq, a.key_heads, a.key_dim), Lines<bf16>(a.dk, a.key_heads, a.key_dim));
  } else {
    fits(Lines<bf16>(a.out, a.heads, a.value_dim));
  }
  const int64_t rows = a.tokens * a.heads;
  p.table = pieces.Take<ChunkPlace>(a.tokens);  // as many documents as tokens at most
  p.firsts = pieces.Take<int>(a.tokens + 1);
  p.pairs = pieces.Take<bf16>(rows * kChunk);
  p.inverse = pieces.Take<bf16>(rows * kChunk);
  if (!backward) return p;
  const int64_t width = int64_t{p.sizes.slices()} * kSlice,
                states = StateSlots(a.tokens) * a.heads * PaddedKeys(a.key_dim) * width;
  p.inside = pieces.Take<bf16>(rows * width);
  p.states = pieces.Take<bf16>(states);
  p.dstates = pieces.Take<bf16>(states);
  return p;
}

// launch.template operator()<kKeys>() with room for key_dim.
template <class Launch>
void ForMmaKeys(const auto& a, const Launch& launch) {
  HLM_CHECK(a.key_dim <= kMostMmaKeys, "a delta rule on tensor cores with a key_dim of ", a.key_dim);
  PaddedKeys(a.key_dim) == 64 ? launch.template operator()<64>() : launch.template operator()<128>();
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_DELTA_MMA_PLACES_CUH_
