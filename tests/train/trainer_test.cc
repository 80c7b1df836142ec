// What a trainer promises beyond its numbers: what a call changes and what it does not, and how it ends early.
#include "core/train/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <thread>

#include "core/base/error.h"
#include "core/cpu/cpu_device.h"
#include "core/machine/devices.h"
#include "tests/equivalence/run.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

struct Fixture {
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Plan> plan;
  std::unique_ptr<Trainer> trainer;
  std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  std::vector<int64_t> offsets = {0, 4, 10};
  Batch batch;

  explicit Fixture(
      const std::function<void(PlanOptions&)>& change = [](PlanOptions&) {}, CpuDeviceOptions device = {},
      const std::string& config = TinyConfig(false, false, 2), bool token_metrics = false)
      : model(Model::Create(config, 1)) {
    PlanOptions options;
    options.compute = DType::kF32;
    options.batch_size = 2, options.seq_len = 8;
    options.threads = 1;
    change(options);
    plan = std::make_shared<const Plan>(MakePlan(model->spec(), model->layout(), options, DescribeMachine("cpu")));
    TrainerOptions trainer_options;
    trainer_options.schedule.lr = 1e-2;
    trainer_options.token_metrics = token_metrics;
    device.threads = 1;
    trainer = std::make_unique<Trainer>(model, plan, trainer_options, CreateCpuDevice(device));
    batch.ids = ids;
    batch.offsets = offsets;
  }
  std::vector<float> Read(const std::string& name, TensorKind kind = TensorKind::kWeight) {
    int64_t unit = 0;
    std::vector<float> values(static_cast<size_t>(FindTensor(model->layout(), name, &unit)->elements));
    trainer->ReadTensor(name, kind, 0, values.data(), values.size() * 4);
    return values;
  }
};
constexpr char kDown[] = "model.layers.1.mlp.down_proj.weight";

std::string WithKeys(const nlohmann::json& keys, bool tied = false) {
  nlohmann::json config = nlohmann::json::parse(TinyConfig(tied, false, 2));
  config.update(keys);
  return config.dump();
}

TEST(Trainer, ThePaddingRowHasAGradientWhereItIsAskedFor) {
  constexpr char kTable[] = "model.embed_tokens.weight";
  const std::string padded = WithKeys({{"pad_token_id", 3}}), plain = WithKeys({{"pad_token_id", nullptr}});
  const auto gradient = [&](const std::string& config, bool train_pad_row) {
    Fixture f([&](PlanOptions& o) { o.train_pad_row = train_pad_row; }, {}, config);
    EXPECT_EQ(f.plan->numerics.train_pad_row, train_pad_row && config == padded);
    f.trainer->Accumulate(f.batch);
    return f.Read(kTable, TensorKind::kGradient);
  };
  const std::vector<float> all = gradient(plain, false), asked = gradient(padded, true);
  std::vector<float> none = gradient(padded, false);
  EXPECT_EQ(asked, all);
  EXPECT_EQ(gradient(plain, true), all);  // no such row
  const size_t row = 3 * none.size() / 61, end = 4 * none.size() / 61;
  for (size_t i = row; i < end; ++i) {
    EXPECT_EQ(none[i], 0);
    EXPECT_NE(all[i], 0);
    none[i] = all[i];
  }
  EXPECT_EQ(none, all);
}

TEST(Trainer, ARunWithThePaddingRowGoesOnByItsNumericsAlone) {
  Fixture first([](PlanOptions& o) { o.train_pad_row = true; }, {}, WithKeys({{"pad_token_id", 3}}));
  Fixture other([](PlanOptions&) {}, {}, WithKeys({{"pad_token_id", 3}}));
  EXPECT_NE(first.plan->numerics.hash, other.plan->numerics.hash);
  Fixture next([&](PlanOptions& o) { o.numerics = NumericsJson(first.plan->numerics); }, {}, WithKeys({{"pad_token_id", 3}}));
  EXPECT_EQ(next.plan->numerics.hash, first.plan->numerics.hash);
}

