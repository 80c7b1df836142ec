// Batches that are wrong or too large, through the C ABI: each is an error that names the value and the place, and the next step
// works.
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

class BadBatch : public testing::Test {
 protected:
  // Steps, accumulates and evaluates with the changed documents: the same error each time, and no trace of it in the next loss.
  void ExpectRefused(const std::function<void(Documents&)>& change, int32_t code, std::initializer_list<std::string> parts) {
    Documents documents = TinyDocuments();
    change(documents);
    const hlm_batch batch = documents.Get();
    ExpectError(hlm_trainer_step(trainer_.get(), &batch, nullptr), code, parts);
    ExpectError(hlm_trainer_accumulate(trainer_.get(), &batch, nullptr, nullptr), code, parts);
    ExpectError(hlm_trainer_evaluate(trainer_.get(), &batch, nullptr, nullptr), code, parts);
    ExpectError(hlm_trainer_apply(trainer_.get(), nullptr), HLM_FAILED_PRECONDITION, {"accumulated"});
    double loss = 0;
    const Documents good = TinyDocuments();
    const hlm_batch good_batch = good.Get();
    EXPECT_OK(hlm_trainer_evaluate(trainer_.get(), &good_batch, &loss, nullptr));
    EXPECT_EQ(loss, loss_);
  }

  void SetUp() override {
    const hlm_batch batch = good_.Get();
    ASSERT_OK(hlm_trainer_evaluate(trainer_.get(), &batch, &loss_, nullptr));
  }
  void TearDown() override {
    const hlm_batch batch = good_.Get();
    hlm_step_metrics metrics;
    hlm_step_metrics_init(&metrics);
    ASSERT_OK(hlm_trainer_step(trainer_.get(), &batch, &metrics));
    EXPECT_EQ(metrics.step, 1);
    EXPECT_NEAR(metrics.loss, loss_, 1e-6);
    EXPECT_EQ(metrics.skipped, 0);
  }

  const Documents good_ = TinyDocuments();
  const Trainer trainer_ = TinyTrainer();
  double loss_ = 0;
};

TEST_F(BadBatch, IdsOutsideTheVocabulary) {
  ExpectRefused([](Documents& d) { d.ids[20] = kVocab; }, HLM_INVALID_ARGUMENT, {"ids[20] is 48", "48"});
  ExpectRefused([](Documents& d) { d.ids[0] = -1; }, HLM_INVALID_ARGUMENT, {"ids[0] is -1"});
  ExpectRefused([](Documents& d) { d.ids[26] = INT32_MAX; }, HLM_INVALID_ARGUMENT, {"ids[26] is 2147483647"});
}

TEST_F(BadBatch, LabelsOutsideTheVocabulary) {
  ExpectRefused([](Documents& d) { d.labels = d.ids, d.labels[5] = kVocab; }, HLM_INVALID_ARGUMENT, {"labels[5] is 48"});
  ExpectRefused([](Documents& d) { d.labels = d.ids, d.labels[5] = -99; }, HLM_INVALID_ARGUMENT, {"labels[5] is -99", "-100"});
}

TEST_F(BadBatch, Empty) {
  ExpectRefused([](Documents& d) { d.ids.clear(), d.offsets = {0}; }, HLM_INVALID_ARGUMENT, {"empty"});
}

// There is no loss and no gradient to hand out. A step is another matter: it is skipped (below).
TEST_F(BadBatch, NothingToPredict) {
  Documents masked = TinyDocuments(), short_ones = TinyDocuments();
  masked.labels.assign(27, -100);
  short_ones.ids = {1, 2}, short_ones.offsets = {0, 1, 2};
  for (const Documents& documents : {masked, short_ones}) {
    const hlm_batch batch = documents.Get();
    ExpectError(hlm_trainer_accumulate(trainer_.get(), &batch, nullptr, nullptr), HLM_INVALID_ARGUMENT, {"nothing is predicted"});
    ExpectError(hlm_trainer_evaluate(trainer_.get(), &batch, nullptr, nullptr), HLM_INVALID_ARGUMENT, {"nothing is predicted"});
    ExpectError(hlm_trainer_apply(trainer_.get(), nullptr), HLM_FAILED_PRECONDITION, {"accumulated"});
  }
}

