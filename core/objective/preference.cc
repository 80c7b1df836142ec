#include "core/objective/preference.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/objective/scalar.h"

namespace hlm {
namespace {

struct Value {
  double loss, slope;
};

// -log sigmoid(x), and the same with labels that are wrong with probability e.
Value Logistic(double x, double e) {
  return {-(1 - e) * LogSigmoid(x) - e * LogSigmoid(-x), e * Sigmoid(x) - (1 - e) * Sigmoid(-x)};
}

Value Robust(double x, double e) {
  const double scale = 1 / (1 - 2 * e);
  return {scale * (-(1 - e) * LogSigmoid(x) + e * LogSigmoid(-x)), scale * (-(1 - e) * Sigmoid(-x) - e * Sigmoid(x))};
}

// KL of (q, 1 - q) from (1 - e, e), q = sigmoid(x).
Value Exo(double x, double e) {
  const double q = Sigmoid(x), not_q = Sigmoid(-x);
  return {q * (LogSigmoid(x) - std::log1p(-e)) + not_q * (LogSigmoid(-x) - std::log(e)),
          q * not_q * (x - std::log1p(-e) + std::log(e))};
}

double SigmoidSlope(double x) { return Sigmoid(x) * Sigmoid(-x); }

// log(p / (1 - p)) of a log-probability, and its slope. A probability of 1 is held one part in 10^7 away from it.
Value LogOdds(double logprob) {
  const double l = std::min(logprob, -1e-7), rest = -std::expm1(l);
  return {l - std::log(rest), 1 / rest};
}

// The two that need no reference: rewards are means over an answer's tokens.
PairLoss Orpo(const PreferenceOptions& o, const Answer& chosen, const Answer& rejected) {
  const Value odds_w = LogOdds(chosen.logprob / chosen.tokens), odds_l = LogOdds(rejected.logprob / rejected.tokens);
  const double b = o.beta, x = odds_w.loss - odds_l.loss, slope = -b * Sigmoid(-x);
  PairLoss out;
  out.sft = -chosen.logprob / chosen.tokens;
  out.loss = -b * LogSigmoid(x);
  out.d_chosen = slope * odds_w.slope / chosen.tokens;
  out.d_rejected = -slope * odds_l.slope / rejected.tokens;
  out.reward_chosen = b * chosen.logprob / chosen.tokens;
  out.reward_rejected = b * rejected.logprob / rejected.tokens;
  return out;
}

PairLoss Simpo(const PreferenceOptions& o, const Answer& chosen, const Answer& rejected) {
  const double b = o.beta, mean_w = chosen.logprob / chosen.tokens, mean_l = rejected.logprob / rejected.tokens;
  const Value value = Logistic(b * (mean_w - mean_l) - o.gamma, o.label_smoothing);
  PairLoss out;
  out.sft = -chosen.logprob / chosen.tokens;
  out.loss = value.loss;
  out.d_chosen = b * value.slope / chosen.tokens;
  out.d_rejected = -b * value.slope / rejected.tokens;
  out.reward_chosen = b * mean_w;
  out.reward_rejected = b * mean_l;
  return out;
}

}  // namespace

void CheckPreference(const PreferenceOptions& o) {
  if (!(o.beta > 0) || !std::isfinite(o.beta)) throw InvalidArgument("beta is ", o.beta, "; it must be finite and above 0");
  if (!std::isfinite(o.gamma)) throw InvalidArgument("gamma is ", o.gamma, "; it must be finite");
  if (!(o.sft_weight >= 0) || !std::isfinite(o.sft_weight)) {
    throw InvalidArgument("sft_weight is ", o.sft_weight, "; it must be finite and not negative");
  }
  const double most = o.kind == Preference::kRobust ? 0.5 : 1;
  if (!(o.label_smoothing >= 0 && o.label_smoothing < most)) {
    throw InvalidArgument("label_smoothing is ", o.label_smoothing, "; it must lie in [0, ", most, ")");
  }
}

double SftWeight(const PreferenceOptions& o) { return o.sft_weight + (o.kind == Preference::kOrpo ? 1 : 0); }

PairLoss LossOfPair(const PreferenceOptions& o, const Answer& chosen, const Answer& rejected) {
  const double b = o.beta, e = o.label_smoothing;
  const double w = chosen.logprob - chosen.reference, l = rejected.logprob - rejected.reference;
  PairLoss out;
  out.sft = -chosen.logprob / chosen.tokens;
  out.reward_chosen = b * w;
  out.reward_rejected = b * l;

  // A loss of x = beta (w / n_w - l / n_l) - gamma.
  const auto of_difference = [&](double per_chosen, double per_rejected, const auto& function) {
    const Value value = function(b * (w / per_chosen - l / per_rejected) - o.gamma);
    out.loss = value.loss;
    out.d_chosen = value.slope * b / per_chosen;
    out.d_rejected = -value.slope * b / per_rejected;
  };
  const auto logistic = [e](double x) { return Logistic(x, e); };
  switch (o.kind) {
    case Preference::kSigmoid:
      of_difference(1, 1, logistic);
      break;
    case Preference::kSigmoidNorm:
      of_difference(chosen.tokens, rejected.tokens, logistic);
      break;
    case Preference::kRobust:
      of_difference(1, 1, [e](double x) { return Robust(x, e); });
      break;
    case Preference::kHinge:
      of_difference(1, 1, [](double x) { return Value{std::max(0.0, 1 - x), x < 1 ? -1.0 : 0.0}; });
      break;
    case Preference::kExoPair: {
      const double smoothing = e == 0 ? 1e-3 : e;  // without one the divergence is infinite
      const Value value = Exo(b * (w - l), smoothing);
      out.loss = value.loss;
      out.d_chosen = b * value.slope;
      out.d_rejected = -b * value.slope;
      break;
    }
    case Preference::kIpo: {
      const double miss = w / chosen.tokens - l / rejected.tokens - 1 / (2 * b);
      out.loss = miss * miss;
      out.d_chosen = 2 * miss / chosen.tokens;
      out.d_rejected = -2 * miss / rejected.tokens;
      break;
    }
    case Preference::kNcaPair:
      out.loss = -LogSigmoid(b * w) - 0.5 * LogSigmoid(-b * w) - 0.5 * LogSigmoid(-b * l);
      out.d_chosen = b * (0.5 * Sigmoid(b * w) - Sigmoid(-b * w));
      out.d_rejected = b * 0.5 * Sigmoid(b * l);
      break;
    case Preference::kBcoPair:
      out.loss = -LogSigmoid(b * w) - LogSigmoid(-b * l);
      out.d_chosen = -b * Sigmoid(-b * w);
      out.d_rejected = b * Sigmoid(b * l);
      break;
    case Preference::kSppoHard: {
      const double above = w - 0.5 / b, below = l + 0.5 / b;
      out.loss = above * above + below * below;
      out.d_chosen = 2 * above;
      out.d_rejected = 2 * below;
      break;
    }
    case Preference::kApoZero:
      out.loss = Sigmoid(-b * w) + Sigmoid(b * l);
      out.d_chosen = -b * SigmoidSlope(b * w);
      out.d_rejected = b * SigmoidSlope(b * l);
      break;
    case Preference::kApoDown:
      out.loss = Sigmoid(b * w) + Sigmoid(-b * (w - l));
      out.d_chosen = b * SigmoidSlope(b * w) - b * SigmoidSlope(b * (w - l));
      out.d_rejected = b * SigmoidSlope(b * (w - l));
      break;
    case Preference::kOrpo:
      return Orpo(o, chosen, rejected);
    case Preference::kSimpo:
      return Simpo(o, chosen, rejected);
  }
  return out;
}

void CheckUnpaired(const UnpairedOptions& o) {
  const auto check = [](double value, const char* name, bool fine, const char* limit) {
    if (!fine || !std::isfinite(value)) throw InvalidArgument(name, " is ", value, "; it must be finite and ", limit);
  };
  check(o.beta, "beta", o.beta > 0, "above 0");
  check(o.desirable_weight, "desirable_weight", o.desirable_weight >= 0, "not negative");
  check(o.undesirable_weight, "undesirable_weight", o.undesirable_weight >= 0, "not negative");
}

UnpairedLoss LossOfUnpaired(const UnpairedOptions& o, bool desirable, double kl, const Answer& answer) {
  const double r = answer.logprob - answer.reference;
  const double sign = desirable ? 1 : -1, weight = desirable ? o.desirable_weight : o.undesirable_weight;
  const double x = sign * o.beta * (r - kl);
  return {weight * Sigmoid(-x), -weight * sign * o.beta * SigmoidSlope(x), o.beta * r};
}

}  // namespace hlm
