#include "core/plan/routers.h"

#include <cmath>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/plan/plan.h"

namespace hlm {
namespace {

constexpr double kMostCoefficient = 1e6;

void CheckCoefficient(const char* name, double value) {
  if (!(value >= 0) || value > kMostCoefficient)
    throw InvalidArgument(name, " is ", value, "; it must lie in [0, ", kMostCoefficient, "]");
}

}  // namespace

const char* Name(BalanceScope scope) {
  switch (scope) {
    case BalanceScope::kStep:
      return "step";
    case BalanceScope::kGroup:
      return "group";
    case BalanceScope::kSequence:
      return "sequence";
  }
  return "unknown";
}
const char* Name(Unrouted unrouted) { return unrouted == Unrouted::kZero ? "zero" : "skip"; }

RouterPlan ChooseRouters(const ModelSpec& spec, const PlanOptions& options) {
  RouterPlan plan;
  if (std::isnan(options.balance))
    throw InvalidArgument("router_aux_loss_coef is nan; it must be a number, negative for the model's");
  plan.balance = options.balance < 0 ? spec.balance : options.balance;
  CheckCoefficient("router_aux_loss_coef", plan.balance);
  CheckCoefficient("router_z_loss_coef", options.router_z);
  CheckCoefficient("router_bias_rate", options.bias_rate);
  const ExpertsSpec* first = nullptr;
  bool biased = false;
  for (int64_t layer = 0; layer < spec.layers(); ++layer) {
    const ExpertsSpec* router = FindRouter(spec.block(layer));
    if (router == nullptr) continue;
    if (first == nullptr) first = router;
    biased = biased || router->router.choice_bias;
    if (plan.balance != 0 && router->count != first->count) {
      throw Unimplemented("router_aux_loss_coef is ", plan.balance, " and the model's layers have ", first->count, " and ",
                          router->count, " experts; the balancing loss is over layers of as many");
    }
  }
  // What the config asks for has no effect without a router, as ever; what the caller asks for must have one.
  plan.on = first != nullptr;
  if (!plan.on) {
    const auto refuse = [](const char* name, double value) {
      if (value > 0) throw InvalidArgument(name, " is ", value, " and the model has no experts");
    };
    refuse("router_aux_loss_coef", options.balance);
    refuse("router_z_loss_coef", options.router_z);
    refuse("router_bias_rate", options.bias_rate);
    if (options.unrouted != Unrouted::kZero)
      throw InvalidArgument("unrouted is ", Name(options.unrouted), " and the model has no experts");
    return {};
  }
  if (options.bias_rate > 0 && !biased) {
    throw InvalidArgument("router_bias_rate is ", options.bias_rate, " and the model's routers have no bias for the choice");
  }
  plan.z = options.router_z;
  if (plan.balance != 0) plan.scope = options.balance_scope;  // says nothing without the loss
  plan.bias_rate = options.bias_rate;
  plan.unrouted = options.unrouted;
  return plan;
}

LoadPlaces PlaceLoads(const ModelSpec& spec, const Plan& plan) {
  LoadPlaces places;
  places.router_of.assign(static_cast<size_t>(spec.layers()), -1);
  const auto take = [&](int64_t floats) {
    const int64_t at = places.total;
    places.total = CheckedAdd(places.total, RoundUp(floats, 64));
    return at;
  };
  for (int64_t layer = 0; layer < spec.layers(); ++layer) {
    const ExpertsSpec* router = FindRouter(spec.block(layer));
    if (router == nullptr) continue;
    places.router_of[static_cast<size_t>(layer)] = static_cast<int64_t>(places.routers.size());
    const int64_t record = take(LoadRecord(router->count));
    const bool same = plan.router.balance == 0 || plan.router.by_document() || ChoosesByLogits(router->router);
    places.routers.push_back({layer, router->count, router->chosen, record, same ? record : take(LoadRecord(router->count))});
  }
  if (!plan.router.on || plan.router.balance == 0) return places;
  const int64_t experts = places.routers.front().experts;
  const bool each = plan.router.by_document();
  if (each) places.documents = take(CheckedMul(plan.sweep_tokens, LoadRecord(experts)));  // a document has a token at least
  if (plan.purpose != Purpose::kForward) places.balance = take(each ? CheckedMul(plan.sweep_tokens, experts) : experts);
  return places;
}

}  // namespace hlm
