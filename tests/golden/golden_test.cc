// The library, through its C ABI, against goldens made in float64 by PyTorch (README.md here): logits, gradients, ten AdamW
// steps, for each family and option, with the plan's own choice and with everything cut into the smallest pieces.
#include "tests/golden/golden.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tests/golden/session.h"

namespace hlm_golden {
namespace {

// The tolerances are those that the library promises for f32. Single precision by itself, in another order of additions,
// is 10 to 100 times closer ("float32_against_float64" in data/manifest.json); a wrong rule is at least 10 times further
// off (make_goldens.py leaves out each option in turn).
constexpr double kLogitTolerance = 1e-4;
constexpr double kGradientTolerance = 1e-4;        // of the parameter's gradient norm ...
constexpr double kGlobalGradientTolerance = 1e-7;  // ... plus of the global one
constexpr double kLossTolerance = 1e-4;
constexpr double kWeightTolerance = 1e-4;  // of the weight's norm
// A step moves an element by about lr. An element whose every gradient is near eps may be off by some of that;
// more than a tenth of one step is a wrong update.
constexpr double kElementTolerance = 0.1;  // of lr
// Gradient norms of later steps magnify what the weights are off by.
constexpr double kNormTolerance = 1e-3;
// Where a token may choose another expert, or a state carries roundings along: which of them bf16 moves is chance.
bool IsRough(const Golden& golden) {
  static const std::set<std::string> kRough = {"bamba",
                                               "deepseek_v3",
                                               "dots1",
                                               "exaone_moe",
                                               "flex_olmo",
                                               "gemma4_experts",
                                               "gpt_oss",
                                               "granitemoehybrid",
                                               "granitemoeshared",
                                               "mixtral",
                                               "nemotron_h_experts",
                                               "olmo_hybrid",
                                               "olmoe",
                                               "qwen3_5_moe",
                                               "qwen3_5_text_tied",
                                               "qwen3_next",
                                               "zamba2",
                                               "zamba2_plain",
                                               "zamba2_untied"};
  return kRough.contains(golden.name);
}
// bf16 carries 8 bits. Ours may be half as far off again as PyTorch's own (bf16.json). Where that is little, dense models have room for what
// they were seen to need: losses of the first three steps within 0.003 and later within 0.051, where small differences have grown (cwm with
// AMX's products, nemotron on an H200, phi3_longrope), gradients within 0.11 of their norm; the rough ones for 0.038 and 0.077, and 0.76 of
// the norm (granitemoehybrid: between its gate and its norm PyTorch keeps a state space's output in float32, here it is rounded; rounded
// there as well, PyTorch's own is 0.84 off).
constexpr double kOfPyTorchs = 1.5;
// `step`: from 0.
double Bf16LossTolerance(const Golden& golden, size_t step) {
  const bool rough = IsRough(golden);
  return step < 3 ? std::max(rough ? 0.04 : 0.01, kOfPyTorchs * golden.bf16.early_losses)
                  : std::max(rough ? 0.08 : 0.06, kOfPyTorchs * golden.bf16.losses);
}
double Bf16GradientTolerance(const Golden& golden) {
  return std::max(IsRough(golden) ? 0.8 : 0.2, kOfPyTorchs * golden.bf16.gradients);
}
// A bias of keys of smollm3_window has next to no gradient, which rounding moves: up to 1.2e-4 of its norm after ten steps.
double WiderSteps(const Golden& golden) { return golden.name == "smollm3_window" ? 2.0 : 1.0; }

double Norm(const std::vector<float>& values) {
  double sum = 0;
  for (float v : values) sum += static_cast<double>(v) * v;
  return std::sqrt(sum);
}

double DifferenceNorm(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
  return std::sqrt(sum);
}

// NaN counts as infinitely far, unlike with std::max.
double LargestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= largest)) largest = std::isnan(difference) ? HUGE_VAL : difference;
  }
  return largest;
}

double LargestMagnitude(const std::vector<float>& values) {
  double largest = 0;
  for (float v : values) largest = std::max(largest, std::abs(static_cast<double>(v)));
  return largest;
}

// Absolute where logits are of the order of one or larger, relative to the largest where they are smaller.
double LogitLimit(const Golden& golden) { return kLogitTolerance * std::min(1.0, LargestMagnitude(golden.logits)); }

void ExpectGradients(hlm_trainer* trainer, const Golden& golden) {
  const double global = golden.steps[0].grad_norm;
  for (const GoldenParameter& p : golden.parameters) {
    const std::vector<float> gradient = ReadTensor(trainer, p.name, HLM_TENSOR_GRADIENT, p.gradient.size());
    EXPECT_LE(DifferenceNorm(gradient, p.gradient), kGradientTolerance * Norm(p.gradient) + kGlobalGradientTolerance * global)
        << p.name << ", whose gradient has norm " << Norm(p.gradient);
  }
}

