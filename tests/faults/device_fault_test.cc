// A device that fails: its n-th allocation or its n-th piece of work, for every n. Each time the call returns a clean error, the
// trainer can be destroyed, and with the default timing no trained step is lost: reading and saving stay legal.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/cpu/cpu_device.h"
#include "core/model/model.h"
#include "core/plan/plan.h"
#include "core/machine/devices.h"
#include "core/train/trainer.h"
#include "tests/c_api/tiny.h"

namespace hlm {
namespace {

constexpr const char* kTensor = "model.layers.0.self_attn.q_proj.weight";
constexpr int64_t kElements = 32 * 32;

std::shared_ptr<const Model> TinyModel() { return Model::Create(hlm_test::TinyConfig(), 7); }

std::shared_ptr<const Plan> TinyPlan(const Model& model, Timing timing) {
  PlanOptions options;
  options.compute = DType::kF32;
  options.batch_size = 2;
  options.seq_len = 16;
  options.micro_batch = 1;
  options.threads = 1;
  options.optimizer_threads = 1;
  options.timing = timing;
  options.grad_clip = timing == Timing::kBackward ? 0.0 : 1.0;
  return std::make_shared<const Plan>(MakePlan(model.spec(), model.layout(), options, DescribeMachine("cpu")));
}

std::unique_ptr<Trainer> MakeTrainer(Timing timing, const CpuDeviceOptions& device) {
  auto model = TinyModel();
  auto plan = TinyPlan(*model, timing);
  TrainerOptions options;
  options.schedule.lr = 1e-2;
  return std::make_unique<Trainer>(std::move(model), std::move(plan), options, CreateCpuDevice(device));
}

// A device whose n-th allocation, or n-th piece of work, fails; -1: none does.
CpuDeviceOptions Failing(int64_t allocation, int64_t work) {
  CpuDeviceOptions options;
  options.threads = 1;
  options.fail_allocation = allocation;
  options.fail_work = work;
  return options;
}

struct TinyBatch {
  std::vector<int32_t> ids = hlm_test::TinyIds();
  std::vector<int64_t> offsets = hlm_test::TinyOffsets();
  Batch Get() const {
    Batch batch;
    batch.ids = ids;
    batch.offsets = offsets;
    return batch;
  }
};

std::vector<float> Read(Trainer& trainer) {
  std::vector<float> values(kElements);
  trainer.ReadTensor(kTensor, TensorKind::kWeight, 0, values.data(), values.size() * sizeof(float));
  return values;
}

// The weights after each of the first steps without any fault: the states that a trainer may be in after one.
std::vector<std::vector<float>> StatesWithoutFaults(Timing timing, int steps) {
  const auto trainer = MakeTrainer(timing, Failing(-1, -1));
  const TinyBatch batch;
  std::vector<std::vector<float>> states = {Read(*trainer)};
  for (int step = 0; step < steps; ++step) {
    trainer->Step(batch.Get());
    states.push_back(Read(*trainer));
  }
  return states;
}

TEST(DeviceFault, EveryAllocationInTurn) {
  int64_t n = 0;
  for (;; ++n) {
    ASSERT_LT(n, 1000);
    try {
      const auto trainer = MakeTrainer(Timing::kNextForward, Failing(n, -1));
      const TinyBatch batch;
      EXPECT_TRUE(std::isfinite(trainer->Step(batch.Get()).loss));
      break;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kResourceExhausted) << error.message();
      EXPECT_NE(error.message().find("allocation " + std::to_string(n)), std::string::npos) << error.message();
    }
  }
  EXPECT_GE(n, 2);  // the device arena and at least one pinned buffer
}

// The trainer's device has failed: its state can be saved, and a trainer on a device that works goes on from there.
void ExpectGoesOnElsewhere(Trainer& trainer, Timing timing, int64_t finished, const std::vector<std::vector<float>>& states) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "checkpoints_after_fault";
  std::filesystem::remove_all(folder);
  trainer.Save(folder.string(), {.background = false});
  const auto next = MakeTrainer(timing, Failing(-1, -1));
  EXPECT_NE(next->Resume(folder.string(), false).find("\"step\":" + std::to_string(finished)), std::string::npos);
  const TinyBatch batch;
  for (int64_t step = finished; step < 2; ++step) next->Step(batch.Get());
  EXPECT_EQ(Read(*next), states[2]);
}

