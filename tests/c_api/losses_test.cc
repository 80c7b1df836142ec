// Log-probabilities and losses through the C ABI alone.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

using Weights = std::unique_ptr<hlm_weights, Destroyer<hlm_weights, hlm_weights_destroy>>;

// Four documents, the first two tokens of each a prompt.
Documents FourDocuments() {
  Documents documents;
  documents.offsets = {0, 6, 11, 19, 24};
  for (int32_t i = 0; i < 24; ++i) documents.ids.push_back((i * 11 + 5) % kVocab);
  documents.weights.assign(24, 1.0f);
  for (const size_t begin : {0, 6, 11, 19}) documents.weights[begin] = documents.weights[begin + 1] = 0;
  return documents;
}

std::vector<float> LogProbs(hlm_trainer* trainer, const hlm_batch& batch, const hlm_weights* weights = nullptr) {
  std::vector<float> out(batch.n_ids);
  EXPECT_OK(hlm_trainer_logprobs(trainer, weights, &batch, out.data(), out.size(), nullptr, 0, nullptr, 0));
  return out;
}

float Gradient(hlm_trainer* trainer, size_t element) {
  float value = 0;
  EXPECT_OK(hlm_trainer_read_tensor(trainer, "lm_head.weight", HLM_TENSOR_GRADIENT, 4 * element, &value, 4));
  return value;
}

TEST(LossesTest, LogProbabilitiesMakeTheLossOfEvaluate) {
  const Trainer trainer = TinyTrainer();
  const Documents documents = FourDocuments();
  const hlm_batch batch = documents.Get();
  std::vector<float> logprobs(24), entropies(24), greedy(24);
  ASSERT_OK(hlm_trainer_logprobs(trainer.get(), nullptr, &batch, logprobs.data(), 24, entropies.data(), 24, greedy.data(), 24));
  std::vector<double> sums(4), tokens(4);
  ASSERT_OK(hlm_batch_sum_logprobs(&batch, logprobs.data(), 24, sums.data(), 4, tokens.data(), 4));
  EXPECT_EQ(tokens, (std::vector<double>{4, 3, 6, 3}));
  double loss = 0;
  ASSERT_OK(hlm_trainer_evaluate(trainer.get(), &batch, &loss, nullptr));
  EXPECT_NEAR(loss, -(sums[0] + sums[1] + sums[2] + sums[3]) / 16, 1e-6);
  for (size_t t = 0; t < 24; ++t) {
    EXPECT_LE(logprobs[t], greedy[t]);
    EXPECT_LE(entropies[t], std::log(48.0) + 1e-5);
  }
}

TEST(LossesTest, EntropyWeightsAndTemperatureArePartOfTheLoss) {
  const Trainer trainer = TinyTrainer();
  const Documents documents = FourDocuments();
  hlm_batch batch = documents.Get();
  batch.temperature = 2.5;
  std::vector<float> logprobs(24), entropies(24);
  ASSERT_OK(hlm_trainer_logprobs(trainer.get(), nullptr, &batch, logprobs.data(), 24, entropies.data(), 24, nullptr, 0));
  const std::vector<float> tilts(24, -0.25f);
  batch.entropy_weights = tilts.data();
  batch.n_entropy_weights = tilts.size();
  double loss = 0, expected = 0;
  ASSERT_OK(hlm_trainer_accumulate(trainer.get(), &batch, &loss, nullptr));
  for (size_t t = 0; t < 24; ++t) expected += (-documents.weights[t] * logprobs[t] - 0.25 * entropies[t]) / 16;
  EXPECT_NEAR(loss, expected, 1e-6);
  batch.n_entropy_weights = 23;
  ExpectError(hlm_trainer_accumulate(trainer.get(), &batch, nullptr, nullptr), HLM_INVALID_ARGUMENT,
              {"n_entropy_weights is 23", "24"});
  batch.n_entropy_weights = 24;
  batch.temperature = 1e-9;
  ExpectError(hlm_trainer_accumulate(trainer.get(), &batch, nullptr, nullptr), HLM_INVALID_ARGUMENT, {"temperature is 1e-09"});
}

