// Trainers: wrong calls are errors that name the argument, write nothing, and leave the trainer as good as before.
#include <climits>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

constexpr const char* kTensor = "model.layers.0.self_attn.q_proj.weight";  // [32, 32]
constexpr size_t kTensorBytes = 32 * 32 * sizeof(float);

void ExpectGoodStep(hlm_trainer* trainer) {
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  hlm_step_metrics metrics;
  hlm_step_metrics_init(&metrics);
  ASSERT_OK(hlm_trainer_step(trainer, &batch, &metrics));
  EXPECT_TRUE(std::isfinite(metrics.loss));
  EXPECT_GT(metrics.step, 0);
  EXPECT_EQ(metrics.tokens, 25);
  EXPECT_EQ(metrics.skipped, 0);
}

TEST(TrainerMisuse, CreateWithNull) {
  const Model model = TinyModel();
  const Plan plan = TinyPlan(model.get());
  hlm_trainer* trainer = nullptr;
  ExpectError(hlm_trainer_create(nullptr, plan.get(), nullptr, &trainer), HLM_INVALID_ARGUMENT, {"model is NULL"});
  ExpectError(hlm_trainer_create(model.get(), nullptr, nullptr, &trainer), HLM_INVALID_ARGUMENT, {"plan is NULL"});
  ExpectError(hlm_trainer_create(model.get(), plan.get(), nullptr, nullptr), HLM_INVALID_ARGUMENT, {"out_trainer is NULL"});
  EXPECT_EQ(trainer, nullptr);
}

