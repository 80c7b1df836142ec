#include "core/layers/short_conv.h"

#include "core/layers/place.h"

namespace hlm {
namespace {

// One of the three parts of the product's rows: B, C, x.
MutableView Part(const BlockRun& r, void* rows, int64_t hidden, int64_t part) {
  return Columns(r, rows, 3 * hidden, part * hidden);
}

}  // namespace

ShortConvBody::ShortConvBody(const ShortConvSpec& spec, int64_t hidden, Declaration& d) : hidden_(hidden) {
  in_.in = hidden, in_.out = 3 * hidden;
  in_.weight = d.Weight("in", {3 * hidden, hidden}, TensorInit::kNormal);
  if (spec.bias) in_.bias = d.Weight("in_bias", {3 * hidden}, TensorInit::kZero);
  conv_ = ConvPart({{"conv", {hidden}}}, spec.taps, std::nullopt, spec.bias, d);
  out_.in = out_.out = hidden;
  out_.weight = d.Weight("out", {hidden, hidden}, TensorInit::kNormal);
  if (spec.bias) out_.bias = d.Weight("out_bias", {hidden}, TensorInit::kZero);
  bcx_ = d.Saved("B, C and x", 3 * hidden, Remake::kProduct);
  convolved_ = d.Saved("convolved", hidden, Remake::kPass);
  dconvolved_ = d.Temp("d convolved", hidden);
  dbcx_ = d.Temp("d B, C and x", 3 * hidden);
}

void ShortConvBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  void* rows = r.Saved(bcx_);
  if (r.Missing({bcx_})) in_.Forward(r, x, nullptr, rows);
  if (r.Missing({convolved_})) {
    conv_.Forward(r, Part(r, rows, hidden_, 2), {r.Saved(convolved_)}, Part(r, rows, hidden_, 0), Part(r, rows, hidden_, 1));
  }
  if (y != nullptr) out_.Forward(r, r.Saved(convolved_), addend, y);
}

void ShortConvBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  void *rows = r.Saved(bcx_), *drows = r.Temp(dbcx_);
  out_.Backward(r, dy, r.Saved(convolved_), r.Temp(dconvolved_));
  conv_.Backward(r, Part(r, rows, hidden_, 2), {r.Temp(dconvolved_)}, Part(r, drows, hidden_, 2), Part(r, rows, hidden_, 0),
                 Part(r, rows, hidden_, 1), Part(r, drows, hidden_, 0), Part(r, drows, hidden_, 1));
  in_.Backward(r, drows, x, dx);
}

}  // namespace hlm