TEST_F(BadBatch, WeightsAndDenominators) {
  const float inf = std::numeric_limits<float>::infinity();
  ExpectRefused([](Documents& d) { d.weights.assign(27, 1.0f), d.weights[9] = std::nanf(""); }, HLM_INVALID_ARGUMENT,
                {"weights[9] is"});
  ExpectRefused([&](Documents& d) { d.weights.assign(27, 1.0f), d.weights[9] = -inf; }, HLM_INVALID_ARGUMENT,
                {"weights[9] is -inf"});
  ExpectRefused([](Documents& d) { d.weights.assign(27, 0.0f); }, HLM_INVALID_ARGUMENT, {"weights", "0"});
  ExpectRefused([](Documents& d) { d.denominator = std::nan(""); }, HLM_INVALID_ARGUMENT, {"denominator is"});
  ExpectRefused([&](Documents& d) { d.denominator = inf; }, HLM_INVALID_ARGUMENT, {"denominator is inf"});
}

TEST_F(BadBatch, OffsetsThatDoNotRise) {
  ExpectRefused([](Documents& d) { d.offsets = {0, 16, 12, 27}; }, HLM_INVALID_ARGUMENT, {"offsets[2] is 12", "16"});
  ExpectRefused([](Documents& d) { d.offsets = {0, 16, 16, 27}; }, HLM_INVALID_ARGUMENT, {"offsets[2] is 16"});
  ExpectRefused([](Documents& d) { d.offsets = {1, 16, 27}; }, HLM_INVALID_ARGUMENT, {"offsets[0] is 1"});
  ExpectRefused([](Documents& d) { d.offsets = {0, 16, 28}; }, HLM_INVALID_ARGUMENT, {"offsets[2] is 28", "27"});
  ExpectRefused([](Documents& d) { d.offsets = {0, INT64_MAX, 27}; }, HLM_INVALID_ARGUMENT, {"offsets[2] is 27"});
  ExpectRefused(
      [](Documents& d) {
        d.offsets = {0, INT64_MIN, 27};
      },
      HLM_INVALID_ARGUMENT, {"offsets[1] is -9223372036854775808"});
}

TEST_F(BadBatch, MoreThanThePlanHolds) {
  ExpectRefused([](Documents& d) { d.offsets = {0, 27}; }, HLM_RESOURCE_EXHAUSTED, {"document 0 has 27 tokens", "16"});
  ExpectRefused(
      [](Documents& d) {
        d.ids.assign(64, 1);
        d.offsets = {0, 16, 32, 48, 64};
      },
      HLM_RESOURCE_EXHAUSTED, {"64 tokens"});
}

// A batch of which nothing is predicted teaches nothing, but it is a step of the schedule.
TEST(NothingPredicted, AStepIsSkippedAndCounted) {
  const Trainer trainer = TinyTrainer();
  const auto step = [&](const Documents& documents) {
    const hlm_batch batch = documents.Get();
    hlm_step_metrics metrics;
    hlm_step_metrics_init(&metrics);
    EXPECT_OK(hlm_trainer_step(trainer.get(), &batch, &metrics));
    return metrics;
  };
  const auto weights = [&] {
    std::vector<float> values(48 * 32);
    EXPECT_OK(hlm_trainer_read_tensor(trainer.get(), "lm_head.weight", HLM_TENSOR_WEIGHT, 0, values.data(),
                                      values.size() * sizeof(float)));
    return values;
  };
  Documents masked = TinyDocuments();
  masked.labels.assign(27, -100);
  const std::vector<float> before = weights();
  const hlm_step_metrics metrics = step(masked);
  EXPECT_EQ(metrics.step, 1);
  EXPECT_EQ(metrics.skipped, 1);
  EXPECT_EQ(metrics.tokens, 0);
  EXPECT_TRUE(std::isnan(metrics.loss));
  EXPECT_TRUE(std::isnan(metrics.grad_norm));
  EXPECT_EQ(metrics.lr, 1e-2);
  EXPECT_GE(metrics.seconds, 0);
  EXPECT_EQ(weights(), before);
  const hlm_step_metrics next = step(TinyDocuments());
  EXPECT_EQ(next.step, 2);
  EXPECT_EQ(next.skipped, 0);
  EXPECT_NE(weights(), before);

  // What is wrong with a batch is said whatever it predicts.
  masked.ids[3] = kVocab;
  const hlm_batch wrong = masked.Get();
  ExpectError(hlm_trainer_step(trainer.get(), &wrong, nullptr), HLM_INVALID_ARGUMENT, {"ids[3] is 48"});
  masked.ids[3] = 1;
  masked.offsets = {0, 27};
  const hlm_batch too_long = masked.Get();
  ExpectError(hlm_trainer_step(trainer.get(), &too_long, nullptr), HLM_RESOURCE_EXHAUSTED, {"document 0 has 27 tokens"});
  EXPECT_EQ(step(TinyDocuments()).step, 3);
}

