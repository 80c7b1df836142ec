#include "core/layers/shared_layer.h"

#include "core/base/error.h"
#include "core/layers/place.h"

namespace hlm {

SharedLayerBody::SharedLayerBody(const SharedLayerSpec& spec, const ModelSpec& model, Declaration& d)
    : hidden_(model.hidden), side_(spec.side) {
  HLM_CHECK(spec.attention.in_width == Wide() && model.sides[static_cast<size_t>(side_)] == hidden_,
            "a shared layer of other widths");
  d.BeginShared();
  joined_ = d.Saved("x and side", Wide(), Remake::kPass);
  before_ = NormPart(spec.norm, {.width = Wide()}, "before", d);
  normed_ = d.Saved("normed x and side", Wide(), Remake::kPass);
  attention_.emplace(spec.attention, model, d);
  attended_ = d.Saved("attention's output", hidden_, Remake::kProduct);
  between_ = NormPart(spec.norm, {.width = hidden_}, "between", d);
  between_normed_ = d.Saved("normed output", hidden_, Remake::kPass);
  mlp_.emplace(spec.mlp, hidden_, d);
  d.EndShared();
  made_ = d.Saved("mlp's output", hidden_, Remake::kProduct);
  linear_ = {.in = hidden_, .out = hidden_, .weight = d.Weight("linear", {hidden_, hidden_}, TensorInit::kNormal)};
  dmade_ = d.Temp("d mlp's output", hidden_);
  dbetween_ = d.Temp("d normed output", hidden_);
  dattended_ = d.Temp("d attention's output", hidden_);
  dnormed_ = d.Temp("d x and side", Wide());
  djoined_side_ = d.Temp("d side", hidden_);
}

void SharedLayerBody::Copy(const BlockRun& r, const View& from, const MutableView& to) const {
  r.ops.Activate(r.stream, {.type = r.type,
                            .kind = ActFunction::kScale,
                            .rows = r.micro.tokens,
                            .width = hidden_,
                            .x = from,
                            .up = {},
                            .y = to,
                            .xielu = {}});
}

void SharedLayerBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  void* joined = r.Saved(joined_);
  if (r.Missing({joined_})) {
    Copy(r, {x}, Columns(r, joined, Wide(), 0));
    Copy(r, {r.sides[static_cast<size_t>(side_)]}, Columns(r, joined, Wide(), hidden_));
  }
  if (r.Missing({normed_}) || before_.Missing(r)) before_.Forward(r, {joined}, {r.Saved(normed_)});
  attention_->Forward(r, r.Saved(normed_), nullptr, r.Missing({attended_}) ? r.Saved(attended_) : nullptr);
  if (r.Missing({between_normed_}) || between_.Missing(r)) between_.Forward(r, {r.Saved(attended_)}, {r.Saved(between_normed_)});
  mlp_->Forward(r, r.Saved(between_normed_), nullptr, r.Missing({made_}) ? r.Saved(made_) : nullptr);
  if (y != nullptr) linear_.Forward(r, r.Saved(made_), addend, y);
}

void SharedLayerBody::Backward(const BlockRun& r, const void*, const void* dy, void* dx) const {
  linear_.Backward(r, dy, r.Saved(made_), r.Temp(dmade_));
  mlp_->Backward(r, r.Saved(between_normed_), r.Temp(dmade_), r.Temp(dbetween_));
  between_.Backward(r, {r.Saved(attended_)}, {r.Temp(dbetween_)}, {}, {r.Temp(dattended_)});
  void* djoined = r.Temp(dnormed_);
  attention_->Backward(r, r.Saved(normed_), r.Temp(dattended_), djoined);
  before_.Backward(r, {r.Saved(joined_)}, {djoined}, {}, {djoined});
  Copy(r, Columns(r, djoined, Wide(), 0), {dx});
  Copy(r, Columns(r, djoined, Wide(), hidden_), {r.Temp(djoined_side_)});
  void* side = r.side_gradients[static_cast<size_t>(side_)];
  r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * hidden_, .x = side, .z = r.Temp(djoined_side_), .y = side});
}

}  // namespace hlm
