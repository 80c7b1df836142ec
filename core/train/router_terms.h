// RouterTerms: what the routers' choice comes to, over processes, lanes and sweeps: how many choices fell on each expert, the terms of the
// loss, and what a probability costs, which the backward pass of each sweep needs. What each share of a batch has told is added in the order
// of shares, so that the sums are the same bits however many processes and lanes have computed them.
//
// With C_e the choices that fell on expert e and P_e the sum of its probabilities, over the T tokens of a scope and all L routers:
//   balance = E sum_e C_e P_e / (L T)^2          z = sum of logsumexp(logits)^2 / (L T)
// Of several scopes each counts by its share of the batch's tokens. The loss gets share (coefficient balance + coefficient z).
#ifndef HORIZON_LM_CORE_TRAIN_ROUTER_TERMS_H_
#define HORIZON_LM_CORE_TRAIN_ROUTER_TERMS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/model/spec.h"
#include "core/plan/plan.h"
#include "core/train/lane.h"
#include "core/train/pass.h"
#include "core/train/routed_step.h"

namespace hlm {

// Of a batch, or of several.
struct RouterTotals {
  std::vector<int64_t> layers;               // of each router
  std::vector<std::vector<double>> choices;  // [routers][experts]
  double balance = 0, z = 0;                 // without coefficients
  double tokens = 0;
  double loss = 0;  // what they add to it

  void Add(const RouterTotals& more);  // means are weighed by tokens
  // For the updates of a step of these tokens; null where they make no difference to it. `defers`: updates of experts without a gradient
  // may wait.
  RoutedStepPtr Routed(const RouterPlan& plan, const std::vector<std::vector<int64_t>>& updates, bool defers = false) const;
};

// The largest number of choices of an expert over the mean; 1 without any.
double Imbalance(std::span<const double> choices);

class RouterTerms {
 public:
  RouterTerms(const ModelSpec& spec, const Plan& plan) : plan_(plan), places_(PlaceLoads(spec, plan)) {}

  bool on() const { return !places_.routers.empty(); }
  const LoadPlaces& places() const { return places_; }
  // Whether the backward pass of a batch of several sweeps must know the loads of all.
  bool counts_ahead() const { return on() && plan_.router.balance != 0 && WholeScope(); }

  // Everybody's bytes, of the processes that share a pass.
  using GatherBytes = std::function<std::vector<std::string>(const std::string& own)>;

  void Begin();
  // Once the forward pass of a sweep is under way on all lanes: takes its records in. `backward`: tells each lane what its probabilities
  // cost.
  void Collect(const Pass& pass, int64_t sweep, std::span<const std::unique_ptr<Lane>> lanes, bool backward,
               const GatherBytes& gather);
  // The totals of a pass whose last sweep was collected; in a group by a call of all processes.
  const RouterTotals& End(const Pass& pass, const GatherBytes& gather);
  const RouterTotals& totals() const { return totals_; }
  // What was collected is that of a whole batch, for a pass over it that is `counted`.
  void KeepCounts() { counted_ = Whole(); }

 private:
  struct Counts {  // of a scope, over all routers
    std::vector<double> choices, probabilities;
    void Add(const float* record);
    void Add(const Counts& more);
    double Balance(double tokens, double routers) const;
  };
  // What a share has told.
  struct Told {
    std::vector<std::vector<double>> choices;  // [routers][experts]
    std::vector<double> squares;               // [routers]
    Counts counts;                             // of a scope that goes beyond the share
    std::vector<double> balances;              // of the scopes within it, each times its share of the tokens
  };
  std::string Pack(const Told& told) const;
  Told Unpack(const std::string& bytes) const;
  // So that every process has what all have told.
  void Exchange(const Pass& pass, const GatherBytes& gather);
  Counts Whole() const;
  // A step's scope, or a reduction group's where there is one alone.
  bool WholeScope() const {
    return plan_.router.scope == BalanceScope::kStep ||
           (plan_.router.scope == BalanceScope::kGroup && plan_.numerics.reduction_groups == 1);
  }
  Counts Zero() const;
  bool OneScope(const Pass& pass) const {
    return plan_.router.scope == BalanceScope::kStep || (plan_.router.scope == BalanceScope::kGroup && pass.cut.groups() == 1);
  }
  void CollectDocuments(const Pass& pass, const BatchCut::Share& share, Lane& lane, const float* records, bool backward,
                        Told& told);
  // Appends the costs of a scope of `tokens` tokens.
  void AddCosts(const Pass& pass, const Counts& counts, double tokens, std::vector<float>& costs) const;
  double Routers() const { return static_cast<double>(places_.routers.size()); }

  const Plan& plan_;
  LoadPlaces places_;
  std::map<int64_t, Told> told_;  // by the number of the share
  std::set<int64_t> own_;         // of them, those that the other processes do not have yet
  Counts counted_;
  RouterTotals totals_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_ROUTER_TERMS_H_