TEST(LossesTest, DpoBeginsAtLnTwoAndItsMetricsAreZero) {
  const Trainer trainer = TinyTrainer();
  const Documents documents = FourDocuments();
  const hlm_batch batch = documents.Get();
  const std::vector<float> reference = LogProbs(trainer.get(), batch);
  hlm_preference_options options;
  hlm_preference_options_init(&options);
  EXPECT_EQ(options.beta, 0.1);
  options.reference_logprobs = reference.data();
  options.n_reference_logprobs = reference.size();
  hlm_preference_metrics metrics;
  hlm_preference_metrics_init(&metrics);
  ASSERT_OK(hlm_trainer_accumulate_preference(trainer.get(), &batch, &options, &metrics));
  EXPECT_NEAR(metrics.loss, std::log(2.0), 1e-12);
  EXPECT_EQ(metrics.margin, 0);
  EXPECT_EQ(metrics.accuracy, 0);
  EXPECT_EQ(metrics.pairs, 2);
  EXPECT_EQ(metrics.tokens, 20);
  hlm_step_metrics step;
  hlm_step_metrics_init(&step);
  ASSERT_OK(hlm_trainer_apply(trainer.get(), &step));
  EXPECT_NEAR(step.loss, std::log(2.0), 1e-12);
  EXPECT_GT(step.grad_norm, 0);
  ASSERT_OK(hlm_trainer_accumulate_preference(trainer.get(), &batch, &options, &metrics));
  EXPECT_LT(metrics.loss, std::log(2.0));
  EXPECT_EQ(metrics.accuracy, 1);
}

hlm_kto_options KtoOptions(const std::vector<int32_t>& desirable, const std::vector<double>& reference_sums) {
  hlm_kto_options options;
  hlm_kto_options_init(&options);
  options.desirable = desirable.data();
  options.n_desirable = desirable.size();
  options.reference_sums = reference_sums.data();
  options.n_reference_sums = reference_sums.size();
  return options;
}

TEST(LossesTest, KtoTakesItsDivergenceFromMismatchedAnswers) {
  const Trainer trainer = TinyTrainer();
  const Documents documents = FourDocuments();
  const hlm_batch batch = documents.Get();
  const std::vector<float> reference = LogProbs(trainer.get(), batch);
  std::vector<double> sums(4);
  ASSERT_OK(hlm_batch_sum_logprobs(&batch, reference.data(), 24, sums.data(), 4, nullptr, 0));
  const std::vector<int32_t> desirable = {1, 0, 1, 0};
  hlm_kto_options options = KtoOptions(desirable, sums);
  std::vector<double> lower = sums;
  for (double& s : lower) s -= 0.5;
  options.mismatched = &batch;
  options.mismatched_sums = lower.data();
  options.n_mismatched_sums = 4;
  hlm_kto_metrics metrics;
  hlm_kto_metrics_init(&metrics);
  ASSERT_OK(hlm_trainer_accumulate_kto(trainer.get(), &batch, &options, &metrics));
  EXPECT_NEAR(metrics.kl, 0.5, 1e-12);
  EXPECT_EQ(metrics.desirable, 2);
  const double x = 0.1 * 0.5;
  EXPECT_NEAR(metrics.loss, 0.5 * (1 - 1 / (1 + std::exp(x))) + 0.5 * (1 - 1 / (1 + std::exp(-x))), 1e-12);
  options.n_mismatched_sums = 3;
  ExpectError(hlm_trainer_accumulate_kto(trainer.get(), &batch, &options, nullptr), HLM_INVALID_ARGUMENT,
              {"n_mismatched_sums is 3", "4"});
  options.mismatched = nullptr;
  ExpectError(hlm_trainer_accumulate_kto(trainer.get(), &batch, &options, nullptr), HLM_INVALID_ARGUMENT,
              {"mismatched_sums is given", "mismatched is NULL"});
  options.mismatched_sums = nullptr, options.n_mismatched_sums = 0;
  options.n_desirable = 3;
  ExpectError(hlm_trainer_accumulate_kto(trainer.get(), &batch, &options, nullptr), HLM_INVALID_ARGUMENT,
              {"desirable", "3", "4"});
}

