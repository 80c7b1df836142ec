#include "core/train/router_terms.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/base/error.h"

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

void RouterTerms::Counts::Add(const Counts& more) {
  for (size_t e = 0; e < choices.size(); ++e) {
    choices[e] += more.choices[e];
    probabilities[e] += more.probabilities[e];
  }
}

void RouterTerms::Begin() {
  totals_ = {};
  told_.clear();
  own_.clear();
}

RouterTerms::Counts RouterTerms::Whole() const {
  Counts whole = Zero();
  for (const auto& [share, told] : told_) whole.Add(told.counts);
  return whole;
}

void RouterTerms::AddCosts(const Pass& pass, const Counts& counts, double tokens, std::vector<float>& costs) const {
  const double all = static_cast<double>(pass.tokens.ids.size()), rows = tokens * Routers();
  const double experts = static_cast<double>(counts.choices.size());
  const double scale = pass.tokens.share * plan_.router.balance * (tokens / all) * experts / (rows * rows);
  for (const double count : counts.choices) costs.push_back(static_cast<float>(scale * count));
}

void RouterTerms::Collect(const Pass& pass, int64_t sweep, std::span<const std::unique_ptr<Lane>> lanes, bool backward,
                          const GatherBytes& gather) {
  const RouterPlan& plan = plan_.router;
  const bool balances = plan.balance != 0;
  backward = backward && balances;
  for (size_t l = 0; l < lanes.size(); ++l) {
    const BatchCut::Share share = pass.cut.ShareOf(sweep, static_cast<int64_t>(l));
    if (share.empty()) continue;
    const float* records = lanes[l]->loads().Await();
    const int64_t number = pass.cut.ShareNumber(sweep, static_cast<int64_t>(l));
    own_.insert(number);
    Told& told = told_[number];
    if (balances) told.counts = Zero();
    for (const LoadPlaces::Router& router : places_.routers) {
      const float* record = records + router.record;
      told.choices.emplace_back(record, record + router.experts);
      told.squares.push_back(static_cast<double>(record[2 * router.experts]));
      if (balances && !plan.by_document()) told.counts.Add(records + router.balanced);
    }
    if (!balances) continue;
    if (plan.by_document()) {
      CollectDocuments(pass, share, *lanes[l], records, backward, told);
    } else if (!OneScope(pass)) {
      const double tokens = static_cast<double>(share.tokens());
      told.balances.push_back(told.counts.Balance(tokens, Routers()) * tokens / static_cast<double>(pass.tokens.ids.size()));
      std::vector<float> costs;
      AddCosts(pass, told.counts, tokens, costs);
      if (backward) lanes[l]->SendCosts(costs);
    }
  }
  if (!backward || !OneScope(pass)) return;
  if (!pass.counted) Exchange(pass, gather);
  std::vector<float> costs;
  AddCosts(pass, pass.counted ? counted_ : Whole(), static_cast<double>(pass.tokens.ids.size()), costs);
  for (size_t l = 0; l < lanes.size(); ++l) {
    if (!pass.cut.ShareOf(sweep, static_cast<int64_t>(l)).empty()) lanes[l]->SendCosts(costs);
  }
}

void RouterTerms::CollectDocuments(const Pass& pass, const BatchCut::Share& share, Lane& lane, const float* records,
                                   bool backward, Told& told) {
  const int64_t experts = places_.routers.front().experts;
  const double all = static_cast<double>(pass.tokens.ids.size());
  std::vector<float> costs;
  for (int64_t d = share.first_document; d < share.end_document; ++d) {
    const size_t at = static_cast<size_t>(d);
    const double tokens = static_cast<double>(pass.tokens.offsets[at + 1] - pass.tokens.offsets[at]);
    Counts own = Zero();
    own.Add(records + places_.documents + (d - share.first_document) * LoadRecord(experts));
    told.balances.push_back(own.Balance(tokens, Routers()) * tokens / all);
    if (backward) AddCosts(pass, own, tokens, costs);
  }
  if (backward) lane.SendCosts(costs);
}

