#include "core/layers/conv.h"

#include <utility>

#include "core/base/error.h"
#include "core/layers/mlp.h"

namespace hlm {

ConvPart::ConvPart(std::vector<WeightMember> members, int64_t taps, std::optional<Function> function, bool with_bias,
                   Declaration& d)
    : taps_(taps), function_(function) {
  if (taps > kMostConvTaps)
    throw Unimplemented("a convolution over ", taps, " tokens; at most ", kMostConvTaps, " are supported");
  for (WeightMember& member : members) {
    channels_ += member.shape.front();
    member.shape.push_back(taps);
  }
  weight_ = d.Weights("conv", std::move(members));
  if (with_bias) bias_ = d.Weight("conv_bias", {channels_}, TensorInit::kZero);
  if (function && *function != Function::kSilu) raw_ = d.Saved("convolution before its function", channels_, Remake::kPass);
}

void ConvPart::Forward(const BlockRun& r, const View& x, const MutableView& y, const View& before, const View& after) const {
  const bool apart = raw_ >= 0;
  r.ops.CausalConv(r.stream, {.type = r.type,
                              .tokens = r.micro.tokens,
                              .channels = channels_,
                              .taps = taps_,
                              .silu = function_ == Function::kSilu,
                              .positions = r.micro.positions,
                              .x = x,
                              .before = before,
                              .after = after,
                              .w = r.Weight(weight_),
                              .bias = r.Weight(bias_),
                              .y = apart ? MutableView{r.Saved(raw_)} : y});
  if (!apart) return;
  r.ops.Activate(r.stream, {.type = r.type,
                            .kind = ActFunctionOf(*function_),
                            .rows = r.micro.tokens,
                            .width = channels_,
                            .x = {r.Saved(raw_)},
                            .up = {},
                            .y = y,
                            .xielu = {}});
}

void ConvPart::Backward(const BlockRun& r, const View& x, const MutableView& dy, const MutableView& dx, const View& before,
                        const View& after, const MutableView& dbefore, const MutableView& dafter) const {
  if (raw_ >= 0) {
    r.ops.ActivateBackward(r.stream, {.type = r.type,
                                      .kind = ActFunctionOf(*function_),
                                      .rows = r.micro.tokens,
                                      .width = channels_,
                                      .x = {r.Saved(raw_)},
                                      .up = {},
                                      .dy = dy,
                                      .dx = dy,
                                      .dup = {},
                                      .xielu = {}});
  }
  r.ops.CausalConvBackward(r.stream, {.type = r.type,
                                      .tokens = r.micro.tokens,
                                      .channels = channels_,
                                      .taps = taps_,
                                      .silu = function_ == Function::kSilu,
                                      .positions = r.micro.positions,
                                      .x = x,
                                      .before = before,
                                      .after = after,
                                      .w = r.Weight(weight_),
                                      .bias = r.Weight(bias_),
                                      .dy = dy,
                                      .dx = dx,
                                      .dbefore = dbefore,
                                      .dafter = dafter,
                                      .dw = r.Gradient(weight_),
                                      .dbias = r.Gradient(bias_),
                                      .accumulate = r.accumulate});
}

}  // namespace hlm
