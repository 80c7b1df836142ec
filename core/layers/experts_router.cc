// Of the body of experts: the router, from what it reads to the weights of the choice and back.
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
  if (router_before_.on() && (r.Missing({router_normed_}) || router_before_.Missing(r))) {
    router_before_.Forward(r, {x}, {r.Saved(router_normed_)});
    ScaleRouterInput(r, r.Saved(router_normed_));
  }
  if (r.Missing({logits_})) {
    r.ops.Linear(r.stream, {.type = r.type,
                            .y_type = DType::kF32,
                            .tokens = r.micro.tokens,
                            .in = hidden_,
                            .out = spec_.count,
                            .x = RouterInput(r, x),
                            .w = r.Weight(router_.weight),
                            .bias = r.Weight(router_.bias),
                            .y = r.Saved(logits_)});
  }
  if (!r.Missing({choice_, weights_, scores_})) return;
  r.ops.Route(r.stream, {.type = r.type,
                         .kind = kind_,
                         .tokens = r.micro.tokens,
                         .experts = spec_.count,
                         .chosen = spec_.chosen,
                         .logits = r.Saved<float>(logits_),
                         .bias = r.Weight(choice_bias_),
                         .choice = r.Saved<int32_t>(choice_),
                         .weights = r.Saved<float>(scores_ >= 0 ? scores_ : weights_)});
  if (scores_ < 0) return;
  r.ops.ScaleChoices(r.stream, {.type = r.type,
                                .tokens = r.micro.tokens,
                                .experts = spec_.count,
                                .chosen = spec_.chosen,
                                .choice = r.Saved<int32_t>(choice_),
                                .scales = r.Weight(expert_scale_),
                                .x = r.Saved<float>(scores_),
                                .y = r.Saved<float>(weights_)});
}

void ExpertsBody::BackwardRouter(const BlockRun& r, const void* x, void* dx) const {
  if (scores_ >= 0) {
    r.ops.ScaleChoicesBackward(r.stream, {.type = r.type,
                                          .tokens = r.micro.tokens,
                                          .experts = spec_.count,
                                          .chosen = spec_.chosen,
                                          .choice = r.Saved<int32_t>(choice_),
                                          .scales = r.Weight(expert_scale_),
                                          .x = r.Saved<float>(scores_),
                                          .dy = r.Temp<float>(dweights_),
                                          .dx = r.Temp<float>(dweights_),
                                          .dscales = r.Gradient(expert_scale_),
                                          .accumulate = r.accumulate});
  }
  r.ops.RouteBackward(r.stream, {.type = r.type,
                                 .kind = kind_,
                                 .tokens = r.micro.tokens,
                                 .experts = spec_.count,
                                 .chosen = spec_.chosen,
                                 .logits = r.Saved<float>(logits_),
                                 .choice = r.Saved<int32_t>(choice_),
                                 .dweights = r.Temp<float>(dweights_),
                                 .dlogits = r.Temp(dlogits_)});
  if (!router_before_.on()) return router_.Backward(r, r.Temp(dlogits_), x, dx);
  void* dnormed = r.Temp(drouter_);
  router_.Backward(r, r.Temp(dlogits_), RouterInput(r, x), dnormed);
  ScaleRouterInput(r, dnormed);
  router_before_.Backward(r, {x}, {dnormed}, {}, {dx});
}

}  // namespace hlm
