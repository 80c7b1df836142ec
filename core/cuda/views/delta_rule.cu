#include "core/cuda/views/delta_rule.cuh"

#include <algorithm>

#include "core/cuda/kernels.h"
#include "core/cuda/shared_memory.h"
#include "core/cuda/views/delta_any.h"
#include "core/cuda/views/delta_backward.cuh"
#include "core/cuda/views/delta_channel_mma.h"
#include "core/cuda/views/delta_mma.h"
#include "core/cuda/views/pieces.cuh"

namespace hlm::cuda {
namespace {

template <class T>
DeltaPlaces<T> PlacesOf(const auto& a, bool backward, Pieces& pieces) {
  DeltaPlaces<T> p{.sizes = {static_cast<int>(a.heads), static_cast<int>(a.key_heads), static_cast<int>(a.key_dim),
                             static_cast<int>(a.value_dim), a.scale, a.epsilon},
                   .q = Lines<const T>(a.q, a.key_heads, a.key_dim),
                   .k = Lines<const T>(a.k, a.key_heads, a.key_dim),
                   .v = Lines<const T>(a.v, a.heads, a.value_dim),
                   .g = a.g,
                   .beta = a.beta,
                   .table = nullptr,
                   .firsts = nullptr,
                   .pairs = nullptr,
                   .inverse = nullptr,
                   .inverse_back = nullptr,
                   .inside = nullptr,
                   .back = nullptr,
                   .states = nullptr,
                   .dstates = nullptr};
  const int64_t rows = a.tokens * a.heads;
  p.table = pieces.Take<ChunkPlace>(a.tokens);  // as many documents as tokens at most
  p.firsts = pieces.Take<int>(a.tokens + 1);
  p.pairs = pieces.Take<float>(rows * kChunk);
  p.inverse = pieces.Take<float>(rows * kChunk);
  if (!backward) return p;
  p.inverse_back = pieces.Take<float>(rows * kChunk);
  p.inside = pieces.Take<T>(rows * a.value_dim);
  p.back = pieces.Take<T>(rows * a.value_dim);
  p.states = pieces.Take<T>(StateSlots(a.tokens) * a.heads * a.key_dim * a.value_dim);
  p.dstates = pieces.Take<T>(StateSlots(a.tokens) * a.heads * a.key_dim * a.value_dim);
  return p;
}

// Shared memory that a block of this file's kernels needs, forward and backward, fixed arrays included.
template <int kKeys>
constexpr size_t kTilesShared = kFixedShared +
                                std::max({SharedBytes(PairsFloats<kKeys>()), SharedBytes(ForwardFloats<kKeys>()),
                                          SharedBytes(BackwardFloats<kKeys>()), SharedBytes(GatherFloats<kKeys>())});

constexpr int64_t kNarrowKeys = 32;
size_t TilesShared(int64_t key_dim) { return key_dim <= kNarrowKeys ? kTilesShared<kNarrowKeys> : kTilesShared<kMostMmaKeys>; }

// Which kernels take a call: those of this file, in fp32 with keys padded to 128; tensor cores, with decays by head or by channel; or those
// for any sizes, also where a block is lent too little for the others.
enum class Form { kTiles, kTensorCores, kChannels, kAny };
Form FormOf(const auto& a, size_t shared) {
  const bool mma = a.type == DType::kBF16;
  if (a.key_dim > kMostMmaKeys) return Form::kAny;
  if (a.by_channel) {
    return mma && a.key_heads == a.heads && DeltaChannelMmaShared(a.key_dim) <= shared ? Form::kChannels : Form::kAny;
  }
  if ((mma ? DeltaMmaShared(a.key_dim) : TilesShared(a.key_dim)) > shared) return Form::kAny;
  return mma ? Form::kTensorCores : Form::kTiles;
}

size_t BytesOf(const auto& a, bool backward) {
  Pieces pieces(nullptr);
  PlacesOf<float>(a, backward, pieces);
  return pieces.taken();
}

// launch.template operator()<kKeys>() with room for key_dim.
template <class Launch>
void ForShape(const auto& a, const Launch& launch) {
  a.key_dim <= kNarrowKeys ? launch.template operator()<kNarrowKeys>() : launch.template operator()<kMostMmaKeys>();
}

// The chunks of the documents, pairs, and the states forward.
template <class T, int kKeys>
void Forward(cudaStream_t stream, const Documents& documents, DeltaPlaces<T>& p, const Lines<T>& out) {
  ListChunks(stream, documents, const_cast<ChunkPlace*>(p.table), const_cast<int*>(p.firsts));
  const dim3 chunks{GridSize(CountChunks(documents)), static_cast<unsigned>(p.sizes.heads)};
  WithShared(PairsKernel<kKeys, T>,
             PairsFloats<kKeys>())<<<chunks, kChunkThreads, SharedBytes(PairsFloats<kKeys>()), stream>>>(p);
  const unsigned blocks = GridSize(documents.count * p.sizes.heads * p.sizes.slices());
  WithShared(DeltaForwardKernel<kKeys, T>,
             ForwardFloats<kKeys>())<<<blocks, kChunkThreads, SharedBytes(ForwardFloats<kKeys>()), stream>>>(p, out);
}

}  // namespace

size_t DeltaRuleBytes(const DeltaRuleArgs& a, size_t shared) {
  switch (FormOf(a, shared)) {
    case Form::kAny:
      return DeltaAnyBytes(a);
    case Form::kTensorCores:
      return DeltaMmaBytes(a);
    case Form::kChannels:
      return DeltaChannelMmaBytes(a);
    case Form::kTiles:
      break;
  }
  return BytesOf(a, false);
}

void DeltaRule(cudaStream_t stream, const DeltaRuleArgs& a, size_t shared, void* scratch) {
  switch (FormOf(a, shared)) {
    case Form::kAny:
      return DeltaAnyRule(stream, a, scratch);
    case Form::kTensorCores:
      return DeltaMmaRule(stream, a, scratch);
    case Form::kChannels:
      return DeltaChannelMmaRule(stream, a, scratch);
    case Form::kTiles:
      break;
  }
  using T = float;
  ForShape(a, [&]<int kKeys>() {
    Pieces pieces(scratch);
    DeltaPlaces<T> p = PlacesOf<T>(a, false, pieces);
    Forward<T, kKeys>(stream, a.documents, p, Lines<T>(a.out, a.heads, a.value_dim));
  });
  CheckLaunch("DeltaRule");
}

size_t DeltaRuleBackwardBytes(const DeltaRuleBackwardArgs& a, size_t shared) {
  switch (FormOf(a, shared)) {
    case Form::kAny:
      return DeltaAnyBackwardBytes(a);
    case Form::kTensorCores:
      return DeltaMmaBackwardBytes(a);
    case Form::kChannels:
      return DeltaChannelMmaBackwardBytes(a);
    case Form::kTiles:
      break;
  }
  return BytesOf(a, true);
}

void DeltaRuleBackward(cudaStream_t stream, const DeltaRuleBackwardArgs& a, size_t shared, void* scratch) {
  switch (FormOf(a, shared)) {
    case Form::kAny:
      return DeltaAnyRuleBackward(stream, a, scratch);
    case Form::kTensorCores:
      return DeltaMmaRuleBackward(stream, a, scratch);
    case Form::kChannels:
      return DeltaChannelMmaRuleBackward(stream, a, scratch);
    case Form::kTiles:
      break;
  }
  using T = float;
  ForShape(a, [&]<int kKeys>() {
    Pieces pieces(scratch);
    DeltaPlaces<T> p = PlacesOf<T>(a, true, pieces);
    const DeltaGradients<T> g{Lines<const T>(a.dout, a.heads, a.value_dim),
                              Lines<T>(a.dq, a.key_heads, a.key_dim),
                              Lines<T>(a.dk, a.key_heads, a.key_dim),
                              Lines<T>(a.dv, a.heads, a.value_dim),
                              a.dg,
                              a.dbeta};
    Forward<T, kKeys>(stream, a.documents, p, Lines<T>(View{}, a.heads, a.value_dim));
    const unsigned blocks = GridSize(a.documents.count * a.heads * p.sizes.slices());
    WithShared(DeltaBackwardKernel<kKeys, T>,
               BackwardFloats<kKeys>())<<<blocks, kChunkThreads, SharedBytes(BackwardFloats<kKeys>()), stream>>>(p, g);
    const dim3 chunks{GridSize(CountChunks(a.documents)), static_cast<unsigned>(a.key_heads)};
    WithShared(DeltaGatherKernel<kKeys, T>,
               GatherFloats<kKeys>())<<<chunks, kChunkThreads, SharedBytes(GatherFloats<kKeys>()), stream>>>(p, g);
  });
  CheckLaunch("DeltaRuleBackward");
}

}  // namespace hlm::cuda
