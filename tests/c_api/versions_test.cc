// Structs of other versions: programs compiled against a shorter or a longer header than the library's.
//
// There is no earlier release to take a program from. These clients are made with their own copies of the structs: the first
// version's, frozen here byte by byte, and a later one's, with members behind the end of today's.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

// The structs as version 0.1.0 had them. Never edited: they are what the programs of that time were compiled with.
struct FirstPlanOptions {
  size_t struct_size;
  const char* device;
  int32_t purpose, compute;
  int64_t batch_size, seq_len, micro_batch, sweeps;
  int32_t activations, block_inputs;
  int64_t slots, prefetch, ring, head_chunk, max_part_bytes;
  int32_t optimizer_timing, grad_dtype;
  double grad_clip;
  int64_t threads, optimizer_threads, host_limit_bytes, device_limit_bytes;
};
struct FirstStepMetrics {
  size_t struct_size;
  int64_t step;
  double loss, grad_norm, lr;
  int64_t tokens;
  double seconds;
  int32_t skipped;
  int64_t skipped_units;
};
static_assert(sizeof(FirstPlanOptions) == 152 && sizeof(FirstStepMetrics) == 72);

// Today's struct with members that this library does not know.
template <class T>
struct Later {
  T known;
  int64_t new_number;
  const char* new_text;
};

// A first-version struct with guard bytes behind it, as memory of the old program that nobody may touch.
template <class First, class Today>
struct Guarded {
  First first;
  unsigned char guard[64];

  Guarded() { std::memset(static_cast<void*>(this), 0xA5, sizeof(*this)); }
  Today* AsToday() { return reinterpret_cast<Today*>(&first); }
  void ExpectGuardUntouched() const {
    for (const unsigned char byte : guard) ASSERT_EQ(byte, 0xA5);
  }
};

TEST(OldClient, TrainsWithTheFirstVersionsStructs) {
  const Model model = TinyModel();
  Guarded<FirstPlanOptions, hlm_plan_options> options;
  hlm_plan_options_init_sized(options.AsToday(), sizeof(FirstPlanOptions));
  options.ExpectGuardUntouched();
  EXPECT_EQ(options.first.struct_size, sizeof(FirstPlanOptions));
  EXPECT_EQ(options.first.batch_size, 8);
  EXPECT_EQ(options.first.grad_clip, 1.0);
  EXPECT_EQ(options.first.prefetch, -1);
  options.first.device = "cpu";
  options.first.compute = HLM_DTYPE_F32;
  options.first.batch_size = 2;
  options.first.seq_len = 16;
  hlm_plan* raw_plan = nullptr;
  ASSERT_OK(hlm_plan_make(model.get(), options.AsToday(), &raw_plan));
  const Plan plan(raw_plan);
  hlm_trainer* raw_trainer = nullptr;
  ASSERT_OK(hlm_trainer_create(model.get(), plan.get(), nullptr, &raw_trainer));
  const Trainer trainer(raw_trainer);

  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  Guarded<FirstStepMetrics, hlm_step_metrics> metrics;
  hlm_step_metrics_init_sized(metrics.AsToday(), sizeof(FirstStepMetrics));
  ASSERT_OK(hlm_trainer_step(trainer.get(), &batch, metrics.AsToday()));
  metrics.ExpectGuardUntouched();
  EXPECT_EQ(metrics.first.struct_size, sizeof(FirstStepMetrics));
  EXPECT_EQ(metrics.first.step, 1);
  EXPECT_EQ(metrics.first.tokens, 25);
  EXPECT_TRUE(std::isfinite(metrics.first.loss));
}

TEST(NewClient, TailOfZerosIsAccepted) {
  Later<hlm_plan_options> options;
  std::memset(static_cast<void*>(&options), 0xA5, sizeof(options));
  hlm_plan_options_init_sized(&options.known, sizeof(options));
  EXPECT_EQ(options.known.struct_size, sizeof(options));
  EXPECT_EQ(options.new_number, 0);
  EXPECT_EQ(options.new_text, nullptr);
  hlm_plan* plan = nullptr;
  ASSERT_OK(hlm_plan_make(TinyModel().get(), &options.known, &plan));
  hlm_plan_destroy(plan);
}

