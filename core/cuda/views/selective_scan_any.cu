// Mamba's selective scan: which shape of kernel, its launches, its workspace.
#include "core/cuda/kernels.h"
#include "core/cuda/partial_sums.h"
#include "core/cuda/shared_memory.h"
#include "core/cuda/views/pieces.cuh"
#include "core/cuda/views/selective_scan.cuh"

namespace hlm::cuda {
namespace {

constexpr int kSumThreads = 256;

// States up to 16, 128 and 512 numbers.
using Narrow = ScanShape<4, 4, kSelectiveTile, 5, 3>;
using Middle = ScanShape<4, 32, kSelectiveTile, 4, 2>;
using Wide = ScanShape<1, 32, 1, 2, 2>;

template <class Run>
void ForShape(int64_t state_dim, const Run& run) {
  CheckSelectiveScan(state_dim);
  if (state_dim <= Narrow::kWidth) {
    run.template operator()<Narrow>();
  } else if (state_dim <= Middle::kWidth) {
    run.template operator()<Middle>();
  } else {
    run.template operator()<Wide>();
  }
}
template <class S>
int64_t BlocksOf(int64_t channels) {
  static_assert(std::max(S::kForward, S::kBackward) * sizeof(float) <= kLeastShared);
  return CeilDiv(channels, int64_t{S::kEach});
}

template <class T>
SelectivePlaces<T> PlacesOf(const auto& a) {
  return {static_cast<int>(a.channels),
          static_cast<int>(a.state_dim),
          Lines<const T>(a.x, 1, a.channels),
          Lines<const T>(a.dt, 1, a.channels),
          Lines<const T>(a.b, 1, a.state_dim),
          Lines<const T>(a.c, 1, a.state_dim),
          static_cast<const T*>(a.a_log),
          static_cast<const T*>(a.dt_bias),
          static_cast<const T*>(a.d),
          a.documents.offsets,
          a.documents.count};
}

// Adds the blocks' sums, in order: a thread has one number of one token.
template <class T>
__global__ void __launch_bounds__(kSumThreads)
    AddBlocksKernel(const float* parts, int64_t blocks, int64_t tokens, int state_dim, Lines<T> db, Lines<T> dc) {
  const int64_t at = int64_t{blockIdx.x} * kSumThreads + threadIdx.x, each = tokens * state_dim;
  if (at >= 2 * each) return;
  const int64_t of_c = at >= each ? 1 : 0, number = at - of_c * each;
  float sum = 0;
  for (int64_t block = 0; block < blocks; ++block) sum += parts[(of_c * blocks + block) * each + number];
  (of_c != 0 ? dc : db).at(number / state_dim, 0)[number % state_dim] = static_cast<T>(sum);
}

// The workspace of a backward pass.
template <class S>
struct Scratch {
  int64_t blocks;
  Pieces pieces;
  float *starts, *shared, *of_a_log, *of_rest;

  Scratch(const SelectiveScanBackwardArgs& a, void* data)
      : blocks(BlocksOf<S>(a.channels)),
        pieces(data),
        starts(pieces.Take<float>((a.tokens / kSelectiveTile + 1) * blocks * S::kKept)),
        shared(pieces.Take<float>(2 * blocks * a.tokens * a.state_dim)),
        of_a_log(pieces.Take<float>(MostScanUnits(blocks, a.tokens) * S::kKept)),
        of_rest(pieces.Take<float>(MostScanUnits(blocks, a.tokens) * 2 * kSelectiveThreads)) {}
};

template <class T, class S, bool kStarts>
void Forward(cudaStream_t stream, const auto& a, const SelectivePlaces<T>& p, const Lines<T>& y, float* starts) {
  Launch(SelectiveScanKernel<T, S, kStarts>, ScanGrid(BlocksOf<S>(a.channels), a.documents.count), kSelectiveThreads,
         SharedBytes(S::kForward), stream, p, y, starts);
}

}  // namespace

void CheckSelectiveScan(int64_t state_dim) {
  if (state_dim <= Wide::kWidth) return;
  throw Unimplemented("a selective scan with states of ", state_dim, "; device cuda takes at most ", Wide::kWidth,
                      ", device cpu takes any");
}

void SelectiveScan(cudaStream_t stream, const SelectiveScanArgs& a) {
  ForType(a.type, [&]<class T>() {
    ForShape(a.state_dim,
             [&]<class S>() { Forward<T, S, false>(stream, a, PlacesOf<T>(a), Lines<T>(a.y, 1, a.channels), nullptr); });
  });
  CheckLaunch("SelectiveScan");
}

size_t SelectiveScanBackwardBytes(const SelectiveScanBackwardArgs& a) {
  size_t bytes = 0;
  ForShape(a.state_dim, [&]<class S>() { bytes = Scratch<S>(a, nullptr).pieces.taken(); });
  return bytes;
}

void SelectiveScanBackward(cudaStream_t stream, const SelectiveScanBackwardArgs& a, void* scratch) {
  ForType(a.type, [&]<class T>() {
    ForShape(a.state_dim, [&]<class S>() {
      const SelectivePlaces<T> p = PlacesOf<T>(a);
      const Scratch<S> s(a, scratch);
      const int64_t sections = ScanSections(s.blocks, a.documents.count);
      Forward<T, S, true>(stream, a, p, Lines<T>(View{}, 1, a.channels), s.starts);
      const SelectiveGradients<T> g{Lines<const T>(a.dy, 1, a.channels),
                                    Lines<T>(a.dx, 1, a.channels),
                                    Lines<T>(a.ddt, 1, a.channels),
                                    s.shared,
                                    s.of_a_log,
                                    s.of_rest,
                                    a.tokens};
      Launch(SelectiveBackwardKernel<T, S>, dim3(static_cast<unsigned>(s.blocks), static_cast<unsigned>(sections)),
             kSelectiveThreads, SharedBytes(S::kBackward), stream, p, g, s.starts);
      Launch(AddBlocksKernel<T>, dim3(GridSize(CeilDiv(2 * a.tokens * a.state_dim, int64_t{kSumThreads}))), kSumThreads, 0,
             stream, static_cast<const float*>(s.shared), s.blocks, a.tokens, static_cast<int>(a.state_dim),
             Lines<T>(a.db, 1, a.state_dim), Lines<T>(a.dc, 1, a.state_dim));
      const int64_t numbers = a.channels * a.state_dim;
      AddPartialSums(stream, {s.of_a_log, sections, numbers, a.accumulate, a.da_log, nullptr, numbers});
      AddPartialSums(stream, {s.of_rest, sections, 2 * a.channels, a.accumulate, a.ddt_bias, a.dd, a.channels});
    });
  });
  CheckLaunch("SelectiveScanBackward");
}

}  // namespace hlm::cuda
