// What the routers of a mixture do beside their choice: they tell how it fell, and add terms to the loss. Where they tell it, on the
// device and on the host alike, stands here.
#ifndef HORIZON_LM_CORE_PLAN_ROUTERS_H_
#define HORIZON_LM_CORE_PLAN_ROUTERS_H_

#include <cstdint>
#include <vector>

#include "core/model/spec.h"

namespace hlm {

struct Plan;
struct PlanOptions;

// Over which tokens the balancing loss takes its means: all of a call, those of a reduction group, those of a document.
enum class BalanceScope { kStep, kGroup, kSequence };
// What an update does with an expert that no token of the step has chosen: its gradient is zero, or it is left alone.
enum class Unrouted { kZero, kSkip };
const char* Name(BalanceScope scope);  // "step", "group", "sequence"
const char* Name(Unrouted unrouted);   // "zero", "skip"

struct RouterPlan {
  bool on = false;       // the model has routers
  double balance = 0;    // coefficients: of the balancing loss
  double z = 0;          // of the mean of logsumexp(logits)^2
  double bias_rate = 0;  // how far a step moves the bias for the choice
  BalanceScope scope = BalanceScope::kStep;
  Unrouted unrouted = Unrouted::kZero;

  bool by_document() const { return balance != 0 && scope == BalanceScope::kSequence; }
  bool gradients() const { return balance != 0 || z != 0; }
  bool changes_updates() const { return bias_rate != 0 || unrouted == Unrouted::kSkip; }
  bool operator==(const RouterPlan&) const = default;
};

// As asked for, checked against the model. INVALID_ARGUMENT for what it has no place for.
RouterPlan ChooseRouters(const ModelSpec& spec, const PlanOptions& options);

// A record: how many choices fell on each expert, the sum of each one's probability, and one sum of squares; floats.
inline int64_t LoadRecord(int64_t experts) { return 2 * experts + 1; }

// Places are in floats.
struct LoadPlaces {
  struct Router {
    int64_t layer = 0, experts = 0, chosen = 0;
    int64_t record = 0;    // by the router's choice
    int64_t balanced = 0;  // by the choice that the balancing loss counts; the same where that is the router's
  };
  std::vector<Router> routers;     // in the order of layers
  std::vector<int64_t> router_of;  // [layers]; -1: the layer has none
  int64_t documents = -1;          // a record for each document of a sweep, over all layers; -1: none
  int64_t balance = -1;            // what an expert's probability costs: a vector, or one for each document; -1: none
  int64_t total = 0;
  const Router& Of(int64_t layer) const { return routers[static_cast<size_t>(router_of[static_cast<size_t>(layer)])]; }
};
LoadPlaces PlaceLoads(const ModelSpec& spec, const Plan& plan);

// The balancing loss counts the experts with the largest logits: where a bias or groups have a say, the router chooses others.
inline bool ChoosesByLogits(const RouterSpec& router) { return !router.choice_bias && router.best_groups == router.groups; }

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_ROUTERS_H_
