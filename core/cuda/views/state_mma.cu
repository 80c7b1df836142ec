#include "core/cuda/views/state_mma.h"

#include <algorithm>

#include "core/cuda/shared_memory.h"
#include "core/cuda/views/pieces.cuh"
#include "core/cuda/views/state_d.h"
#include "core/cuda/views/state_mma.cuh"

namespace hlm::cuda {
namespace {

// Rows of a state are padded to kRows.
int PaddedRows(int64_t state_dim) { return state_dim <= 64 ? 64 : 128; }

StateMma PlacesOf(const auto& a, bool backward, Pieces& pieces) {
  StateMma p{.heads = static_cast<int>(a.heads),
             .groups = static_cast<int>(a.groups),
             .head_dim = static_cast<int>(a.head_dim),
             .state_dim = static_cast<int>(a.state_dim),
             .aligned = a.head_dim % 8 == 0 && a.state_dim % 8 == 0,
             .x = Lines<const bf16>(a.x, a.heads, a.head_dim),
             .b = Lines<const bf16>(a.b, a.groups, a.state_dim),
             .c = Lines<const bf16>(a.c, a.groups, a.state_dim),
             .g = a.g,
             .step = a.step,
             .d = static_cast<const bf16*>(a.d),
             .table = nullptr,
             .firsts = nullptr,
             .factors = nullptr,
             .lasts = nullptr,
             .both = nullptr,
             .states = nullptr,
             .dstates = nullptr};
  const auto fits = [&](const auto&... lines) { p.aligned = p.aligned && (lines.InStepsOf(8) && ...); };
  fits(p.x, p.b, p.c);
  if constexpr (requires { a.dx; }) {
    fits(Lines<bf16>(a.dy, a.heads, a.head_dim), Lines<bf16>(a.dx, a.heads, a.head_dim), Lines<bf16>(a.db, a.groups, a.state_dim),
         Lines<bf16>(a.dc, a.groups, a.state_dim));
  } else {
    fits(Lines<bf16>(a.y, a.heads, a.head_dim));
  }
  const int64_t rows = a.tokens * a.heads;
  p.table = pieces.Take<ChunkPlace>(a.tokens);  // as many documents as tokens at most
  p.firsts = pieces.Take<int>(a.tokens + 1);
  p.factors = pieces.Take<float4>(rows);
  p.lasts = pieces.Take<float>(rows);
  p.both = pieces.Take<bf16>(a.tokens * a.groups * kChunk);
  if (!backward) return p;
  const int64_t states = StateSlots(a.tokens) * a.heads * PaddedRows(a.state_dim) * p.slices() * kSlice;
  p.states = pieces.Take<bf16>(states);
  p.dstates = pieces.Take<bf16>(states);
  return p;
}

// launch.template operator()<kRows>() with room for state_dim.
template <class Launch>
void ForRows(const auto& a, const Launch& launch) {
  HLM_CHECK(a.state_dim <= kMostMmaRows, "a state space on tensor cores with a state_dim of ", a.state_dim);
  PaddedRows(a.state_dim) == 64 ? launch.template operator()<64>() : launch.template operator()<128>();
}

template <int kRows>
constexpr size_t kPrepareBytes = static_cast<size_t>(2 * MmaTile<kRows>::Bytes(kChunk));
template <int kRows>
constexpr size_t kShared = kFixedShared +
                           std::max({kPrepareBytes<kRows>, StatePassShape<kRows>::kBytes, StateGatherShape<kRows>::kBytes});

template <int kRows, bool kBackward>
void Pass(cudaStream_t stream, const Documents& documents, const StateMma& p, const Lines<const bf16>& in,
          const Lines<bf16>& to) {
  const dim3 blocks{GridSize(documents.count * p.heads * p.slices())};
  Launch(StateMmaPassKernel<kRows, kBackward>, blocks, kMmaThreads, StatePassShape<kRows>::kBytes, stream, p, in, to);
}

template <int kRows>
void Forward(cudaStream_t stream, const Documents& documents, const StateMma& p, const Lines<bf16>& y) {
  ListChunks(stream, documents, const_cast<ChunkPlace*>(p.table), const_cast<int*>(p.firsts));
  const dim3 chunks{GridSize(CountChunks(documents)), static_cast<unsigned>(p.groups)};
  Launch(StateMmaPrepareKernel<kRows>, chunks, kMmaThreads, kPrepareBytes<kRows>, stream, p);
  Pass<kRows, false>(stream, documents, p, p.x, y);
}

// The gradients of d by chunk come last.
size_t BytesOf(const auto& a, bool backward) {
  Pieces pieces(nullptr);
  PlacesOf(a, backward, pieces);
  if (backward) pieces.Take<float>(a.tokens * a.heads);
  return pieces.taken();
}

}  // namespace

size_t StateMmaShared(int64_t state_dim) { return PaddedRows(state_dim) == 64 ? kShared<64> : kShared<128>; }

size_t StateMmaBytes(const StateSpaceArgs& a) { return BytesOf(a, false); }
size_t StateMmaBackwardBytes(const StateSpaceBackwardArgs& a) { return BytesOf(a, true); }

void StateMmaSpace(cudaStream_t stream, const StateSpaceArgs& a, void* scratch) {
  ForRows(a, [&]<int kRows>() {
    Pieces pieces(scratch);
    Forward<kRows>(stream, a.documents, PlacesOf(a, false, pieces), Lines<bf16>(a.y, a.heads, a.head_dim));
  });
  CheckLaunch("StateSpace");
}

void StateMmaSpaceBackward(cudaStream_t stream, const StateSpaceBackwardArgs& a, void* scratch) {
  const int64_t chunks = CountChunks(a.documents);
  float* parts = nullptr;
  ForRows(a, [&]<int kRows>() {
    Pieces pieces(scratch);
    const StateMma p = PlacesOf(a, true, pieces);
    parts = pieces.Take<float>(a.tokens * a.heads);
    Forward<kRows>(stream, a.documents, p, Lines<bf16>(View{}, a.heads, a.head_dim));
    const Lines<const bf16> dy(a.dy, a.heads, a.head_dim);
    Pass<kRows, true>(stream, a.documents, p, dy, Lines<bf16>(a.dx, a.heads, a.head_dim));
    const StateMmaGradients g{
        dy, Lines<bf16>(a.db, a.groups, a.state_dim), Lines<bf16>(a.dc, a.groups, a.state_dim), a.dg, a.dstep, parts};
    const dim3 grid{GridSize(chunks), static_cast<unsigned>(a.groups)};
    Launch(StateMmaGatherKernel<kRows>, grid, kGatherThreads, StateGatherShape<kRows>::kBytes, stream, p, g);
  });
  AddGradientOfD(stream, a, parts, chunks);
  CheckLaunch("StateSpaceBackward");
}

}  // namespace hlm::cuda