void ExpectFinalWeights(hlm_trainer* trainer, const Golden& golden) {
  double whole = 0;
  for (const GoldenParameter& p : golden.parameters) whole += Norm(p.gradient) * Norm(p.gradient);
  for (const GoldenParameter& p : golden.parameters) {
    const std::vector<float> weight = ReadTensor(trainer, p.name, HLM_TENSOR_WEIGHT, p.final.size());
    const double off = LargestDifference(weight, p.final);
    if (Norm(p.gradient) < 1e-7 * std::sqrt(whole)) {
      // Zero in exact arithmetic (a bias of keys that nothing turns): AdamW divides rounding by its own size. No step goes beyond lr.
      EXPECT_LE(off, 2.0 * static_cast<double>(golden.steps.size()) * golden.training.lr) << p.name;
      continue;
    }
    EXPECT_LE(DifferenceNorm(weight, p.final), WiderSteps(golden) * kWeightTolerance * Norm(p.final)) << p.name;
    EXPECT_LE(off, kElementTolerance * golden.training.lr) << p.name;
  }
}

// By how much the first AdamW step moves an element with this gradient, before weight decay: lr g / (|g| + eps), g after clipping. Near eps,
// 1e-6, gradients of which each is good leave an element as far apart as lr.
double FirstMove(double gradient, double grad_norm, const Golden& golden) {
  const double clip = golden.training.grad_clip, clipped = clip > 0 ? gradient * std::min(1.0, clip / grad_norm) : gradient;
  return golden.steps[0].lr * clipped / (std::abs(clipped) + golden.training.eps);
}

// What the roundings of the update itself leave of it: about 2 of the weight and 5 of the move, in either run, each by 2^-24.
double MoveRounding(double weight, double lr) { return 0x1p-22 * std::abs(weight) + 0x1p-20 * lr; }

struct Cut {
  const char* name;
  PlanChange change;
};

// The plan's own choice, and as many pieces as there can be: micro-batches of one row, two sweeps, parts, small head chunks.
std::vector<Cut> Cuts() {
  return {
      {"Chosen", [](hlm_plan_options*) {}},
      {"Pieces",
       [](hlm_plan_options* options) {
         options->micro_batch = 1;
         options->sweeps = 2;
         options->activations = HLM_ACTIVATIONS_RECOMPUTE;
         options->block_inputs = HLM_BLOCK_INPUTS_HOST;
         options->slots = 2;
         options->prefetch = 1;
         options->head_chunk = 5;
         options->max_part_bytes = 16384;
         options->optimizer_timing = HLM_TIMING_SERIAL;
         options->threads = 1;
       }},
      {"KeepCheap",
       [](hlm_plan_options* options) {
         options->micro_batch = 2;
         options->activations = HLM_ACTIVATIONS_KEEP_CHEAP;
         options->block_inputs = HLM_BLOCK_INPUTS_DEVICE;
         options->head_chunk = 16;
       }},
  };
}

class GoldenTest : public testing::TestWithParam<std::string> {
 protected:
  GoldenTest() : golden_(LoadGolden(GetParam())) {}
  void SetUp() override {
    if (const std::string refusal = DeviceRefusal(golden_); !refusal.empty()) GTEST_SKIP() << refusal;
  }
  const Golden golden_;
};

class GoldenCutTest : public testing::TestWithParam<std::tuple<std::string, Cut>> {
 protected:
  GoldenCutTest() : golden_(LoadGolden(std::get<0>(GetParam()))) {}
  void SetUp() override {
    if (const std::string refusal = DeviceRefusal(golden_); !refusal.empty()) GTEST_SKIP() << refusal;
  }
  TrainerHandle Make() const { return MakeTrainer(golden_, golden_.model_folder, HLM_DTYPE_F32, std::get<1>(GetParam()).change); }
  const Golden golden_;
};

TEST_P(GoldenTest, LogitsAndLossAgree) {
  const TrainerHandle trainer = MakeTrainer(golden_, golden_.model_folder, HLM_DTYPE_F32,
                                            [](hlm_plan_options* options) { options->purpose = HLM_PURPOSE_FORWARD; });
  const GoldenBatch& batch = golden_.batches[0];
  const std::vector<float> logits = Logits(trainer.get(), batch, golden_.vocab);
  ASSERT_EQ(logits.size(), golden_.logits.size());
  EXPECT_LE(LargestDifference(logits, golden_.logits), LogitLimit(golden_));

  const std::vector<int64_t> places = {0, 3, static_cast<int64_t>(batch.ids.size()) - 1};
  const std::vector<float> rows = Logits(trainer.get(), batch, golden_.vocab, places);
  for (size_t r = 0; r < places.size(); ++r) {
    const auto at = golden_.logits.begin() + places[r] * golden_.vocab;
    const std::vector<float> row(rows.begin() + r * golden_.vocab, rows.begin() + (r + 1) * golden_.vocab);
    EXPECT_LE(LargestDifference(row, std::vector<float>(at, at + golden_.vocab)), LogitLimit(golden_)) << "place " << places[r];
  }

  const Evaluation result = Evaluate(trainer.get(), batch);
  EXPECT_NEAR(result.loss, golden_.loss, kLossTolerance * golden_.loss);
  EXPECT_EQ(result.tokens, batch.tokens);
}

