#include "core/cuda/views/delta_mma.cuh"

#include <algorithm>

#include "core/cuda/shared_memory.h"
#include "core/cuda/views/delta_mma.h"
#include "core/cuda/views/delta_mma_gather.cuh"
#include "core/cuda/views/pieces.cuh"

namespace hlm::cuda {
namespace {

// Keys are padded to kKeys.
int PaddedKeys(int64_t key_dim) { return key_dim <= 64 ? 64 : 128; }

DeltaMma PlacesOf(const auto& a, bool backward, Pieces& pieces) {
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
  p.factors = pieces.Take<float4>(rows);
  p.lasts = pieces.Take<float>(rows);
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
void ForKeys(const auto& a, const Launch& launch) {
  HLM_CHECK(a.key_dim <= kMostMmaKeys, "a delta rule on tensor cores with a key_dim of ", a.key_dim);
  PaddedKeys(a.key_dim) == 64 ? launch.template operator()<64>() : launch.template operator()<128>();
}

template <int kKeys>
void Forward(cudaStream_t stream, const Documents& documents, const DeltaMma& p, const Lines<bf16>& out) {
  ListChunks(stream, documents, const_cast<ChunkPlace*>(p.table), const_cast<int*>(p.firsts));
  const dim3 chunks{GridSize(CountChunks(documents)), static_cast<unsigned>(p.sizes.key_heads)};
  Launch(DeltaPrepareKernel<kKeys>, chunks, kMmaThreads, PrepareBytes<kKeys>(), stream, p);
  const dim3 blocks{GridSize(documents.count * p.sizes.heads * p.sizes.slices())};
  Launch(DeltaMmaForwardKernel<kKeys>, blocks, kMmaThreads, DeltaPassShape<kKeys>::kBytes, stream, p, out);
}

template <int kKeys>
constexpr size_t kShared = kFixedShared +
                           std::max({PrepareBytes<kKeys>(), DeltaPassShape<kKeys>::kBytes, DeltaGatherShape<kKeys>::kBytes});

}  // namespace

size_t DeltaMmaShared(int64_t key_dim) { return PaddedKeys(key_dim) == 64 ? kShared<64> : kShared<128>; }

size_t DeltaMmaBytes(const DeltaRuleArgs& a) {
  Pieces pieces(nullptr);
  PlacesOf(a, false, pieces);
  return pieces.taken();
}
size_t DeltaMmaBackwardBytes(const DeltaRuleBackwardArgs& a) {
  Pieces pieces(nullptr);
  PlacesOf(a, true, pieces);
  return pieces.taken();
}

void DeltaMmaRule(cudaStream_t stream, const DeltaRuleArgs& a, void* scratch) {
  ForKeys(a, [&]<int kKeys>() {
    Pieces pieces(scratch);
    Forward<kKeys>(stream, a.documents, PlacesOf(a, false, pieces), Lines<bf16>(a.out, a.heads, a.value_dim));
  });
  CheckLaunch("DeltaRule");
}

void DeltaMmaRuleBackward(cudaStream_t stream, const DeltaRuleBackwardArgs& a, void* scratch) {
  ForKeys(a, [&]<int kKeys>() {
    Pieces pieces(scratch);
    const DeltaMma p = PlacesOf(a, true, pieces);
    Forward<kKeys>(stream, a.documents, p, Lines<bf16>(View{}, a.heads, a.value_dim));
    const Lines<const bf16> dout(a.dout, a.heads, a.value_dim);
    const dim3 blocks{GridSize(a.documents.count * a.heads * p.sizes.slices())};
    Launch(DeltaMmaBackwardKernel<kKeys>, blocks, kMmaThreads, DeltaPassShape<kKeys>::kBytes, stream, p, dout,
           Lines<bf16>(a.dv, a.heads, a.value_dim));
    const DeltaMmaGradients g{dout,
                              Lines<const bf16>(a.dv, a.heads, a.value_dim),
                              Lines<bf16>(a.dq, a.key_heads, a.key_dim),
                              Lines<bf16>(a.dk, a.key_heads, a.key_dim),
                              a.dg,
                              a.dbeta};
    const dim3 chunks{GridSize(CountChunks(a.documents)), static_cast<unsigned>(a.key_heads)};
    Launch(DeltaMmaGatherKernel<kKeys>, chunks, kGatherThreads, DeltaGatherShape<kKeys>::kBytes, stream, p, g);
  });
  CheckLaunch("DeltaRuleBackward");
}

}  // namespace hlm::cuda
