// Log-probabilities of documents of any number, a batch at a time.
#ifndef HORIZON_LM_SAMPLES_HORIZON_EVAL_SCORE_H_
#define HORIZON_LM_SAMPLES_HORIZON_EVAL_SCORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "samples/horizon/run/engine.h"

namespace horizon {

// A document that was scored: what it was, and of each token its log-probability, 0 where its label is -100.
struct Scored {
  int64_t index = 0;  // in the order in which they were added
  std::span<const int32_t> ids, labels;
  std::span<const float> logprobs;
  double sum = 0;
  int64_t tokens = 0;  // predicted
};

class Scorer {
 public:
  using Receive = std::function<void(const Scored&)>;

  // `most_tokens` are held before they are scored. `receive` hears of every document, in order.
  Scorer(Trainer& trainer, int64_t most_tokens, Receive receive)
      : trainer_(trainer), most_tokens_(static_cast<size_t>(most_tokens)), receive_(std::move(receive)) {}

  void Add(std::span<const int32_t> ids, std::span<const int32_t> labels);
  void Finish();  // scores what is left

 private:
  Trainer& trainer_;
  size_t most_tokens_;
  Receive receive_;
  Batch batch_;
  std::vector<float> logprobs_;
  int64_t next_ = 0;
};

// A trainer that goes forward only, for documents of up to --seq-len tokens.
Trainer MakeForwardTrainer(const Model& model, const Options& options);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_EVAL_SCORE_H_