TEST(Trainer, DropoutIsIgnoredOnlyWhereThatIsAskedFor) {
  const std::string config = WithKeys({{"attention_dropout", 0.1}});
  EXPECT_EQ(CodeOf([&] { Fixture f([](PlanOptions&) {}, {}, config); }), Code::kUnimplemented);
  Fixture ignored([](PlanOptions&o) { o.ignore_dropout = true; }, {}, config), plain;
  EXPECT_EQ(ignored.trainer->Step(ignored.batch).loss, plain.trainer->Step(plain.batch).loss);
  Fixture forward([](PlanOptions& o) { o.purpose = Purpose::kForward; }, {}, config);  // which has no dropout
  EXPECT_EQ(forward.trainer->Evaluate(forward.batch).loss, Fixture().trainer->Evaluate(plain.batch).loss);
}

// Each document turns by its own length, whatever is beside it.
TEST(Trainer, DynamicRotaryEmbeddingsGoByTheDocument) {
  const nlohmann::json rope = {{"rope_type", "dynamic"}, {"factor", 4.0}};
  const std::string config = WithKeys({{"rope_scaling", rope}, {"max_position_embeddings", 4}});
  const auto room = [](PlanOptions& o) { o.batch_size = 4, o.seq_len = 8, o.micro_batch = 2; };
  Fixture together(room, {}, config), alone(room, {}, config), plain(room, {}, WithKeys(nlohmann::json::object()));
  together.ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22};
  together.offsets = {0, 3, 9, 14, 20, 22};  // of 3, 6, 5, 6 and 2 tokens
  together.batch.ids = together.ids, together.batch.offsets = together.offsets;
  const auto logprobs = [](Fixture& f, std::span<const int32_t> ids, const std::vector<int64_t>& offsets) {
    Batch batch;
    batch.ids = ids, batch.offsets = offsets;
    std::vector<float> made(ids.size());
    f.trainer->LogProbs(batch, nullptr, made, {}, {});
    return made;
  };
  const std::vector<float> all = logprobs(together, together.ids, together.offsets);
  for (size_t d = 0; d + 1 < together.offsets.size(); ++d) {
    const auto begin = static_cast<size_t>(together.offsets[d]), n = static_cast<size_t>(together.offsets[d + 1]) - begin;
    const auto ids = std::span(together.ids).subspan(begin, n);
    const std::vector<int64_t> offsets = {0, static_cast<int64_t>(n)};
    const std::vector<float> own(all.begin() + static_cast<int64_t>(begin), all.begin() + static_cast<int64_t>(begin + n));
    const std::vector<float> one = logprobs(alone, ids, offsets), usual = logprobs(plain, ids, offsets);
    double moved = 0;
    for (size_t t = 0; t < n; ++t) {
      EXPECT_NEAR(own[t], one[t], 1e-6) << d << ": " << t;
      moved = std::max(moved, std::abs(static_cast<double>(own[t]) - static_cast<double>(usual[t])));
    }
    if (n > 4) {
      EXPECT_GT(moved, 1e-4);
    } else {
      EXPECT_LT(moved, 1e-6);  // other products of other lengths: not the same bits
    }
  }
}

TEST(Trainer, LargeTensorsAreReadInPiecesByAllThreads) {
  nlohmann::json config = nlohmann::json::parse(TinyConfig(false, false, 2));
  config["vocab_size"] = 9001;
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    for (const int64_t threads : {1, 3}) {
      Fixture f([&](PlanOptions& o) { o.compute = compute, o.optimizer_threads = threads; }, {}, config.dump());
      constexpr char kName[] = "model.embed_tokens.weight";
      const size_t n = f.Read(kName).size();
      ASSERT_GT(n, 2u << 16);
      std::vector<float> values(n);
      for (size_t i = 0; i < n; ++i) values[i] = 1e-3f * static_cast<float>(i % 9973) - 3.3f;
      f.trainer->WriteTensor(kName, TensorKind::kWeight, 0, values.data(), 4 * n);
      f.trainer->WriteTensor(kName, TensorKind::kFirstMoment, 0, values.data(), 4 * n);
      for (const TensorKind kind : {TensorKind::kWeight, TensorKind::kFirstMoment}) {
        EXPECT_EQ(f.Read(kName, kind), values);
        // From the middle on, to an address that is not a float's.
        const size_t first = 12345, count = n - first - 7;
        std::vector<std::byte> bytes(4 * count + 1);
        f.trainer->ReadTensor(kName, kind, 4 * first, bytes.data() + 1, 4 * count);
        EXPECT_EQ(std::memcmp(bytes.data() + 1, values.data() + first, 4 * count), 0);
      }
    }
  }
}

