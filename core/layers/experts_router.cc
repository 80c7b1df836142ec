// Of the body of experts: the router, from what it reads to the weights of the choice and back; how the choice fell, and gradients of the
// terms of the loss that see its logits.
#include "core/layers/experts.h"

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

// work(document, first token, tokens)
template <class Work>
void EachDocument(const BlockRun& r, const Work& work) {
  const int32_t* offsets = r.micro.documents.host_offsets;
  for (int64_t d = 0; d < r.micro.documents.count; ++d) work(d, offsets[d], offsets[d + 1] - offsets[d]);
}

}  // namespace

RouteKind RouteKindOf(const RouterSpec& spec) {
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

void ExpertsBody::ScaleRouterInput(const BlockRun& r, void* rows) const {
  if (spec_.router.in_scale == 1) return;
  r.ops.ScaleAdd(
      r.stream,
      {.type = r.type, .n = r.micro.tokens * hidden_, .scale = static_cast<float>(spec_.router.in_scale), .z = rows, .y = rows});
}

void ExpertsBody::ForwardRouter(const BlockRun& r, const void* x) const {
  if (router_before_.on() && (r.Missing({saved_.router_normed}) || router_before_.Missing(r))) {
    router_before_.Forward(r, {x}, {r.Saved(saved_.router_normed)});
    ScaleRouterInput(r, r.Saved(saved_.router_normed));
  }
  if (r.Missing({saved_.logits})) {
    r.ops.Linear(r.stream, {.type = r.type,
                            .y_type = DType::kF32,
                            .tokens = r.micro.tokens,
                            .in = hidden_,
                            .out = spec_.count,
                            .x = RouterInput(r, x),
                            .w = r.Weight(router_.weight),
                            .bias = r.Weight(router_.bias),
                            .y = r.Saved(saved_.logits)});
  }
  if (!r.Missing({saved_.choice, saved_.weights, saved_.scores})) return;
  r.ops.Route(r.stream, {.type = r.type,
                         .kind = kind_,
                         .tokens = r.micro.tokens,
                         .experts = spec_.count,
                         .chosen = spec_.chosen,
                         .logits = r.Saved<float>(saved_.logits),
                         .bias = r.Weight(weights_.choice_bias),
                         .choice = r.Saved<int32_t>(saved_.choice),
                         .weights = r.Saved<float>(saved_.scores >= 0 ? saved_.scores : saved_.weights)});
  if (saved_.scores < 0) return;
  r.ops.ScaleChoices(r.stream, {.type = r.type,
                                .tokens = r.micro.tokens,
                                .experts = spec_.count,
                                .chosen = spec_.chosen,
                                .choice = r.Saved<int32_t>(saved_.choice),
                                .scales = r.Weight(weights_.expert_scale),
                                .x = r.Saved<float>(saved_.scores),
                                .y = r.Saved<float>(saved_.weights)});
}

void ExpertsBody::TellLoad(const BlockRun& r, const int32_t* choice, int64_t begin, int64_t tokens, float* record,
                           bool add) const {
  r.ops.RouteLoad(r.stream, {.tokens = tokens,
                             .experts = spec_.count,
                             .chosen = spec_.chosen,
                             .logits = r.Saved<float>(saved_.logits) + begin * spec_.count,
                             .choice = choice + begin * spec_.chosen,
                             .accumulate = add,
                             .counts = record,
                             .probabilities = record + spec_.count,
                             .squares = record + 2 * spec_.count});
}

void ExpertsBody::TellLoad(const BlockRun& r) const {
  const RouterRun& asked = r.router;
  if (spec_.shared || asked.load == nullptr) return;
  const int32_t* choice = r.Saved<int32_t>(saved_.choice);
  TellLoad(r, choice, 0, r.micro.tokens, asked.load, asked.add);
  if (asked.balanced == nullptr && asked.documents == nullptr) return;
  if (temps_.best >= 0) {
    r.ops.Route(r.stream, {.type = r.type,
                           .kind = {.score = RouteScore::kSoftmaxOfChosen},
                           .tokens = r.micro.tokens,
                           .experts = spec_.count,
                           .chosen = spec_.chosen,
                           .logits = r.Saved<float>(saved_.logits),
                           .choice = r.Temp<int32_t>(temps_.best),
                           .weights = r.Temp<float>(temps_.best_weights)});
    choice = r.Temp<int32_t>(temps_.best);
  }
  if (asked.balanced != nullptr) TellLoad(r, choice, 0, r.micro.tokens, asked.balanced, asked.add);
  if (asked.documents == nullptr) return;
  EachDocument(r, [&](int64_t d, int64_t begin, int64_t tokens) {
    TellLoad(r, choice, begin, tokens, asked.documents + d * (2 * spec_.count + 1), asked.add_documents);
  });
}

void ExpertsBody::RouteBackward(const BlockRun& r) const {
  const auto rows = [&](int64_t begin, int64_t tokens, const float* balance) {
    r.ops.RouteBackward(
        r.stream, {.type = r.type,
                   .kind = kind_,
                   .tokens = tokens,
                   .experts = spec_.count,
                   .chosen = spec_.chosen,
                   .logits = r.Saved<float>(saved_.logits) + begin * spec_.count,
                   .choice = r.Saved<int32_t>(saved_.choice) + begin * spec_.chosen,
                   .dweights = WeightsGradient(r) + begin * spec_.chosen,
                   .balance = balance,
                   .z_scale = spec_.shared ? 0 : r.router.z_scale,
                   .dlogits = r.Temp<std::byte>(temps_.dlogits) + begin * spec_.count * static_cast<int64_t>(SizeOf(r.type))});
  };
  const float* balance = spec_.shared ? nullptr : r.router.balance;
  if (balance == nullptr || r.router.balance_stride == 0) return rows(0, r.micro.tokens, balance);
  EachDocument(r, [&](int64_t d, int64_t begin, int64_t tokens) { rows(begin, tokens, balance + d * r.router.balance_stride); });
}

void ExpertsBody::BackwardRouter(const BlockRun& r, const void* x, void* dx) const {
  if (saved_.scores >= 0) {
    r.ops.ScaleChoicesBackward(r.stream, {.type = r.type,
                                          .tokens = r.micro.tokens,
                                          .experts = spec_.count,
                                          .chosen = spec_.chosen,
                                          .choice = r.Saved<int32_t>(saved_.choice),
                                          .scales = r.Weight(weights_.expert_scale),
                                          .x = r.Saved<float>(saved_.scores),
                                          .dy = WeightsGradient(r),
                                          .dx = WeightsGradient(r),
                                          .dscales = r.Gradient(weights_.expert_scale),
                                          .accumulate = r.accumulate});
  }
  RouteBackward(r);
  if (!router_before_.on()) return router_.Backward(r, r.Temp(temps_.dlogits), x, dx);
  void* dnormed = r.Temp(temps_.drouter);
  router_.Backward(r, r.Temp(temps_.dlogits), RouterInput(r, x), dnormed);
  ScaleRouterInput(r, dnormed);
  router_before_.Backward(r, {x}, {dnormed}, {}, {dx});
}

}  // namespace hlm
