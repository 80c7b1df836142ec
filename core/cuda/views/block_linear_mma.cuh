// Products with a matrix for each block of channels in bf16 on the tensor cores, sums in fp32: a block of threads has 128 x 128 of a
// head's result, and tiles of both operands are on their way while it computes.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_BLOCK_LINEAR_MMA_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_BLOCK_LINEAR_MMA_CUH_

#include "core/cuda/launch.cuh"
#include "core/cuda/mma.cuh"
#include "core/cuda/views/lines.cuh"

namespace hlm::cuda {

inline constexpr int kBlockThreads = 256, kBlockSide = 128, kBlockDepth = 32, kBlockStages = 3;
inline constexpr int kBlockRows = 32, kBlockColumns = 64;  // of a warp

// One operand as it lies in memory: a head's matrix of rows x columns. aligned: every row is whole steps of 16 bytes.
struct BlockOperand {
  Lines<const bf16> lines;
  int rows, columns;
  bool aligned;
};

// A place for an operand's tile: [side, depth], or turned, [depth, side].
template <bool kTurned>
struct BlockTile {
  static constexpr int kRows = kTurned ? kBlockDepth : kBlockSide, kColumns = kTurned ? kBlockSide : kBlockDepth;
  static constexpr int kBytes = MmaTile<kColumns>::Bytes(kRows);

  // Sends the tile at `side` and `depth` on its way; zeros where nothing is. Of the depth, what lies before `end` counts.
  __device__ static void Send(const BlockOperand& from, int head, int side, int depth, int end, const MmaTile<kColumns>& to) {
    const int first = kTurned ? depth : side, column = kTurned ? side : depth;
    const int rows = kTurned ? end : from.rows, columns = kTurned ? from.columns : end;
    for (int i = static_cast<int>(threadIdx.x); i < kRows * kColumns / 8; i += kBlockThreads) {
      const int row = i / (kColumns / 8), c = i % (kColumns / 8) * 8;
      const bool there = first + row < rows && column + c < columns;
      const bf16* x = from.lines.at(there ? first + row : 0, head) + (there ? column + c : 0);
      if (from.aligned) {
        CopyAhead(to.at(row, c), x, there);
      } else {
        for (int e = 0; e < 8; ++e) *to.at(row, c + e) = there && column + c + e < columns ? x[e] : static_cast<bf16>(0.0f);
      }
    }
  }
};

// kTurnedA: a lies as [depth, rows]. kTurnedB: b lies as [columns, depth].
template <bool kTurnedA, bool kTurnedB>
struct BlockShape {
  using A = BlockTile<kTurnedA>;
  using B = BlockTile<!kTurnedB>;
  static constexpr int kStage = A::kBytes + B::kBytes;
  static constexpr size_t kBytes = size_t{kBlockStages} * kStage;
};

// store(section, head, row, column, two neighbours' sums over the section's depth). Blocks are (tiles of the result, heads, sections of
// `each` of the depth, whole tiles of it).
template <bool kTurnedA, bool kTurnedB, class Store>
__global__ void __launch_bounds__(kBlockThreads)
    BlockMmaKernel(int rows, int columns, int depth, int each, BlockOperand a, BlockOperand b, Store store) {
  using Shape = BlockShape<kTurnedA, kTurnedB>;
  using A = typename Shape::A;
  using B = typename Shape::B;
  const int across = (columns + kBlockSide - 1) / kBlockSide, head = static_cast<int>(blockIdx.y);
  const int row = static_cast<int>(blockIdx.x) / across * kBlockSide, column = static_cast<int>(blockIdx.x) % across * kBlockSide;
  const int begin = static_cast<int>(blockIdx.z) * each, end = min(depth, begin + each);
  unsigned char* const memory = DynamicShared();
  const auto left = [&](int turn) {
    return MmaTile<A::kColumns>{reinterpret_cast<bf16*>(memory + turn % kBlockStages * Shape::kStage)};
  };
  const auto right = [&](int turn) {
    return MmaTile<B::kColumns>{reinterpret_cast<bf16*>(memory + turn % kBlockStages * Shape::kStage + A::kBytes)};
  };
  const auto send = [&](int turn) {
    const int at = begin + turn * kBlockDepth;
    if (at < end) {
      A::Send(a, head, row, at, end, left(turn));
      B::Send(b, head, column, at, end, right(turn));
    }
    CloseCopies();
  };
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int own_row = warp % (kBlockSide / kBlockRows) * kBlockRows,
            own_column = warp / (kBlockSide / kBlockRows) * kBlockColumns;
  MmaSums<kBlockRows / 16, kBlockColumns / 8> sums;
  sums.Clear();
  for (int turn = 0; turn + 1 < kBlockStages; ++turn) send(turn);
  for (int turn = 0; begin + turn * kBlockDepth < end; ++turn) {
    AwaitCopies<kBlockStages - 2>();
    __syncthreads();  // the tile is there, and nobody reads the one that the next takes the place of
    send(turn + kBlockStages - 1);
    sums.template Add<kTurnedA ? Lies::kTransposed : Lies::kStraight, kTurnedB ? Lies::kTransposed : Lies::kStraight>(
        left(turn), right(turn), own_row, own_column, 0, kBlockDepth);
  }
  sums.ForPairs(row + own_row, column + own_column, [&](int r, int c, float first, float second) {
    if (r < rows && c < columns) store(static_cast<int>(blockIdx.z), head, r, c, first, second);
  });
}

// each: of the depth; a multiple of kBlockDepth where there are several sections.
template <bool kTurnedA, bool kTurnedB, class Store>
void RunBlockMma(cudaStream_t stream, int64_t heads, int64_t rows, int64_t columns, int64_t depth, int64_t each,
                 const BlockOperand& a, const BlockOperand& b, const Store& store) {
  const dim3 grid(GridSize(CeilDiv(rows, int64_t{kBlockSide}) * CeilDiv(columns, int64_t{kBlockSide})),
                  static_cast<unsigned>(heads), static_cast<unsigned>(CeilDiv(depth, each)));
  Launch(BlockMmaKernel<kTurnedA, kTurnedB, Store>, grid, kBlockThreads, BlockShape<kTurnedA, kTurnedB>::kBytes, stream,
         static_cast<int>(rows), static_cast<int>(columns), static_cast<int>(depth), static_cast<int>(each), a, b, store);
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_BLOCK_LINEAR_MMA_CUH_