TEST(Diverged, AStepThatIsNotFiniteIsSkippedAndSaidSo) {
  const Trainer trainer = TinyTrainer();
  const std::string name = "lm_head.weight";
  std::vector<float> huge(48 * 32, 3e38f), before(48 * 32), after(48 * 32);
  for (size_t i = 0; i < huge.size(); i += 2) huge[i] = -3e38f;
  const size_t bytes = huge.size() * sizeof(float);
  ASSERT_OK(hlm_trainer_write_tensor(trainer.get(), name.c_str(), HLM_TENSOR_WEIGHT, 0, huge.data(), bytes));
  ASSERT_OK(hlm_trainer_read_tensor(trainer.get(), name.c_str(), HLM_TENSOR_WEIGHT, 0, before.data(), bytes));
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  hlm_step_metrics metrics;
  hlm_step_metrics_init(&metrics);
  ASSERT_OK(hlm_trainer_step(trainer.get(), &batch, &metrics));
  EXPECT_EQ(metrics.skipped, 1);
  EXPECT_FALSE(std::isfinite(metrics.loss) && std::isfinite(metrics.grad_norm));
  ASSERT_OK(hlm_trainer_read_tensor(trainer.get(), name.c_str(), HLM_TENSOR_WEIGHT, 0, after.data(), bytes));
  EXPECT_EQ(before, after);
}

// A document of as many tokens as there are learnt positions is the longest: rows of the table behind them are none of the model's.
void TakesDocumentsUpTo(const char* config, int64_t positions) {
  hlm_model* made = nullptr;
  ASSERT_OK(hlm_model_create(config, 7, &made));
  const Model model(made);
  const Plan plan = TinyPlan(model.get());
  hlm_trainer* begun = nullptr;
  ASSERT_OK(hlm_trainer_create(model.get(), plan.get(), nullptr, &begun));
  const Trainer trainer(begun);
  Documents most = TinyDocuments(), more = TinyDocuments();
  most.offsets = {0, positions, 27};
  more.offsets = {0, positions + 1, 27};
  const hlm_batch longest = most.Get(), longer = more.Get();
  const std::string said = "the model has learnt " + std::to_string(positions) + " positions";
  ASSERT_OK(hlm_trainer_step(trainer.get(), &longest, nullptr));
  std::vector<float> values(27 * kVocab);
  ExpectError(hlm_trainer_step(trainer.get(), &longer, nullptr), HLM_INVALID_ARGUMENT, {"document 0 has 15 tokens", said});
  ExpectError(hlm_trainer_evaluate(trainer.get(), &longer, nullptr, nullptr), HLM_INVALID_ARGUMENT, {said});
  ExpectError(hlm_trainer_logprobs(trainer.get(), nullptr, &longer, values.data(), 27, nullptr, 0, nullptr, 0),
              HLM_INVALID_ARGUMENT, {said});
  ExpectError(hlm_trainer_logits(trainer.get(), &longer, nullptr, 0, values.data(), values.size()), HLM_INVALID_ARGUMENT, {said});
  ASSERT_OK(hlm_trainer_step(trainer.get(), &longest, nullptr));
}

TEST(LearntPositions, ALongerDocumentIsRefused) {
  TakesDocumentsUpTo(R"({"model_type": "gpt2", "vocab_size": 48, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 14,
                         "attn_pdrop": 0, "embd_pdrop": 0, "resid_pdrop": 0})",
                     14);
  TakesDocumentsUpTo(
      R"({"model_type": "opt", "vocab_size": 48, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
                         "ffn_dim": 64, "max_position_embeddings": 14, "word_embed_proj_dim": 32, "dropout": 0})",
      14);
}

}  // namespace
}  // namespace hlm_test
