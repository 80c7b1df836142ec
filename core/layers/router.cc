#include "core/layers/router.h"

namespace hlm {
namespace {

RouteScore ScoreOf(RouterScore score) {
  switch (score) {
    case RouterScore::kSoftmax:
      return RouteScore::kSoftmax;
    case RouterScore::kSoftmaxOfChosen:
      return RouteScore::kSoftmaxOfChosen;
    case RouterScore::kSigmoid:
      return RouteScore::kSigmoid;
    case RouterScore::kSparseMixer:
      return RouteScore::kSparseMixer;
  }
  return RouteScore::kSoftmax;
}

RouteKind KindOf(const RouterSpec& spec) {
  return {.score = ScoreOf(spec.score),
          .normalize = spec.normalize,
          .sum_add = static_cast<float>(spec.sum_add),
          .sum_least = static_cast<float>(spec.sum_least),
          .scale = static_cast<float>(spec.scale),
          .groups = spec.groups,
          .best_groups = spec.best_groups,
          .group_of_two = spec.group_of_two,
          .nearness = static_cast<float>(spec.nearness)};
}

// work(document, first token, tokens)
template <class Work>
void EachDocument(const BlockRun& r, const Work& work) {
  const int32_t* offsets = r.micro.documents.host_offsets;
  for (int64_t d = 0; d < r.micro.documents.count; ++d) work(d, offsets[d], offsets[d + 1] - offsets[d]);
}

}  // namespace

RouterPart::RouterPart(const ExpertsSpec& spec, int64_t hidden, Declaration& d)
    : spec_(spec.router), chosen_(spec.chosen), shared_(spec.shared) {
  product_.in = hidden, product_.out = spec.count;
  if (!spec_.before.on()) return;
  before_ = NormPart(spec_.before, {.width = hidden}, "router_norm", d);
  saved_.normed = d.Saved("what the router reads", hidden, Remake::kPass);
  temps_.dnormed = d.Temp("d of what the router reads", hidden);
}

void RouterPart::DeclareWeights(Declaration& d) {
  product_.weight = d.Weight("router", {Experts(), product_.in}, TensorInit::kNormal);
  if (spec_.bias) product_.bias = d.Weight("router_bias", {Experts()}, TensorInit::kZero);
  if (spec_.choice_bias)
    own_weights_.choice_bias = d.Weights("choice_bias", {{"choice_bias", {Experts()}, TensorInit::kZero, 0, 0, false}});
  if (spec_.expert_scale) own_weights_.expert_scale = d.Weight("expert_scale", {Experts()}, TensorInit::kOne);
}

void RouterPart::DeclareChoice(Declaration& d) {
  saved_.logits = d.Saved("router logits", Experts(), Remake::kProduct, TokenType::kF32);
  saved_.choice = d.Saved("choice", chosen_, Remake::kCheap, TokenType::kF32);
  saved_.weights = d.Saved("weights of the choice", chosen_, Remake::kCheap, TokenType::kF32);
  if (spec_.expert_scale) saved_.scores = d.Saved("weights before their factors", chosen_, Remake::kCheap, TokenType::kF32);
}

void RouterPart::DeclareBest(Declaration& d) {
  if (!spec_.choice_bias && spec_.best_groups >= spec_.groups) return;
  temps_.best = d.Temp("choice by logits", chosen_, true, TokenType::kF32);
  temps_.best_weights = d.Temp("weights of the choice by logits", chosen_, true, TokenType::kF32);
}

void RouterPart::DeclareGradient(Declaration& d) { temps_.dlogits = d.Temp("d router logits", Experts()); }

void RouterPart::ScaleInput(const BlockRun& r, void* rows) const {
  if (spec_.in_scale == 1) return;
  r.ops.ScaleAdd(
      r.stream,
      {.type = r.type, .n = r.micro.tokens * product_.in, .scale = static_cast<float>(spec_.in_scale), .z = rows, .y = rows});
}

void RouterPart::Forward(const BlockRun& r, const void* x) const {
  if (before_.on() && (r.Missing({saved_.normed}) || before_.Missing(r))) {
    before_.Forward(r, {x}, {r.Saved(saved_.normed)});
    ScaleInput(r, r.Saved(saved_.normed));
  }
  if (r.Missing({saved_.logits})) {
    r.ops.Linear(r.stream, {.type = r.type,
                            .y_type = DType::kF32,
                            .tokens = r.micro.tokens,
                            .in = product_.in,
                            .out = Experts(),
                            .x = Input(r, x),
                            .w = r.Weight(product_.weight),
                            .bias = r.Weight(product_.bias),
                            .y = r.Saved(saved_.logits)});
  }
  if (r.Missing({saved_.choice, saved_.weights, saved_.scores})) Choose(r);
  TellLoad(r);
}

void RouterPart::Choose(const BlockRun& r) const {
  r.ops.Route(r.stream, {.type = r.type,
                         .kind = KindOf(spec_),
                         .tokens = r.micro.tokens,
                         .experts = Experts(),
                         .chosen = chosen_,
                         .logits = r.Saved<float>(saved_.logits),
                         .bias = r.Weight(own_weights_.choice_bias),
                         .choice = Choice(r),
                         .weights = r.Saved<float>(saved_.scores >= 0 ? saved_.scores : saved_.weights)});
  if (saved_.scores < 0) return;
  r.ops.ScaleChoices(r.stream, {.type = r.type,
                                .tokens = r.micro.tokens,
                                .experts = Experts(),
                                .chosen = chosen_,
                                .choice = Choice(r),
                                .scales = r.Weight(own_weights_.expert_scale),
                                .x = r.Saved<float>(saved_.scores),
                                .y = Weights(r)});
}

void RouterPart::TellLoad(const BlockRun& r, const int32_t* choice, int64_t begin, int64_t tokens, float* record,
                          bool add) const {
  r.ops.RouteLoad(r.stream, {.tokens = tokens,
                             .experts = Experts(),
                             .chosen = chosen_,
                             .logits = r.Saved<float>(saved_.logits) + begin * Experts(),
                             .choice = choice + begin * chosen_,
                             .accumulate = add,
                             .counts = record,
                             .probabilities = record + Experts(),
                             .squares = record + 2 * Experts()});
}

void RouterPart::TellLoad(const BlockRun& r) const {
  const RouterRun& asked = r.router;
  if (shared_ || asked.load == nullptr) return;
  const int32_t* choice = Choice(r);
  TellLoad(r, choice, 0, r.micro.tokens, asked.load, asked.add);
  if (asked.balanced == nullptr && asked.documents == nullptr) return;
  if (temps_.best >= 0) {
    r.ops.Route(r.stream, {.type = r.type,
                           .kind = {.score = RouteScore::kSoftmaxOfChosen},
                           .tokens = r.micro.tokens,
                           .experts = Experts(),
                           .chosen = chosen_,
                           .logits = r.Saved<float>(saved_.logits),
                           .choice = r.Temp<int32_t>(temps_.best),
                           .weights = r.Temp<float>(temps_.best_weights)});
    choice = r.Temp<int32_t>(temps_.best);
  }
  if (asked.balanced != nullptr) TellLoad(r, choice, 0, r.micro.tokens, asked.balanced, asked.add);
  if (asked.documents == nullptr) return;
  EachDocument(r, [&](int64_t d, int64_t begin, int64_t tokens) {
    TellLoad(r, choice, begin, tokens, asked.documents + d * (2 * Experts() + 1), asked.add_documents);
  });
}

void RouterPart::LogitsGradient(const BlockRun& r, const float* dweights) const {
  const auto rows = [&](int64_t begin, int64_t tokens, const float* balance) {
    r.ops.RouteBackward(
        r.stream, {.type = r.type,
                   .kind = KindOf(spec_),
                   .tokens = tokens,
                   .experts = Experts(),
                   .chosen = chosen_,
                   .logits = r.Saved<float>(saved_.logits) + begin * Experts(),
                   .choice = Choice(r) + begin * chosen_,
                   .dweights = dweights + begin * chosen_,
                   .balance = balance,
                   .z_scale = shared_ ? 0 : r.router.z_scale,
                   .dlogits = r.Temp<std::byte>(temps_.dlogits) + begin * Experts() * static_cast<int64_t>(SizeOf(r.type))});
  };
  const float* balance = shared_ ? nullptr : r.router.balance;
  if (balance == nullptr || r.router.balance_stride == 0) return rows(0, r.micro.tokens, balance);
  EachDocument(r, [&](int64_t d, int64_t begin, int64_t tokens) { rows(begin, tokens, balance + d * r.router.balance_stride); });
}

void RouterPart::Backward(const BlockRun& r, const void* x, float* dweights, void* dx) const {
  if (saved_.scores >= 0) {
    r.ops.ScaleChoicesBackward(r.stream, {.type = r.type,
                                          .tokens = r.micro.tokens,
                                          .experts = Experts(),
                                          .chosen = chosen_,
                                          .choice = Choice(r),
                                          .scales = r.Weight(own_weights_.expert_scale),
                                          .x = r.Saved<float>(saved_.scores),
                                          .dy = dweights,
                                          .dx = dweights,
                                          .dscales = r.Gradient(own_weights_.expert_scale),
                                          .accumulate = r.accumulate});
  }
  LogitsGradient(r, dweights);
  if (!before_.on()) return product_.Backward(r, r.Temp(temps_.dlogits), x, dx);
  void* dnormed = r.Temp(temps_.dnormed);
  product_.Backward(r, r.Temp(temps_.dlogits), Input(r, x), dnormed);
  ScaleInput(r, dnormed);
  before_.Backward(r, {x}, {dnormed}, {}, {dx});
}

}  // namespace hlm