TEST(Trainer, AccumulateChangesNoWeightAndApplyForgetsTheGradient) {
  Fixture f;
  const auto before = f.Read(kDown);
  f.trainer->Accumulate(f.batch);
  EXPECT_EQ(f.Read(kDown), before);
  EXPECT_NE(f.Read(kDown, TensorKind::kGradient), std::vector<float>(before.size(), 0.0f));
  f.trainer->Apply();
  EXPECT_NE(f.Read(kDown), before);
  EXPECT_EQ(CodeOf([&] { f.Read(kDown, TensorKind::kGradient); }), Code::kFailedPrecondition);
  EXPECT_EQ(CodeOf([&] { f.trainer->Apply(); }), Code::kFailedPrecondition);
}

TEST(Trainer, DiscardForgetsTheGradient) {
  Fixture f, untouched;
  f.trainer->Accumulate(f.batch);
  f.trainer->Discard();
  EXPECT_EQ(CodeOf([&] { f.trainer->Apply(); }), Code::kFailedPrecondition);
  EXPECT_EQ(f.trainer->Step(f.batch).grad_norm, untouched.trainer->Step(untouched.batch).grad_norm);
}

TEST(Trainer, HalvesWithOneDenominatorMakeTheWholeStep) {
  for (const DType grad : {DType::kF32, DType::kBF16}) {
    const auto change = [&](PlanOptions& o) {
      o.compute = grad;
      o.grad_clip = 0.5;
    };
    Fixture whole(change), halves(change);
    const StepMetrics one = whole.trainer->Step(whole.batch);
    const std::vector<int64_t> first = {0, 4}, second = {0, 6};
    Batch a = halves.batch, b = halves.batch;
    a.ids = std::span(halves.ids).subspan(0, 4), a.offsets = first, a.denominator = 8;
    b.ids = std::span(halves.ids).subspan(4), b.offsets = second, b.denominator = 8;
    halves.trainer->Accumulate(a);
    halves.trainer->Accumulate(b);
    const StepMetrics two = halves.trainer->Apply();
    // bf16 gradients are rounded once more: 2^-9 of each element.
    const double bound = grad == DType::kF32 ? 1e-6 : 4e-3;
    EXPECT_NEAR(one.loss, two.loss, (grad == DType::kF32 ? 1e-6 : 1e-3) * one.loss);
    EXPECT_NEAR(one.grad_norm, two.grad_norm, bound * one.grad_norm);
    EXPECT_EQ(one.tokens, two.tokens);
  }
}

TEST(Trainer, EvaluateIsTheLossOfTheStepAndTheLogitsGiveIt) {
  Fixture f;
  const BatchLoss loss = f.trainer->Evaluate(f.batch);
  std::vector<float> logits(f.ids.size() * 61);
  f.trainer->Logits(f.batch, {}, logits);
  double sum = 0;
  for (size_t t = 0; t + 1 < f.ids.size(); ++t) {
    if (t == 3) continue;  // the last token of the first document
    double total = 0;
    for (size_t v = 0; v < 61; ++v) total += std::exp(static_cast<double>(logits[t * 61 + v]));
    sum += std::log(total) - logits[t * 61 + static_cast<size_t>(f.ids[t + 1])];
  }
  EXPECT_NEAR(loss.loss, sum / 8, 1e-5);
  EXPECT_EQ(loss.tokens, 8);
  const std::vector<int64_t> places = {2, 7, 8};
  std::vector<float> some(3 * 61);
  f.trainer->Logits(f.batch, places, some);
  for (size_t p = 0; p < 3; ++p) {
    for (size_t v = 0; v < 61; ++v) EXPECT_NEAR(some[p * 61 + v], logits[static_cast<size_t>(places[p]) * 61 + v], 1e-5);
  }
  EXPECT_EQ(f.trainer->Step(f.batch).loss, loss.loss);
}

