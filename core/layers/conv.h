// A causal convolution of channels: its weights, forward and backward.
#ifndef HORIZON_LM_CORE_LAYERS_CONV_H_
#define HORIZON_LM_CORE_LAYERS_CONV_H_

#include "core/base/error.h"
#include "core/layers/declaration.h"
#include "core/layers/run.h"

namespace hlm {

struct ConvPart {
  int64_t channels = 0, taps = 0;
  bool silu = false;
  int64_t weight = -1, bias = -1;  // offsets in the slab

  ConvPart() = default;
  // Declares weights "conv" (in these members, whose rows are channels) and "conv_bias".
  ConvPart(std::vector<WeightMember> members, int64_t over, bool with_silu, bool with_bias, Declaration& d)
      : taps(over), silu(with_silu) {
    if (over > kMostConvTaps)
      throw Unimplemented("a convolution over ", over, " tokens; at most ", kMostConvTaps, " are supported");
    for (WeightMember& member : members) {
      channels += member.shape.front();
      member.shape.push_back(over);
    }
    weight = d.Weights("conv", std::move(members));
    if (with_bias) bias = d.Weight("conv_bias", {channels}, TensorInit::kZero);
  }

  void Forward(const BlockRun& r, const View& x, const MutableView& y, const View& before = {}, const View& after = {}) const {
    r.ops.CausalConv(r.stream, {.type = r.type,
                                .tokens = r.micro.tokens,
                                .channels = channels,
                                .taps = taps,
                                .silu = silu,
                                .positions = r.micro.positions,
                                .x = x,
                                .before = before,
                                .after = after,
                                .w = r.Weight(weight),
                                .bias = r.Weight(bias),
                                .y = y});
  }
  void Backward(const BlockRun& r, const View& x, const View& dy, const MutableView& dx, const View& before = {},
                const View& after = {}, const MutableView& dbefore = {}, const MutableView& dafter = {}) const {
    r.ops.CausalConvBackward(r.stream, {.type = r.type,
                                        .tokens = r.micro.tokens,
                                        .channels = channels,
                                        .taps = taps,
                                        .silu = silu,
                                        .positions = r.micro.positions,
                                        .x = x,
                                        .before = before,
                                        .after = after,
                                        .w = r.Weight(weight),
                                        .bias = r.Weight(bias),
                                        .dy = dy,
                                        .dx = dx,
                                        .dbefore = dbefore,
                                        .dafter = dafter,
                                        .dw = r.Gradient(weight),
                                        .dbias = r.Gradient(bias),
                                        .accumulate = r.accumulate});
  }
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_LAYERS_CONV_H_