TEST(TrainerMisuse, CreateWithWrongOptions) {
  const Model model = TinyModel();
  const Plan plan = TinyPlan(model.get());
  const auto expect = [&](const std::function<void(hlm_trainer_options&)>& change, std::initializer_list<std::string> parts) {
    hlm_trainer_options options;
    hlm_trainer_options_init(&options);
    change(options);
    hlm_trainer* trainer = nullptr;
    ExpectError(hlm_trainer_create(model.get(), plan.get(), &options, &trainer), HLM_INVALID_ARGUMENT, parts);
    EXPECT_EQ(trainer, nullptr);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expect([](auto& o) { o.lr = -1; }, {"lr is -1"});
  expect([&](auto& o) { o.lr = nan; }, {"lr is", "nan"});
  expect([](auto& o) { o.beta1 = 1; }, {"beta1 is 1", "[0, 1)"});
  expect([](auto& o) { o.beta2 = -0.5; }, {"beta2 is -0.5"});
  expect([](auto& o) { o.eps = 0; }, {"eps is 0"});
  expect([&](auto& o) { o.weight_decay = nan; }, {"weight_decay is", "nan"});
  expect([](auto& o) { o.schedule = 3; }, {"schedule is 3", "2 (COSINE)"});
  expect([](auto& o) { o.schedule = HLM_SCHEDULE_COSINE; }, {"total_steps is 0"});
  expect([](auto& o) { o.total_steps = -1; }, {"total_steps is -1", "not be negative"});
  expect([](auto& o) { o.warmup_steps = -1; }, {"warmup_steps is -1"});
  expect([](auto& o) { o.min_lr_ratio = 1.5; }, {"min_lr_ratio is 1.5"});
}

TEST(TrainerMisuse, PlanOfAnotherModel) {
  std::string config = TinyConfig();
  const std::string hidden = "\"intermediate_size\": 64";
  config.replace(config.find(hidden), hidden.size(), "\"intermediate_size\": 96");
  hlm_model* raw = nullptr;
  ASSERT_OK(hlm_model_create(config.c_str(), 7, &raw));
  const Model other(raw);
  const Plan plan = TinyPlan(TinyModel().get());
  hlm_trainer* trainer = nullptr;
  ExpectError(hlm_trainer_create(other.get(), plan.get(), nullptr, &trainer), HLM_INVALID_ARGUMENT,
              {"intermediate_size", "64", "96"});
  EXPECT_EQ(trainer, nullptr);
}

TEST(TrainerMisuse, ModelAndPlanMayGoFirst) {
  const Trainer trainer = TinyTrainer();  // destroys both before it returns
  ExpectGoodStep(trainer.get());
}

TEST(TrainerMisuse, NullTrainer) {
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  char* text = nullptr;
  float value = 0;
  const auto expect = [](hlm_error* error) { ExpectError(error, HLM_INVALID_ARGUMENT, {"trainer is NULL"}); };
  expect(hlm_trainer_step(nullptr, &batch, nullptr));
  expect(hlm_trainer_accumulate(nullptr, &batch, nullptr, nullptr));
  expect(hlm_trainer_apply(nullptr, nullptr));
  expect(hlm_trainer_discard(nullptr));
  expect(hlm_trainer_set_learning_rate(nullptr, 0.1));
  expect(hlm_trainer_evaluate(nullptr, &batch, nullptr, nullptr));
  expect(hlm_trainer_logits(nullptr, &batch, nullptr, 0, &value, 1));
  expect(hlm_trainer_read_tensor(nullptr, kTensor, HLM_TENSOR_WEIGHT, 0, &value, 4));
  expect(hlm_trainer_write_tensor(nullptr, kTensor, HLM_TENSOR_WEIGHT, 0, &value, 4));
  expect(hlm_trainer_save_model(nullptr, "/tmp/x", nullptr));
  expect(hlm_trainer_metrics(nullptr, &text));
  expect(hlm_trainer_trace_start(nullptr));
  expect(hlm_trainer_trace_write(nullptr, "/tmp/x"));
  expect(hlm_trainer_set_deadline(nullptr, 1));
  expect(hlm_trainer_finish(nullptr));
  hlm_trainer_cancel(nullptr);
  hlm_trainer_destroy(nullptr);
}

TEST(TrainerMisuse, WrongBatchesLeaveTheTrainerUsable) {
  const Trainer trainer = TinyTrainer();
  const auto expect = [&](const std::function<void(hlm_batch&)>& change, std::initializer_list<std::string> parts) {
    const Documents documents = TinyDocuments();
    hlm_batch batch = documents.Get();
    change(batch);
    double loss = 5;
    int64_t tokens = 6;
    hlm_step_metrics metrics;
    hlm_step_metrics_init(&metrics);
    metrics.loss = 7;
    ExpectError(hlm_trainer_step(trainer.get(), &batch, &metrics), HLM_INVALID_ARGUMENT, parts);
    ExpectError(hlm_trainer_accumulate(trainer.get(), &batch, &loss, &tokens), HLM_INVALID_ARGUMENT, parts);
    ExpectError(hlm_trainer_evaluate(trainer.get(), &batch, &loss, &tokens), HLM_INVALID_ARGUMENT, parts);
    EXPECT_EQ(metrics.loss, 7);
    EXPECT_EQ(loss, 5);
    EXPECT_EQ(tokens, 6);
  };
  static const int32_t labels[27] = {};
  expect([](auto& b) { b.ids = nullptr; }, {"ids is NULL", "27"});
  expect([](auto& b) { b.offsets = nullptr; }, {"offsets is NULL", "3"});
  expect([](auto& b) { b.n_ids = 0; }, {"n_ids"});
  expect([](auto& b) { b.n_ids = SIZE_MAX; }, {"n_ids is 18446744073709551615"});
  expect([](auto& b) { b.n_offsets = 1; }, {"n_offsets is 1"});
  expect([](auto& b) { b.labels = labels, b.n_labels = 26; }, {"n_labels is 26", "27"});
  expect([](auto& b) { b.labels = labels; }, {"n_labels is 0", "27"});
  expect([](auto& b) { b.n_labels = 27; }, {"labels is NULL", "27"});
  expect([](auto& b) { b.n_weights = 27; }, {"weights is NULL", "27"});
  expect([](auto& b) { b.denominator = -1; }, {"denominator is -1"});
  expect([](auto& b) { b.ids = reinterpret_cast<const int32_t*>(reinterpret_cast<uintptr_t>(b.ids) + 1), --b.n_ids; },
         {"ids", "address"});
  ExpectError(hlm_trainer_step(trainer.get(), nullptr, nullptr), HLM_INVALID_ARGUMENT, {"batch is NULL"});
  ExpectError(hlm_trainer_evaluate(trainer.get(), nullptr, nullptr, nullptr), HLM_INVALID_ARGUMENT, {"batch is NULL"});
  ExpectGoodStep(trainer.get());
}

TEST(TrainerMisuse, LogitsBuffers) {
  const Trainer trainer = TinyTrainer();
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  std::vector<float> logits(27 * kVocab, 9.0f);
  const auto expect = [&](const std::vector<int64_t>& places, size_t n_logits, int32_t code,
                          std::initializer_list<std::string> parts) {
    ExpectError(hlm_trainer_logits(trainer.get(), &batch, places.empty() ? nullptr : places.data(), places.size(), logits.data(),
                                   n_logits),
                code, parts);
    for (const float value : logits) ASSERT_EQ(value, 9.0f);
  };
  expect({}, 27 * kVocab - 1, HLM_INVALID_ARGUMENT, {"1295", "27 * 48"});
  expect({3}, 27 * kVocab, HLM_INVALID_ARGUMENT, {"1296", "1 * 48"});
  expect({3, 3}, 2 * kVocab, HLM_INVALID_ARGUMENT, {"3"});
  expect({27}, kVocab, HLM_OUT_OF_RANGE, {"27"});
  expect({-1}, kVocab, HLM_OUT_OF_RANGE, {"-1"});
  ExpectError(hlm_trainer_logits(trainer.get(), &batch, nullptr, 0, nullptr, 27 * kVocab), HLM_INVALID_ARGUMENT,
              {"logits is NULL"});
  ExpectError(hlm_trainer_logits(trainer.get(), &batch, nullptr, 1, logits.data(), kVocab), HLM_INVALID_ARGUMENT,
              {"places is NULL"});
  const int64_t place = 0;
  ExpectError(hlm_trainer_logits(trainer.get(), &batch, &place, 0, logits.data(), 0), HLM_INVALID_ARGUMENT, {"n_places is 0"});
  const int64_t last = 26;
  std::vector<float> row(kVocab);
  EXPECT_OK(hlm_trainer_logits(trainer.get(), &batch, nullptr, 0, logits.data(), logits.size()));
  EXPECT_OK(hlm_trainer_logits(trainer.get(), &batch, &last, 1, row.data(), row.size()));
  // The product of one row may round otherwise than that of all: a few units in the last place of sums below 2.
  for (int32_t v = 0; v < kVocab; ++v) EXPECT_NEAR(row[v], logits[26 * kVocab + v], 1e-6) << v;
}

TEST(TrainerMisuse, TensorRanges) {
  const Trainer trainer = TinyTrainer();
  std::vector<float> data(32 * 32 + 1, 9.0f);
  const auto expect = [&](const char* name, int32_t kind, size_t offset, size_t n, int32_t code,
                          std::initializer_list<std::string> parts) {
    ExpectError(hlm_trainer_read_tensor(trainer.get(), name, kind, offset, data.data(), n), code, parts);
    ExpectError(hlm_trainer_write_tensor(trainer.get(), name, kind, offset, data.data(), n), code, parts);
    for (const float value : data) ASSERT_EQ(value, 9.0f);
  };
  expect(nullptr, HLM_TENSOR_WEIGHT, 0, 4, HLM_INVALID_ARGUMENT, {"name is NULL"});
  expect("", HLM_TENSOR_WEIGHT, 0, 4, HLM_INVALID_ARGUMENT, {"name is empty"});
  expect("model.nothing", HLM_TENSOR_WEIGHT, 0, 4, HLM_NOT_FOUND, {"model.nothing"});
  expect(kTensor, 4, 0, 4, HLM_INVALID_ARGUMENT, {"kind is 4", "3 (SECOND_MOMENT)"});
  expect(kTensor, -1, 0, 4, HLM_INVALID_ARGUMENT, {"kind is -1"});
  expect(kTensor, HLM_TENSOR_WEIGHT, 2, 4, HLM_INVALID_ARGUMENT, {"byte_offset is 2"});
  expect(kTensor, HLM_TENSOR_WEIGHT, 0, 3, HLM_INVALID_ARGUMENT, {"n_data is 3"});
  expect(kTensor, HLM_TENSOR_WEIGHT, 0, kTensorBytes + 4, HLM_OUT_OF_RANGE, {kTensor, "4096"});
  expect(kTensor, HLM_TENSOR_WEIGHT, kTensorBytes, 4, HLM_OUT_OF_RANGE, {kTensor, "4096"});
  expect(kTensor, HLM_TENSOR_WEIGHT, SIZE_MAX - 3, 8, HLM_OUT_OF_RANGE, {kTensor});
  expect(kTensor, HLM_TENSOR_GRADIENT, 0, 4, HLM_FAILED_PRECONDITION, {"gradient"});
  ExpectError(hlm_trainer_read_tensor(trainer.get(), kTensor, HLM_TENSOR_WEIGHT, 0, nullptr, 4), HLM_INVALID_ARGUMENT,
              {"data is NULL"});
  ExpectError(hlm_trainer_write_tensor(trainer.get(), kTensor, HLM_TENSOR_WEIGHT, 0, nullptr, 4), HLM_INVALID_ARGUMENT,
              {"data is NULL"});
  EXPECT_OK(hlm_trainer_read_tensor(trainer.get(), kTensor, HLM_TENSOR_WEIGHT, kTensorBytes, nullptr, 0));
  EXPECT_OK(hlm_trainer_read_tensor(trainer.get(), kTensor, HLM_TENSOR_WEIGHT, kTensorBytes - 4, data.data(), 4));
  EXPECT_NE(data[0], 9.0f);
}

TEST(TrainerMisuse, TensorsAtAnyAddress) {
  const Trainer trainer = TinyTrainer();
  std::vector<float> aligned(32 * 32);
  std::vector<unsigned char> bytes(kTensorBytes + 1);
  ASSERT_OK(hlm_trainer_read_tensor(trainer.get(), kTensor, HLM_TENSOR_WEIGHT, 0, aligned.data(), kTensorBytes));
  ASSERT_OK(hlm_trainer_read_tensor(trainer.get(), kTensor, HLM_TENSOR_WEIGHT, 0, bytes.data() + 1, kTensorBytes));
  EXPECT_EQ(std::memcmp(aligned.data(), bytes.data() + 1, kTensorBytes), 0);
  ASSERT_OK(hlm_trainer_write_tensor(trainer.get(), kTensor, HLM_TENSOR_WEIGHT, 0, bytes.data() + 1, kTensorBytes));
}

TEST(TrainerMisuse, ValuesThatAreNotFiniteAreNotWritten) {
  const Trainer trainer = TinyTrainer();
  std::vector<float> before(32 * 32), after(32 * 32);
  ASSERT_OK(hlm_trainer_read_tensor(trainer.get(), kTensor, HLM_TENSOR_WEIGHT, 0, before.data(), kTensorBytes));
  std::vector<float> wrong(32 * 32, 0.5f);
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    wrong[1000] = value;
    ExpectError(hlm_trainer_write_tensor(trainer.get(), kTensor, HLM_TENSOR_WEIGHT, 0, wrong.data(), kTensorBytes),
                HLM_INVALID_ARGUMENT, {kTensor});
  }
  wrong[1000] = -1;
  ExpectError(hlm_trainer_write_tensor(trainer.get(), kTensor, HLM_TENSOR_SECOND_MOMENT, 0, wrong.data(), kTensorBytes),
              HLM_INVALID_ARGUMENT, {kTensor});
  ASSERT_OK(hlm_trainer_read_tensor(trainer.get(), kTensor, HLM_TENSOR_WEIGHT, 0, after.data(), kTensorBytes));
  EXPECT_EQ(before, after);
  ASSERT_OK(hlm_trainer_read_tensor(trainer.get(), kTensor, HLM_TENSOR_SECOND_MOMENT, 0, after.data(), kTensorBytes));
  EXPECT_EQ(after, std::vector<float>(32 * 32, 0.0f));
}

