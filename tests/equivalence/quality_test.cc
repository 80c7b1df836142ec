// What compact states cost in quality: the loss on text held out after a run with each form, beside the exact one's.
//   quality_test TEXT STEPS HIDDEN LAYERS SEEDS       bytes as tokens; the last twentieth of the text is held out
// One run's held-out loss moves by some tenths of a percent with anything at all (another seed, another rounding): what is compared is
// the mean over seeds, of which each has weights and rows of its own.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/machine/devices.h"
#include "tests/equivalence/run.h"
#include "tests/support/test_device.h"

namespace hlm {
namespace {

constexpr int64_t kRow = 64, kRows = 16;
std::string text;
int64_t steps, hidden, layers, seeds;

struct Rows {
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets = {0};
  void Add(int64_t begin) {
    for (int64_t i = begin; i < begin + kRow; ++i) ids.push_back(static_cast<unsigned char>(text[static_cast<size_t>(i)]));
    offsets.push_back(static_cast<int64_t>(ids.size()));
  }
  Batch Get() const {
    Batch batch;
    batch.ids = ids;
    batch.offsets = offsets;
    return batch;
  }
};

double HeldOutLoss(StateType states, bool remainder, int64_t seed) {
  const std::string config =
      StrCat(R"({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": )", hidden,
             R"(, "intermediate_size": )", 3 * hidden, R"(, "num_hidden_layers": )", layers,
             R"(, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 256, "max_position_embeddings": 256, )",
             R"("rms_norm_eps": 1e-6, "rope_theta": 10000.0, "initializer_range": 0.04, "hidden_act": "silu", )",
             R"("tie_word_embeddings": false})");
  const auto model = Model::Create(config, seed);
  PlanOptions options;
  options.batch_size = kRows;
  options.seq_len = kRow;
  options.states = states;
  options.remainder = remainder;
  const auto plan =
      std::make_shared<const Plan>(MakePlan(model->spec(), model->layout(), options, DescribeMachine(TestDeviceName())));
  TrainerOptions trainer_options;
  trainer_options.schedule.lr = 3e-3;
  trainer_options.schedule.warmup_steps = steps / 10;
  // Falling to 0: at a rate that stays this high a held-out loss moves by a percent from one step to the next, whatever the states.
  trainer_options.schedule.schedule = Schedule::kCosine;
  trainer_options.schedule.total_steps = steps;
  CpuDeviceOptions device;
  device.threads = static_cast<int>(plan->numerics.threads);
  Trainer trainer(model, plan, trainer_options, MakeTestDevice(device));
  const auto size = static_cast<int64_t>(text.size());
  const int64_t held_out = size - size / 20;
  const uint64_t key = RandomKey(static_cast<uint64_t>(seed), "rows");
  for (int64_t step = 0; step < steps; ++step) {
    Rows rows;
    for (int64_t r = 0; r < kRows; ++r) {
      rows.Add(static_cast<int64_t>(
          RandomBelow(key, static_cast<uint64_t>(step * kRows + r), static_cast<uint64_t>(held_out - kRow))));
    }
    trainer.Step(rows.Get());
  }
  double loss = 0;
  int64_t count = 0;
  for (int64_t begin = held_out; begin + kRows * kRow <= size && count < 40; begin += kRows * kRow, ++count) {
    Rows rows;
    for (int64_t r = 0; r < kRows; ++r) rows.Add(begin + r * kRow);
    loss += trainer.Evaluate(rows.Get()).loss;
  }
  return loss / static_cast<double>(count);
}

std::vector<double> HeldOutLosses(StateType states, bool remainder) {
  std::vector<double> losses;
  for (int64_t seed = 1; seed <= seeds; ++seed) losses.push_back(HeldOutLoss(states, remainder, seed));
  return losses;
}

TEST(Quality, OfCompactStatesIsThatOfExactOnes) {
  const std::vector<double> exact = HeldOutLosses(StateType::kF32, true);
  for (const double loss : exact) {
    std::printf("exact %.4f\n", loss);
    EXPECT_LT(loss, 4.0) << "nothing was learnt: bytes at random are 5.5";
  }
  const auto check = [&](const char* name, const std::vector<double>& losses, double limit) {
    double mean = 0;
    std::printf("%s", name);
    for (size_t i = 0; i < losses.size(); ++i) {
      mean += (losses[i] / exact[i] - 1) / static_cast<double>(losses.size());
      std::printf(" %.4f (%+.2f %%)", losses[i], 100 * (losses[i] / exact[i] - 1));
    }
    std::printf(", mean %+.2f %%\n", 100 * mean);
    EXPECT_LT(mean, limit) << name;
  };
  check("bf16 moments", HeldOutLosses(StateType::kBF16, true), 0.005);
  check("8-bit moments", HeldOutLosses(StateType::kInt8, true), 0.01);
  // Reported beside them: no more than that it learns as well.
  check("8-bit moments, no remainder", HeldOutLosses(StateType::kInt8, false), 0.05);
}

}  // namespace
}  // namespace hlm

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (argc != 6) return 2;
  std::ifstream file(argv[1], std::ios::binary);
  hlm::text.assign(std::istreambuf_iterator<char>(file), {});
  if (hlm::text.size() < 20000) {
    std::fprintf(stderr, "%s has %zu bytes; the test wants 20000\n", argv[1], hlm::text.size());
    return 1;
  }
  hlm::steps = std::atoll(argv[2]);
  hlm::hidden = std::atoll(argv[3]);
  hlm::layers = std::atoll(argv[4]);
  hlm::seeds = std::atoll(argv[5]);
  return RUN_ALL_TESTS();
}
