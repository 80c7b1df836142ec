#include "core/layers/norm.h"

namespace hlm {
namespace {

// Llama's own: the operation that is fused for it takes dense rows only.
bool Plain(const NormSpec& spec, const NormShape& shape, const View& x, const View& y) {
  const bool dense = x.row == kDense && y.row == kDense && shape.heads == 1;
  return dense && spec.kind == NormType::kRms && spec.weight && !spec.bias && !spec.plus_one && !spec.late_rounding;
}

NormKind KindOf(const NormSpec& spec) {
  return {.center = spec.kind == NormType::kLayer, .one_plus = spec.plus_one, .round_first = !spec.late_rounding};
}

}  // namespace

void NormCall::Forward(Ops& ops, Stream& stream, const View& x, const MutableView& y) const {
  if (Plain(spec, shape, x, y)) {
    ops.RmsNorm(stream, {.type = type,
                         .rows = tokens,
                         .width = shape.width,
                         .epsilon = static_cast<float>(spec.epsilon),
                         .x = x.data,
                         .w = arrays.weight,
                         .y = y.data,
                         .rstd = arrays.rstd});
    return;
  }
  ops.Norm(stream, {.type = type,
                    .kind = KindOf(spec),
                    .rows = tokens,
                    .heads = shape.heads,
                    .width = shape.width,
                    .epsilon = static_cast<float>(spec.epsilon),
                    .x = x,
                    .w = arrays.weight,
                    .bias = arrays.bias,
                    .by_head = shape.own_weights,
                    .y = y,
                    .mean = arrays.mean,
                    .rstd = arrays.rstd});
}

void NormCall::Backward(Ops& ops, Stream& stream, const View& x, const View& dy, const View& residual,
                        const MutableView& dx) const {
  if (Plain(spec, shape, x, dx) && dy.row == kDense) {
    ops.RmsNormBackward(stream, {.type = type,
                                 .rows = tokens,
                                 .width = shape.width,
                                 .x = x.data,
                                 .w = arrays.weight,
                                 .rstd = arrays.rstd,
                                 .dy = dy.data,
                                 .residual = residual.data,
                                 .dx = dx.data,
                                 .dw = arrays.dweight,
                                 .accumulate = arrays.accumulate});
    return;
  }
  ops.NormBackward(stream, {.type = type,
                            .kind = KindOf(spec),
                            .rows = tokens,
                            .heads = shape.heads,
                            .width = shape.width,
                            .x = x,
                            .w = arrays.weight,
                            .by_head = shape.own_weights,
                            .mean = arrays.mean,
                            .rstd = arrays.rstd,
                            .dy = dy,
                            .residual = residual,
                            .dx = dx,
                            .dw = arrays.dweight,
                            .dbias = arrays.dbias,
                            .accumulate = arrays.accumulate});
}

NormPart::NormPart(const NormSpec& spec, const NormShape& shape, const std::string& role, Declaration& d)
    : spec_(spec), shape_(shape) {
  if (!spec.on()) return;
  const std::vector<int64_t> weights =
      shape.own_weights ? std::vector<int64_t>{shape.heads, shape.width} : std::vector<int64_t>{shape.width};
  // (1 + w) begins at w = 0.
  if (spec.weight) weight_ = d.Weight(role, weights, spec.plus_one ? TensorInit::kZero : TensorInit::kOne);
  if (spec.bias) bias_ = d.Weight(role + "_bias", weights, TensorInit::kZero);
  if (spec.kind == NormType::kLayer) mean_ = d.Saved(role + " mean", shape.heads, Remake::kCheap, TokenType::kF32);
  rstd_ = d.Saved(role + " rstd", shape.heads, Remake::kCheap, TokenType::kF32);
}

NormCall NormPart::Call(const BlockRun& run) const {
  return {.type = run.type,
          .spec = spec_,
          .shape = shape_,
          .tokens = run.micro.tokens,
          .arrays = {.weight = run.Weight(weight_),
                     .bias = run.Weight(bias_),
                     .mean = run.Saved<float>(mean_),
                     .rstd = run.Saved<float>(rstd_),
                     .dweight = run.accumulator.empty() ? nullptr : run.Gradient(weight_),
                     .dbias = run.accumulator.empty() ? nullptr : run.Gradient(bias_),
                     .accumulate = run.accumulate}};
}

void NormPart::Forward(const BlockRun& run, const View& x, const MutableView& y) const {
  Call(run).Forward(run.ops, run.stream, x, y);
}

void NormPart::Backward(const BlockRun& run, const View& x, const View& dy, const View& residual, const MutableView& dx) const {
  Call(run).Backward(run.ops, run.stream, x, dy, residual, dx);
}

void NormPart::BackwardInput(const BlockRun& run, const View& x, const View& dy, const MutableView& dx, float* unused) const {
  NormCall call = Call(run);
  call.arrays.dweight = weight_ < 0 ? nullptr : unused;
  call.arrays.dbias = bias_ < 0 ? nullptr : unused + shape_.heads * shape_.width;
  call.arrays.accumulate = false;
  call.Backward(run.ops, run.stream, x, dy, {}, dx);
}

}  // namespace hlm
