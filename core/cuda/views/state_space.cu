#include "core/cuda/views/state_space.cuh"

#include <algorithm>

#include "core/cuda/kernels.h"
#include "core/cuda/shared_memory.h"
#include "core/cuda/views/pieces.cuh"
#include "core/cuda/views/state_any.h"
#include "core/cuda/views/state_d.h"
#include "core/cuda/views/state_mma.h"

namespace hlm::cuda {
namespace {

// Rows of a state to which this file's kernels pad.
constexpr int64_t kSmallStateDim = 32, kNarrowStateDim = 128, kWideStateDim = 256;
static_assert(SumsFit<kNarrowStateDim>() && !SumsFit<kWideStateDim>());

template <class T>
StatePlaces<T> PlacesOf(const auto& a, bool backward, Pieces& pieces) {
  StatePlaces<T> p{.sizes = {static_cast<int>(a.heads), static_cast<int>(a.groups), static_cast<int>(a.head_dim),
                             static_cast<int>(a.state_dim)},
                   .x = Lines<const T>(a.x, a.heads, a.head_dim),
                   .b = Lines<const T>(a.b, a.groups, a.state_dim),
                   .c = Lines<const T>(a.c, a.groups, a.state_dim),
                   .g = a.g,
                   .step = a.step,
                   .d = static_cast<const T*>(a.d),
                   .table = nullptr,
                   .firsts = nullptr,
                   .both = nullptr,
                   .states = nullptr,
                   .dstates = nullptr,
                   .db = nullptr,
                   .dc = nullptr};
  p.table = pieces.Take<ChunkPlace>(a.tokens);  // as many documents as tokens at most
  p.firsts = pieces.Take<int>(a.tokens + 1);
  p.both = pieces.Take<float>(a.tokens * a.groups * kChunk);
  if (!backward) return p;
  p.states = pieces.Take<T>(StateSlots(a.tokens) * a.heads * a.state_dim * a.head_dim);
  p.dstates = pieces.Take<T>(StateSlots(a.tokens) * a.heads * a.state_dim * a.head_dim);
  if (a.state_dim <= kNarrowStateDim) return p;
  p.db = pieces.Take<float>(a.tokens * a.groups * kWideStateDim);
  p.dc = pieces.Take<float>(a.tokens * a.groups * kWideStateDim);
  return p;
}

int64_t PaddedDim(DType type, int64_t state_dim) {
  if (type == DType::kBF16 || state_dim > kNarrowStateDim) return kWideStateDim;
  return state_dim <= kSmallStateDim ? kSmallStateDim : kNarrowStateDim;
}

// Shared memory that a block of this file's kernels needs, forward and backward, fixed arrays included.
template <int kRows>
constexpr size_t kTilesShared = kFixedShared + std::max({SharedBytes(BothFloats<kRows>()), SharedBytes(StatesFloats<kRows>()),
                                                         SharedBytes(SharedFloats<kRows>())});
size_t TilesShared(int64_t padded) {
  if (padded == kWideStateDim) return kTilesShared<kWideStateDim>;
  return padded == kNarrowStateDim ? kTilesShared<kNarrowStateDim> : kTilesShared<kSmallStateDim>;
}

// Which kernels take a call: those of this file; tensor cores; or those for any sizes, also where a block is lent too little for the others.
enum class Form { kTiles, kTensorCores, kAny };
Form FormOf(const auto& a, size_t shared) {
  if (a.type == DType::kBF16 && a.state_dim <= kMostMmaRows && StateMmaShared(a.state_dim) <= shared) return Form::kTensorCores;
  const bool tiles = a.state_dim <= kWideStateDim && TilesShared(PaddedDim(a.type, a.state_dim)) <= shared;
  return tiles ? Form::kTiles : Form::kAny;
}

// The gradients of d by chunk come last.
size_t BytesOf(const auto& a, bool backward) {
  Pieces pieces(nullptr);
  a.type == DType::kF32 ? static_cast<void>(PlacesOf<float>(a, backward, pieces))
                        : static_cast<void>(PlacesOf<bf16>(a, backward, pieces));
  if (backward) pieces.Take<float>(a.tokens * a.heads);
  return pieces.taken();
}

// launch.template operator()<T, kRows>() with room for state_dim.
template <class Launch>
void ForShape(const auto& a, const Launch& launch) {
  const int64_t padded = PaddedDim(a.type, a.state_dim);
  if (a.type == DType::kBF16) return launch.template operator()<bf16, kWideStateDim>();
  if (padded == kSmallStateDim) return launch.template operator()<float, kSmallStateDim>();
  if (padded == kNarrowStateDim) return launch.template operator()<float, kNarrowStateDim>();
  launch.template operator()<float, kWideStateDim>();
}

// The chunks of the documents, products of c and b, and the states forward.
template <class T, int kRows>
void Forward(cudaStream_t stream, const Documents& documents, const StatePlaces<T>& p, const Lines<T>& y) {
  ListChunks(stream, documents, const_cast<ChunkPlace*>(p.table), const_cast<int*>(p.firsts));
  const dim3 chunks{GridSize(CountChunks(documents)), static_cast<unsigned>(p.sizes.groups)};
  WithShared(BothKernel<kRows, T>, BothFloats<kRows>())<<<chunks, kChunkThreads, SharedBytes(BothFloats<kRows>()), stream>>>(p);
  const unsigned blocks = GridSize(documents.count * p.sizes.heads * p.sizes.slices());
  WithShared(StatesForwardKernel<kRows, T>,
             StatesFloats<kRows>())<<<blocks, kChunkThreads, SharedBytes(StatesFloats<kRows>()), stream>>>(p, y);
}

}  // namespace

size_t StateSpaceBytes(const StateSpaceArgs& a, size_t shared) {
  const Form form = FormOf(a, shared);
  return form == Form::kAny ? StateAnyBytes(a) : form == Form::kTensorCores ? StateMmaBytes(a) : BytesOf(a, false);
}

void StateSpace(cudaStream_t stream, const StateSpaceArgs& a, size_t shared, void* scratch) {
  if (FormOf(a, shared) == Form::kAny) return StateAnySpace(stream, a, scratch);
  if (FormOf(a, shared) == Form::kTensorCores) return StateMmaSpace(stream, a, scratch);
  ForShape(a, [&]<class T, int kRows>() {
    Pieces pieces(scratch);
    const StatePlaces<T> p = PlacesOf<T>(a, false, pieces);
    Forward<T, kRows>(stream, a.documents, p, Lines<T>(a.y, a.heads, a.head_dim));
  });
  CheckLaunch("StateSpace");
}

size_t StateSpaceBackwardBytes(const StateSpaceBackwardArgs& a, size_t shared) {
  const Form form = FormOf(a, shared);
  return form == Form::kAny ? StateAnyBackwardBytes(a) : form == Form::kTensorCores ? StateMmaBackwardBytes(a) : BytesOf(a, true);
}

void StateSpaceBackward(cudaStream_t stream, const StateSpaceBackwardArgs& a, size_t shared, void* scratch) {
  if (FormOf(a, shared) == Form::kAny) return StateAnySpaceBackward(stream, a, scratch);
  if (FormOf(a, shared) == Form::kTensorCores) return StateMmaSpaceBackward(stream, a, scratch);
  const int64_t chunks = CountChunks(a.documents);
  float* parts = nullptr;
  ForShape(a, [&]<class T, int kRows>() {
    Pieces pieces(scratch);
    const StatePlaces<T> p = PlacesOf<T>(a, true, pieces);
    parts = pieces.Take<float>(a.tokens * a.heads);
    const StateGradients<T> g{Lines<const T>(a.dy, a.heads, a.head_dim),
                              Lines<T>(a.dx, a.heads, a.head_dim),
                              Lines<T>(a.db, a.groups, a.state_dim),
                              Lines<T>(a.dc, a.groups, a.state_dim),
                              a.dg,
                              a.dstep,
                              parts};
    Forward<T, kRows>(stream, a.documents, p, Lines<T>(View{}, a.heads, a.head_dim));
    const unsigned blocks = GridSize(a.documents.count * a.heads * p.sizes.slices());
    WithShared(StatesBackwardKernel<kRows, T>,
               StatesFloats<kRows>())<<<blocks, kChunkThreads, SharedBytes(StatesFloats<kRows>()), stream>>>(p, g);
    const dim3 grid{GridSize(chunks), static_cast<unsigned>(a.groups)};
    WithShared(StatesGatherKernel<kRows, T>,
               SharedFloats<kRows>())<<<grid, kChunkThreads, SharedBytes(SharedFloats<kRows>()), stream>>>(p, g);
  });
  AddGradientOfD(stream, a, parts, chunks);
  CheckLaunch("StateSpaceBackward");
}

}  // namespace hlm::cuda
