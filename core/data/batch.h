// Batches: documents of any lengths, what each token must predict and how much it counts; and how a step is cut into micro-batches.
#ifndef HORIZON_LM_CORE_DATA_BATCH_H_
#define HORIZON_LM_CORE_DATA_BATCH_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/error.h"

namespace hlm {

inline constexpr int32_t kIgnoredLabel = -100;

// As the caller gives it; borrowed for the call. c_api/horizon_lm.h (hlm_batch) says what each field means.
struct Batch {
  std::span<const int32_t> ids;
  std::span<const int64_t> offsets;             // documents + 1
  std::span<const int32_t> labels;              // empty: the ids
  std::span<const float> weights;               // empty: 1
  double denominator = 0;                       // 0: the sum of the weights of the predicted tokens
  std::span<const float> entropy_weights = {};  // empty: 0
  double temperature = 0;                       // logits are divided by it; 0: 1
  // What is wrong with what the caller has given, here or beside it: whoever uses the batch throws it, in a group on all ranks.
  std::optional<Error> refused = {};

  int64_t documents() const { return static_cast<int64_t>(offsets.size()) - 1; }
};

// The batch as the device sees it. Place t predicts the next token of its document: targets and weights are shifted to the
// place that predicts, and a weight is already divided by the denominator, so that the gradient needs no scaling later.
struct Tokens {
  std::vector<int32_t> ids;        // [tokens]
  std::vector<int32_t> targets;    // [tokens]; -1 where nothing is predicted
  std::vector<int32_t> positions;  // [tokens]; from 0 in each document
  std::vector<float> weights;      // [tokens]; of the prediction made here, over the denominator
  std::vector<int64_t> offsets;    // [documents + 1]
  int64_t predicted = 0;           // targets that are not -1
  double denominator = 0;
  std::vector<float> entropy_weights;  // [tokens], as weights; or empty: the entropy plays no part
  float scale = 1;                     // of the logits: 1 / temperature
  double share = 1;  // of the step, for terms of the loss that are means over a batch: its weights over the denominator
};

// What a pass needs of a batch's predictions.
enum class Predictions {
  kRequired,   // a loss, so at least one
  kMayBeNone,  // a loss, if there is one
  kUnused,     // logits only: weights and denominator stay empty
};

// What a model can look up.
struct TokenLimits {
  int64_t vocab = 0;
  int64_t positions = 0;  // of a table of learnt positions; 0: there is none, and documents of any length are legal
};

// Checks and shifts. INVALID_ARGUMENT naming the value, the place and the limit: empty batch, offsets that do not rise or do not
// end at n_ids, an id or label outside the vocabulary, a document beyond the last learnt position, a weight that is not finite,
// nothing predicted where it is required.
Tokens PrepareTokens(const Batch& batch, const TokenLimits& limits, Predictions predictions);

// By token: what a loss on log-probabilities counts it as: its weight, 1 without weights, 0 where nothing is predicted. The batch
// must have passed PrepareTokens.
std::vector<double> PredictionWeights(const Batch& batch);

// Consecutive documents that are computed together.
struct MicroBatch {
  int64_t first_document = 0, documents = 0;
  int64_t first_token = 0, tokens = 0;
  int64_t longest = 0;  // document
};

// Cuts documents, in order, into micro-batches of at most micro_tokens tokens. RESOURCE_EXHAUSTED for a longer document.
std::vector<MicroBatch> CutMicroBatches(const std::vector<int64_t>& offsets, int64_t micro_tokens);

// Spreads micro-batches evenly over at most `sweeps` sweeps of at most sweep_tokens tokens each; returns the first micro-batch of
// each sweep and the count at the end. RESOURCE_EXHAUSTED where they do not fit.
std::vector<int64_t> CutSweeps(const std::vector<MicroBatch>& micro_batches, int64_t sweeps, int64_t sweep_tokens);

// The same, but a sweep begins only with a document whose number is a multiple of `group`. Nothing where there is no such cut.
std::optional<std::vector<int64_t>> CutSweepsAtGroups(const std::vector<MicroBatch>& micro_batches, int64_t sweeps,
                                                      int64_t sweep_tokens, int64_t group);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_DATA_BATCH_H_