TEST_P(GoldenCutTest, GradientsAgree) {
  const TrainerHandle trainer = Make();
  const Evaluation result = Accumulate(trainer.get(), golden_.batches[0]);
  EXPECT_NEAR(result.loss, golden_.loss, kLossTolerance * golden_.loss);
  EXPECT_EQ(result.tokens, golden_.batches[0].tokens);
  ExpectGradients(trainer.get(), golden_);
}

TEST_P(GoldenCutTest, TenAdamWStepsAgree) {
  const TrainerHandle trainer = Make();
  for (size_t i = 0; i < golden_.steps.size(); ++i) {
    const GoldenStep& expected = golden_.steps[i];
    const hlm_step_metrics metrics = Step(trainer.get(), golden_.batches[expected.batch]);
    EXPECT_EQ(metrics.step, static_cast<int64_t>(i) + 1);
    EXPECT_EQ(metrics.skipped, 0);
    EXPECT_EQ(metrics.tokens, expected.tokens);
    EXPECT_NEAR(metrics.loss, expected.loss, WiderSteps(golden_) * kLossTolerance * std::abs(expected.loss)) << "step " << i + 1;
    EXPECT_NEAR(metrics.grad_norm, expected.grad_norm, WiderSteps(golden_) * kNormTolerance * expected.grad_norm)
        << "step " << i + 1;
    EXPECT_NEAR(metrics.lr, expected.lr, 1e-12 * golden_.training.lr) << "step " << i + 1;
  }
  ExpectFinalWeights(trainer.get(), golden_);
  EXPECT_NEAR(Evaluate(trainer.get(), golden_.batches[0]).loss, golden_.final_loss, kLossTolerance * golden_.final_loss);
}

TEST_P(GoldenTest, Bf16LossesFollowForTenSteps) {
  const TrainerHandle trainer = MakeTrainer(golden_, golden_.model_folder, HLM_DTYPE_BF16);
  for (size_t i = 0; i < golden_.steps.size(); ++i) {
    const GoldenStep& expected = golden_.steps[i];
    const double loss = Step(trainer.get(), golden_.batches[expected.batch]).loss;
    EXPECT_NEAR(loss, expected.loss, Bf16LossTolerance(golden_, i) * std::abs(expected.loss)) << "step " << i + 1;
  }
  const double final_loss = Evaluate(trainer.get(), golden_.batches[0]).loss;
  // A share of the loss, of 1 where the loss is less: what bf16 takes from logits does not shrink with the loss.
  EXPECT_NEAR(final_loss, golden_.final_loss,
              Bf16LossTolerance(golden_, golden_.steps.size()) * std::max(1.0, golden_.final_loss));
}

TEST_P(GoldenTest, Bf16GradientsPointTheSameWay) {
  const TrainerHandle trainer = MakeTrainer(golden_, golden_.model_folder, HLM_DTYPE_BF16);
  Accumulate(trainer.get(), golden_.batches[0]);
  double whole = 0;
  for (const GoldenParameter& p : golden_.parameters) whole += Norm(p.gradient) * Norm(p.gradient);
  for (const GoldenParameter& p : golden_.parameters) {
    const std::vector<float> gradient = ReadTensor(trainer.get(), p.name, HLM_TENSOR_GRADIENT, p.gradient.size());
    // A gradient that is zero in exact arithmetic (a bias of keys that nothing turns) is held against that of all parameters.
    const double limit = std::max(Bf16GradientTolerance(golden_) * Norm(p.gradient), 1e-3 * std::sqrt(whole));
    EXPECT_LE(DifferenceNorm(gradient, p.gradient), limit) << p.name;
  }
}

