#include "samples/horizon/eval/score.h"

#include <algorithm>

namespace horizon {

void Scorer::Add(std::span<const int32_t> ids, std::span<const int32_t> labels) {
  if (!batch_.ids.empty() && batch_.ids.size() + ids.size() > most_tokens_) Finish();
  if (batch_.ids.empty()) batch_.offsets.assign(1, 0);
  batch_.ids.insert(batch_.ids.end(), ids.begin(), ids.end());
  batch_.labels.insert(batch_.labels.end(), labels.begin(), labels.end());
  batch_.labels[static_cast<size_t>(batch_.offsets.back())] = kIgnoredLabel;  // nothing stands before it
  batch_.offsets.push_back(static_cast<int64_t>(batch_.ids.size()));
}

void Scorer::Finish() {
  if (batch_.ids.empty()) return;
  logprobs_.assign(batch_.ids.size(), 0.0f);
  const hlm_batch view = ViewOf(batch_);
  const bool any = std::any_of(batch_.labels.begin(), batch_.labels.end(), [](int32_t label) { return label != kIgnoredLabel; });
  if (any) trainer_.Logprobs(view, logprobs_);
  for (size_t d = 0; d + 1 < batch_.offsets.size(); ++d) {
    const auto begin = static_cast<size_t>(batch_.offsets[d]), size = static_cast<size_t>(batch_.offsets[d + 1]) - begin;
    Scored one{next_++, std::span(batch_.ids).subspan(begin, size), std::span(batch_.labels).subspan(begin, size),
               std::span(logprobs_).subspan(begin, size)};
    for (size_t t = 0; t < size; ++t) {
      if (one.labels[t] == kIgnoredLabel) continue;
      one.sum += one.logprobs[t];
      ++one.tokens;
    }
    receive_(one);
  }
  batch_.ids.clear();
  batch_.labels.clear();
}

Trainer MakeForwardTrainer(const Model& model, const Options& options) {
  const Plan plan = MakePlan(model, options, HLM_PURPOSE_FORWARD, options.shape.batch_size, options.shape.seq_len);
  return MakeTrainer(model, plan, options.optimizer, 0);
}

}  // namespace horizon