TEST(LossesTest, MismatchedAnswersAreWeighedOnce) {
  hlm_plan_options plan = TinyPlanOptions();
  plan.frozen_copies = 1;
  const Trainer trainer = TinyTrainer(plan);
  const Documents documents = FourDocuments();
  const hlm_batch batch = documents.Get();
  hlm_weights* raw = nullptr;
  ASSERT_OK(hlm_trainer_keep_weights(trainer.get(), &raw));
  const Weights kept(raw);
  const std::vector<int32_t> desirable = {1, 0, 1, 0};
  const std::vector<double> sums(4, -1.0);
  hlm_kto_options options = KtoOptions(desirable, sums);
  options.mismatched_weights = kept.get();
  ExpectError(hlm_trainer_accumulate_kto(trainer.get(), &batch, &options, nullptr), HLM_INVALID_ARGUMENT,
              {"mismatched_weights is given", "mismatched is NULL"});
  options.mismatched = &batch;
  options.mismatched_sums = sums.data();
  options.n_mismatched_sums = 4;
  ExpectError(hlm_trainer_accumulate_kto(trainer.get(), &batch, &options, nullptr), HLM_INVALID_ARGUMENT,
              {"both mismatched_sums and mismatched_weights are given"});
  options.mismatched_sums = nullptr, options.n_mismatched_sums = 0;
  EXPECT_OK(hlm_trainer_accumulate_kto(trainer.get(), &batch, &options, nullptr));
}

TEST(LossesTest, APolicysFirstRatioIsOne) {
  const Trainer trainer = TinyTrainer();
  const Documents documents = FourDocuments();
  const hlm_batch batch = documents.Get();
  const std::vector<float> old = LogProbs(trainer.get(), batch), advantages(24, -2.0f);
  hlm_policy_options options;
  hlm_policy_options_init(&options);
  EXPECT_EQ(options.kl, HLM_KL_K3);
  options.advantages = advantages.data();
  options.n_advantages = 24;
  options.old_logprobs = old.data();
  options.n_old_logprobs = 24;
  options.clip_high = std::numeric_limits<double>::infinity();
  hlm_policy_metrics metrics;
  hlm_policy_metrics_init(&metrics);
  ASSERT_OK(hlm_trainer_accumulate_policy(trainer.get(), &batch, &options, &metrics));
  EXPECT_EQ(metrics.ratio, 1);
  EXPECT_EQ(metrics.least_ratio, 1);
  EXPECT_EQ(metrics.largest_ratio, 1);
  EXPECT_EQ(metrics.loss, 2);
  EXPECT_EQ(metrics.weight, 16);
  EXPECT_GT(metrics.entropy, 0);
  options.kl_weight = 0.1;
  ExpectError(hlm_trainer_accumulate_policy(trainer.get(), &batch, &options, nullptr), HLM_INVALID_ARGUMENT,
              {"reference_logprobs"});
  options.kl_weight = 0;
  options.reduction = 7;
  ExpectError(hlm_trainer_accumulate_policy(trainer.get(), &batch, &options, nullptr), HLM_INVALID_ARGUMENT, {"reduction", "7"});
}

