// Chunks of 64 tokens within documents, and products of tiles in shared memory, for recurrences.
#ifndef HORIZON_LM_CORE_CUDA_VIEWS_CHUNKS_CUH_
#define HORIZON_LM_CORE_CUDA_VIEWS_CHUNKS_CUH_

#include "core/cuda/check.h"
#include "core/cuda/views/lines.cuh"
#include "core/device/args/attention.h"

namespace hlm::cuda {

inline constexpr int kChunk = 64;          // tokens
inline constexpr int kChunkThreads = 256;  // 16 rows of 16
inline constexpr int kSlice = 32;          // columns of a state that a block has at a time

// A chunk of a document: its first token, how many, and whether a chunk of the document lies before it or behind it.
struct ChunkPlace {
  int first, rows;
  int before, behind;
};

// How many chunks these documents have.
int64_t CountChunks(const Documents& documents);
// Writes them to `table`, in order, and to `firsts` [count + 1] the number of each document's first.
void ListChunks(cudaStream_t stream, const Documents& documents, ChunkPlace* table, int* firsts);

// States before chunks that are not their document's first, and behind chunks that are not its last: those chunks are whole or
// stand behind whole ones, so a token's number over 64 tells them apart.
__host__ __device__ inline int64_t StateSlots(int64_t tokens) { return tokens / kChunk + 1; }

// acc += a b for [M, N] = [M, K] [K, N]: a thread has the rows ty + 16 i and the columns tx + 16 j of the result. a(row, k) and
// b(k, column) read shared memory.
template <int M, int N, class A, class B>
__device__ void Multiply(int depth, const A& a, const B& b, float (&acc)[M / 16][N / 16]) {
  const int ty = static_cast<int>(threadIdx.x) / 16, tx = static_cast<int>(threadIdx.x) % 16;
#pragma unroll 4
  for (int k = 0; k < depth; ++k) {
    float x[M / 16], y[N / 16];
#pragma unroll
    for (int i = 0; i < M / 16; ++i) x[i] = a(ty + 16 * i, k);
#pragma unroll
    for (int j = 0; j < N / 16; ++j) y[j] = b(k, tx + 16 * j);
#pragma unroll
    for (int i = 0; i < M / 16; ++i) {
#pragma unroll
      for (int j = 0; j < N / 16; ++j) acc[i][j] = fmaf(x[i], y[j], acc[i][j]);
    }
  }
}
// f(row, column, value) for the thread's part of such a result.
template <int M, int N, class F>
__device__ void ForResult(float (&acc)[M / 16][N / 16], const F& f) {
  const int ty = static_cast<int>(threadIdx.x) / 16, tx = static_cast<int>(threadIdx.x) % 16;
#pragma unroll
  for (int i = 0; i < M / 16; ++i) {
#pragma unroll
    for (int j = 0; j < N / 16; ++j) f(ty + 16 * i, tx + 16 * j, acc[i][j]);
  }
}

// Rows of floats in shared memory with an odd distance: columns are read as fast as rows.
template <int kColumns>
struct Tile {
  static constexpr int kStride = kColumns + 1;
  float* data;
  __device__ float& operator()(int row, int column) const { return data[row * kStride + column]; }
  __host__ __device__ static constexpr int Floats(int rows) { return rows * kStride; }
};

// to[rows, kColumns] = columns [column, column + width) of a head's rows of the chunk; zeros beyond what is there.
template <int kColumns, class T>
__device__ void LoadRows(const Lines<const T>& from, const ChunkPlace& place, int head, int column, int width,
                         const Tile<kColumns>& to) {
  for (int i = static_cast<int>(threadIdx.x); i < kChunk * kColumns; i += kChunkThreads) {
    const int row = i / kColumns, c = i % kColumns;
    const bool there = row < place.rows && column + c < width;
    to(row, c) = there ? static_cast<float>(from.at(place.first + row, head)[column + c]) : 0.0f;
  }
}

// Sums of g from the chunk's begin, in double since differences of large ones count; all threads must call it. g: of the chunk's
// first token and the head, the next token's `stride` behind it.
__device__ inline void SumGates(const float* g, int64_t stride, int rows, double* sums) {
  const int t = static_cast<int>(threadIdx.x);
  if (t < kChunk) sums[t] = t < rows ? static_cast<double>(g[t * stride]) : 0.0;
  __syncthreads();
  double sum = 0;
  if (t < kChunk) {
    for (int i = 0; i <= t; ++i) sum += sums[i];
  }
  __syncthreads();
  if (t < kChunk) sums[t] = sum;
  __syncthreads();
}
__device__ inline float Decay(double log) { return expf(static_cast<float>(log)); }

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_VIEWS_CHUNKS_CUH_
