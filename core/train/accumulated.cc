#include "core/train/accumulated.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/stream/trace.h"

namespace hlm {
namespace {

double Seconds() { return Trace::Now() * 1e-6; }

void TellRouters(const RouterTotals& routers, const RouterPlan& plan, StepMetrics& metrics) {
  if (routers.choices.empty()) return;
  if (plan.balance != 0) metrics.aux_loss = routers.balance;
  if (plan.z != 0) metrics.router_z_loss = routers.z;
  double unrouted = 0, experts = 0;
  for (const std::vector<double>& choices : routers.choices) {
    metrics.expert_imbalance = std::max(metrics.expert_imbalance, Imbalance(choices));
    unrouted += static_cast<double>(std::count(choices.begin(), choices.end(), 0.0));
    experts += static_cast<double>(choices.size());
  }
  metrics.unrouted_experts = unrouted / experts;
}

}  // namespace

void Accumulated::Begin() {
  if (!any_) began_ = Seconds();
}

void Accumulated::Add(const BatchLoss& loss, int64_t sums, const Tokens& tokens, const Executor& executor) {
  any_ = true;
  loss_ += loss.loss;
  tokens_ += loss.tokens;
  sums_ += sums;
  routers_.Add(executor.routers());
  if (token_metrics_) CountTokens(tokens, executor);
}

void Accumulated::CountTokens(const Tokens& tokens, const Executor& executor) {
  const float *losses = executor.Losses(), *best = executor.Best(), *entropies = executor.Entropies();
  for (size_t t = 0; t < tokens.targets.size(); ++t) {
    if (tokens.targets[t] < 0) continue;
    right_ += losses[t] == best[t];
    entropy_ += static_cast<double>(entropies[t]);
  }
}

void Accumulated::AddNothing() { loss_ = std::numeric_limits<double>::quiet_NaN(); }

StepMetrics Accumulated::Metrics(const RouterPlan& plan) const {
  StepMetrics metrics;
  metrics.loss = loss_;
  metrics.tokens = tokens_;
  metrics.seconds = Seconds() - began_;
  if (token_metrics_) {  // 0 / 0 of a step without a prediction is NaN, as its loss
    metrics.mean_token_accuracy = static_cast<double>(right_) / static_cast<double>(tokens_);
    metrics.entropy = entropy_ / static_cast<double>(tokens_);
  }
  TellRouters(routers_, plan, metrics);
  return metrics;
}

}  // namespace hlm