// Counts over the logits of a batch's predictions: a plain loop.
struct TokenCounts {
  double entropy = 0;
  int64_t right = 0, predicted = 0;
  void Add(Trainer& trainer, const Batch& batch, size_t vocab) {
    std::vector<float> logits(batch.ids.size() * vocab);
    trainer.Logits(batch, {}, logits);
    for (size_t t = 0; t + 1 < batch.ids.size(); ++t) {
      if (t == 3 || batch.labels[t + 1] == kIgnoredLabel) continue;  // 3: the last token of the first document
      const float* row = logits.data() + t * vocab;
      double sum = 0, mean = 0;
      for (size_t v = 0; v < vocab; ++v) sum += std::exp(static_cast<double>(row[v]));
      for (size_t v = 0; v < vocab; ++v) mean += std::exp(static_cast<double>(row[v])) / sum * row[v];
      entropy += std::log(sum) - mean;
      right += std::max_element(row, row + vocab) - row == batch.labels[t + 1];
      ++predicted;
    }
  }
};

TEST(Trainer, TokenMetricsAreThoseOfTheLogitsAndChangeNoBit) {
  for (const Timing timing : {Timing::kNextForward, Timing::kBackward}) {
    const auto change = [&](PlanOptions& o) { o.timing = timing, o.sweeps = 2, o.micro_batch = 1, o.grad_clip = 0; };
    Fixture with(change, {}, TinyConfig(false, false, 2), true), without(change);
    Batch batch = with.batch;
    // Some labels are the likeliest token, one is not predicted, the others are the ids.
    std::vector<int32_t> labels = with.ids;
    std::vector<float> logits(labels.size() * 61);
    with.trainer->Logits(batch, {}, logits);
    for (const size_t t : {1, 5, 7}) {
      const float* row = logits.data() + t * 61;
      labels[t + 1] = static_cast<int32_t>(std::max_element(row, row + 61) - row);
    }
    labels[7] = kIgnoredLabel;
    batch.labels = labels;
    TokenCounts counts;
    if (timing == Timing::kNextForward) {  // what was discarded does not count, what was accumulated does
      with.trainer->Accumulate(batch), with.trainer->Discard();
      counts.Add(*with.trainer, batch, 61);
      with.trainer->Accumulate(batch), without.trainer->Accumulate(batch);
    }
    counts.Add(*with.trainer, batch, 61);
    const StepMetrics step = with.trainer->Step(batch), plain = without.trainer->Step(batch);
    EXPECT_EQ(step.tokens, counts.predicted);
    EXPECT_EQ(step.mean_token_accuracy, static_cast<double>(counts.right) / static_cast<double>(counts.predicted));
    EXPECT_GE(counts.right, 3);
    EXPECT_LT(counts.right, counts.predicted);
    EXPECT_NEAR(step.entropy, counts.entropy / static_cast<double>(counts.predicted), 1e-5);
    EXPECT_EQ(step.loss, plain.loss);
    EXPECT_EQ(step.grad_norm, plain.grad_norm);
    EXPECT_EQ(with.Read(kDown), without.Read(kDown));
    EXPECT_EQ(plain.mean_token_accuracy, -1);
    EXPECT_EQ(plain.entropy, -1);
    const std::vector<int32_t> nothing(labels.size(), kIgnoredLabel);
    batch.labels = nothing;
    EXPECT_TRUE(std::isnan(with.trainer->Step(batch).entropy));
  }
}

