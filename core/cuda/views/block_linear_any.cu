// Products with a matrix for each block of channels, in fp32 whatever the type: a block of threads has 64 x 64 of a head's result.
#include "core/cuda/kernels.h"
#include "core/cuda/partial_sums.h"
#include "core/cuda/vec.cuh"
#include "core/cuda/views/chunks.cuh"
#include "core/cuda/views/pieces.cuh"
#include "core/cuda/launch.cuh"

namespace hlm::cuda {
namespace {

constexpr int kSide = 64, kDepth = 32;
constexpr int64_t kMostSections = 128, kLeastRows = 64;
constexpr int kSumThreads = 128;

// A head's rows, and a dense matrix of a head. kTurned: the indices change places, so that neighbours in memory are those of the first.
template <class T, bool kIsTurned>
struct Rows {
  static constexpr bool kTurned = kIsTurned;
  Lines<const T> lines;
  __device__ float operator()(int head, int i, int j) const {
    return static_cast<float>(kTurned ? lines.at(j, head)[i] : lines.at(i, head)[j]);
  }
};
template <class T, bool kIsTurned>
struct Matrix {
  static constexpr bool kTurned = kIsTurned;
  const T* w;
  int width;
  __device__ float operator()(int head, int i, int j) const {
    const int row = kTurned ? j : i, column = kTurned ? i : j;
    return static_cast<float>(w[(int64_t{head} * width + row) * width + column]);
  }
};

// y = product + bias.
template <class T>
struct WithBias {
  const T* bias;
  int width;
  Lines<T> y;
  __device__ void operator()(int head, int row, int column, float product) const {
    y.at(row, head)[column] = static_cast<T>(static_cast<float>(bias[int64_t{head} * width + column]) + product);
  }
};
// dx = product (+ addend).
template <class T>
struct WithAddend {
  Lines<const T> addend;
  Lines<T> dx;
  __device__ void operator()(int head, int row, int column, float product) const {
    const float more = addend.data == nullptr ? 0.0f : static_cast<float>(addend.at(row, head)[column]);
    dx.at(row, head)[column] = static_cast<T>(more + product);
  }
};
struct IntoFloats {
  float* dw;
  int width;
  bool accumulate;
  __device__ void operator()(int head, int row, int column, float product) const {
    float& to = dw[(int64_t{head} * width + row) * width + column];
    to = accumulate ? to + product : product;
  }
};

// store(head, row, column, sum over k of a(head, row, k) b(head, k, column)). Blocks are (tiles of the result, heads).
template <class A, class B, class Store>
__global__ void __launch_bounds__(kChunkThreads) BlockProductKernel(int rows, int columns, int depth, A a, B b, Store store) {
  __shared__ float left[kSide * (kDepth + 1)], right[kDepth * (kSide + 1)];
  const int across = (columns + kSide - 1) / kSide, head = static_cast<int>(blockIdx.y);
  const int row = static_cast<int>(blockIdx.x) / across * kSide, column = static_cast<int>(blockIdx.x) % across * kSide;
  float sums[kSide / 16][kSide / 16] = {};
  for (int k = 0; k < depth; k += kDepth) {
    for (int i = static_cast<int>(threadIdx.x); i < kSide * kDepth; i += kChunkThreads) {
      const int r = A::kTurned ? i % kSide : i / kDepth, at = A::kTurned ? i / kSide : i % kDepth;
      left[r * (kDepth + 1) + at] = row + r < rows && k + at < depth ? a(head, row + r, k + at) : 0.0f;
    }
    for (int i = static_cast<int>(threadIdx.x); i < kDepth * kSide; i += kChunkThreads) {
      const int at = B::kTurned ? i % kDepth : i / kSide, c = B::kTurned ? i / kDepth : i % kSide;
      right[at * (kSide + 1) + c] = k + at < depth && column + c < columns ? b(head, k + at, column + c) : 0.0f;
    }
    __syncthreads();
    Multiply<kSide, kSide>(
        kDepth, [&](int r, int at) { return left[r * (kDepth + 1) + at]; },
        [&](int at, int c) { return right[at * (kSide + 1) + c]; }, sums);
    __syncthreads();
  }
  ForResult<kSide, kSide>(sums, [&](int r, int c, float sum) {
    if (row + r < rows && column + c < columns) store(head, row + r, column + c, sum);
  });
}

template <class A, class B, class Store>
void Run(cudaStream_t stream, int64_t heads, int64_t rows, int64_t columns, int64_t depth, const A& a, const B& b,
         const Store& store) {
  const dim3 grid(GridSize(CeilDiv(rows, int64_t{kSide}) * CeilDiv(columns, int64_t{kSide})), static_cast<unsigned>(heads));
  Launch(BlockProductKernel<A, B, Store>, grid, kChunkThreads, 0, stream, static_cast<int>(rows), static_cast<int>(columns),
         static_cast<int>(depth), a, b, store);
}

// Sums of a section's rows; a thread has a column. Blocks are (columns, sections).
template <class T>
__global__ void __launch_bounds__(kSumThreads)
    BlockBiasKernel(Lines<const T> dy, int64_t tokens, int64_t each, int columns, int width, float* sums) {
  const int column = static_cast<int>(blockIdx.x) * kSumThreads + static_cast<int>(threadIdx.x);
  if (column >= columns) return;
  const int64_t begin = blockIdx.y * each, end = min(tokens, begin + each);
  float sum = 0;
  for (int64_t t = begin; t < end; ++t) sum += static_cast<float>(dy.at(t, column / width)[column % width]);
  sums[int64_t{blockIdx.y} * columns + column] = sum;
}

}  // namespace

void BlockLinear(cudaStream_t stream, const BlockLinearArgs& a) {
  const int width = static_cast<int>(a.width);
  ForType(a.type, [&]<class T>() {
    Run(stream, a.heads, a.tokens, a.width, a.width, Rows<T, false>{Lines<const T>(a.x, a.heads, a.width)},
        Matrix<T, false>{static_cast<const T*>(a.w), width},
        WithBias<T>{static_cast<const T*>(a.bias), width, Lines<T>(a.y, a.heads, a.width)});
  });
  CheckLaunch("BlockLinear");
}

size_t BlockLinearBackwardBytes(const BlockLinearBackwardArgs& a) {
  return static_cast<size_t>(std::min(kMostSections, a.tokens) * a.heads * a.width) * sizeof(float);
}

void BlockLinearBackward(cudaStream_t stream, const BlockLinearBackwardArgs& a, void* scratch) {
  const int width = static_cast<int>(a.width), columns = static_cast<int>(a.heads * a.width);
  const RowChunks sections = CutRows(a.tokens, kMostSections, kLeastRows);
  auto* sums = static_cast<float*>(scratch);
  ForType(a.type, [&]<class T>() {
    const Lines<const T> dy(a.dy, a.heads, a.width);
    Run(stream, a.heads, a.width, a.width, a.tokens, Rows<T, true>{Lines<const T>(a.x, a.heads, a.width)}, Rows<T, false>{dy},
        IntoFloats{a.dw, width, a.accumulate});
    Launch(BlockBiasKernel<T>,
           dim3(GridSize(CeilDiv(int64_t{columns}, int64_t{kSumThreads})), static_cast<unsigned>(sections.count)), kSumThreads, 0,
           stream, dy, a.tokens, sections.rows, columns, width, sums);
    Run(stream, a.heads, a.tokens, a.width, a.width, Rows<T, false>{dy}, Matrix<T, true>{static_cast<const T*>(a.w), width},
        WithAddend<T>{Lines<const T>(a.addend, a.heads, a.width), Lines<T>(a.dx, a.heads, a.width)});
  });
  AddPartialSums(stream, {sums, sections.count, columns, a.accumulate, a.dbias, nullptr, columns});
  CheckLaunch("BlockLinearBackward");
}

}  // namespace hlm::cuda