// run(trainer, forward only) accumulates, or does not, and gives its metrics: the same bits, on a plan without gradients too.
template <class Metrics, class Run>
void ExpectForwardOnly(const Run& run) {
  hlm_plan_options forward = TinyPlanOptions();
  forward.purpose = HLM_PURPOSE_FORWARD;
  const Trainer trainer = TinyTrainer(), looks = TinyTrainer(forward);
  const auto bytes = [](const Metrics& metrics) { return std::string(reinterpret_cast<const char*>(&metrics), sizeof(metrics)); };
  Metrics without{}, elsewhere{}, with{};
  without.struct_size = elsewhere.struct_size = with.struct_size = sizeof(Metrics);
  ASSERT_OK(run(trainer.get(), 1, &without));
  ExpectError(hlm_trainer_apply(trainer.get(), nullptr), HLM_FAILED_PRECONDITION, {"accumulated"});
  ASSERT_OK(run(looks.get(), 1, &elsewhere));
  ExpectError(run(looks.get(), 0, &elsewhere), HLM_FAILED_PRECONDITION, {"forward"});
  ASSERT_OK(run(trainer.get(), 0, &with));
  EXPECT_EQ(bytes(without), bytes(with));
  EXPECT_EQ(bytes(without), bytes(elsewhere));
  EXPECT_NE(with.loss, 0);
  ASSERT_OK(hlm_trainer_apply(trainer.get(), nullptr));
  ExpectError(run(trainer.get(), 2, &with), HLM_INVALID_ARGUMENT, {"forward_only is 2"});
}

TEST(LossesTest, ForwardOnlyGivesTheMetricsAndAccumulatesNothing) {
  const Documents documents = FourDocuments();
  const hlm_batch batch = documents.Get();
  const std::vector<double> sums(4, -10.0);
  ExpectForwardOnly<hlm_preference_metrics>([&](hlm_trainer* trainer, int64_t forward_only, hlm_preference_metrics* metrics) {
    hlm_preference_options options;
    hlm_preference_options_init(&options);
    options.reference_sums = sums.data(), options.n_reference_sums = 4;
    options.sft_weight = 0.3, options.forward_only = forward_only;
    return hlm_trainer_accumulate_preference(trainer, &batch, &options, metrics);
  });
  const std::vector<int32_t> desirable = {1, 0, 1, 1};
  ExpectForwardOnly<hlm_kto_metrics>([&](hlm_trainer* trainer, int64_t forward_only, hlm_kto_metrics* metrics) {
    hlm_kto_options options;
    hlm_kto_options_init(&options);
    options.desirable = desirable.data(), options.n_desirable = 4;
    options.reference_sums = sums.data(), options.n_reference_sums = 4;
    options.mismatched = &batch, options.mismatched_sums = sums.data(), options.n_mismatched_sums = 4;
    options.forward_only = forward_only;
    return hlm_trainer_accumulate_kto(trainer, &batch, &options, metrics);
  });
  const std::vector<float> advantages(24, 0.7f), old(24, -2.0f);
  ExpectForwardOnly<hlm_policy_metrics>([&](hlm_trainer* trainer, int64_t forward_only, hlm_policy_metrics* metrics) {
    hlm_policy_options options;
    hlm_policy_options_init(&options);
    options.advantages = advantages.data(), options.n_advantages = 24;
    options.old_logprobs = old.data(), options.n_old_logprobs = 24;
    options.entropy_weight = 0.01, options.forward_only = forward_only;
    return hlm_trainer_accumulate_policy(trainer, &batch, &options, metrics);
  });
}

struct Seen {
  hlm_trainer* trainer = nullptr;
  std::vector<float> logprobs;
  int32_t answer = 0;
};

int32_t SquaredLoss(void* user_data, int64_t first_document, int64_t n_documents, size_t n_tokens, const float* logprobs,
                    const float* entropies, float* d_logprobs, float* d_entropies, double* loss) {
  Seen* seen = static_cast<Seen*>(user_data);
  EXPECT_EQ(first_document % 2, 0);
  EXPECT_EQ(n_documents % 2, 0);
  EXPECT_NE(entropies, nullptr);
  EXPECT_NE(d_entropies, nullptr);
  ExpectError(hlm_trainer_finish(seen->trainer), HLM_FAILED_PRECONDITION, {"in use by the call from which this one is made"});
  for (size_t t = 0; t < n_tokens; ++t) {
    seen->logprobs.push_back(logprobs[t]);
    *loss += 0.5 * static_cast<double>(logprobs[t]) * static_cast<double>(logprobs[t]);
    d_logprobs[t] = logprobs[t];
  }
  return seen->answer;
}