TEST(Trainer, CancelEndsTheCallWithNoWeightChangedAndTheNextOneRuns) {
  for (const Timing timing : {Timing::kNextForward, Timing::kBackward}) {
    Fixture f([&](PlanOptions& o) { o.timing = timing, o.grad_clip = 0; });
    const auto before = f.Read(kDown);
    f.trainer->Cancel();
    EXPECT_EQ(CodeOf([&] { f.trainer->Step(f.batch); }), Code::kCancelled);
    EXPECT_EQ(f.Read(kDown), before);
    EXPECT_EQ(f.trainer->Step(f.batch).step, 1);
  }
}

TEST(Trainer, CancelActsWhileAStepRuns) {
  CpuDeviceOptions slow;
  slow.delay_seed = 1, slow.max_delay_us = 20000;
  Fixture f([](PlanOptions&) {}, slow);
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    f.trainer->Cancel();
  });
  EXPECT_EQ(CodeOf([&] { f.trainer->Step(f.batch); }), Code::kCancelled);
  other.join();
}

TEST(Trainer, ADeadlineEndsTheCall) {
  CpuDeviceOptions slow;
  slow.delay_seed = 1, slow.max_delay_us = 20000;
  Fixture f([](PlanOptions&) {}, slow);
  f.trainer->SetDeadline(0.01);
  EXPECT_EQ(CodeOf([&] { f.trainer->Step(f.batch); }), Code::kDeadlineExceeded);
  f.trainer->SetDeadline(0);
  EXPECT_EQ(f.trainer->Step(f.batch).step, 1);
}

TEST(Trainer, AStepThatIsNotFiniteIsSkippedWhole) {
  for (const Timing timing : {Timing::kNextForward, Timing::kBackward, Timing::kSerial}) {
    Fixture f([&](PlanOptions& o) { o.timing = timing, o.grad_clip = 0; });
    auto norm = f.Read("model.norm.weight");
    const auto good = norm;
    for (float& w : norm) w = 1e38f;
    f.trainer->WriteTensor("model.norm.weight", TensorKind::kWeight, 0, norm.data(), norm.size() * 4);
    const auto before = f.Read(kDown);
    const StepMetrics metrics = f.trainer->Step(f.batch);
    EXPECT_TRUE(metrics.skipped);
    EXPECT_FALSE(std::isfinite(metrics.loss));
    EXPECT_EQ(metrics.step, 1);
    EXPECT_EQ(f.Read(kDown), before);
    EXPECT_EQ(f.Read("model.norm.weight"), norm);
    f.trainer->WriteTensor("model.norm.weight", TensorKind::kWeight, 0, good.data(), good.size() * 4);
    EXPECT_FALSE(f.trainer->Step(f.batch).skipped);
  }
}

// A step without a prediction changes no number but the step's: the run is the one without it, at the next place of the schedule.
TEST(Trainer, AStepWithNothingPredictedIsSkippedAndTheScheduleGoesOn) {
  for (const Timing timing : {Timing::kNextForward, Timing::kBackward, Timing::kSerial}) {
    const auto change = [&](PlanOptions& o) { o.timing = timing, o.grad_clip = 0; };
    Fixture with(change), without(change);
    const std::vector<int32_t> ignored(with.ids.size(), kIgnoredLabel);
    Batch nothing = with.batch;
    nothing.labels = ignored;
    EXPECT_EQ(with.trainer->Step(with.batch).loss, without.trainer->Step(without.batch).loss);
    const StepMetrics metrics = with.trainer->Step(nothing);
    EXPECT_EQ(metrics.step, 2);
    EXPECT_TRUE(metrics.skipped);
    EXPECT_EQ(metrics.tokens, 0);
    EXPECT_EQ(metrics.skipped_units, 0);
    EXPECT_TRUE(std::isnan(metrics.loss));
    const StepMetrics next = with.trainer->Step(with.batch), same = without.trainer->Step(without.batch);
    EXPECT_EQ(next.step, 3);
    EXPECT_EQ(next.loss, same.loss);
    EXPECT_EQ(with.Read(kDown), without.Read(kDown)) << "AdamW's own count goes by updates";
    const auto counters = nlohmann::json::parse(with.trainer->MetricsJson());
    EXPECT_EQ(counters["steps"], 3);
    EXPECT_EQ(counters["updates"], 2);
    EXPECT_EQ(counters["attention_fallbacks"], 0);
    EXPECT_EQ(counters["attention_fallback_reason"], "");
  }
}