// A file that cannot be written does not cost the trace.
TEST(TrainerMisuse, ATraceIsWrittenElsewhere) {
  const Trainer trainer = TinyTrainer();
  ASSERT_OK(hlm_trainer_trace_start(trainer.get()));
  ExpectGoodStep(trainer.get());
  ExpectError(hlm_trainer_trace_write(trainer.get(), "/no/such/folder/trace.json"), HLM_NOT_FOUND,
              {"/no/such/folder/trace.json"});
  ExpectError(hlm_trainer_trace_write(trainer.get(), "/dev/full"), HLM_RESOURCE_EXHAUSTED, {"/dev/full"});
  const std::string path = testing::TempDir() + "/trace_elsewhere.json";
  ASSERT_OK(hlm_trainer_trace_write(trainer.get(), path.c_str()));
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(text.find("\"ph\":\"X\""), std::string::npos) << text;
  ExpectError(hlm_trainer_trace_write(trainer.get(), path.c_str()), HLM_FAILED_PRECONDITION, {"no trace was started"});
}

TEST(TrainerMisuse, CallsOutOfOrder) {
  const Trainer trainer = TinyTrainer();
  ExpectError(hlm_trainer_apply(trainer.get(), nullptr), HLM_FAILED_PRECONDITION, {"accumulate"});
  ExpectError(hlm_trainer_trace_write(trainer.get(), "/tmp/never"), HLM_FAILED_PRECONDITION, {"trace"});
  ExpectError(hlm_trainer_trace_write(trainer.get(), nullptr), HLM_INVALID_ARGUMENT, {"path is NULL"});
  ExpectError(hlm_trainer_metrics(trainer.get(), nullptr), HLM_INVALID_ARGUMENT, {"out_json is NULL"});
  ExpectError(hlm_trainer_save_model(trainer.get(), "", nullptr), HLM_INVALID_ARGUMENT, {"folder is empty"});
  ExpectError(hlm_trainer_set_learning_rate(trainer.get(), std::nan("")), HLM_INVALID_ARGUMENT, {"lr is"});
  ExpectError(hlm_trainer_set_deadline(trainer.get(), -1), HLM_INVALID_ARGUMENT, {"seconds is -1"});
  EXPECT_OK(hlm_trainer_discard(trainer.get()));
  ExpectGoodStep(trainer.get());
}