TEST(LossesTest, AFunctionOfTheCallersIsTheTwoCallForm) {
  for (const int64_t sweeps : {1, 2}) {
    hlm_plan_options plan = TinyPlanOptions();
    plan.sweeps = sweeps;
    const Trainer one = TinyTrainer(plan), two = TinyTrainer(plan);
    const Documents documents = FourDocuments();
    hlm_batch batch = documents.Get();
    const std::vector<float> logprobs = LogProbs(one.get(), batch);
    Seen seen;
    seen.trainer = one.get();
    double loss = 0, expected = 0;
    int64_t tokens = 0;
    ASSERT_OK(hlm_trainer_accumulate_fn(one.get(), &batch, 2, 1, SquaredLoss, &seen, &loss, &tokens));
    EXPECT_EQ(tokens, 20);
    EXPECT_EQ(seen.logprobs, logprobs);
    std::vector<float> weights;
    for (const float lp : logprobs) {
      expected += 0.5 * static_cast<double>(lp) * static_cast<double>(lp);
      weights.push_back(-lp);
    }
    EXPECT_NEAR(loss, expected, 1e-9);
    batch.weights = weights.data();
    batch.denominator = 1;
    ASSERT_OK(hlm_trainer_accumulate(two.get(), &batch, nullptr, nullptr));
    for (size_t i = 0; i < 48 * 32; ++i) ASSERT_EQ(Gradient(one.get(), i), Gradient(two.get(), i)) << i;
    ExpectError(hlm_trainer_accumulate_fn(one.get(), &batch, 0, 0, SquaredLoss, &seen, nullptr, nullptr), HLM_INVALID_ARGUMENT,
                {"group is 0"});
    ExpectError(hlm_trainer_accumulate_fn(one.get(), &batch, 1, 0, nullptr, nullptr, nullptr, nullptr), HLM_INVALID_ARGUMENT,
                {"fn"});
    seen.answer = 3;
    ExpectError(hlm_trainer_accumulate_fn(one.get(), &batch, 2, 1, SquaredLoss, &seen, nullptr, nullptr), HLM_CANCELLED, {"3"});
    ExpectError(hlm_trainer_apply(one.get(), nullptr), HLM_FAILED_PRECONDITION, {"nothing was accumulated"});
  }
}

TEST(LossesTest, KeptWeightsStayAndMayOutliveTheirTrainer) {
  hlm_plan_options plan = TinyPlanOptions();
  plan.frozen_copies = 1;
  Trainer trainer = TinyTrainer(plan);
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  hlm_weights* raw = nullptr;
  ASSERT_OK(hlm_trainer_keep_weights(trainer.get(), &raw));
  Weights kept(raw);
  ExpectError(hlm_trainer_keep_weights(trainer.get(), &raw), HLM_RESOURCE_EXHAUSTED, {"frozen_copies 2"});
  const std::vector<float> before = LogProbs(trainer.get(), batch);
  double loss = 0, again = 0;
  ASSERT_OK(hlm_trainer_evaluate(trainer.get(), &batch, &loss, nullptr));
  for (int step = 0; step < 2; ++step) ASSERT_OK(hlm_trainer_step(trainer.get(), &batch, nullptr));
  EXPECT_EQ(LogProbs(trainer.get(), batch, kept.get()), before);
  EXPECT_NE(LogProbs(trainer.get(), batch), before);
  ASSERT_OK(hlm_trainer_evaluate_weights(trainer.get(), kept.get(), &batch, &again, nullptr));
  EXPECT_EQ(loss, again);
  kept.reset();
  ASSERT_OK(hlm_trainer_keep_weights(trainer.get(), &raw));
  kept.reset(raw);
  trainer.reset();
  const Trainer other = TinyTrainer(plan);
  std::vector<float> out(27);
  ExpectError(hlm_trainer_logprobs(other.get(), kept.get(), &batch, out.data(), 27, nullptr, 0, nullptr, 0), HLM_INVALID_ARGUMENT,
              {"another trainer"});
}

