#include "core/train/objective_weigher.h"

#include <algorithm>

namespace hlm {

void ShiftToTokens(const Tokens& tokens, int64_t first_token, std::span<const float> by_place, float sign,
                   std::span<float> by_token) {
  for (size_t i = 0; i < by_token.size(); ++i) {
    const size_t t = static_cast<size_t>(first_token) + i;
    const bool predicted = tokens.positions[t] > 0 && tokens.targets[t - 1] >= 0;
    // Not -0 for a token that is certain.
    by_token[i] = predicted && by_place[i - 1] != 0 ? sign * by_place[i - 1] : 0.0f;
  }
}

void ObjectiveWeigher::Call(int64_t first, int64_t end, std::span<const float> losses, std::span<const float> entropies,
                            std::span<float> weights, std::span<float> entropy_weights) {
  const Tokens& tokens = pass_.tokens;
  const int64_t begin = tokens.offsets[static_cast<size_t>(first)];
  const size_t n = static_cast<size_t>(tokens.offsets[static_cast<size_t>(end)] - begin);
  std::vector<float> logprobs(n), by_token(objective_.entropy ? n : 0);
  std::vector<double> d_logprobs(n, 0.0), d_entropies(by_token.size(), 0.0);
  ShiftToTokens(tokens, begin, losses, -1, logprobs);
  if (objective_.entropy) ShiftToTokens(tokens, begin, entropies, 1, by_token);
  objective_.loss({.first_document = first,
                   .documents = end - first,
                   .first_token = begin,
                   .logprobs = logprobs,
                   .entropies = by_token,
                   .d_logprobs = d_logprobs,
                   .d_entropies = d_entropies},
                  loss_);
  for (size_t i = 0; i < n; ++i) {
    // The place behind this one holds what is predicted here; the last place of a document predicts nothing.
    const bool predicts = tokens.targets[static_cast<size_t>(begin) + i] >= 0;
    weights[i] = predicts ? static_cast<float>(-d_logprobs[i + 1]) : 0.0f;
    if (objective_.entropy) entropy_weights[i] = predicts ? static_cast<float>(d_entropies[i + 1]) : 0.0f;
  }
}

void ObjectiveWeigher::WeighAll(std::span<const float> losses, std::span<const float> entropies) {
  weights_.resize(losses.size());
  entropy_weights_.resize(entropies.size());
  Call(0, static_cast<int64_t>(pass_.tokens.offsets.size()) - 1, losses, entropies, weights_, entropy_weights_);
  all_ = true;
}

void ObjectiveWeigher::Weigh(const SweepLosses& sweep) {
  const int64_t begin = sweep.first_token;
  const size_t n = static_cast<size_t>(sweep.tokens), with_entropy = objective_.entropy ? n : 0;
  if (!all_) {
    Call(sweep.first_document, sweep.end_document, {sweep.losses, n}, {sweep.entropies, with_entropy}, {sweep.weights, n},
         {sweep.entropy_weights, with_entropy});
    return;
  }
  std::copy_n(weights_.begin() + begin, n, sweep.weights);
  if (objective_.entropy) std::copy_n(entropy_weights_.begin() + begin, n, sweep.entropy_weights);
}

}  // namespace hlm
