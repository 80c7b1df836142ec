// The optimizer on host memory: AdamW on an exact fp32 master, gradient accumulation, norms, conversions. Usable alone; knows
// no model, no device and no store.
//
// Every function works on plain arrays of n elements, is cut into tiles that run on the pool, and gives the same bits for any
// number of threads and for any cut of an array at multiples of kGradientChunk.
#ifndef HORIZON_LM_CPU_OPTIM_OPTIMIZER_H_
#define HORIZON_LM_CPU_OPTIM_OPTIMIZER_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/dtype.h"
#include "cpu_optim/host_pool.h"

namespace hlm {

// Squared norms are summed in double over chunks of this many elements from the start of an array; parts of an array begin
// at multiples of it, so that the chunks are the same whatever the parts.
inline constexpr int64_t kGradientChunk = 4096;

// How a step changes a weight. In fp32, scalars computed in double, in PyTorch's order of operations:
//   AdamW  g = scale * gradient;  w -= lr * decay * w;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g g
//          w -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)          (Loshchilov and Hutter 2019, algorithm 2)
//   Adam   the same with g += decay * w in place of the decay of w               (Kingma and Ba 2015)
//   SGD    g += decay * w;  m = b1 m + g;  w -= lr * m                           (momentum b1)
//   Lion   w -= lr * decay * w;  w -= lr * sign(b1 m + (1 - b1) g);  m = b2 m + (1 - b2) g     (Chen et al. 2023)
enum class Algorithm : int32_t { kAdamW = 0, kAdam = 1, kSgd = 2, kLion = 3 };
const char* Name(Algorithm algorithm);  // "adamw", "adam", "sgd", "lion"
inline int64_t MomentCount(Algorithm algorithm) {
  return algorithm == Algorithm::kAdamW || algorithm == Algorithm::kAdam ? 2 : 1;
}

// What an update is made of: one fused loop (Google Highway), or oneDNN's primitives on cache-sized tiles. Equal within a few ulp.
enum class UpdatePath : int32_t { kFused = 0, kOneDnn = 1 };
const char* Name(UpdatePath path);  // "fused", "onednn"

struct OptimizerOptions {
  Algorithm algorithm = Algorithm::kAdamW;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01;
  UpdatePath path = UpdatePath::kFused;
};

// What an update is frozen to when the step is decided: everything that varies from step to step.
struct UpdateStep {
  int64_t step = 1;  // from 1, for bias correction
  double lr = 0;
  double gradient_scale = 1.0;  // clipping: multiplies the gradient before anything else
  uint64_t key = 0;             // of this step's stochastic rounding
};

// The master of n weights: one fp32 array, the exact split (core/base/dtype.h), or bf16 alone, rounded stochastically.
struct MasterArray {
  float* weight = nullptr;
  bf16_t* hi = nullptr;
  uint16_t* lo = nullptr;  // null: no remainder
};

// How moments are stored. kInt8: codes with one fp32 scale for each kStateBlock elements.
enum class StateType : int32_t { kF32 = 0, kBF16 = 1, kInt8 = 2 };
const char* Name(StateType type);  // "f32", "bf16", "int8"
inline constexpr int64_t kStateBlock = 256;
inline int64_t StateBytes(StateType type, int64_t n) {
  return n * (type == StateType::kF32 ? 4 : type == StateType::kBF16 ? 2 : 1);
}
inline int64_t StateScales(StateType type, int64_t n) {
  return type == StateType::kInt8 ? (n + kStateBlock - 1) / kStateBlock : 0;
}

struct MomentArray {
  void* values = nullptr;
  float* scales = nullptr;  // [StateScales(n)], kInt8 only
};

// What one update reads and writes: n elements of each.
struct UpdateArrays {
  int64_t n = 0;
  MasterArray master;
  StateType states = StateType::kF32;
  MomentArray first, second;  // second: of algorithms with two moments
  const void* gradient = nullptr;
  DType gradient_type = DType::kF32;
  bool decay = false;
  int64_t first_index =
      0;  // of element 0 in the order of all elements: the counter of stochastic rounding; a multiple of kStateBlock
};

// One update, in one pass over memory. By the fused loop: the same bits on every instruction set. By oneDNN: the forms that Takes()
// says, else INVALID_ARGUMENT. Moments of bf16 and 8 bits,
// and a master without remainder, are rounded stochastically with random bits of (step.key, index of the element). What is not finite
// in the gradient makes its weight and moments NaN or infinite, with 8-bit moments those of its whole block.
void Update(HostPool& pool, const OptimizerOptions& options, const UpdateStep& step, const UpdateArrays& arrays);

// The same as an update with a gradient of zeros for each of `missed`, in order, and then one for `step`, in one pass over memory: what an
// element misses is made up while it is in cache. By oneDNN one pass after the other. The arrays' gradient is that of `step`; null: there
// is none, and no update behind the missed ones.
void UpdateMissed(HostPool& pool, const OptimizerOptions& options, const std::vector<UpdateStep>& missed, const UpdateStep* step,
                  const UpdateArrays& arrays);

// Whether a path has an update of this form: the fused loop has all, oneDNN has AdamW with fp32 moments and an exact master.
bool Takes(UpdatePath path, Algorithm algorithm, StateType states, bool exact_master);

// Update by oneDNN.
void AdamW(HostPool& pool, const OptimizerOptions& options, const UpdateStep& step, int64_t n, const MasterArray& master,
           float* first_moment, float* second_moment, const void* gradient, DType gradient_type, bool decay);

// n moments as floats, and back: bf16 to nearest even, 8 bits to the nearest code of a scale that is set anew for each block.
// `second`: of the second moments, which are not negative. In the caller's thread.
void DecodeMoment(StateType type, bool second, int64_t n, const MomentArray& moment, float* out);
void EncodeMoment(StateType type, bool second, int64_t n, const float* values, const MomentArray& moment);

// Makes every thread of the pool ready for AdamW() with these decay rates (generates code, takes about 0.3 MB a thread), so that
// an update builds nothing: a lack of memory shows here and not between two parts of a weight.
// Optional: AdamW does it itself where it was not done.
void PrepareOptimizer(HostPool& pool, const OptimizerOptions& options);

// chunk_sums[c] = sum of squares of elements [c * kGradientChunk, (c + 1) * kGradientChunk), in double, in a fixed order.
// Sixteen sums by element index modulo 16, then a tree; chunk_sums holds ceil(n / kGradientChunk) values. NaN or infinity in an
// element gives a sum that is not finite.
void SquaredNorms(HostPool& pool, int64_t n, const void* gradient, DType type, double* chunk_sums);

// Terms of a gradient that wait to be added to the one that came last, in fp32: earlier[k] + (... + (earlier[0] + gradient)).
using EarlierTerms = std::span<const float* const>;

// sum = gradient with the earlier terms. sum may be gradient itself, and overlaps nothing else; otherwise it is written past the caches.
void AddTerms(HostPool& pool, int64_t n, EarlierTerms earlier, const float* gradient, float* sum);

// sum[i] (+)= gradient[i], and the squared norms of the sum as stored in the same pass (chunk_sums may be null).
//   accumulate = false: sum = gradient, rounded to nearest even where narrower.
//   accumulate = true, fp32 sum: fp32 addition. bf16 sum: added in fp32, then rounded stochastically with the random bits of
//   element first_index + i of the counter-based stream `key` (core/base/random.h), so the result depends on no order.
//   earlier: terms of an fp32 gradient that are added on the way, chunk by chunk, and leave the gradient as it is.
void Accumulate(HostPool& pool, int64_t n, void* sum, DType sum_type, const void* gradient, DType gradient_type, bool accumulate,
                uint64_t key, int64_t first_index, double* chunk_sums, EarlierTerms earlier = {});

// fp32 <-> bf16 (nearest even), or a copy, and the exact split. Own loops: oneDNN 2.6 converts bf16 by a reference
// implementation of 45 ns an element unless the processor has AVX-512. No array may overlap another.
void Convert(HostPool& pool, int64_t n, const void* from, DType from_type, void* to, DType to_type);
void SplitMasters(HostPool& pool, int64_t n, const float* weight, bf16_t* hi, uint16_t* lo);
void JoinMasters(HostPool& pool, int64_t n, const bf16_t* hi, const uint16_t* lo, float* weight);

// A path as a part of the plan's numerics: "fused 1"; with version and instruction set "onednn 1, 2.6.3 avx2".
std::string OptimizerPath(UpdatePath path);

}  // namespace hlm

#endif  // HORIZON_LM_CPU_OPTIM_OPTIMIZER_H_
