// horizon bench --mixed-lengths: the same documents of mixed lengths, padded and packed, in one run.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <vector>

#include "samples/horizon/base/text.h"
#include "samples/horizon/commands/bench.h"
#include "samples/horizon/data/order.h"
#include "samples/horizon/run/engine.h"

namespace horizon {
namespace {

using Clock = std::chrono::steady_clock;
using Lengths = std::vector<int64_t>;

// A few long documents and many short ones, as in sets of instructions: from 16 tokens, or two, to seq_len; the mean is a quarter
// of it.
Lengths DrawLengths(int64_t documents, int64_t seq_len, int64_t seed) {
  const double least = static_cast<double>(std::min<int64_t>(16, std::max<int64_t>(seq_len / 8, 2)));
  Lengths lengths;
  for (int64_t d = 0; d < documents; ++d) {
    const double u = RandomUniform(seed, 1000, static_cast<uint64_t>(d));
    lengths.push_back(static_cast<int64_t>(least + std::pow(u, 3) * (static_cast<double>(seq_len) - least)));
  }
  return lengths;
}

// Documents that share a step: so many of them, in their order.
std::vector<Lengths> PaddedSteps(const Lengths& lengths, int64_t batch_size) {
  std::vector<Lengths> steps;
  for (size_t d = 0; d < lengths.size(); ++d) {
    if (d % static_cast<size_t>(batch_size) == 0) steps.emplace_back();
    steps.back().push_back(lengths[d]);
  }
  return steps;
}

// Rows of seq_len filled by best fit, longest document first; `batch_size` rows are a step.
std::vector<Lengths> PackedSteps(Lengths lengths, int64_t batch_size, int64_t seq_len) {
  std::sort(lengths.rbegin(), lengths.rend());
  std::vector<Lengths> rows;
  Lengths space;
  for (const int64_t length : lengths) {
    size_t best = rows.size();
    for (size_t r = 0; r < rows.size(); ++r) {
      if (space[r] >= length && (best == rows.size() || space[r] < space[best])) best = r;
    }
    if (best == rows.size()) {
      rows.emplace_back();
      space.push_back(seq_len);
    }
    rows[best].push_back(length);
    space[best] -= length;
  }
  std::vector<Lengths> steps;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (r % static_cast<size_t>(batch_size) == 0) steps.emplace_back();
    steps.back().insert(steps.back().end(), rows[r].begin(), rows[r].end());
  }
  return steps;
}

// `padded`: each document is filled up to the longest of the step with tokens that are computed and not predicted, as where a
// batch is a rectangle.
void Fill(const Lengths& lengths, bool padded, int64_t vocab_size, Batch& batch) {
  const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  batch.ids.clear();
  batch.labels.clear();
  batch.offsets.assign(1, 0);
  for (const int64_t length : lengths) {
    for (int64_t t = 0; t < (padded ? longest : length); ++t) {
      const auto id = static_cast<int32_t>(RandomBelow(1, 0, batch.ids.size(), static_cast<uint64_t>(vocab_size)));
      batch.ids.push_back(id);
      batch.labels.push_back(t > 0 && t < length ? id : kIgnoredLabel);
    }
    batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
  }
}

struct Result {
  double seconds = 0;
  int64_t computed = 0;  // tokens, padding among them
};

Result Run(Trainer& trainer, const std::vector<Lengths>& steps, bool padded, int64_t vocab_size) {
  Result result;
  Batch batch;
  for (const Lengths& step : steps) {
    Fill(step, padded, vocab_size, batch);
    const hlm_batch view = ViewOf(batch);
    const Clock::time_point begin = Clock::now();
    trainer.Step(view);
    result.seconds += std::chrono::duration<double>(Clock::now() - begin).count();
    result.computed += static_cast<int64_t>(batch.ids.size());
  }
  const Clock::time_point begin = Clock::now();
  trainer.Finish();
  result.seconds += std::chrono::duration<double>(Clock::now() - begin).count();
  return result;
}

}  // namespace

int RunPackingBench(const Options& options) {
  const Model model = OpenModel(options.model);
  const int64_t vocab_size = DescribeModel(model).at("vocab_size").get<int64_t>();
  const int64_t batch_size = options.shape.batch_size, seq_len = options.shape.seq_len;
  if (seq_len < 16) throw UsageError("--mixed-lengths needs --seq-len 16 or more, not " + std::to_string(seq_len));
  const Plan plan = MakePlan(model, options, HLM_PURPOSE_TRAIN, batch_size, seq_len);
  Trainer trainer = MakeTrainer(model, plan, options.optimizer, 0);

  const Lengths lengths = DrawLengths(batch_size * options.bench.steps, seq_len, options.run.seed);
  const std::vector<Lengths> padded = PaddedSteps(lengths, batch_size), packed = PackedSteps(lengths, batch_size, seq_len);
  const std::vector<Lengths> first(packed.begin(), packed.begin() + 1);
  for (int64_t i = 0; i < options.bench.warm_up; ++i) Run(trainer, first, false, vocab_size);
  const Result with = Run(trainer, padded, true, vocab_size), without = Run(trainer, packed, false, vocab_size);
  const auto tokens = static_cast<double>(std::accumulate(lengths.begin(), lengths.end(), int64_t{0}));
  const Json figures = {{"documents", lengths.size()},
                        {"tokens", static_cast<int64_t>(tokens)},
                        {"shortest", *std::min_element(lengths.begin(), lengths.end())},
                        {"longest", *std::max_element(lengths.begin(), lengths.end())},
                        {"padded_steps", padded.size()},
                        {"packed_steps", packed.size()},
                        {"padded_computed_tokens", with.computed},
                        {"padded_tokens_per_second", tokens / with.seconds},
                        {"packed_tokens_per_second", tokens / without.seconds},
                        {"packed_over_padded", with.seconds / without.seconds}};
  if (options.json) {
    std::printf("%s\n", figures.dump().c_str());
    return kExitOk;
  }
  std::printf("%s of %s to %s tokens, %s in all\n", FormatCount(figures["documents"], "document").c_str(),
              FormatCount(figures["shortest"]).c_str(), FormatCount(figures["longest"]).c_str(),
              FormatCount(figures["tokens"]).c_str());
  std::printf("padded to the longest of a step  %s tokens/s (%s, %.0f %% of what is computed is padding)\n",
              FormatRate(tokens / with.seconds).c_str(), FormatCount(static_cast<int64_t>(padded.size()), "step").c_str(),
              100 * (1 - tokens / static_cast<double>(with.computed)));
  std::printf("packed, no padding               %s tokens/s (%s), %.2f times as fast\n",
              FormatRate(tokens / without.seconds).c_str(), FormatCount(static_cast<int64_t>(packed.size()), "step").c_str(),
              with.seconds / without.seconds);
  return kExitOk;
}

}  // namespace horizon