// Step is accumulate and apply: what was accumulated before is applied.
TEST(Trainer, AStepWithNothingPredictedAppliesWhatWasAccumulated) {
  Fixture f, whole;
  const std::vector<int32_t> ignored(f.ids.size(), kIgnoredLabel);
  Batch nothing = f.batch;
  nothing.labels = ignored;
  f.trainer->Accumulate(f.batch);
  const StepMetrics metrics = f.trainer->Step(nothing), expected = whole.trainer->Step(whole.batch);
  EXPECT_FALSE(metrics.skipped);
  EXPECT_EQ(metrics.loss, expected.loss);
  EXPECT_EQ(metrics.tokens, expected.tokens);
  EXPECT_EQ(f.Read(kDown), whole.Read(kDown));
}

TEST(Trainer, AStepWithNothingPredictedCanBeCancelledAndNeedsAPlanThatTrains) {
  Fixture f;
  const std::vector<int32_t> ignored(f.ids.size(), kIgnoredLabel);
  Batch nothing = f.batch;
  nothing.labels = ignored;
  f.trainer->Cancel();
  EXPECT_EQ(CodeOf([&] { f.trainer->Step(nothing); }), Code::kCancelled);
  EXPECT_EQ(f.trainer->Step(nothing).step, 1);
  for (const Purpose purpose : {Purpose::kForward, Purpose::kForwardBackward}) {
    Fixture no_updates([&](PlanOptions& o) { o.purpose = purpose; });
    EXPECT_EQ(CodeOf([&] { no_updates.trainer->Step(nothing); }), Code::kFailedPrecondition);
  }
}

TEST(Trainer, TensorsCanBeReadAndWrittenInPieces) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    Fixture f([&](PlanOptions& o) { o.compute = compute; });
    const float values[3] = {0.123456789f, -3.25f, 1e-20f};
    f.trainer->WriteTensor(kDown, TensorKind::kWeight, 8, values, sizeof values);
    const auto all = f.Read(kDown);
    EXPECT_EQ(0, std::memcmp(&all[2], values, sizeof values)) << "the master is exact";
    for (const TensorKind kind : {TensorKind::kFirstMoment, TensorKind::kSecondMoment}) {
      const float moment = 0.75f;
      f.trainer->WriteTensor(kDown, kind, 4, &moment, 4);
      EXPECT_EQ(f.Read(kDown, kind)[1], moment);
    }
    float one = 0;
    EXPECT_EQ(CodeOf([&] { f.trainer->ReadTensor("nothing", TensorKind::kWeight, 0, &one, 4); }), Code::kNotFound);
    EXPECT_EQ(CodeOf([&] { f.trainer->ReadTensor(kDown, TensorKind::kWeight, all.size() * 4, &one, 4); }), Code::kOutOfRange);
    EXPECT_EQ(CodeOf([&] { f.trainer->ReadTensor(kDown, TensorKind::kWeight, 2, &one, 4); }), Code::kInvalidArgument);
    const float bad[2] = {1.0f, NAN};
    EXPECT_EQ(CodeOf([&] { f.trainer->WriteTensor(kDown, TensorKind::kWeight, 0, bad, 8); }), Code::kInvalidArgument);
    EXPECT_EQ(f.Read(kDown)[0], all[0]) << "nothing is written where one value is bad";
    const float negative = -1;
    EXPECT_EQ(CodeOf([&] { f.trainer->WriteTensor(kDown, TensorKind::kSecondMoment, 0, &negative, 4); }), Code::kInvalidArgument);
  }
}

TEST(Trainer, AWrittenGradientIsWhatTheUpdateUses) {
  Fixture f([](PlanOptions& o) { o.grad_clip = 0; });
  f.trainer->Accumulate(f.batch);
  auto gradient = f.Read(kDown, TensorKind::kGradient);
  gradient[0] = 100;
  f.trainer->WriteTensor(kDown, TensorKind::kGradient, 0, gradient.data(), gradient.size() * 4);
  const StepMetrics metrics = f.trainer->Apply();
  EXPECT_GT(metrics.grad_norm, 99);
  EXPECT_FLOAT_EQ(f.Read(kDown, TensorKind::kFirstMoment)[0], 10);
}

