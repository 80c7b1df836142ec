// The optimizer on host memory: AdamW on an exact fp32 master, gradient accumulation, norms, conversions. Usable alone; knows
// no model, no device and no store.
//
// Every function works on plain arrays of n elements, is cut into tiles that run on the pool, and gives the same bits for any
// number of threads and for any cut of an array at multiples of kNormChunk.
#ifndef HORIZON_LM_CPU_OPTIM_OPTIMIZER_H_
#define HORIZON_LM_CPU_OPTIM_OPTIMIZER_H_

#include <cstdint>

#include "core/base/dtype.h"
#include "cpu_optim/host_pool.h"

namespace hlm {

// Squared norms are summed in double over chunks of this many elements from the start of an array; parts of an array begin
// at multiples of it, so that the chunks are the same whatever the parts.
inline constexpr int64_t kNormChunk = 4096;

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01;
};

// What an update is frozen to when the step is decided: everything that varies from step to step.
struct AdamWStep {
  int64_t step = 1;  // from 1, for bias correction
  double lr = 0;
  double gradient_scale = 1.0;  // clipping: multiplies the gradient before anything else
};

// The fp32 master of n weights: either one array, or the exact split (core/base/dtype.h).
struct MasterArray {
  float* weight = nullptr;
  bf16_t* hi = nullptr;
  uint16_t* lo = nullptr;
};

// One AdamW update (Loshchilov and Hutter 2019, algorithm 2, in PyTorch's order of operations, in fp32 with scalars computed
// in double):
//   g = scale * gradient;  w -= lr * decay * w;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g g
//   w -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
// As a pipeline of oneDNN primitives on cache-sized tiles; a fused SIMD pass takes this function's place where it is faster.
void AdamW(HostPool& pool, const AdamWOptions& options, const AdamWStep& step, int64_t n, const MasterArray& master,
           float* first_moment, float* second_moment, const void* gradient, DType gradient_type, bool decay);

// Makes every thread of the pool ready for AdamW with these decay rates (generates code, takes about 0.3 MB a thread), so that
// an update builds nothing: a lack of memory shows here and not between two parts of a weight.
// Optional: AdamW does it itself where it was not done.
void PrepareAdamW(HostPool& pool, const AdamWOptions& options);

// The same in one thread, without oneDNN, in double where it does not change the meaning: for tests only.
void AdamWReference(const AdamWOptions& options, const AdamWStep& step, int64_t n, double* weight, double* first_moment,
                    double* second_moment, const double* gradient, bool decay);

// chunk_sums[c] = sum of squares of elements [c * kNormChunk, (c + 1) * kNormChunk), in double, in a fixed order.
// Sixteen sums by element index modulo 16, then a tree; chunk_sums holds ceil(n / kNormChunk) values. NaN or infinity in an
// element gives a sum that is not finite.
void SquaredNorms(HostPool& pool, int64_t n, const void* gradient, DType type, double* chunk_sums);

// sum[i] (+)= gradient[i], and the squared norms of the sum as stored in the same pass (chunk_sums may be null).
//   accumulate = false: sum = gradient, rounded to nearest even where narrower.
//   accumulate = true, fp32 sum: fp32 addition. bf16 sum: added in fp32, then rounded stochastically with the random bits of
//   element first_index + i of the counter-based stream `key` (core/base/random.h), so the result depends on no order.
void Accumulate(HostPool& pool, int64_t n, void* sum, DType sum_type, const void* gradient, DType gradient_type, bool accumulate,
                uint64_t key, int64_t first_index, double* chunk_sums);

// fp32 <-> bf16 (nearest even), or a copy, and the exact split. Own loops: oneDNN 2.6 converts bf16 by a reference
// implementation of 45 ns an element unless the processor has AVX-512. No array may overlap another.
void Convert(HostPool& pool, int64_t n, const void* from, DType from_type, void* to, DType to_type);
void SplitMasters(HostPool& pool, int64_t n, const float* weight, bf16_t* hi, uint16_t* lo);
void JoinMasters(HostPool& pool, int64_t n, const bf16_t* hi, const uint16_t* lo, float* weight);

// "oneDNN 2.6.3 pipeline": part of the plan's numerics.
const char* OptimizerPath();

}  // namespace hlm

#endif  // HORIZON_LM_CPU_OPTIM_OPTIMIZER_H_
