// What a trainer says and does beside plain steps is the same bit for bit on any number of devices: losses of pairs and policies,
// evaluation, log-probabilities, logits, kept weights, gradients, metrics of tokens.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "tests/equivalence/run.h"
#include "tests/support/test_device.h"

namespace hlm {
namespace {

// All that was said, in order.
struct Words {
  std::vector<double> numbers;
  void Add(double value) { numbers.push_back(value); }
  void Add(const std::vector<float>& values) { numbers.insert(numbers.end(), values.begin(), values.end()); }
};

void ExpectSameWords(const Words& a, const Words& b) {
  ASSERT_EQ(a.numbers.size(), b.numbers.size());
  for (size_t i = 0; i < a.numbers.size(); ++i) {
    ASSERT_EQ(0, std::memcmp(&a.numbers[i], &b.numbers[i], sizeof(double))) << i << ": " << a.numbers[i] << " " << b.numbers[i];
  }
}

// Of a pair the difference of two sums decides, with a share for the entropy: each document's weight depends on another document.
Objective PairLoss(bool entropy, int64_t group) {
  return {.group = group, .entropy = entropy, .loss = [entropy, group](const DocumentLosses& run, double& loss) {
            double sum = 0;
            for (const float logprob : run.logprobs) sum += static_cast<double>(logprob);
            const double weight = 0.01 * (1 + static_cast<double>(run.first_document % group)) * sum;
            for (size_t i = 0; i < run.logprobs.size(); ++i) run.d_logprobs[i] = weight;
            for (size_t i = 0; entropy && i < run.entropies.size(); ++i) run.d_entropies[i] = 0.1;
            loss += 0.005 * sum * sum;
          }};
}

void Look(Trainer& trainer, const Batch& batch, const FrozenWeights* kept, Words& words) {
  words.Add(trainer.Evaluate(batch).loss);
  words.Add(trainer.Evaluate(batch, kept).loss);
  std::vector<float> logprobs(batch.ids.size()), entropies(batch.ids.size()), best(batch.ids.size());
  for (const FrozenWeights* weights : {static_cast<const FrozenWeights*>(nullptr), kept}) {
    trainer.LogProbs(batch, weights, logprobs, entropies, best);
    words.Add(logprobs);
    words.Add(entropies);
    words.Add(best);
  }
  std::vector<float> logits(batch.ids.size() * 61);
  trainer.Logits(batch, {}, logits);
  words.Add(logits);
  const std::vector<int64_t> places = {0, 1, 5, static_cast<int64_t>(batch.ids.size()) - 1};
  logits.resize(places.size() * 61);
  trainer.Logits(batch, places, logits);
  words.Add(logits);
  words.Add(trainer.Evaluate(batch, PairLoss(true, 2)).loss);
}

Words TellAll(RunSetup setup, int64_t groups_of_documents) {
  Words words;
  setup.trainer.token_metrics = true;
  setup.plan.frozen_copies = 1;
  std::unique_ptr<FrozenWeights> kept;
  int64_t number = 0;
  setup.take_step = [&](Trainer& trainer, const Batch& batch) {
    if (kept == nullptr) kept = trainer.KeepWeights();
    words.Add(trainer.Accumulate(batch, PairLoss(number++ % 2 == 0, groups_of_documents)).loss);
    std::vector<float> gradient(61 * 32);
    trainer.ReadTensor("model.embed_tokens.weight", TensorKind::kGradient, 0, gradient.data(), gradient.size() * sizeof(float));
    words.Add(gradient);
    const StepMetrics metrics = trainer.Apply();
    words.Add(metrics.mean_token_accuracy);
    words.Add(metrics.entropy);
    words.Add(metrics.grad_norm);
    Look(trainer, batch, kept.get(), words);
    return metrics;
  };
  setup.after_steps = [&](Trainer&) { kept.reset(); };
  const RunResult result = Train(setup);
  words.Add(result.state);
  return words;
}

RunSetup SmallRun(DType compute) {
  RunSetup setup = GroupedRun(compute, TinyConfig(/*tied=*/false, /*qk_norm=*/true, /*layers=*/4), 8);
  setup.steps = 2;
  return setup;
}

class DevicesLosses : public testing::TestWithParam<std::tuple<DType, int64_t>> {};

TEST_P(DevicesLosses, AreTheSameBits) {
  const auto [compute, group] = GetParam();
  const Words expected = TellAll(SmallRun(compute), group);
  for (const int64_t devices : {2, 4}) {
    if (devices > TestDeviceCount()) continue;
    SCOPED_TRACE(devices);
    RunSetup several = SmallRun(compute);
    several.devices = devices;
    several.device.delay_seed = devices;
    several.plan.activations = Activations::kRecompute;
    several.plan.block_inputs = BlockInputs::kHost;
    several.plan.slots = 2;
    ExpectSameWords(expected, TellAll(several, group));
  }
}

// With a document each, shares of the lanes begin where a pair does; in groups of three they cannot, and weights come from a pass ahead.
INSTANTIATE_TEST_SUITE_P(All, DevicesLosses,
                         testing::Combine(testing::Values(DType::kF32, DType::kBF16),
                                          testing::Values(int64_t{1}, int64_t{2}, int64_t{3})));

// A plan for forward passes has no groups; any number of devices shares them, also one that is no power of two.
TEST(DevicesForward, SayTheSame) {
  Words expected;
  for (const int64_t devices : {1, 2, 3, 4}) {
    if (devices > TestDeviceCount()) continue;
    RunSetup setup = SmallRun(DType::kF32);
    setup.plan.purpose = Purpose::kForward;
    setup.plan.reduction_groups = 0;
    setup.devices = devices;
    Words words;
    setup.take_step = [&](Trainer& trainer, const Batch& batch) {
      Look(trainer, batch, nullptr, words);
      return StepMetrics();
    };
    setup.state = false;
    Train(setup);
    if (devices == 1) expected = words;
    ExpectSameWords(expected, words);
  }
}

}  // namespace
}  // namespace hlm