TEST_P(GoldenTest, DocumentsDoNotSeeEachOther) {
  const TrainerHandle trainer = MakeTrainer(golden_, golden_.model_folder, HLM_DTYPE_F32);
  const GoldenBatch& batch = golden_.batches[0];
  const Evaluation together = Evaluate(trainer.get(), batch);
  const std::vector<float> logits = Logits(trainer.get(), batch, golden_.vocab);
  Evaluation alone;
  for (int64_t d = 0; d < batch.Documents(); ++d) {
    GoldenBatch document = batch.Slice(d, d + 1);
    document.denominator = batch.Denominator();
    const auto at = logits.begin() + batch.offsets[d] * golden_.vocab;
    const std::vector<float> rows(at, at + static_cast<int64_t>(document.ids.size()) * golden_.vocab);
    // Rows of another length are multiplied in another order; a look across a border moves logits by far more.
    EXPECT_LE(LargestDifference(Logits(trainer.get(), document, golden_.vocab), rows), 3e-5 * LargestMagnitude(rows));
    if (document.tokens == 0) continue;
    const Evaluation result = Evaluate(trainer.get(), document);
    alone.loss += result.loss;
    alone.tokens += result.tokens;
  }
  EXPECT_NEAR(alone.loss, together.loss, 1e-6 * std::abs(together.loss));
  EXPECT_EQ(alone.tokens, together.tokens);
}

TEST_P(GoldenTest, TwoHalvesWithOneDenominatorAreOneStep) {
  const TrainerHandle whole = MakeTrainer(golden_, golden_.model_folder, HLM_DTYPE_F32);
  const TrainerHandle halves = MakeTrainer(golden_, golden_.model_folder, HLM_DTYPE_F32);
  const GoldenBatch& batch = golden_.batches[0];
  Accumulate(whole.get(), batch);

  const int64_t middle = batch.Documents() / 2;
  GoldenBatch first = batch.Slice(0, middle);
  GoldenBatch second = batch.Slice(middle, batch.Documents());
  first.denominator = second.denominator = batch.Denominator();
  ASSERT_GT(first.tokens, 0);
  ASSERT_GT(second.tokens, 0);
  const Evaluation a = Accumulate(halves.get(), first);
  const Evaluation b = Accumulate(halves.get(), second);
  EXPECT_NEAR(a.loss + b.loss, golden_.loss, kLossTolerance * golden_.loss);

  // The order of additions is another one, so the gradients are not the same; each is right, and each moves the weights by itself.
  const auto read = [&](const TrainerHandle& trainer, int32_t kind) {
    std::vector<std::vector<float>> tensors;
    for (const GoldenParameter& p : golden_.parameters)
      tensors.push_back(ReadTensor(trainer.get(), p.name, kind, p.final.size()));
    return tensors;
  };
  ExpectGradients(whole.get(), golden_);
  ExpectGradients(halves.get(), golden_);
  const auto whole_gradients = read(whole, HLM_TENSOR_GRADIENT), halves_gradients = read(halves, HLM_TENSOR_GRADIENT);
  const hlm_step_metrics expected = Apply(whole.get()), applied = Apply(halves.get());
  EXPECT_EQ(applied.tokens, expected.tokens);
  EXPECT_NEAR(applied.loss, expected.loss, 1e-6 * std::abs(expected.loss));
  EXPECT_NEAR(applied.grad_norm, expected.grad_norm, 1e-5 * expected.grad_norm);
  const auto whole_weights = read(whole, HLM_TENSOR_WEIGHT), halves_weights = read(halves, HLM_TENSOR_WEIGHT);
  for (size_t p = 0; p < golden_.parameters.size(); ++p) {
    for (size_t i = 0; i < whole_weights[p].size(); ++i) {
      const double weight = whole_weights[p][i], other = halves_weights[p][i];
      const double apart = FirstMove(halves_gradients[p][i], applied.grad_norm, golden_) -
                           FirstMove(whole_gradients[p][i], expected.grad_norm, golden_);
      EXPECT_NEAR(weight - other, apart, MoveRounding(weight, expected.lr)) << golden_.parameters[p].name << " " << i;
    }
  }
}

// A device that takes multiples of 8 only is held against every family and option nevertheless.
TEST(GoldenWidths, EachThatDoesNotFitADeviceHasAWideOne) {
  const std::vector<std::string> names = GoldenNames();
  for (const std::string& name : names) {
    if (LoadGolden(name).WidthsAreMultiplesOf(kDeviceWidthMultiple)) continue;
    const std::string wide = name + "_wide";
    ASSERT_NE(std::find(names.begin(), names.end(), wide), names.end()) << wide;
    EXPECT_TRUE(LoadGolden(wide).WidthsAreMultiplesOf(kDeviceWidthMultiple)) << wide;
  }
}

std::string NameOf(const testing::TestParamInfo<std::string>& info) { return info.param; }
std::string CutNameOf(const testing::TestParamInfo<std::tuple<std::string, Cut>>& info) {
  return std::get<0>(info.param) + "_" + std::get<1>(info.param).name;
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTest, testing::ValuesIn(GoldenNames()), NameOf);
INSTANTIATE_TEST_SUITE_P(All, GoldenCutTest, testing::Combine(testing::ValuesIn(GoldenNames()), testing::ValuesIn(Cuts())),
                         CutNameOf);

}  // namespace
}  // namespace hlm_golden
