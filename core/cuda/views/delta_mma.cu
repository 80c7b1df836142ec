#include "core/cuda/views/delta_mma.cuh"

#include <algorithm>

#include "core/cuda/shared_memory.h"
#include "core/cuda/views/delta_mma.h"
#include "core/cuda/views/delta_mma_gather.cuh"
#include "core/cuda/views/delta_mma_places.cuh"

namespace hlm::cuda {
namespace {

DeltaMma PlacesOf(const auto& a, bool backward, Pieces& pieces) {
  DeltaMma p = MmaPlacesOf(a, backward, pieces);
  p.factors = pieces.Take<float4>(a.tokens * a.heads);
  p.lasts = pieces.Take<float>(a.tokens * a.heads);
  return p;
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
  ForMmaKeys(a, [&]<int kKeys>() {
    Pieces pieces(scratch);
    Forward<kKeys>(stream, a.documents, PlacesOf(a, false, pieces), Lines<bf16>(a.out, a.heads, a.value_dim));
  });
  CheckLaunch("DeltaRule");
}

void DeltaMmaRuleBackward(cudaStream_t stream, const DeltaRuleBackwardArgs& a, void* scratch) {
  ForMmaKeys(a, [&]<int kKeys>() {
    Pieces pieces(scratch);
    const DeltaMma p = PlacesOf(a, true, pieces);
    Forward<kKeys>(stream, a.documents, p, Lines<bf16>(View{}, a.heads, a.value_dim));
    const DeltaMmaGradients g(a);
    const dim3 blocks{GridSize(a.documents.count * a.heads * p.sizes.slices())};
    Launch(DeltaMmaBackwardKernel<kKeys>, blocks, kMmaThreads, DeltaPassShape<kKeys>::kBytes, stream, p, g.dout,
           Lines<bf16>(a.dv, a.heads, a.value_dim));
    const dim3 chunks{GridSize(CountChunks(a.documents)), static_cast<unsigned>(a.key_heads)};
    Launch(DeltaMmaGatherKernel<kKeys>, chunks, kGatherThreads, DeltaGatherShape<kKeys>::kBytes, stream, p, g);
  });
  CheckLaunch("DeltaRuleBackward");
}

}  // namespace hlm::cuda
