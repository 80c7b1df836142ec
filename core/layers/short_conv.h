// The gated short convolution (LFM2): out(C conv(B x)), where B, C and x are products of the input.
#ifndef HORIZON_LM_CORE_LAYERS_SHORT_CONV_H_
#define HORIZON_LM_CORE_LAYERS_SHORT_CONV_H_

#include "core/layers/body.h"
#include "core/layers/conv.h"
#include "core/layers/linear.h"

namespace hlm {

class ShortConvBody : public Body {
 public:
  ShortConvBody(const ShortConvSpec& spec, int64_t hidden, Declaration& declaration);

  void Forward(const BlockRun& run, const void* x, const void* addend, void* y) const override;
  void Backward(const BlockRun& run, const void* x, const void* dy, void* dx) const override;

 private:
  int64_t hidden_;
  LinearPart in_, out_;
  ConvPart conv_;
  int64_t bcx_, convolved_;    // saved: B, C and x; the convolution behind its gates
  int64_t dbcx_, dconvolved_;  // for a moment
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_SHORT_CONV_H_