TEST(TrainerMisuse, ACheckpointIsOfAStepThatIsWhole) {
  const Trainer trainer = TinyTrainer();
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  const std::string directory = testing::TempDir() + "/never_saved";
  ASSERT_OK(hlm_trainer_accumulate(trainer.get(), &batch, nullptr, nullptr));
  ExpectError(hlm_trainer_save(trainer.get(), directory.c_str(), nullptr), HLM_FAILED_PRECONDITION,
              {"accumulated and not applied", "apply or discard"});
  EXPECT_OK(hlm_trainer_discard(trainer.get()));
  ExpectGoodStep(trainer.get());
}

TEST(TrainerMisuse, MoreTokensThanTheStepOfThePlan) {
  hlm_plan_options options = TinyPlanOptions();
  options.batch_size = 1;
  options.seq_len = 16;
  const Trainer trainer = TinyTrainer(options);
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  ExpectError(hlm_trainer_step(trainer.get(), &batch, nullptr), HLM_RESOURCE_EXHAUSTED,
              {"the batch has 27 tokens", "holds 16", "larger batch_size"});
}

TEST(TrainerMisuse, AccumulateNeedsAnotherTiming) {
  hlm_plan_options options = TinyPlanOptions();
  options.optimizer_timing = HLM_TIMING_BACKWARD;
  options.grad_clip = 0;
  const Trainer trainer = TinyTrainer(options);
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  ExpectError(hlm_trainer_accumulate(trainer.get(), &batch, nullptr, nullptr), HLM_FAILED_PRECONDITION, {"backward"});
  ExpectGoodStep(trainer.get());
}

TEST(TrainerMisuse, ForwardPlansDoNotTrain) {
  hlm_plan_options options = TinyPlanOptions();
  options.purpose = HLM_PURPOSE_FORWARD;
  const Trainer trainer = TinyTrainer(options);
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  double loss = 0;
  ExpectError(hlm_trainer_step(trainer.get(), &batch, nullptr), HLM_FAILED_PRECONDITION, {"purpose is forward"});
  ExpectError(hlm_trainer_accumulate(trainer.get(), &batch, nullptr, nullptr), HLM_FAILED_PRECONDITION,
              {"purpose is forward", "no gradients"});
  ExpectError(hlm_trainer_save(trainer.get(), "/tmp/never", nullptr), HLM_FAILED_PRECONDITION,
              {"purpose is forward", "no optimizer states"});
  EXPECT_OK(hlm_trainer_evaluate(trainer.get(), &batch, &loss, nullptr));
  EXPECT_NEAR(loss, std::log(static_cast<double>(kVocab)), 0.5);
}

}  // namespace
}  // namespace hlm_test