TEST(LossesTest, ThePlanCountsFrozenCopies) {
  const Model model = TinyModel();
  hlm_plan_options options = TinyPlanOptions();
  int64_t without = 0, with = 0, weights = 0, frozen = 0;
  ASSERT_OK(hlm_plan_value(TinyPlan(model.get(), options).get(), "host_bytes", &without));
  options.frozen_copies = 3;
  const Plan plan = TinyPlan(model.get(), options);
  ASSERT_OK(hlm_plan_value(plan.get(), "host_bytes", &with));
  ASSERT_OK(hlm_plan_value(plan.get(), "memory.host.weights", &weights));
  ASSERT_OK(hlm_plan_value(plan.get(), "memory.host.frozen", &frozen));
  EXPECT_EQ(frozen, 3 * weights);
  EXPECT_EQ(with - without, frozen);
  options.frozen_copies = -1;
  hlm_plan* out = nullptr;
  ExpectError(hlm_plan_make(model.get(), &options, &out), HLM_INVALID_ARGUMENT, {"frozen_copies is -1"});
}

TEST(LossesTest, RefusalsNameWhatIsWrong) {
  const Trainer trainer = TinyTrainer();
  const Documents documents = FourDocuments();
  const hlm_batch batch = documents.Get();
  std::vector<float> out(24);
  ExpectError(hlm_trainer_logprobs(trainer.get(), nullptr, &batch, out.data(), 23, nullptr, 0, nullptr, 0), HLM_INVALID_ARGUMENT,
              {"n_logprobs is 23", "24"});
  ExpectError(hlm_trainer_logprobs(trainer.get(), nullptr, &batch, nullptr, 0, nullptr, 0, nullptr, 0), HLM_INVALID_ARGUMENT,
              {"logprobs"});
  ExpectError(hlm_trainer_accumulate_preference(trainer.get(), &batch, nullptr, nullptr), HLM_INVALID_ARGUMENT, {"reference"});
  hlm_preference_options options;
  hlm_preference_options_init(&options);
  options.kind = 99;
  ExpectError(hlm_trainer_accumulate_preference(trainer.get(), &batch, &options, nullptr), HLM_INVALID_ARGUMENT,
              {"kind", "99", "SIMPO"});
  options.kind = HLM_PREFERENCE_SIMPO;
  options.label_smoothing = 1.5;
  ExpectError(hlm_trainer_accumulate_preference(trainer.get(), &batch, &options, nullptr), HLM_INVALID_ARGUMENT,
              {"label_smoothing is 1.5"});
  ExpectError(hlm_trainer_accumulate_kto(trainer.get(), &batch, nullptr, nullptr), HLM_INVALID_ARGUMENT, {"options"});
  ExpectError(hlm_trainer_accumulate_policy(trainer.get(), &batch, nullptr, nullptr), HLM_INVALID_ARGUMENT, {"options"});
  hlm_policy_options policy;
  hlm_policy_options_init(&policy);
  ExpectError(hlm_trainer_accumulate_policy(trainer.get(), &batch, &policy, nullptr), HLM_INVALID_ARGUMENT, {"advantages"});
  hlm_preference_options_init(&options);
  options.kind = HLM_PREFERENCE_SIMPO;
  const std::vector<double> sums(4, -1.0);
  options.reference_sums = sums.data(), options.n_reference_sums = 4;
  ExpectError(hlm_trainer_accumulate_preference(trainer.get(), &batch, &options, nullptr), HLM_INVALID_ARGUMENT,
              {"a reference is given", "this kind of loss has none"});
  ExpectError(hlm_trainer_keep_weights(nullptr, nullptr), HLM_INVALID_ARGUMENT, {"trainer"});
  hlm_weights_destroy(nullptr);
}

}  // namespace
}  // namespace hlm_test
