#include "core/cuda/views/delta_channel_mma.h"

#include <algorithm>

#include "core/cuda/shared_memory.h"
#include "core/cuda/views/delta_channel_gather.cuh"
#include "core/cuda/views/delta_channel_prepare.cuh"
#include "core/cuda/views/delta_mma_places.cuh"

namespace hlm::cuda {
namespace {

ChannelDelta PlacesOf(const auto& a, bool backward, Pieces& pieces) {
  HLM_CHECK(a.key_heads == a.heads, "decays by channel on tensor cores with ", a.key_heads, " key heads for ", a.heads, " heads");
  const int64_t rows = a.tokens * a.heads, keys = PaddedKeys(a.key_dim);
  ChannelDelta p{MmaPlacesOf(a, backward, pieces), nullptr, nullptr, nullptr, nullptr, nullptr};
  p.q_decayed = pieces.Take<bf16>(rows * keys);
  p.k_decayed = pieces.Take<bf16>(rows * keys);
  p.k_shrunk = pieces.Take<bf16>(rows * keys);
  p.ends = pieces.Take<float>(StateSlots(a.tokens) * a.heads * keys);
  if (backward) p.keys = pieces.Take<bf16>(rows * kChunk);
  return p;
}

template <int kKeys>
void Forward(cudaStream_t stream, const Documents& documents, const ChannelDelta& p, const Lines<bf16>& out) {
  ListChunks(stream, documents, const_cast<ChunkPlace*>(p.table), const_cast<int*>(p.firsts));
  const dim3 chunks{GridSize(CountChunks(documents)), static_cast<unsigned>(p.sizes.heads)};
  Launch(ChannelPrepareKernel<kKeys>, chunks, kMmaThreads, ChannelPrepareBytes<kKeys>(), stream, p);
  const dim3 blocks{GridSize(documents.count * p.sizes.heads * p.sizes.slices())};
  Launch(ChannelForwardKernel<kKeys>, blocks, kMmaThreads, ChannelPassShape<kKeys>::kBytes, stream, p, out);
}

template <int kKeys>
constexpr size_t kShared = kFixedShared + std::max({ChannelPrepareBytes<kKeys>(), ChannelPassShape<kKeys>::kBytes,
                                                    ChannelGatherShape<kKeys>::kBytes});

}  // namespace

size_t DeltaChannelMmaShared(int64_t key_dim) { return PaddedKeys(key_dim) == 64 ? kShared<64> : kShared<128>; }

size_t DeltaChannelMmaBytes(const DeltaRuleArgs& a) {
  Pieces pieces(nullptr);
  PlacesOf(a, false, pieces);
  return pieces.taken();
}
size_t DeltaChannelMmaBackwardBytes(const DeltaRuleBackwardArgs& a) {
  Pieces pieces(nullptr);
  PlacesOf(a, true, pieces);
  return pieces.taken();
}

void DeltaChannelMmaRule(cudaStream_t stream, const DeltaRuleArgs& a, void* scratch) {
  ForMmaKeys(a, [&]<int kKeys>() {
    Pieces pieces(scratch);
    Forward<kKeys>(stream, a.documents, PlacesOf(a, false, pieces), Lines<bf16>(a.out, a.heads, a.value_dim));
  });
  CheckLaunch("DeltaRule");
}

void DeltaChannelMmaRuleBackward(cudaStream_t stream, const DeltaRuleBackwardArgs& a, void* scratch) {
  ForMmaKeys(a, [&]<int kKeys>() {
    Pieces pieces(scratch);
    const ChannelDelta p = PlacesOf(a, true, pieces);
    Forward<kKeys>(stream, a.documents, p, Lines<bf16>(View{}, a.heads, a.value_dim));
    const DeltaMmaGradients g(a);
    const dim3 blocks{GridSize(a.documents.count * a.heads * p.sizes.slices())};
    Launch(ChannelBackwardKernel<kKeys>, blocks, kMmaThreads, ChannelPassShape<kKeys>::kBytes, stream, p, g.dout,
           Lines<bf16>(a.dv, a.heads, a.value_dim));
    const dim3 chunks{GridSize(CountChunks(a.documents)), static_cast<unsigned>(a.heads)};
    Launch(ChannelGatherKernel<kKeys>, chunks, kGatherThreads, ChannelGatherShape<kKeys>::kBytes, stream, p, g);
  });
  CheckLaunch("DeltaRuleBackward");
}

}  // namespace hlm::cuda
