// One handle, two threads: the second is told so; cancelling is legal from anywhere.
#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

constexpr const char* kTold = "FAILED_PRECONDITION: the trainer is in use by another thread";

// A trainer whose step takes long enough to be met by another thread: 64 micro-batches.
hlm_plan_options LongStepOptions() {
  hlm_plan_options options = TinyPlanOptions();
  options.batch_size = 64;
  options.seq_len = 64;
  options.micro_batch = 1;
  return options;
}

Documents LongDocuments() {
  Documents documents;
  documents.offsets.push_back(0);
  for (int row = 0; row < 64; ++row) {
    for (int t = 0; t < 64; ++t) documents.ids.push_back((row + 5 * t) % kVocab);
    documents.offsets.push_back(static_cast<int64_t>(documents.ids.size()));
  }
  return documents;
}

TEST(Threads, SecondThreadInOneTrainerIsTold) {
  const Trainer trainer = TinyTrainer(LongStepOptions());
  const Documents documents = LongDocuments();
  std::atomic<bool> stop{false};
  std::thread stepping([&] {
    const hlm_batch batch = documents.Get();
    // The other thread's calls may come in between two steps; then this one is told.
    while (!stop) {
      const std::string text = Text(hlm_trainer_step(trainer.get(), &batch, nullptr));
      if (!text.empty()) {
        EXPECT_EQ(text, kTold);
      }
    }
  });
  bool told = false;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!told && std::chrono::steady_clock::now() < deadline) {
    const std::string text = Text(hlm_trainer_set_deadline(trainer.get(), 0));
    told = !text.empty();
    if (told) {
      EXPECT_EQ(text, kTold);
    }
  }
  stop = true;
  stepping.join();
  EXPECT_TRUE(told);
  const hlm_batch batch = documents.Get();
  EXPECT_OK(hlm_trainer_step(trainer.get(), &batch, nullptr));
}

TEST(Threads, CancelFromAnotherThreadEndsTheCall) {
  const Trainer trainer = TinyTrainer(LongStepOptions());
  const Documents documents = LongDocuments();
  const hlm_batch batch = documents.Get();
  std::atomic<bool> done{false};
  std::string first_failure;
  std::thread cancelling([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    hlm_trainer_cancel(trainer.get());
    done = true;
  });
  // The cancel meets a step in progress or waits for the next one: one of them ends with CANCELLED.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (first_failure.empty() && std::chrono::steady_clock::now() < deadline) {
    first_failure = Text(hlm_trainer_step(trainer.get(), &batch, nullptr));
  }
  cancelling.join();
  EXPECT_EQ(first_failure.substr(0, 10), "CANCELLED:") << first_failure;
  EXPECT_TRUE(done);
  EXPECT_OK(hlm_trainer_step(trainer.get(), &batch, nullptr));
}

TEST(Threads, CancelBeforeTheCallChangesNothing) {
  const Trainer trainer = TinyTrainer();
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  double before = 0, after = 0;
  ASSERT_OK(hlm_trainer_evaluate(trainer.get(), &batch, &before, nullptr));
  hlm_trainer_cancel(trainer.get());
  ExpectError(hlm_trainer_step(trainer.get(), &batch, nullptr), HLM_CANCELLED, {});
  ASSERT_OK(hlm_trainer_evaluate(trainer.get(), &batch, &after, nullptr));
  EXPECT_EQ(before, after);
  hlm_step_metrics metrics;
  hlm_step_metrics_init(&metrics);
  ASSERT_OK(hlm_trainer_step(trainer.get(), &batch, &metrics));
  EXPECT_EQ(metrics.step, 1);
}

TEST(Threads, DeadlineEndsTheCall) {
  const Trainer trainer = TinyTrainer(LongStepOptions());
  const Documents documents = LongDocuments();
  const hlm_batch batch = documents.Get();
  ASSERT_OK(hlm_trainer_set_deadline(trainer.get(), 1e-6));
  ExpectError(hlm_trainer_step(trainer.get(), &batch, nullptr), HLM_DEADLINE_EXCEEDED, {});
  ExpectError(hlm_trainer_evaluate(trainer.get(), &batch, nullptr, nullptr), HLM_DEADLINE_EXCEEDED, {});
  ASSERT_OK(hlm_trainer_set_deadline(trainer.get(), 0));
  EXPECT_OK(hlm_trainer_step(trainer.get(), &batch, nullptr));
}

TEST(Threads, TwoTrainersAtOnce) {
  const auto losses = [] {
    const Trainer trainer = TinyTrainer();
    const Documents documents = TinyDocuments();
    const hlm_batch batch = documents.Get();
    std::vector<double> out;
    for (int step = 0; step < 5; ++step) {
      hlm_step_metrics metrics;
      hlm_step_metrics_init(&metrics);
      EXPECT_OK(hlm_trainer_step(trainer.get(), &batch, &metrics));
      out.push_back(metrics.loss);
    }
    return out;
  };
  const std::vector<double> alone = losses();
  std::vector<double> first, second;
  std::thread a([&] { first = losses(); }), b([&] { second = losses(); });
  a.join();
  b.join();
  EXPECT_EQ(first, alone);
  EXPECT_EQ(second, alone);
  EXPECT_LT(alone.back(), alone.front());
}

}  // namespace
}  // namespace hlm_test
