#include "core/layers/norm.h"

#include "core/base/error.h"

namespace hlm {

NormPart::NormPart(const NormSpec& spec, int64_t width, const std::string& role, Declaration& declaration) : spec_(spec), width_(width) {
  if (!spec.on()) return;
  // (1 + w) begins at w = 0.
  if (spec.weight) weight_ = declaration.Weight(role, {width}, spec.plus_one ? TensorInit::kZero : TensorInit::kOne);
  if (spec.bias) bias_ = declaration.Weight(role + "_bias", {width}, TensorInit::kZero);
  stats_ = declaration.Saved(role + " rstd", 1, Remake::kCheap, TokenType::kF32);
}

void NormPart::Forward(const BlockRun& run, const void* x, void* y) const {
  run.ops.RmsNorm(run.stream, {.type = run.type,
                               .rows = run.micro.tokens,
                               .width = width_,
                               .epsilon = static_cast<float>(spec_.epsilon),
                               .x = x,
                               .w = run.Weight(weight_),
                               .y = y,
                               .rstd = run.Saved<float>(stats_)});
}

void NormPart::Backward(const BlockRun& run, const void* x, const void* dy, const void* residual, void* dx) const {
  run.ops.RmsNormBackward(run.stream, {.type = run.type,
                                       .rows = run.micro.tokens,
                                       .width = width_,
                                       .x = x,
                                       .w = run.Weight(weight_),
                                       .rstd = run.Saved<float>(stats_),
                                       .dy = dy,
                                       .residual = residual,
                                       .dx = dx,
                                       .dw = run.Gradient(weight_),
                                       .accumulate = run.accumulate});
}

}  // namespace hlm