// Numbers of one process on their way to another of the same build: in memory's own form, each list's length from the plan but the last's.
std::string RouterTerms::Pack(const Told& told) const {
  std::string bytes;
  const auto put = [&](const std::vector<double>& values) {
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
  };
  for (const std::vector<double>& choices : told.choices) put(choices);
  put(told.squares);
  put(told.counts.choices);
  put(told.counts.probabilities);
  put(told.balances);
  return bytes;
}

RouterTerms::Told RouterTerms::Unpack(const std::string& bytes) const {
  size_t at = 0;
  const auto get = [&](size_t n) {
    HLM_CHECK(n * sizeof(double) <= bytes.size() - at, n, " numbers of a rank's routers");
    std::vector<double> values(n);
    if (n > 0) std::memcpy(values.data(), bytes.data() + at, n * sizeof(double));
    at += n * sizeof(double);
    return values;
  };
  Told told;
  for (const LoadPlaces::Router& router : places_.routers) told.choices.push_back(get(static_cast<size_t>(router.experts)));
  told.squares = get(places_.routers.size());
  const size_t experts = plan_.router.balance != 0 ? static_cast<size_t>(places_.routers.front().experts) : 0;
  told.counts.choices = get(experts);
  told.counts.probabilities = get(experts);
  told.balances = get((bytes.size() - at) / sizeof(double));
  return told;
}

void RouterTerms::Exchange(const Pass& pass, const GatherBytes& gather) {
  if (pass.cut.ranks().size == 1) return;
  std::string own;
  const auto put = [&](int64_t number) { own.append(reinterpret_cast<const char*>(&number), sizeof(number)); };
  for (const int64_t share : own_) {
    const std::string told = Pack(told_.at(share));
    put(share);
    put(static_cast<int64_t>(told.size()));
    own += told;
  }
  own_.clear();
  const std::vector<std::string> all = gather(own);
  for (size_t rank = 0; rank < all.size(); ++rank) {
    if (static_cast<int64_t>(rank) == pass.cut.ranks().rank) continue;
    const std::string& theirs = all[rank];
    for (size_t at = 0; at < theirs.size();) {
      int64_t head[2];
      HLM_CHECK(theirs.size() - at >= sizeof(head), "routers of rank ", rank);
      std::memcpy(head, theirs.data() + at, sizeof(head));
      at += sizeof(head);
      told_[head[0]] = Unpack(theirs.substr(at, static_cast<size_t>(head[1])));
      at += static_cast<size_t>(head[1]);
    }
  }
}

const RouterTotals& RouterTerms::End(const Pass& pass, const GatherBytes& gather) {
  if (!on()) return totals_;
  const RouterPlan& plan = plan_.router;
  Exchange(pass, gather);
  totals_ = {};
  totals_.tokens = static_cast<double>(pass.tokens.ids.size());
  for (const LoadPlaces::Router& router : places_.routers) {
    totals_.layers.push_back(router.layer);
    totals_.choices.emplace_back(static_cast<size_t>(router.experts));
  }
  double squares = 0;
  for (const auto& [share, told] : told_) {
    for (size_t r = 0; r < told.choices.size(); ++r) {
      for (size_t e = 0; e < told.choices[r].size(); ++e) totals_.choices[r][e] += told.choices[r][e];
    }
    for (const double square : told.squares) squares += square;
    for (const double balance : told.balances) totals_.balance += balance;
  }
  if (plan.balance != 0 && OneScope(pass)) totals_.balance = Whole().Balance(totals_.tokens, Routers());
  totals_.z = squares / (totals_.tokens * Routers());
  totals_.loss = pass.tokens.share * (plan.balance * totals_.balance + plan.z * totals_.z);
  return totals_;
}

}  // namespace hlm
