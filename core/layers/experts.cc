#include "core/layers/experts.h"

#include <type_traits>

#include "core/layers/mlp.h"

namespace hlm {
namespace {

template <class T>
T* Skip(T* data, int64_t elements, DType type) {
  using Byte = std::conditional_t<std::is_const_v<T>, const std::byte, std::byte>;
  return static_cast<Byte*>(data) + elements * static_cast<int64_t>(SizeOf(type));
}

}  // namespace

ExpertsBody::ExpertsBody(const ExpertsSpec& spec, int64_t hidden, Declaration& d)
    : spec_(spec), hidden_(hidden), width_(spec.gated ? 2 * spec.intermediate : spec.intermediate), router_(spec, hidden, d) {
  const int64_t experts = spec.count, chosen = spec.chosen;
  d.Width("the experts' intermediate_size", spec.intermediate);
  d.Width("moe_latent_size", spec.latent);
  if (spec.before.on()) {
    before_ = NormPart(spec.before, {.width = hidden}, "input_norm", d);
    saved_.normed = d.Saved("normed", hidden, Remake::kPass);
  }
  router_.DeclareWeights(d);
  if (Narrow()) {
    narrow_ = {.in = hidden, .out = spec.latent, .weight = d.Weight("narrow", {spec.latent, hidden}, TensorInit::kNormal)};
    if (spec.latent_bias) narrow_.bias = d.Weight("narrow_bias", {spec.latent}, TensorInit::kZero);
    widen_ = {.in = spec.latent, .out = hidden, .weight = d.Weight("widen", {hidden, spec.latent}, TensorInit::kNormal)};
    if (spec.latent_bias) widen_.bias = d.Weight("widen_bias", {hidden}, TensorInit::kZero);
  }
  in_.in = down_.out = Width();
  in_.out = width_, down_.in = spec.intermediate;
  for (int64_t expert = 0; expert < experts; ++expert) {
    // One alone moves with what is beside it; one that is shared has no number.
    d.BeginNumber(spec.shared ? -1 : expert);
    if (experts > 1) d.Cut();
    GroupedLinearPart in = in_, down = down_;
    DeclareExpert(d, in, down);
    if (expert == 0) in_ = in, down_ = down;
    if (expert == 1) in_.stride = down_.stride = in.weight - in_.weight;
  }
  d.BeginNumber(-1);
  if (experts > 1) d.Cut();

  router_.DeclareChoice(d);
  if (Narrow()) {
    saved_.latent = d.Saved("latent", spec.latent, Remake::kProduct);
    saved_.sum = d.Saved("sum of the experts", spec.latent, Remake::kProduct);
    d.StayForBackward(saved_.sum);
    temps_.dsum = d.Temp("d sum of the experts", spec.latent);
    temps_.dlatent = d.Temp("d latent", spec.latent);
  }
  if (Narrow() || before_.on()) temps_.dnormed = d.Temp("d of what the experts read", hidden);
  const int64_t of_group = d.saved_count();
  saved_.gate_up = d.Saved("gate and up", chosen * width_, Remake::kProduct);
  saved_.activated = d.Saved("activated", chosen * spec.intermediate, Remake::kPass);
  d.StayInStage(of_group, d.saved_count());
  temps_.sorted = d.Temp("sorted rows", chosen * Width(), true);
  temps_.rows = d.Temp("rows of the choices", chosen, true, TokenType::kF32);
  temps_.sources = d.Temp("sources of the rows", chosen, true, TokenType::kF32);
  temps_.offsets = d.FixedTemp("offsets of the experts", (experts + 1) * static_cast<int64_t>(sizeof(int32_t)));
  router_.DeclareBest(d);
  temps_.dactivated = d.Temp("d activated", chosen * spec.intermediate);
  temps_.dgate_up = d.Temp("d gate and up", chosen * width_);
  temps_.dweights = d.Temp("d weights", chosen, false, TokenType::kF32);
  router_.DeclareGradient(d);
  temps_.results = d.BetweenStages("results of the experts", chosen * Width());
  temps_.group_dweights = d.BetweenStages("d weights of the groups", chosen, TokenType::kF32);
}

void ExpertsBody::DeclareExpert(Declaration& d, GroupedLinearPart& in, GroupedLinearPart& down) const {
  const int64_t i = spec_.intermediate;
  if (Interleaved()) {
    in.weight = d.Weight("gate_up", {width_, Width()}, TensorInit::kNormal);
    if (spec_.in_bias) in.bias = d.Weight("gate_up_bias", {width_}, TensorInit::kZero);
  } else if (spec_.gated) {
    in.weight = d.Weights("gate_up", {{"gate", {i, Width()}}, {"up", {i, Width()}}});
    if (spec_.in_bias)
      in.bias = d.Weights("gate_up_bias", {{"gate_bias", {i}, TensorInit::kZero}, {"up_bias", {i}, TensorInit::kZero}});
  } else {
    in.weight = d.Weight("up", {i, Width()}, TensorInit::kNormal);
    if (spec_.in_bias) in.bias = d.Weight("up_bias", {i}, TensorInit::kZero);
  }
  down.weight = d.Weight("down", {Width(), i}, TensorInit::kNormal);
  if (spec_.out_bias) down.bias = d.Weight("down_bias", {Width()}, TensorInit::kZero);
}

ExpertRange ExpertsBody::Range(const BlockRun& r) const {
  return {.experts = spec_.count, .first = First(r), .count = Count(r), .offsets = r.Temp<const int32_t>(temps_.offsets)};
}

RowRange ExpertsBody::OwnRows(const BlockRun& r) const {
  if (At(r) != Stage::kGroup) return {};
  return {.offsets = r.Temp<const int32_t>(temps_.offsets), .first = First(r), .end = First(r) + Count(r)};
}

void ExpertsBody::Sort(const BlockRun& r) const {
  r.ops.SortChoices(r.stream, {.tokens = r.micro.tokens,
                               .experts = spec_.count,
                               .chosen = spec_.chosen,
                               .choice = router_.Choice(r),
                               .offsets = r.Temp<int32_t>(temps_.offsets),
                               .rows = r.Temp<int32_t>(temps_.rows),
                               .sources = r.Temp<int32_t>(temps_.sources)});
}

void ExpertsBody::Gather(const BlockRun& r, const void* x, bool weighed) const {
  r.ops.GatherRows(r.stream, {.type = r.type,
                              .tokens = r.micro.tokens,
                              .chosen = spec_.chosen,
                              .width = Width(),
                              .x = x,
                              .sources = r.Temp<int32_t>(temps_.sources),
                              .weights = weighed ? router_.Weights(r) : nullptr,
                              .y = r.Temp(temps_.sorted),
                              .range = OwnRows(r)});
}

void ExpertsBody::Activate(const BlockRun& r) const {
  const int64_t rows = Pairs(r), width = spec_.intermediate;
  const void* gate_up = r.Saved(saved_.gate_up);
  void* y = r.Saved(saved_.activated);
  if (Interleaved()) {
    r.ops.ClampedGlu(r.stream, {.type = r.type,
                                .tokens = rows,
                                .width = width,
                                .alpha = static_cast<float>(spec_.alpha),
                                .limit = static_cast<float>(spec_.limit),
                                .gate_up = gate_up,
                                .y = y,
                                .range = OwnRows(r)});
  } else if (spec_.gated && spec_.function == Function::kSilu) {
    r.ops.SwiGlu(r.stream, {.type = r.type, .tokens = rows, .width = width, .gate_up = gate_up, .y = y, .range = OwnRows(r)});
  } else {
    r.ops.Activate(r.stream, {.type = r.type,
                              .kind = ActFunctionOf(spec_.function),
                              .rows = rows,
                              .width = width,
                              .x = {gate_up, width_},
                              .up = spec_.gated ? View{Skip(gate_up, width, r.type), width_} : View{},
                              .y = {y},
                              .xielu = {},
                              .range = OwnRows(r)});
  }
}

void ExpertsBody::ActivateBackward(const BlockRun& r) const {
  const int64_t rows = Pairs(r), width = spec_.intermediate;
  const void *gate_up = r.Saved(saved_.gate_up), *dy = r.Temp(temps_.dactivated);
  void* dgate_up = r.Temp(temps_.dgate_up);
  if (Interleaved()) {
    r.ops.ClampedGluBackward(r.stream, {.type = r.type,
                                        .tokens = rows,
                                        .width = width,
                                        .alpha = static_cast<float>(spec_.alpha),
                                        .limit = static_cast<float>(spec_.limit),
                                        .gate_up = gate_up,
                                        .dy = dy,
                                        .dgate_up = dgate_up,
                                        .range = OwnRows(r)});
  } else if (spec_.gated && spec_.function == Function::kSilu) {
    r.ops.SwiGluBackward(r.stream, {.type = r.type,
                                    .tokens = rows,
                                    .width = width,
                                    .gate_up = gate_up,
                                    .dy = dy,
                                    .dgate_up = dgate_up,
                                    .range = OwnRows(r)});
  } else {
    r.ops.ActivateBackward(r.stream, {.type = r.type,
                                      .kind = ActFunctionOf(spec_.function),
                                      .rows = rows,
                                      .width = width,
                                      .x = {gate_up, width_},
                                      .up = spec_.gated ? View{Skip(gate_up, width, r.type), width_} : View{},
                                      .dy = {dy},
                                      .dx = {dgate_up, width_},
                                      .dup = spec_.gated ? MutableView{Skip(dgate_up, width, r.type), width_} : MutableView{},
                                      .xielu = {},
                                      .range = OwnRows(r)});
  }
}

void ExpertsBody::Forward(const BlockRun& r, const void* x, const void* addend, void* y) const {
  if (At(r) == Stage::kAfter) {
    const bool sums = Narrow() ? r.Missing({saved_.sum}) : y != nullptr;
    if (sums) Sort(r);
    if (sums) Combine(r, Narrow() ? nullptr : addend, Narrow() ? r.Saved(saved_.sum) : y);
    if (Narrow() && y != nullptr) widen_.Forward(r, r.Saved(saved_.sum), addend, y);
    return;
  }
  router_.Forward(r, x);
  if (before_.on() && (r.Missing({saved_.normed}) || before_.Missing(r))) before_.Forward(r, {x}, {r.Saved(saved_.normed)});
  if (r.Missing({saved_.latent})) narrow_.Forward(r, Normed(r, x), nullptr, r.Saved(saved_.latent));
  if (At(r) == Stage::kBefore) return;
  // The sum is made again for its product's gradient, or for y itself.
  const bool products = r.Missing({saved_.gate_up}), sums = Narrow() ? r.Missing({saved_.sum}) : y != nullptr;
  if (products || sums) Sort(r);
  if (products) {
    Gather(r, Input(r, x), spec_.weigh_input);
    in_.Forward(r, Pairs(r), Range(r), r.Temp(temps_.sorted), r.Saved(saved_.gate_up));
  }
  if (r.Missing({saved_.activated})) Activate(r);
  if (sums) {
    down_.Forward(r, Pairs(r), Range(r), r.Saved(saved_.activated), r.Temp(temps_.sorted));
    Combine(r, Narrow() ? nullptr : addend, Narrow() ? r.Saved(saved_.sum) : y);
  }
  if (Narrow() && y != nullptr) widen_.Forward(r, r.Saved(saved_.sum), addend, y);
}

void ExpertsBody::Combine(const BlockRun& r, const void* addend, void* y) const {
  r.ops.CombineRows(r.stream, {.type = r.type,
                               .tokens = r.micro.tokens,
                               .chosen = spec_.chosen,
                               .width = Width(),
                               .x = Results(r),
                               .rows = r.Temp<int32_t>(temps_.rows),
                               .weights = spec_.weigh_input ? nullptr : router_.Weights(r),
                               .addend = addend,
                               .y = y});
}

void ExpertsBody::ForwardGroup(const BlockRun& r, const void* x, bool results) const {
  const bool products = r.Missing({saved_.gate_up}), activated = r.Missing({saved_.activated});
  // Memory for a moment is not what another micro-batch left there.
  if (products || activated || results) Sort(r);
  if (products) {
    Gather(r, Input(r, x), spec_.weigh_input);
    in_.Forward(r, Pairs(r), Range(r), r.Temp(temps_.sorted), r.Saved(saved_.gate_up));
  }
  if (activated) Activate(r);
  if (results) down_.Forward(r, Pairs(r), Range(r), r.Saved(saved_.activated), Results(r));
}

// Of weights behind the experts, while the gathered dy is there.
void ExpertsBody::WeightGradients(const BlockRun& r) const {
  RowDotsArgs dots{.type = r.type,
                   .tokens = r.micro.tokens,
                   .chosen = spec_.chosen,
                   .width = spec_.intermediate,
                   .a = r.Temp(temps_.dactivated),
                   .rows = r.Temp<int32_t>(temps_.rows),
                   .with = DotWith::kRow,
                   .b = r.Saved(saved_.activated),
                   .divisors = router_.Weights(r),
                   .y = WeightsGradient(r)};
  if (At(r) == Stage::kGroup) dots.choice = router_.Choice(r), dots.first = First(r), dots.count = Count(r);
  r.ops.RowDots(r.stream, dots);
  if (!spec_.out_bias) return;
  down_.EachRun(r, Range(r), [&](const ExpertRange& experts) {
    dots.width = Width();
    dots.a = r.Temp(temps_.sorted);
    dots.with = DotWith::kExpert;
    dots.b = down_.Bias(r, experts.first);
    dots.choice = router_.Choice(r);
    dots.first = experts.first, dots.count = experts.count, dots.stride = down_.stride;
    dots.accumulate = true;
    r.ops.RowDots(r.stream, dots);
  });
}

void ExpertsBody::BackwardInput(const BlockRun& r, const void* x, void* dx) const {
  void* own = Narrow() ? r.Temp(temps_.dlatent) : before_.on() ? r.Temp(temps_.dnormed) : dx;
  r.ops.CombineRows(r.stream, {.type = r.type,
                               .tokens = r.micro.tokens,
                               .chosen = spec_.chosen,
                               .width = Width(),
                               .x = Results(r),
                               .rows = r.Temp<int32_t>(temps_.rows),
                               .weights = spec_.weigh_input ? router_.Weights(r) : nullptr,
                               .addend = own == dx ? dx : nullptr,
                               .y = own});
  if (own == dx) return;
  void* dnormed = r.Temp(temps_.dnormed);
  if (Narrow()) narrow_.Backward(r, own, Normed(r, x), dnormed);
  if (before_.on()) return before_.Backward(r, {x}, {dnormed}, {dx}, {dx});
  r.ops.ScaleAdd(r.stream, {.type = r.type, .n = r.micro.tokens * hidden_, .x = dx, .z = dnormed, .y = dx});
}

void ExpertsBody::BackwardGroup(const BlockRun& r, const void* x, const void* dy) const {
  // Memory for a moment is not what Forward left there.
  Sort(r);
  Gather(r, dy, !spec_.weigh_input);
  down_.Backward(r, Pairs(r), Range(r), r.Temp(temps_.sorted), r.Saved(saved_.activated), r.Temp(temps_.dactivated));
  if (!spec_.weigh_input) WeightGradients(r);
  ActivateBackward(r);
  Gather(r, Input(r, x), spec_.weigh_input);
  in_.Backward(r, Pairs(r), Range(r), r.Temp(temps_.dgate_up), r.Temp(temps_.sorted), Results(r));
}

void ExpertsBody::Backward(const BlockRun& r, const void* x, const void* dy, void* dx) const {
  if (Narrow()) widen_.BackwardWeight(r, dy, r.Saved(saved_.sum));
  if (At(r) == Stage::kAfter) {
    Sort(r);
  } else {
    // All experts are a group.
    if (Narrow()) BackwardSum(r, dy, r.Temp(temps_.dsum));
    BackwardGroup(r, x, Narrow() ? r.Temp(temps_.dsum) : dy);
  }
  if (spec_.weigh_input) {
    r.ops.RowDots(r.stream, {.type = r.type,
                             .tokens = r.micro.tokens,
                             .chosen = spec_.chosen,
                             .width = Width(),
                             .a = Results(r),
                             .rows = r.Temp<int32_t>(temps_.rows),
                             .with = DotWith::kToken,
                             .b = Input(r, x),
                             .y = WeightsGradient(r)});
  }
  router_.Backward(r, x, WeightsGradient(r), dx);
  BackwardInput(r, x, dx);
}

}  // namespace hlm
