// Policy gradients on token log-probabilities: clipped ratios (Schulman et al. 2017), their bounds apart (DAPO, Yu et al. 2025), a
// second clip for negative advantages (Ye et al. 2020), ratios of whole answers (GSPO, Zheng et al. 2025), clipped weights (CISPO,
// MiniMax 2025), divergences from a reference, an entropy bonus. Formulas: docs/objectives.md.
#ifndef HORIZON_LM_CORE_OBJECTIVE_POLICY_H_
#define HORIZON_LM_CORE_OBJECTIVE_POLICY_H_

#include <cstdint>
#include <span>

namespace hlm {

enum class PolicyKind { kClip = 0, kCispo };
enum class RatioLevel { kToken = 0, kSequence };
enum class KlKind { kK1 = 0, kK2, kK3, kAbs };  // Schulman 2020, "Approximating KL divergence"
enum class PolicyReduction { kTokenMean = 0, kSequenceMean, kSequenceSum };

struct PolicyOptions {
  PolicyKind kind = PolicyKind::kClip;
  RatioLevel ratio = RatioLevel::kToken;
  PolicyReduction reduction = PolicyReduction::kTokenMean;
  KlKind kl = KlKind::kK3;
  double clip_low = 0.2, clip_high = 0.2;  // the ratio is clipped to [1 - low, 1 + high]; infinity: no clipping on that side
  double dual_clip = 0;                    // above 1: where the advantage is negative the ratio counts as at most this; 0: off
  double kl_weight = 0;
  double importance_cap = 0;  // of exp(old - rollout); 0: no cap
  double entropy_weight = 0;  // subtracted times the entropy
  double denominator = 0;     // above 0: of the whole step
};

// INVALID_ARGUMENT naming the value and the limit.
void CheckPolicy(const PolicyOptions& options);

// One document's tokens. A token with weight 0 has no share in anything.
struct PolicyTokens {
  std::span<const float> logprobs = {};
  std::span<const double> weights = {};
  std::span<const float> advantages = {};
  std::span<const float> old_logprobs = {};             // empty: the current ones, so that every ratio is 1
  std::span<const float> reference_logprobs = {};       // empty: no divergence
  std::span<const float> rollout_logprobs = {};         // empty: no importance weights
  std::span<const float> entropies = {};                // empty where entropy_weight is 0 and nobody asks
  std::span<double> d_logprobs = {}, d_entropies = {};  // overwritten; d_entropies empty with entropies
};

// Sums over tokens of weight * value; divide by `weight` for means.
struct PolicySums {
  double loss = 0;  // complete: reduced, over the denominator
  double weight = 0;
  double policy = 0, kl = 0, entropy = 0;  // of the terms alone, before their coefficients
  double ratio = 0;
  double approx_kl = 0;                                        // k3 of the current weights from the old ones
  double clipped_low = 0, clipped_high = 0, clipped_dual = 0;  // weight of tokens whose gradient was cut off
  double importance = 0;                                       // of exp(old - rollout), capped
  double least_ratio = 1, largest_ratio = 1;                   // of the tokens that count
  void Add(const PolicySums& other);
};

PolicySums LossOfDocument(const PolicyOptions& options, const PolicyTokens& tokens);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_OBJECTIVE_POLICY_H_
