#include "core/cuda/views/delta_any.h"

#include <algorithm>

#include "core/cuda/launch.cuh"
#include "core/cuda/views/delta_any.cuh"
#include "core/cuda/views/pieces.cuh"

namespace hlm::cuda {
namespace {

AnySizes SizesOf(const auto& a) {
  return {static_cast<int>(a.heads),
          static_cast<int>(a.key_heads),
          static_cast<int>(a.key_dim),
          static_cast<int>(a.value_dim),
          a.by_channel,
          a.scale,
          a.epsilon};
}

// Blocks: as many as there may be units, for documents of one token.
unsigned Blocks(int64_t tokens, int64_t heads) { return static_cast<unsigned>(std::min<int64_t>(kMostTeams, tokens * heads)); }

int64_t FloatsOf(const DeltaRuleArgs& a) {
  TeamMemory memory{nullptr};
  AnyChunk(SizesOf(a), memory, false);
  memory.Take(SizesOf(a).state());
  return memory.taken;
}
int64_t FloatsOf(const DeltaRuleBackwardArgs& a) {
  TeamMemory memory{nullptr};
  AnyBackwardMemory(SizesOf(a), memory);
  return memory.taken;
}

template <class T>
AnyDelta<T> PlacesOf(const auto& a, Pieces& pieces) {
  AnyDelta<T> p{.sizes = SizesOf(a),
                .q = Lines<const T>(a.q, a.key_heads, a.key_dim),
                .k = Lines<const T>(a.k, a.key_heads, a.key_dim),
                .v = Lines<const T>(a.v, a.heads, a.value_dim),
                .g = a.g,
                .beta = a.beta,
                .offsets = a.documents.offsets,
                .documents = a.documents.count,
                .own = nullptr,
                .each = FloatsOf(a),
                .starts = nullptr};
  constexpr bool kBackward = requires { a.dq; };
  p.own = pieces.Take<float>(p.each * Blocks(a.tokens, kBackward ? a.key_heads : a.heads));
  if (kBackward) p.starts = pieces.Take<float>((a.tokens / p.sizes.segment() + 1) * a.heads * p.sizes.state());
  return p;
}

size_t BytesOf(const auto& a) {
  Pieces pieces(nullptr);
  PlacesOf<float>(a, pieces);
  return pieces.taken();
}

}  // namespace

size_t DeltaAnyBytes(const DeltaRuleArgs& a) { return BytesOf(a); }
size_t DeltaAnyBackwardBytes(const DeltaRuleBackwardArgs& a) { return BytesOf(a); }

void DeltaAnyRule(cudaStream_t stream, const DeltaRuleArgs& a, void* scratch) {
  ForType(a.type, [&]<class T>() {
    Pieces pieces(scratch);
    Launch(DeltaAnyForwardKernel<T>, dim3(Blocks(a.tokens, a.heads)), kTeamThreads, 0, stream, PlacesOf<T>(a, pieces),
           Lines<T>(a.out, a.heads, a.value_dim));
  });
  CheckLaunch("DeltaRule");
}

void DeltaAnyRuleBackward(cudaStream_t stream, const DeltaRuleBackwardArgs& a, void* scratch) {
  ForType(a.type, [&]<class T>() {
    Pieces pieces(scratch);
    const AnyGradients<T> g{Lines<const T>(a.dout, a.heads, a.value_dim),
                            Lines<T>(a.dq, a.key_heads, a.key_dim),
                            Lines<T>(a.dk, a.key_heads, a.key_dim),
                            Lines<T>(a.dv, a.heads, a.value_dim),
                            a.dg,
                            a.dbeta};
    Launch(DeltaAnyBackwardKernel<T>, dim3(Blocks(a.tokens, a.key_heads)), kTeamThreads, 0, stream, PlacesOf<T>(a, pieces), g);
  });
  CheckLaunch("DeltaRuleBackward");
}

}  // namespace hlm::cuda
