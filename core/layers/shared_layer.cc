#include "core/layers/shared_layer.h"

#include "core/base/error.h"
#include "core/layers/place.h"

namespace hlm {

SharedLayerBody::SharedLayerBody(const SharedLayerSpec& spec, const ModelSpec& model, Declaration& d)
    : hidden_(model.hidden), side_(spec.side) {
  HLM_CHECK(spec.attention.in_width == Wide() && model.sides[static_cast<size_t>(side_)] == hidden_,
            "a shared layer of other widths");
  d.BeginShared();
  saved_.joined = d.Saved("x and side", Wide(), Remake::kPass);
  before_ = NormPart(spec.norm, {.width = Wide()}, "before", d);
  saved_.normed = d.Saved("normed x and side", Wide(), Remake::kPass);
  attention_.emplace(spec.attention, model, d);
  saved_.attended = d.Saved("attention's output", hidden_, Remake::kProduct);
  between_ = NormPart(spec.norm, {.width = hidden_}, "between", d);
  saved_.between_normed = d.Saved("normed output", hidden_, Remake::kPass);
  mlp_.emplace(spec.mlp, hidden_, d);
  d.Width("adapter_rank", spec.mlp.adapter_rank);
  d.EndShared();
  saved_.made = d.Saved("mlp's output", hidden_, Remake::kProduct);
  linear_ = {.in = hidden_, .out = hidden_, .weight = d.Weight("linear", {hidden_, hidden_}, TensorInit::kNormal)};
  temps_.dmade = d.Temp("d mlp's output", hidden_);
  temps_.dbetween = d.Temp("d normed output", hidden_);
  temps_.dattended = d.Temp("d attention's output", hidden_);
  temps_.dnormed = d.Temp("d x and side", Wide());
  temps_.djoined_side = d.Temp("d side", hidden_);
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
  void* joined = r.Saved(saved_.joined);
  if (r.Missing({saved_.joined})) {
    Copy(r, {x}, Columns(r, joined, Wide(), 0));
    Copy(r, {r.sides[static_cast<size_t>(side_)]}, Columns(r, joined, Wide(), hidden_));
  }
  if (r.Missing({saved_.normed}) || before_.Missing(r)) before_.Forward(r, {joined}, {r.Saved(saved_.normed)});
  attention_->Forward(r, r.Saved(saved_.normed), nullptr, r.Missing({saved_.attended}) ? r.Saved(saved_.attended) : nullptr);
  if (r.Missing({saved_.between_normed}) || between_.Missing(r))
    between_.Forward(r, {r.Saved(saved_.attended)}, {r.Saved(saved_.between_normed)});
  mlp_->Forward(r, r.Saved(saved_.between_normed), nullptr, r.Missing({saved_.made}) ? r.Saved(saved_.made) : nullptr);
  if (y != nullptr) linear_.Forward(r, r.Saved(saved_.made), addend, y);
}

void SharedLayerBody::Backward(const BlockRun& r, const void*, const void* dy, void* dx) const {
  linear_.Backward(r, dy, r.Saved(saved_.made), r.Temp(temps_.dmade));
  mlp_->Backward(r, r.Saved(saved_.between_normed), r.Temp(temps_.dmade), r.Temp(temps_.dbetween));
  between_.Backward(r, {r.Saved(saved_.attended)}, {r.Temp(temps_.dbetween)}, {}, {r.Temp(temps_.dattended)});
  void* djoined = r.Temp(temps_.dnormed);
  attention_->Backward(r, r.Saved(saved_.normed), r.Temp(temps_.dattended), djoined);
  before_.Backward(r, {r.Saved(saved_.joined)}, {djoined}, {}, {djoined});
  Copy(r, Columns(r, djoined, Wide(), 0), {dx});
  Copy(r, Columns(r, djoined, Wide(), hidden_), {r.Temp(temps_.djoined_side)});
  void* side = r.side_gradients[static_cast<size_t>(side_)];
  r.ops.ScaleAdd(r.stream,
                 {.type = r.type, .n = r.micro.tokens * hidden_, .x = side, .z = r.Temp(temps_.djoined_side), .y = side});
}

}  // namespace hlm
