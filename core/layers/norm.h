// A norm of rows: its weights, what its backward pass reads, forward and backward.
#ifndef HORIZON_LM_CORE_LAYERS_NORM_H_
#define HORIZON_LM_CORE_LAYERS_NORM_H_

#include <string>

#include "core/layers/declaration.h"
#include "core/layers/run.h"
#include "core/model/spec.h"

namespace hlm {

// Which rows: each of `heads` vectors of `width` elements of each token has its own statistics.
struct NormShape {
  int64_t heads = 1, width = 0;
  bool own_weights = false;  // each head has weights of its own
};

// Where a norm's arrays lie.
struct NormArrays {
  const void* weight = nullptr;
  const void* bias = nullptr;
  float* mean = nullptr;  // [tokens, heads]; LayerNorm's
  float* rstd = nullptr;  // [tokens, heads]
  float* dweight = nullptr;
  float* dbias = nullptr;
  bool accumulate = false;
};

// One norm of `tokens` rows, and its gradient: dx = residual + d norm / dx for dy. residual may have no data; dx may be residual or dy.
struct NormCall {
  DType type;
  const NormSpec& spec;
  NormShape shape;
  int64_t tokens;
  NormArrays arrays;

  void Forward(Ops& ops, Stream& stream, const View& x, const MutableView& y) const;
  void Backward(Ops& ops, Stream& stream, const View& x, const View& dy, const View& residual, const MutableView& dx) const;
};

class NormPart {
 public:
  NormPart() = default;
  // Declares weights "role" (and "role_bias") and the statistics.
  NormPart(const NormSpec& spec, const NormShape& shape, const std::string& role, Declaration& declaration);

  bool on() const { return spec_.on(); }
  // Whether the statistics have still to be made.
  bool Missing(const BlockRun& run) const { return run.Missing({mean_, rstd_}); }

  void Forward(const BlockRun& run, const View& x, const MutableView& y) const;
  // dx = residual + d norm / dx for dy. residual may have no data; dx may be residual or dy.
  void Backward(const BlockRun& run, const View& x, const View& dy, const View& residual, const MutableView& dx) const;
  // dx alone, by the same operation: the weights' gradients, UnusedBytes() of them, are written to `unused`.
  void BackwardInput(const BlockRun& run, const View& x, const View& dy, const MutableView& dx, float* unused) const;
  int64_t UnusedBytes() const { return 2 * shape_.heads * shape_.width * static_cast<int64_t>(sizeof(float)); }

 private:
  NormCall Call(const BlockRun& run) const;

  NormSpec spec_;
  NormShape shape_;
  int64_t weight_ = -1, bias_ = -1;  // offsets in the slab
  int64_t mean_ = -1, rstd_ = -1;    // saved
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_NORM_H_
