#include "core/train/router_terms.h"

#include <algorithm>
#include <numeric>

namespace hlm {

double Imbalance(std::span<const double> choices) {
  const double sum = std::accumulate(choices.begin(), choices.end(), 0.0);
  return sum > 0 ? *std::max_element(choices.begin(), choices.end()) * static_cast<double>(choices.size()) / sum : 1;
}

void RouterTotals::Add(const RouterTotals& more) {
  if (more.choices.empty()) return;
  if (choices.empty()) {
    *this = more;
    return;
  }
  for (size_t r = 0; r < choices.size(); ++r) {
    for (size_t e = 0; e < choices[r].size(); ++e) choices[r][e] += more.choices[r][e];
  }
  const double all = tokens + more.tokens;
  balance = (balance * tokens + more.balance * more.tokens) / all;
  z = (z * tokens + more.z * more.tokens) / all;
  tokens = all;
  loss += more.loss;
}

RoutedStepPtr RouterTotals::Routed(const RouterPlan& plan, const std::vector<std::vector<int64_t>>& updates, bool defers) const {
  if ((!plan.changes_updates() && !defers) || choices.empty()) return nullptr;
  return std::make_shared<const RoutedStep>(RoutedStep{choices, updates, defers});
}

void RouterTerms::Counts::Add(const float* record) {
  const size_t experts = choices.size();
  for (size_t e = 0; e < experts; ++e) {
    choices[e] += static_cast<double>(record[e]);
    probabilities[e] += static_cast<double>(record[experts + e]);
  }
}

double RouterTerms::Counts::Balance(double tokens, double routers) const {
  double sum = 0;
  for (size_t e = 0; e < choices.size(); ++e) sum += choices[e] * probabilities[e];
  const double rows = tokens * routers;
  return static_cast<double>(choices.size()) * sum / (rows * rows);
}

RouterTerms::Counts RouterTerms::Zero() const {
  const auto experts = static_cast<size_t>(places_.routers.front().experts);
  return {std::vector<double>(experts), std::vector<double>(experts)};
}

void RouterTerms::Begin() {
  totals_ = {};
  squares_ = 0;
  if (!on()) return;
  whole_ = Zero();
  for (const LoadPlaces::Router& router : places_.routers) {
    totals_.layers.push_back(router.layer);
    totals_.choices.emplace_back(static_cast<size_t>(router.experts));
  }
}

void RouterTerms::AddCosts(const Pass& pass, const Counts& counts, double tokens, std::vector<float>& costs) const {
  const double all = static_cast<double>(pass.tokens.ids.size()), rows = tokens * Routers();
  const double experts = static_cast<double>(counts.choices.size());
  const double scale = pass.tokens.share * plan_.router.balance * (tokens / all) * experts / (rows * rows);
  for (const double count : counts.choices) costs.push_back(static_cast<float>(scale * count));
}

void RouterTerms::Collect(const Pass& pass, int64_t sweep, std::span<const std::unique_ptr<Lane>> lanes, bool backward) {
  const RouterPlan& plan = plan_.router;
  const bool balances = plan.balance != 0;
  backward = backward && balances;
  for (size_t l = 0; l < lanes.size(); ++l) {
    const Pass::Share share = pass.ShareOf(sweep, static_cast<int64_t>(l));
    if (share.empty()) continue;
    const float* records = lanes[l]->loads().Await();
    Counts own = balances ? Zero() : Counts{};
    for (size_t r = 0; r < places_.routers.size(); ++r) {
      const LoadPlaces::Router& router = places_.routers[r];
      const float* record = records + router.record;
      for (int64_t e = 0; e < router.experts; ++e) totals_.choices[r][static_cast<size_t>(e)] += static_cast<double>(record[e]);
      squares_ += static_cast<double>(record[2 * router.experts]);
      if (balances && !plan.by_document()) own.Add(records + router.balanced);
    }
    if (!balances) continue;
    if (plan.by_document()) {
      CollectDocuments(pass, share, *lanes[l], records, backward);
      continue;
    }
    for (size_t e = 0; e < own.choices.size(); ++e) {
      whole_.choices[e] += own.choices[e];
      whole_.probabilities[e] += own.probabilities[e];
    }
    if (plan.scope == BalanceScope::kGroup && pass.groups > 1) {
      const double tokens = static_cast<double>(share.tokens());
      totals_.balance += own.Balance(tokens, Routers()) * tokens / static_cast<double>(pass.tokens.ids.size());
      std::vector<float> costs;
      AddCosts(pass, own, tokens, costs);
      if (backward) lanes[l]->SendCosts(costs);
    }
  }
  if (!backward || !(plan.scope == BalanceScope::kStep || (plan.scope == BalanceScope::kGroup && pass.groups == 1))) return;
  std::vector<float> costs;
  AddCosts(pass, pass.counted ? counted_ : whole_, static_cast<double>(pass.tokens.ids.size()), costs);
  for (size_t l = 0; l < lanes.size(); ++l) {
    if (!pass.ShareOf(sweep, static_cast<int64_t>(l)).empty()) lanes[l]->SendCosts(costs);
  }
}

void RouterTerms::CollectDocuments(const Pass& pass, const Pass::Share& share, Lane& lane, const float* records, bool backward) {
  const int64_t experts = places_.routers.front().experts;
  const double all = static_cast<double>(pass.tokens.ids.size());
  std::vector<float> costs;
  for (int64_t d = share.first_document; d < share.end_document; ++d) {
    const size_t at = static_cast<size_t>(d);
    const double tokens = static_cast<double>(pass.tokens.offsets[at + 1] - pass.tokens.offsets[at]);
    Counts own = Zero();
    own.Add(records + places_.documents + (d - share.first_document) * LoadRecord(experts));
    totals_.balance += own.Balance(tokens, Routers()) * tokens / all;
    if (backward) AddCosts(pass, own, tokens, costs);
  }
  if (backward) lane.SendCosts(costs);
}

const RouterTotals& RouterTerms::End(const Pass& pass) {
  if (!on()) return totals_;
  const RouterPlan& plan = plan_.router;
  totals_.tokens = static_cast<double>(pass.tokens.ids.size());
  if (plan.balance != 0 && (plan.scope == BalanceScope::kStep || (plan.scope == BalanceScope::kGroup && pass.groups == 1))) {
    totals_.balance = whole_.Balance(totals_.tokens, Routers());
  }
  totals_.z = squares_ / (totals_.tokens * Routers());
  totals_.loss = pass.tokens.share * (plan.balance * totals_.balance + plan.z * totals_.z);
  return totals_;
}

}  // namespace hlm