// Trains two steps while the n-th piece of work fails, and looks at what is left. Returns whether there was an n-th.
bool TrainWithFault(Timing timing, int64_t n, const std::vector<std::vector<float>>& states) {
  SCOPED_TRACE("work " + std::to_string(n));
  const TinyBatch batch;
  std::unique_ptr<Trainer> trainer;
  std::optional<Error> first;
  size_t finished = 0;
  try {
    trainer = MakeTrainer(timing, Failing(-1, n));
    for (; finished < 2; ++finished) trainer->Step(batch.Get());
    trainer->Finish();
  } catch (const Error& error) {
    first = error;
  }
  if (!first) return false;
  EXPECT_EQ(first->code(), Code::kInternal) << first->message();
  EXPECT_NE(first->message().find("work " + std::to_string(n) + " failed"), std::string::npos) << first->message();
  if (trainer == nullptr) return true;  // it failed while it was made: nothing is left

  // The first error is what every later use of the device returns; it never hangs.
  try {
    trainer->Evaluate(batch.Get());
    ADD_FAILURE() << "evaluated on a device that has failed";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), first->message());
  }

  if (timing != Timing::kBackward) {
    // Every step that was reported is in the weights, and nothing else.
    EXPECT_EQ(Read(*trainer), states[finished]) << finished << " steps had been finished";
    const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "after_fault";
    SaveOptions save;
    save.dtype = DType::kF32;
    save.overwrite = true;
    trainer->SaveModel(folder.string(), save);
    const auto saved = Model::Open(folder.string());
    int64_t unit = 0;
    std::vector<float> values(kElements);
    saved->weights().Read(*FindTensor(saved->layout(), kTensor, &unit), 0, kElements, values.data());
    EXPECT_EQ(values, states[finished]);
    if (n % 5 == 0) ExpectGoesOnElsewhere(*trainer, timing, static_cast<int64_t>(finished), states);
  }
  return true;
}

void FailEveryPieceOfWork(Timing timing) {
  const auto states = StatesWithoutFaults(timing, 2);
  ASSERT_NE(states[0], states[1]);
  ASSERT_NE(states[1], states[2]);
  int64_t n = 0;
  while (TrainWithFault(timing, n, states)) {
    if (testing::Test::HasFailure()) return;
    ASSERT_LT(++n, 100000);
  }
  EXPECT_GT(n, 100);  // two steps of two micro-batches through two blocks
}

TEST(DeviceFault, EveryPieceOfWorkWithUpdatesInTheNextForward) { FailEveryPieceOfWork(Timing::kNextForward); }
TEST(DeviceFault, EveryPieceOfWorkWithSerialUpdates) { FailEveryPieceOfWork(Timing::kSerial); }
TEST(DeviceFault, EveryPieceOfWorkWithUpdatesInBackward) { FailEveryPieceOfWork(Timing::kBackward); }

TEST(DeviceFault, CallsAfterAFailureReturnTheFirstError) {
  const auto trainer = MakeTrainer(Timing::kNextForward, Failing(-1, 40));
  const TinyBatch batch;
  std::string first;
  try {
    for (int step = 0; step < 10; ++step) trainer->Step(batch.Get());
  } catch (const Error& error) {
    first = error.message();
  }
  ASSERT_FALSE(first.empty());
  const auto expect_first = [&](const auto& call) {
    try {
      call();
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.message(), first);
    }
  };
  expect_first([&] { trainer->Step(batch.Get()); });
  expect_first([&] { trainer->Accumulate(batch.Get()); });
  expect_first([&] { trainer->Apply(); });
  std::vector<float> logits(27 * hlm_test::kVocab);
  expect_first([&] { trainer->Logits(batch.Get(), {}, logits); });
  EXPECT_FALSE(trainer->MetricsJson().empty());
}

}  // namespace
}  // namespace hlm
