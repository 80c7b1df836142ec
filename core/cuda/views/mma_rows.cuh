// What the recurrences' kernels on tensor cores share: rows of a chunk on their way to tiles, pairs of elements, sums over a chunk's
// tokens by a warp.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_MMA_ROWS_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_MMA_ROWS_CUH_

#include "core/cuda/mma.cuh"
#include "core/cuda/views/chunks.cuh"

namespace hlm::cuda {

inline constexpr int kMmaThreads = 128;     // a warp for each 16 rows of a chunk
inline constexpr int kGatherThreads = 256;  // two of them, for halves of the columns
inline constexpr int kGatherSlice = 2 * kSlice;

// Columns [column, column + kColumns) of a head's rows of the chunk on their way to a tile; zeros beyond what is there.
template <int kColumns, int kThreads>
__device__ void SendRows(const Lines<const bf16>& from, const ChunkPlace& place, int head, int column, int width, bool aligned,
                         const MmaTile<kColumns>& to) {
  for (int i = static_cast<int>(threadIdx.x); i < kChunk * kColumns / 8; i += kThreads) {
    const int row = i / (kColumns / 8), c = i % (kColumns / 8) * 8;
    const bool there = row < place.rows && column + c < width;
    const bf16* x = from.at(place.first + (there ? row : 0), head) + (there ? column + c : 0);
    if (aligned) {
      CopyAhead(to.at(row, c), x, there);
    } else {
      for (int e = 0; e < 8; ++e) *to.at(row, c + e) = there && column + c + e < width ? x[e] : static_cast<bf16>(0.0f);
    }
  }
}
// The same for rows of the workspace that lie `distance` apart, by token, the chunk's first one at `from`.
template <int kColumns, int kThreads>
__device__ void SendOwn(const bf16* from, int64_t distance, int rows, const MmaTile<kColumns>& to) {
  for (int i = static_cast<int>(threadIdx.x); i < kChunk * kColumns / 8; i += kThreads) {
    const int row = i / (kColumns / 8), c = i % (kColumns / 8) * 8;
    CopyAhead(to.at(row, c), from + (row < rows ? row * distance + c : 0), row < rows);
  }
}

// Two neighbouring elements of a head's row, as many as there are.
__device__ inline void WriteTwo(bf16* row, int column, int width, bool aligned, float a, float b) {
  if (aligned) {
    if (column < width) *reinterpret_cast<__nv_bfloat162*>(row + column) = __floats2bfloat162_rn(a, b);
    return;
  }
  if (column < width) row[column] = static_cast<bf16>(a);
  if (column + 1 < width) row[column + 1] = static_cast<bf16>(b);
}
__device__ inline float2 ReadTwo(const bf16* at) {
  uint32_t bits = 0;
  memcpy(&bits, at, sizeof(bits));
  return {__uint_as_float(bits << 16), __uint_as_float(bits & 0xffff0000u)};
}

// A slice of a state, as a chunk begins (or, backward, ends) with it.
template <int kKeys>
__device__ void StoreSlice(const MmaTile<kSlice>& from, bf16* to) {
  for (int i = static_cast<int>(threadIdx.x); i < kKeys * kSlice / 8; i += kMmaThreads) {
    *reinterpret_cast<uint4*>(to + 8 * i) = *reinterpret_cast<const uint4*>(from.at(i / (kSlice / 8), i % (kSlice / 8) * 8));
  }
}
template <int kKeys>
__device__ void ClearSlice(const MmaTile<kSlice>& state) {
  for (int i = static_cast<int>(threadIdx.x); i < MmaTile<kSlice>::Bytes(kKeys) / 4; i += kMmaThreads) {
    reinterpret_cast<uint32_t*>(state.data)[i] = 0;
  }
}

// Slices `slice` and the next of a state side by side on their way to a tile, `from(slice)` each; zeros from slice `slices` on. any: an
// address that may be read, for those.
template <int kRows, class From>
__device__ void SendTwoSlices(const bf16* any, const From& from, int slice, int slices, const MmaTile<kGatherSlice>& to) {
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kGatherSlice / 8; i += kGatherThreads) {
    const int row = i / (kGatherSlice / 8), column = i % (kGatherSlice / 8) * 8, own = slice + column / kSlice;
    const bool there = own < slices;
    CopyAhead(to.at(row, column), there ? from(own) + row * kSlice + column % kSlice : any, there);
  }
}

// Sums of g from the chunk's begin, in double, up to the lane's two tokens, 2 lane and the next; returns the sum of all. All lanes of a
// warp must call it. g: of the chunk's first token and the head.
__device__ inline double TwoSumsOfGates(const float* g, int64_t stride, int rows, double (&sums)[2]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp, at = 2 * lane;
  const double first = at < rows ? static_cast<double>(g[at * stride]) : 0.0;
  const double second = at + 1 < rows ? static_cast<double>(g[(at + 1) * stride]) : 0.0;
  double sum = first + second;
#pragma unroll
  for (int step = 1; step < kWarp; step *= 2) {
    const double before = __shfl_up_sync(kAllLanes, sum, step);
    if (lane >= step) sum += before;
  }
  double before = __shfl_up_sync(kAllLanes, sum, 1);
  if (lane == 0) before = 0;
  sums[0] = before + first;
  sums[1] = before + first + second;
  return __shfl_sync(kAllLanes, sums[1], kWarp - 1);
}

// from[e]: the sum of `own` of all tokens from the lane's 2 lane + e on, and `more`. All lanes of a warp must call it.
__device__ inline void SumsFromEachOn(const float (&own)[2], double more, double (&from)[2]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const double both = static_cast<double>(own[0]) + static_cast<double>(own[1]);
  double sum = both;
#pragma unroll
  for (int step = 1; step < kWarp; step *= 2) {
    const double before = __shfl_up_sync(kAllLanes, sum, step);
    if (lane >= step) sum += before;
  }
  from[0] = __shfl_sync(kAllLanes, sum, kWarp - 1) - (sum - both) + more;
  from[1] = from[0] - static_cast<double>(own[0]);
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_MMA_ROWS_CUH_
