#include "core/objective/policy.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"

namespace hlm {
namespace {

// exp of a difference of log-probabilities stays finite; beyond the limit its slope is 0.
constexpr double kMostLogRatio = 20;
double Limited(double x) { return std::clamp(x, -kMostLogRatio, kMostLogRatio); }
bool Within(double x) { return x >= -kMostLogRatio && x <= kMostLogRatio; }

struct Value {
  double loss, slope;  // by the log-probability
};

// Estimators of KL(current | reference) from d = logprob - reference.
Value Divergence(KlKind kind, double difference) {
  const double d = Limited(difference), inside = Within(difference) ? 1 : 0;
  switch (kind) {
    case KlKind::kK1:
      return {d, inside};
    case KlKind::kK2:
      return {0.5 * d * d, inside * d};
    case KlKind::kK3:
      return {std::expm1(-d) + d, inside * -std::expm1(-d)};
    case KlKind::kAbs:
      return {std::abs(d), inside * (d > 0 ? 1.0 : d < 0 ? -1.0 : 0.0)};
  }
  return {0, 0};
}

enum class Cut { kNone, kLow, kHigh, kDual };
struct Surrogate {
  double loss;
  double slope;  // by the log of the ratio
  Cut cut;
};

// The larger of -A ratio and -A clip(ratio), for A < 0 at most -A dual_clip.
Surrogate Clipped(const PolicyOptions& o, double advantage, double ratio) {
  const double low = 1 - o.clip_low, high = 1 + o.clip_high;
  Surrogate out{-advantage * ratio, -advantage * ratio, Cut::kNone};
  const double clipped = -advantage * std::clamp(ratio, low, high);
  if (clipped > out.loss) out = {clipped, 0, ratio < low ? Cut::kLow : Cut::kHigh};
  if (o.dual_clip > 0 && advantage < 0 && -advantage * o.dual_clip < out.loss) out = {-advantage * o.dual_clip, 0, Cut::kDual};
  return out;
}

}  // namespace

void CheckPolicy(const PolicyOptions& o) {
  const auto check = [](double value, const char* name, bool fine, const char* limit) {
    if (!fine) throw InvalidArgument(name, " is ", value, "; it must ", limit);
  };
  check(o.clip_low, "clip_low", o.clip_low >= 0, "not be negative");
  check(o.clip_high, "clip_high", o.clip_high >= 0, "not be negative");
  check(o.dual_clip, "dual_clip", o.dual_clip == 0 || (o.dual_clip > 1 && std::isfinite(o.dual_clip)),
        "be above 1, or 0 for none");
  check(o.kl_weight, "kl_weight", o.kl_weight >= 0 && std::isfinite(o.kl_weight), "be finite and not negative");
  check(o.importance_cap, "importance_cap", o.importance_cap >= 0, "be above 0, or 0 for no cap");
  check(o.entropy_weight, "entropy_weight", std::isfinite(o.entropy_weight), "be finite");
  check(o.denominator, "denominator", o.denominator > 0 && std::isfinite(o.denominator), "be finite and above 0");
  if (o.kind == PolicyKind::kCispo && o.dual_clip != 0) throw InvalidArgument("dual_clip is ", o.dual_clip, "; CISPO has none");
}

void PolicySums::Add(const PolicySums& o) {
  loss += o.loss, weight += o.weight, policy += o.policy, kl += o.kl, entropy += o.entropy, ratio += o.ratio;
  approx_kl += o.approx_kl, clipped_low += o.clipped_low, clipped_high += o.clipped_high, clipped_dual += o.clipped_dual;
  importance += o.importance;
  least_ratio = std::min(least_ratio, o.least_ratio), largest_ratio = std::max(largest_ratio, o.largest_ratio);
}

PolicySums LossOfDocument(const PolicyOptions& o, const PolicyTokens& t) {
  const size_t n = t.logprobs.size();
  std::fill(t.d_logprobs.begin(), t.d_logprobs.end(), 0.0);
  std::fill(t.d_entropies.begin(), t.d_entropies.end(), 0.0);
  PolicySums sums;
  for (size_t i = 0; i < n; ++i) sums.weight += t.weights[i];
  if (sums.weight == 0) return sums;
  // What a token's loss counts in the whole.
  const double share = o.reduction == PolicyReduction::kSequenceMean ? 1 / (o.denominator * sums.weight) : 1 / o.denominator;

  const auto log_ratio = [&](size_t i) {
    return t.old_logprobs.empty() ? 0.0 : static_cast<double>(t.logprobs[i]) - static_cast<double>(t.old_logprobs[i]);
  };
  double mean = 0, through_mean = 0;  // of a document's log-ratio, and the slope by it
  const bool whole = o.ratio == RatioLevel::kSequence;
  if (whole) {
    for (size_t i = 0; i < n; ++i) {
      if (t.weights[i] != 0) mean += t.weights[i] * log_ratio(i) / sums.weight;
    }
  }
  for (size_t i = 0; i < n; ++i) {
    const double weight = t.weights[i];
    if (weight == 0) continue;
    const double lp = t.logprobs[i], advantage = t.advantages[i], raw = whole ? mean : log_ratio(i), inside = Within(raw) ? 1 : 0;
    const double ratio = std::exp(Limited(raw));
    double importance = 1;
    if (!t.rollout_logprobs.empty()) {
      const double old = t.old_logprobs.empty() ? lp : static_cast<double>(t.old_logprobs[i]);
      importance = std::exp(Limited(old - static_cast<double>(t.rollout_logprobs[i])));
      if (o.importance_cap > 0) importance = std::min(importance, o.importance_cap);
    }

    Surrogate surrogate;
    if (o.kind == PolicyKind::kClip) {
      surrogate = Clipped(o, advantage, ratio);
      const double slope = weight * share * importance * surrogate.slope * inside;
      whole ? through_mean += slope : t.d_logprobs[i] += slope;
    } else {  // the ratio is a weight that no gradient goes through
      const double clipped = std::clamp(ratio, 1 - o.clip_low, 1 + o.clip_high);
      surrogate = {-advantage * clipped * lp, 0, ratio < clipped ? Cut::kLow : ratio > clipped ? Cut::kHigh : Cut::kNone};
      t.d_logprobs[i] += weight * share * importance * -advantage * clipped;
    }
    Value kl{0, 0};
    if (!t.reference_logprobs.empty()) {
      kl = Divergence(o.kl, lp - static_cast<double>(t.reference_logprobs[i]));
      t.d_logprobs[i] += weight * share * o.kl_weight * kl.slope;
    }
    const double entropy = t.entropies.empty() ? 0 : static_cast<double>(t.entropies[i]);
    if (!t.d_entropies.empty()) t.d_entropies[i] = -weight * share * o.entropy_weight;

    const double policy = importance * surrogate.loss;
    sums.loss += weight * share * (policy + o.kl_weight * kl.loss - o.entropy_weight * entropy);
    sums.policy += weight * policy;
    sums.kl += weight * kl.loss;
    sums.entropy += weight * entropy;
    sums.ratio += weight * ratio;
    sums.approx_kl += weight * Divergence(KlKind::kK3, -log_ratio(i)).loss;
    sums.importance += weight * importance;
    sums.least_ratio = std::min(sums.least_ratio, ratio);
    sums.largest_ratio = std::max(sums.largest_ratio, ratio);
    if (surrogate.cut == Cut::kLow) sums.clipped_low += weight;
    if (surrogate.cut == Cut::kHigh) sums.clipped_high += weight;
    if (surrogate.cut == Cut::kDual) sums.clipped_dual += weight;
  }
  if (whole && through_mean != 0) {
    for (size_t i = 0; i < n; ++i) t.d_logprobs[i] += t.weights[i] / sums.weight * through_mean;
  }
  return sums;
}

}  // namespace hlm