TEST(NewClient, WhatThisLibraryDoesNotKnowIsRefused) {
  const Model model = TinyModel();
  Later<hlm_plan_options> options;
  hlm_plan_options_init_sized(&options.known, sizeof(options));
  options.new_text = "a wish";
  hlm_plan* plan = nullptr;
  ExpectError(hlm_plan_make(model.get(), &options.known, &plan), HLM_INVALID_ARGUMENT,
              {"hlm_plan_options", std::to_string(sizeof(options)), std::to_string(sizeof(hlm_plan_options)), HLM_VERSION});
  EXPECT_EQ(plan, nullptr);

  const Trainer trainer = TinyTrainer();
  const Documents documents = TinyDocuments();
  Later<hlm_batch> batch{};
  batch.known = documents.Get();
  batch.known.struct_size = sizeof(batch);
  EXPECT_OK(hlm_trainer_step(trainer.get(), &batch.known, nullptr));
  batch.new_number = 1;
  ExpectError(hlm_trainer_step(trainer.get(), &batch.known, nullptr), HLM_INVALID_ARGUMENT, {"hlm_batch"});
}

TEST(NewClient, MetricsAreWrittenUpToWhatTheLibraryKnows) {
  const Trainer trainer = TinyTrainer();
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  Later<hlm_step_metrics> metrics;
  hlm_step_metrics_init_sized(&metrics.known, sizeof(metrics));
  metrics.new_number = 1234;
  ASSERT_OK(hlm_trainer_step(trainer.get(), &batch, &metrics.known));
  EXPECT_EQ(metrics.known.struct_size, sizeof(metrics));
  EXPECT_EQ(metrics.known.step, 1);
  EXPECT_EQ(metrics.new_number, 1234);
}

TEST(StructSize, BelowTheFirstVersionOrAbsurdIsRefusedBeforeAnyWork) {
  const Model model = TinyModel();
  const Plan plan = TinyPlan(model.get());
  const Trainer trainer = TinyTrainer();
  const Documents documents = TinyDocuments();
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{8}, size_t{23}, size_t{47}, size_t{71}, SIZE_MAX, size_t{1} << 40, size_t{5000}}) {
    SCOPED_TRACE(size);
    const std::string number = std::to_string(size);

    hlm_plan_options plan_options = TinyPlanOptions();
    plan_options.struct_size = size;
    hlm_plan* out_plan = nullptr;
    ExpectError(hlm_plan_make(model.get(), &plan_options, &out_plan), HLM_INVALID_ARGUMENT,
                {"hlm_plan_options.struct_size is " + number});

    hlm_trainer_options trainer_options;
    hlm_trainer_options_init(&trainer_options);
    trainer_options.struct_size = size;
    hlm_trainer* out_trainer = nullptr;
    ExpectError(hlm_trainer_create(model.get(), plan.get(), &trainer_options, &out_trainer), HLM_INVALID_ARGUMENT,
                {"hlm_trainer_options.struct_size is " + number});

    hlm_batch batch = documents.Get();
    hlm_step_metrics metrics;
    hlm_step_metrics_init(&metrics);
    metrics.struct_size = size;
    ExpectError(hlm_trainer_step(trainer.get(), &batch, &metrics), HLM_INVALID_ARGUMENT,
                {"hlm_step_metrics.struct_size is " + number});
    batch.struct_size = size;
    ExpectError(hlm_trainer_evaluate(trainer.get(), &batch, nullptr, nullptr), HLM_INVALID_ARGUMENT,
                {"hlm_batch.struct_size is " + number});
  }
  for (const size_t size : {size_t{0}, size_t{23}, SIZE_MAX}) {
    hlm_save_options save;
    hlm_save_options_init(&save);
    save.struct_size = size;
    ExpectError(hlm_model_save(model.get(), "/tmp/never", &save), HLM_INVALID_ARGUMENT, {"hlm_save_options.struct_size"});
    ExpectError(hlm_trainer_save_model(trainer.get(), "/tmp/never", &save), HLM_INVALID_ARGUMENT,
                {"hlm_save_options.struct_size"});
  }
  // None of the refused steps was taken.
  const hlm_batch batch = documents.Get();
  hlm_step_metrics metrics;
  hlm_step_metrics_init(&metrics);
  ASSERT_OK(hlm_trainer_step(trainer.get(), &batch, &metrics));
  EXPECT_EQ(metrics.step, 1);
}

TEST(StructSize, InitTakesNullAndWritesNoMoreThanItIsTold) {
  hlm_plan_options_init_sized(nullptr, sizeof(hlm_plan_options));
  hlm_save_options_init(nullptr);
  std::vector<unsigned char> bytes(sizeof(hlm_plan_options), 0xA5);
  for (size_t size = 0; size <= bytes.size(); ++size) {
    std::fill(bytes.begin(), bytes.end(), 0xA5);
    hlm_plan_options_init_sized(reinterpret_cast<hlm_plan_options*>(bytes.data()), size);
    for (size_t i = size; i < bytes.size(); ++i) ASSERT_EQ(bytes[i], 0xA5) << size;
  }
}

}  // namespace
}  // namespace hlm_test