TEST(Trainer, RefusesWhatItsPlanCannotDo) {
  Fixture forward([](PlanOptions& o) { o.purpose = Purpose::kForward; });
  EXPECT_EQ(CodeOf([&] { forward.trainer->Step(forward.batch); }), Code::kFailedPrecondition);
  EXPECT_TRUE(std::isfinite(forward.trainer->Evaluate(forward.batch).loss));
  Fixture gradients([](PlanOptions& o) { o.purpose = Purpose::kForwardBackward; });
  gradients.trainer->Accumulate(gradients.batch);
  EXPECT_EQ(CodeOf([&] { gradients.trainer->Apply(); }), Code::kFailedPrecondition);
  EXPECT_EQ(CodeOf([&] { gradients.Read(kDown, TensorKind::kFirstMoment); }), Code::kFailedPrecondition);
  Fixture backward([](PlanOptions& o) { o.timing = Timing::kBackward, o.grad_clip = 0; });
  EXPECT_EQ(CodeOf([&] { backward.trainer->Accumulate(backward.batch); }), Code::kFailedPrecondition);
  Fixture small([](PlanOptions& o) { o.seq_len = 4; });
  EXPECT_EQ(CodeOf([&] { small.trainer->Step(small.batch); }), Code::kResourceExhausted);
}

TEST(Trainer, TheTraceHasALaneForEachStreamAndTheOptimizer) {
  Fixture f;
  EXPECT_EQ(CodeOf([&] { f.trainer->TraceWrite("unused"); }), Code::kFailedPrecondition);
  f.trainer->TraceStart();
  f.trainer->Step(f.batch);
  const std::string path = testing::TempDir() + "/trace.json";
  f.trainer->TraceWrite(path);
  std::ifstream file(path);
  std::map<int, int> spans;
  const auto trace = nlohmann::json::parse(file);
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] == "X") ++spans[event["tid"].get<int>()];
  }
  for (int lane = 1; lane <= 4; ++lane) EXPECT_GT(spans[lane], 0) << "lane " << lane;
}

// Anonymous memory stays within 1 % and 256 MiB of what the plan and its reserve say.
TEST(Trainer, ResidentMemoryStaysWithinThePlan) {
  const char* config =
      R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 6,
          "num_attention_heads": 8, "num_key_value_heads": 8, "vocab_size": 8192, "max_position_embeddings": 512, "hidden_act": "silu"})";
  const auto model = Model::Create(config, 1);
  PlanOptions options;
  options.batch_size = 2, options.seq_len = 64;
  const auto plan = std::make_shared<const Plan>(MakePlan(model->spec(), model->layout(), options, DescribeMachine("cpu")));
  Trainer trainer(model, plan, {}, MakeDevice(*plan));
  std::vector<int32_t> ids(128);
  for (size_t t = 0; t < ids.size(); ++t) ids[t] = static_cast<int32_t>(t * 61 % 8192);
  const std::vector<int64_t> offsets = {0, 64, 128};
  Batch batch;
  batch.ids = ids;
  batch.offsets = offsets;
  trainer.Step(batch);
  trainer.Step(batch);
  trainer.Finish();
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "a sanitizer's own memory grows with ours";
#endif
  std::ifstream status("/proc/self/status");
  std::string word;
  int64_t resident = 0;
  while (status >> word) {
    if (word == "RssAnon:") status >> resident;
  }
  ASSERT_GT(resident, 0);
  EXPECT_LE(static_cast<double>(resident) * 1024, static_cast<double>(plan->host_bytes) * 1.01 + (256 << 20));
  // And the store is really there: moments and masters have been touched.
  EXPECT_GE(resident * 1024, plan->host.weights + plan->host.remainders + plan->host.first_moments + plan->host.second_moments);
}

}  // namespace
}  // namespace hlm
