// Losses on pairs of answers, one preferred to the other, and on single answers that are good or bad: from sums of log-probabilities
// to the loss and its derivatives.
//
// s is an answer's log-probability (the weighted sum over its tokens), n the sum of its weights ("tokens"), ref the same answer's s
// under the reference weights, 0 without a reference. r = s - ref. Formulas: docs/objectives.md.
#ifndef HORIZON_LM_CORE_OBJECTIVE_PREFERENCE_H_
#define HORIZON_LM_CORE_OBJECTIVE_PREFERENCE_H_

namespace hlm {

enum class Preference {
  kSigmoid = 0,  // DPO (Rafailov et al. 2023, eq. 7); with label smoothing cDPO (Mitchell 2023)
  kRobust,       // Chowdhury et al. 2024
  kHinge,        // SLiC (Zhao et al. 2023)
  kIpo,          // Azar et al. 2023, on means over tokens
  kSigmoidNorm,  // DPO on means over tokens
  kExoPair,      // Ji et al. 2024, eq. 16
  kNcaPair,      // Chen et al. 2024
  kBcoPair,      // Jung et al. 2024, without a running mean
  kSppoHard,     // Wu et al. 2024
  kApoZero,      // D'Oosterlinck et al. 2024
  kApoDown,
  kOrpo,   // Hong et al. 2024; no reference
  kSimpo,  // Meng et al. 2024; no reference
};
inline constexpr int kPreferences = 13;

struct PreferenceOptions {
  Preference kind = Preference::kSigmoid;
  double beta = 0.1;
  double gamma = 0;            // margin: sigmoid, robust, hinge, sigmoid-norm and simpo take beta * difference - gamma
  double label_smoothing = 0;  // sigmoid, robust, sigmoid-norm, exo and simpo
  double sft_weight = 0;       // times -s / n of the chosen answer; orpo adds 1 of it always
};

// INVALID_ARGUMENT naming the value and the limit.
void CheckPreference(const PreferenceOptions& options);
inline bool NeedsReference(Preference kind) { return kind != Preference::kOrpo && kind != Preference::kSimpo; }

struct Answer {
  double logprob = 0;    // s
  double tokens = 0;     // n
  double reference = 0;  // ref
};

struct PairLoss {
  double loss = 0;                                // without the SFT share
  double sft = 0;                                 // -s / n of the chosen answer; its weight is SftWeight(options)
  double d_chosen = 0, d_rejected = 0;            // dloss / ds, without the SFT share
  double reward_chosen = 0, reward_rejected = 0;  // beta r; orpo and simpo: beta s / n
};

PairLoss LossOfPair(const PreferenceOptions& options, const Answer& chosen, const Answer& rejected);
double SftWeight(const PreferenceOptions& options);

// KTO (Ethayarajh et al. 2024): w_d (1 - sigmoid(beta (r - kl))) or w_u (1 - sigmoid(beta (kl - r))).
struct UnpairedOptions {
  double beta = 0.1;
  double desirable_weight = 1, undesirable_weight = 1;
};
void CheckUnpaired(const UnpairedOptions& options);

struct UnpairedLoss {
  double loss = 0, d_logprob = 0, reward = 0;
};
UnpairedLoss LossOfUnpaired(const UnpairedOptions& options, bool desirable, double kl, const Answer& answer);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_OBJECTIVE_PREFERENCE_H_
