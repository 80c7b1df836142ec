// Products with a matrix for each block of channels: bf16 on tensor cores (block_linear_mma.cuh), fp32 by plain threads, of which a block has
// 64 x 64 of a head's result.
#include "core/cuda/kernels.h"
#include "core/cuda/partial_sums.h"
#include "core/cuda/vec.cuh"
#include "core/cuda/views/block_linear_mma.cuh"
#include "core/cuda/views/chunks.cuh"
#include "core/cuda/views/mma_rows.cuh"
#include "core/cuda/views/pieces.cuh"
#include "core/cuda/launch.cuh"

namespace hlm::cuda {
namespace {

constexpr int kSide = 64, kDepth = 32;
constexpr int64_t kMostSections = 128, kLeastRows = 64;
constexpr int kSumThreads = 128;

// A head's rows or its matrix. kTurned: the indices change places, so that neighbours in memory are those of the first.
template <bool kIsTurned>
struct Rows {
  static constexpr bool kTurned = kIsTurned;
  Lines<const float> lines;
  __device__ float operator()(int head, int i, int j) const { return kTurned ? lines.at(j, head)[i] : lines.at(i, head)[j]; }
};

// y = product + bias.
struct WithBias {
  const float* bias;
  int width;
  Lines<float> y;
  __device__ void operator()(int head, int row, int column, float product) const {
    y.at(row, head)[column] = bias[int64_t{head} * width + column] + product;
  }
};
struct WithBiasPair {
  const bf16* bias;
  int width;
  bool aligned;
  Lines<bf16> y;
  __device__ void operator()(int, int head, int row, int column, float first, float second) const {
    const bf16* more = bias + int64_t{head} * width + column;
    first += static_cast<float>(more[0]);
    if (column + 1 < width) second += static_cast<float>(more[1]);
    WriteTwo(y.at(row, head), column, width, aligned, first, second);
  }
};
// dx = product (+ addend).
struct WithAddend {
  Lines<const float> addend;
  Lines<float> dx;
  __device__ void operator()(int head, int row, int column, float product) const {
    dx.at(row, head)[column] = addend.data == nullptr ? product : addend.at(row, head)[column] + product;
  }
};
struct WithAddendPair {
  Lines<const bf16> addend;
  int width;
  bool aligned;
  Lines<bf16> dx;
  __device__ void operator()(int, int head, int row, int column, float first, float second) const {
    if (addend.data != nullptr) {
      const bf16* more = addend.at(row, head) + column;
      first += static_cast<float>(more[0]);
      if (column + 1 < width) second += static_cast<float>(more[1]);
    }
    WriteTwo(dx.at(row, head), column, width, aligned, first, second);
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
// Sums of a section of tokens.
struct IntoParts {
  float* parts;
  int heads, width;
  __device__ void operator()(int section, int head, int row, int column, float first, float second) const {
    float* to = parts + ((int64_t{section} * heads + head) * width + row) * width + column;
    to[0] = first;
    if (column + 1 < width) to[1] = second;
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

// Of the gradient of w on tensor cores: sections of tokens, so that its tiles make a grid.
constexpr int64_t kWeightBlocks = 512, kLeastWeightRows = 256;
static_assert(kLeastWeightRows % kBlockDepth == 0);

int64_t WeightTiles(const BlockLinearBackwardArgs& a) {
  const int64_t side = CeilDiv(a.width, int64_t{kBlockSide});
  return side * side * a.heads;
}
RowChunks WeightSections(const BlockLinearBackwardArgs& a) {
  const int64_t most = std::max<int64_t>(1, kWeightBlocks / WeightTiles(a));
  const int64_t each = std::max(kLeastWeightRows, RoundUp(CeilDiv(a.tokens, most), kBlockDepth));
  return {CeilDiv(a.tokens, each), each};
}

struct Scratch {
  Pieces pieces;
  float *bias, *weight;

  // No fewer parts of w than there are; it does not fall when a dimension grows.
  Scratch(const BlockLinearBackwardArgs& a, void* data)
      : pieces(data), bias(pieces.Take<float>(std::min(kMostSections, a.tokens) * a.heads * a.width)), weight(nullptr) {
    if (a.type != DType::kBF16) return;
    const int64_t tiles = WeightTiles(a), most = std::max(kWeightBlocks, tiles);
    weight = pieces.Take<float>(std::min(most, CeilDiv(a.tokens, kLeastWeightRows) * tiles) * kBlockSide * kBlockSide);
  }
};

// Of heads, or of the heads' matrices, which lie as rows of one view.
template <class T>
Lines<const T> MatricesOf(const void* w, int64_t width) {
  return Lines<const T>(View{w, width, width * width}, 1, width);
}
BlockOperand OperandOf(const Lines<const bf16>& lines, int64_t rows, int64_t columns) {
  return {lines, static_cast<int>(rows), static_cast<int>(columns), columns % 8 == 0 && lines.InStepsOf(8)};
}
// Whether two neighbours can be written at once.
bool InPairs(const Lines<bf16>& lines, int64_t width) { return width % 2 == 0 && lines.InStepsOf(2); }

void BackwardByThreads(cudaStream_t stream, const BlockLinearBackwardArgs& a) {
  const int width = static_cast<int>(a.width);
  const Lines<const float> dy(a.dy, a.heads, a.width);
  Run(stream, a.heads, a.width, a.width, a.tokens, Rows<true>{Lines<const float>(a.x, a.heads, a.width)}, Rows<false>{dy},
      IntoFloats{a.dw, width, a.accumulate});
  Run(stream, a.heads, a.tokens, a.width, a.width, Rows<false>{dy}, Rows<true>{MatricesOf<float>(a.w, a.width)},
      WithAddend{Lines<const float>(a.addend, a.heads, a.width), Lines<float>(a.dx, a.heads, a.width)});
}
void BackwardOnTensorCores(cudaStream_t stream, const BlockLinearBackwardArgs& a, float* parts) {
  const int width = static_cast<int>(a.width);
  const BlockOperand x = OperandOf(Lines<const bf16>(a.x, a.heads, a.width), a.tokens, a.width);
  const BlockOperand dy = OperandOf(Lines<const bf16>(a.dy, a.heads, a.width), a.tokens, a.width);
  const BlockOperand w = OperandOf(MatricesOf<bf16>(a.w, a.width), a.width, a.width);
  const RowChunks sections = WeightSections(a);
  RunBlockMma<true, false>(stream, a.heads, a.width, a.width, a.tokens, sections.rows, x, dy,
                           IntoParts{parts, static_cast<int>(a.heads), width});
  const int64_t numbers = a.heads * a.width * a.width;
  AddPartialSums(stream, {parts, sections.count, numbers, a.accumulate, a.dw, nullptr, numbers});
  const Lines<bf16> dx(a.dx, a.heads, a.width);
  RunBlockMma<false, true>(stream, a.heads, a.tokens, a.width, a.width, a.width, dy, w,
                           WithAddendPair{Lines<const bf16>(a.addend, a.heads, a.width), width, InPairs(dx, a.width), dx});
}

}  // namespace

void BlockLinear(cudaStream_t stream, const BlockLinearArgs& a) {
  const int width = static_cast<int>(a.width);
  if (a.type == DType::kBF16) {
    const Lines<bf16> y(a.y, a.heads, a.width);
    RunBlockMma<false, false>(stream, a.heads, a.tokens, a.width, a.width, a.width,
                              OperandOf(Lines<const bf16>(a.x, a.heads, a.width), a.tokens, a.width),
                              OperandOf(MatricesOf<bf16>(a.w, a.width), a.width, a.width),
                              WithBiasPair{static_cast<const bf16*>(a.bias), width, InPairs(y, a.width), y});
  } else {
    Run(stream, a.heads, a.tokens, a.width, a.width, Rows<false>{Lines<const float>(a.x, a.heads, a.width)},
        Rows<false>{MatricesOf<float>(a.w, a.width)},
        WithBias{static_cast<const float*>(a.bias), width, Lines<float>(a.y, a.heads, a.width)});
  }
  CheckLaunch("BlockLinear");
}

size_t BlockLinearBackwardBytes(const BlockLinearBackwardArgs& a) { return Scratch(a, nullptr).pieces.taken(); }

void BlockLinearBackward(cudaStream_t stream, const BlockLinearBackwardArgs& a, void* scratch) {
  const int width = static_cast<int>(a.width), columns = static_cast<int>(a.heads * a.width);
  const RowChunks sections = CutRows(a.tokens, kMostSections, kLeastRows);
  const Scratch s(a, scratch);
  ForType(a.type, [&]<class T>() {
    Launch(BlockBiasKernel<T>,
           dim3(GridSize(CeilDiv(int64_t{columns}, int64_t{kSumThreads})), static_cast<unsigned>(sections.count)), kSumThreads, 0,
           stream, Lines<const T>(a.dy, a.heads, a.width), a.tokens, sections.rows, columns, width, s.bias);
  });
  a.type == DType::kBF16 ? BackwardOnTensorCores(stream, a, s.weight) : BackwardByThreads(stream, a);
  AddPartialSums(stream, {s.bias, sections.count, columns, a.accumulate, a.dbias, nullptr, columns});
  CheckLaunch("BlockLinearBackward");
}

}  // namespace hlm::cuda
