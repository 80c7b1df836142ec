// Loops over one thread's part of an array, compiled for each instruction set and chosen at run time (Google Highway), so
// that a build for any x86-64 is fast everywhere. Every loop gives the same bits on every instruction set: integer
// arithmetic, single fp32 operations, and sums in double with a fixed structure.
//
// Own loops and not oneDNN's reorders, because those are a reference implementation without AVX-512 (45 ns an element
// against 0.1) and, with native bf16, may flush subnormals.
#ifndef HORIZON_LM_CPU_OPTIM_KERNELS_H_
#define HORIZON_LM_CPU_OPTIM_KERNELS_H_

#include <cstdint>

#include "core/base/dtype.h"

namespace hlm::kernels {

// ---- convert_kernels.cc. No two arrays of a call may overlap. Any alignment.

void WidenBf16(const bf16_t* from, int64_t n, float* to);
void WidenScaledBf16(const bf16_t* from, int64_t n, float scale, float* to);  // to = from * scale, rounded once
void NarrowToBf16(const float* from, int64_t n, bf16_t* to);                  // nearest even, as FloatToBf16
void SplitMasters(const float* weight, int64_t n, bf16_t* hi, uint16_t* lo);  // as SplitMaster
void JoinMasters(const bf16_t* hi, const uint16_t* lo, int64_t n, float* weight);
// A copy past the caches, for what is not read soon: `to` is not read before it is written. Other threads see it behind the call.
void StreamF32(const float* from, int64_t n, float* to);

// ---- sum_kernels.cc.

void AddF32(const float* gradient, int64_t n, float* sum);
void SumF32(const float* a, const float* b, int64_t n, float* sum);  // sum = a + b
void AddBf16(const bf16_t* gradient, int64_t n, float* sum);

// sum[i] = RoundStochastically(sum[i] + gradient[i], RandomBits16(key, first_index + i)). n <= kGradientChunk.
void AddStochasticF32(const float* gradient, int64_t n, uint64_t key, uint64_t first_index, bf16_t* sum);
void AddStochasticBf16(const bf16_t* gradient, int64_t n, uint64_t key, uint64_t first_index, bf16_t* sum);

// Sum of squares. Element i goes to lane i % 16 of sixteen sums in double, which are added as a tree of halves at the end. A
// product of two floats is exact in double, so a fused multiply-add changes nothing. n <= kGradientChunk.
double SquaredNormF32(const float* x, int64_t n);
double SquaredNormBf16(const bf16_t* x, int64_t n);

}  // namespace hlm::kernels

#endif  // HORIZON_LM_CPU_OPTIM_KERNELS_H_
