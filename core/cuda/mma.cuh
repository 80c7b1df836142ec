// Products of tiles of bf16 in shared memory on the tensor cores, sums in fp32: a warp's part of a block's product, in steps of 16
// (PTX's mma.m16n8k16 and ldmatrix, compute capability 8.0 and newer). The order of summation depends on the shape alone.
#ifndef HORIZON_LM_CORE_CUDA_MMA_CUH_
#define HORIZON_LM_CORE_CUDA_MMA_CUH_

#include <cuda_bf16.h>

#include <cstdint>
#include <cstring>

namespace hlm::cuda {

// Rows of bf16 in shared memory, 16-byte aligned: 8 elements between rows let the 8 rows of a matrix that ldmatrix reads touch all
// banks once.
template <int kColumns>
struct MmaTile {
  static_assert(kColumns % 16 == 0);
  static constexpr int kPitch = kColumns + 8;
  __nv_bfloat16* data;
  __device__ __nv_bfloat16* at(int row, int column) const { return data + row * kPitch + column; }
  __host__ __device__ static constexpr int Bytes(int rows) { return rows * kPitch * 2; }
};

// Two neighbouring elements as the tensor cores take them: the first one below.
__device__ inline uint32_t Pair(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  uint32_t bits = 0;
  memcpy(&bits, &pair, sizeof(bits));
  return bits;
}

#ifndef HLM_EMULATED_WARPS
// Four 8 x 8 matrices: lane l gives the address of row l % 8 of matrix l / 8.
template <bool kTransposed>
__device__ inline void LoadMatrices(const __nv_bfloat16* row, uint32_t (&to)[4]) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  if constexpr (kTransposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
  }
}
// c [16, 8] += a [16, 16] b [16, 8].
__device__ inline void MultiplyAdd(const uint32_t (&a)[4], uint32_t b0, uint32_t b1, float (&c)[4]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
// 16 bytes from global to shared memory on their way while the thread goes on; zeros where `there` is false.
__device__ inline void CopyAhead(void* to, const void* from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(static_cast<uint32_t>(__cvta_generic_to_shared(to))), "l"(from), "r"(there ? 16 : 0)
               : "memory");
}
__device__ inline void CloseCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until at most kOpen of the thread's closed groups are on their way.
template <int kOpen>
__device__ inline void AwaitCopies() {
  asm volatile("cp.async.wait_group %0;" : : "n"(kOpen) : "memory");
}
// 2 to the power x in one instruction, of which the last two bits are not exact; below 2^-126 it is 0.
__device__ inline float FastExp2(float x) {
  float y = 0;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
#endif

// How an operand lies: as the product has it ([rows, depth] for the left one, [depth, columns] for the right one), or transposed.
enum class Lies { kStraight, kTransposed };

// 16 columns of a right operand from `column` on, at the depth [k, k + 16): depth 0 and 8 of one 8 columns, then of the next.
template <Lies kB, int kColumnsB>
__device__ inline void LoadRight(const MmaTile<kColumnsB>& b, int k, int column, uint32_t (&to)[4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32, r = lane % 8, q = lane / 8;
  if constexpr (kB == Lies::kStraight) {
    LoadMatrices<true>(b.at(k + r + 8 * (q % 2), column + 8 * (q / 2)), to);
  } else {
    LoadMatrices<false>(b.at(column + r + 8 * (q / 2), k + 8 * (q % 2)), to);
  }
}

// A warp's part of a result: kM x 16 rows and kN x 8 columns. Lane l has of each 16 x 8: rows l / 4 and l / 4 + 8, columns
// 2 (l % 4) and the next.
template <int kM, int kN>
struct MmaSums {
  static_assert(kN % 2 == 0);
  float at[kM][kN][4];

  __device__ void Clear() {
#pragma unroll
    for (int m = 0; m < kM; ++m) {
#pragma unroll
      for (int n = 0; n < kN; ++n) {
#pragma unroll
        for (int e = 0; e < 4; ++e) at[m][n][e] = 0;
      }
    }
  }

  // += a b over the depth [from, to), multiples of 16, for the rows from `row` and the columns from `column` of the product.
  template <Lies kA, Lies kB, int kColumnsA, int kColumnsB>
  __device__ void Add(const MmaTile<kColumnsA>& a, const MmaTile<kColumnsB>& b, int row, int column, int from, int to) {
    const int lane = static_cast<int>(threadIdx.x) % 32, r = lane % 8, q = lane / 8;
#pragma unroll 4
    for (int k = from; k < to; k += 16) {
      uint32_t x[kM][4];
#pragma unroll
      for (int m = 0; m < kM; ++m) {
        // Matrices in the order of the instruction's registers: rows 0 and 8 at depth 0, then both at depth 8.
        if constexpr (kA == Lies::kStraight) {
          LoadMatrices<false>(a.at(row + 16 * m + r + 8 * (q % 2), k + 8 * (q / 2)), x[m]);
        } else {
          LoadMatrices<true>(a.at(k + r + 8 * (q / 2), row + 16 * m + 8 * (q % 2)), x[m]);
        }
      }
#pragma unroll
      for (int n = 0; n < kN; n += 2) {
        uint32_t y[4];
        LoadRight<kB>(b, k, column + 8 * n, y);
#pragma unroll
        for (int m = 0; m < kM; ++m) {
          MultiplyAdd(x[m], y[0], y[1], at[m][n]);
          MultiplyAdd(x[m], y[2], y[3], at[m][n + 1]);
        }
      }
    }
  }

  // The same with a left operand in registers (AsOperand), whose depth begins at b's `from`.
  template <Lies kB, int kSteps, int kColumnsB>
  __device__ void AddHeld(const uint32_t (&a)[kM][kSteps][4], const MmaTile<kColumnsB>& b, int column, int from) {
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      const int k = from + 16 * step;
#pragma unroll
      for (int n = 0; n < kN; n += 2) {
        uint32_t y[4];
        LoadRight<kB>(b, k, column + 8 * n, y);
#pragma unroll
        for (int m = 0; m < kM; ++m) {
          MultiplyAdd(a[m][step], y[0], y[1], at[m][n]);
          MultiplyAdd(a[m][step], y[2], y[3], at[m][n + 1]);
        }
      }
    }
  }

  // f(row, column, first, second) for each two neighbouring columns of the lane's part, of a result whose part begins at (row, column).
  template <class F>
  __device__ void ForPairs(int row, int column, const F& f) {
    const int lane = static_cast<int>(threadIdx.x) % 32, r = lane / 4, c = lane % 4 * 2;
#pragma unroll
    for (int m = 0; m < kM; ++m) {
#pragma unroll
      for (int n = 0; n < kN; ++n) {
        f(row + 16 * m + r, column + 8 * n + c, at[m][n][0], at[m][n][1]);
        f(row + 16 * m + r + 8, column + 8 * n + c, at[m][n][2], at[m][n][3]);
      }
    }
  }
};

// A result as the left operand of a next product: a lane has of both the same places.
template <int kM, int kN>
__device__ inline void AsOperand(const MmaSums<kM, kN>& from, uint32_t (&to)[kM][kN / 2][4]) {
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int n = 0; n < kN; ++n) {
      to[m][n / 2][n % 2 * 2] = Pair(from.at[m][n][0], from.at[m][n][1]);
      to[m][n / 2][n % 2 * 2 + 1] = Pair(from.at[m][n][2], from.at[m][n][3]);
    }
  }
}

// Two neighbouring elements into a tile.
template <int kColumns>
__device__ inline void StorePair(const MmaTile<kColumns>& to, int row, int column, float first, float second) {
  const uint32_t bits = Pair(first, second);
  *reinterpret_cast<uint32_t*>(to.at(row, column)) = bits;
}

// Over the 4 lanes that share a row of a result; each gets the sum.
__device__ inline float SumOfQuad(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

}  // namespace hlm::cuda

#endif  // HORIZON_LM_CORE_CUDA_MMA_CUH_
