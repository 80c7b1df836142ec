// A causal convolution of channels, with a function behind it: its weights, forward and backward.
#ifndef HORIZON_LM_CORE_LAYERS_CONV_H_
#define HORIZON_LM_CORE_LAYERS_CONV_H_

#include <optional>
#include <vector>

#include "core/layers/declaration.h"
#include "core/layers/run.h"
#include "core/model/spec.h"

namespace hlm {

class ConvPart {
 public:
  ConvPart() = default;
  // Declares weights "conv" (in these members, whose rows are channels) and "conv_bias"; and, where the function is neither SiLU, which
  // the convolution's operation applies, nor none, what the function reads.
  ConvPart(std::vector<WeightMember> members, int64_t taps, std::optional<Function> function, bool with_bias, Declaration& d);

  // Whether what the function reads has still to be made.
  bool Missing(const BlockRun& r) const { return r.Missing({raw_}); }

  void Forward(const BlockRun& r, const View& x, const MutableView& y, const View& before = {}, const View& after = {}) const;
  // Where the function is one of its own dy's memory gets the gradient of what it reads.
  void Backward(const BlockRun& r, const View& x, const MutableView& dy, const MutableView& dx, const View& before = {},
                const View& after = {}, const MutableView& dbefore = {}, const MutableView& dafter = {}) const;

 private:
  int64_t channels_ = 0, taps_ = 0;
  std::optional<Function> function_;
  int64_t weight_ = -1, bias_ = -1;  // offsets in the slab
  int64_t raw_ = -1;                 // saved: what the function reads; -1: nothing
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_CONV_H_
