// A norm of rows: its weights, what its backward pass reads, forward and backward.
#ifndef HORIZON_LM_CORE_LAYERS_NORM_H_
#define HORIZON_LM_CORE_LAYERS_NORM_H_

#include <string>

#include "core/layers/declaration.h"
#include "core/layers/run.h"
#include "core/model/spec.h"

namespace hlm {

class NormPart {
 public:
  NormPart() = default;
  // Declares weights "role" (and "role_bias") and the statistics of a row.
  NormPart(const NormSpec& spec, int64_t width, const std::string& role, Declaration& declaration);

  bool on() const { return spec_.on(); }
  int64_t stats() const { return stats_; }  // the saved statistics

  void Forward(const BlockRun& run, const void* x, void* y) const;
  // dx = residual + d norm / dx for dy. residual may be null; dx may be residual or dy.
  void Backward(const BlockRun& run, const void* x, const void* dy, const void* residual, void* dx) const;

 private:
  NormSpec spec_;
  int64_t width_ = 0, weight_ = -1, bias_ = -1, stats_ = -1;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_NORM_H_
