// AdamW as a pipeline of oneDNN primitives over a tile that stays in the core's cache between them.
#ifndef HORIZON_LM_CPU_OPTIM_ADAMW_PIPELINE_H_
#define HORIZON_LM_CPU_OPTIM_ADAMW_PIPELINE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/dtype.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

// The numbers of one update, computed in double and rounded once. They are one-element tensors to the primitives, so a new
// rate, step or clip scale rebuilds nothing.
struct AdamWScalars {
  float beta1, beta2;  // built into the primitives: they do not change in a run
  float gradient_scale;
  float gain1, gain2;  // 1 - beta1, 1 - beta2
  float second_root;   // sqrt(1 - beta2^step)
  float eps;
  float negative_rate;  // -lr / (1 - beta1^step)
  float keep;           // 1 - lr * decay, or 1
};
AdamWScalars MakeAdamWScalars(const OptimizerOptions& options, const UpdateStep& step, bool decay);

// Where the elements of one tile are. Exactly one form of master is set.
struct AdamWTile {
  int64_t n;
  MasterArray master;
  float* first_moment;
  float* second_moment;
  const void* gradient;
  DType gradient_type;
};

// One thread's primitives and scratch memory. Not thread-safe.
class AdamWPipeline {
 public:
  // The number of elements that are handed to a thread at a time. Four fp32 arrays of it and the gradient fit in a 512 KiB
  // second-level cache; a primitive call (about half a microsecond) is small beside it.
  static constexpr int64_t kTile = 16384;

  AdamWPipeline(float beta1, float beta2);
  ~AdamWPipeline();

  // tile.n <= kTile. Every element goes through the same instructions whatever its place in the tile: the primitives work on
  // whole tiles of two fixed sizes, and what is left over is copied into a padded one, so no primitive has a tail.
  void Update(const AdamWScalars& scalars, const AdamWTile& tile);

  // oneDNN's names for the implementations it chose, in the order of the pipeline: they should be generated code, "jit:...".
  std::vector<std::string> Implementations() const;

  // The calling thread's pipeline for these decay rates, made when first asked for and kept until the thread ends.
  static AdamWPipeline& OfThisThread(float beta1, float beta2);
  static bool IsMadeForThisThread(float beta1, float beta2);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CPU_OPTIM_ADAMW_PIPELINE_H_
