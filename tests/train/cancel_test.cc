// A call that is asked to end does so at the next operation, not at the end of a visit: nothing begins on a device that can leave out
// what is enqueued, no weight has changed, and the same trainer then makes the bits of one that was never disturbed.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/cpu/cpu_device.h"
#include "core/machine/devices.h"
#include "core/train/trainer.h"
#include "tests/equivalence/run.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

constexpr int64_t kNever = -1;

// A trainer whose operations are counted, and which is asked to end, or held up, as one of them begins.
struct Rig {
  std::shared_ptr<const Model> model;
  std::unique_ptr<Trainer> trainer;
  std::atomic<int64_t> begun{0}, at{kNever};
  std::function<void()> then = [this] { trainer->Cancel(); };
  std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
  std::vector<int64_t> offsets = {0, 4, 10, 15, 18};
  Batch batch;

  explicit Rig(const std::function<void(PlanOptions&)>& change, const std::string& config = TinyConfig(false, false, 2),
               int64_t lanes = 1)
      : model(Model::Create(config, 1)) {
    PlanOptions options;
    options.compute = DType::kF32;
    options.batch_size = 4, options.seq_len = 6, options.micro_batch = 1, options.threads = 1, options.grad_clip = 0;
    change(options);
    const MachineSpec machine = DescribeMachine(StrCat("cpu:", lanes));
    const auto plan = std::make_shared<const Plan>(MakePlan(model->spec(), model->layout(), options, machine));
    TrainerOptions own;
    own.schedule.lr = 1e-2;
    std::vector<std::unique_ptr<Device>> devices;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      CpuDeviceOptions device;
      device.threads = 1;
      device.before_operation = [this](int64_t) {
        if (begun++ == at) then();
      };
      devices.push_back(CreateCpuDevice(device));
    }
    trainer = std::make_unique<Trainer>(model, plan, own, std::move(devices));
    batch.ids = ids;
    batch.offsets = offsets;
  }

  // The operations of a call that nobody disturbs.
  int64_t Count(const std::function<void()>& call) {
    const int64_t before = begun;
    call();
    trainer->Finish();
    return begun - before;
  }
  // The code of a call that is asked to end as its `number`th operation begins, and how many begin after that one.
  std::pair<Code, int64_t> Disturb(int64_t number, const std::function<void()>& call) {
    const int64_t which = begun + number;
    at = which;
    const Code code = CodeOf(call);
    at = kNever;
    return {code, begun - which - 1};
  }
  std::vector<std::vector<float>> All(TensorKind kind = TensorKind::kWeight) {
    std::vector<std::vector<float>> all;
    for (const UnitSpec& unit : model->layout().units) {
      for (const TensorSpec& tensor : unit.tensors) {
        all.emplace_back(static_cast<size_t>(tensor.elements));
        trainer->ReadTensor(tensor.name, kind, 0, all.back().data(), all.back().size() * sizeof(float));
      }
    }
    return all;
  }
};

using Change = std::function<void(PlanOptions&)>;

// Two steps, the second disturbed at every operation that it has, and then made after all.
void EveryPlace(const Change& change, const std::string& config = TinyConfig(false, false, 2), int64_t lanes = 1) {
  Rig whole(change, config, lanes), rig(change, config, lanes);
  const auto step = [](Rig& r) { return [&r] { r.trainer->Step(r.batch); }; };
  step(whole)();
  const int64_t operations = whole.Count(step(whole));
  ASSERT_GT(operations, 100);
  step(rig)();
  const auto before = rig.All();
  const auto moments = rig.All(TensorKind::kSecondMoment);
  for (int64_t k = 0; k < operations; ++k) {
    const auto [code, more] = rig.Disturb(k, step(rig));
    ASSERT_EQ(code, Code::kCancelled) << "at operation " << k << " of " << operations;
    // The other devices' may have begun at the same moment.
    ASSERT_LE(more, lanes - 1) << "at operation " << k << " of " << operations;
  }
  EXPECT_EQ(rig.All(), before);
  EXPECT_EQ(rig.All(TensorKind::kSecondMoment), moments);
  step(rig)();
  EXPECT_EQ(rig.All(), whole.All());
  EXPECT_EQ(rig.All(TensorKind::kSecondMoment), whole.All(TensorKind::kSecondMoment));
}

TEST(Cancel, EndsAStepAtItsNextOperation) {
  EveryPlace([](PlanOptions&) {});
  EveryPlace([](PlanOptions& o) { o.timing = Timing::kSerial, o.grad_clip = 1; });
}

TEST(Cancel, EndsAStepOfSeveralSweepsOrDevices) {
  EveryPlace([](PlanOptions& o) { o.sweeps = 2; });
  EveryPlace([](PlanOptions&) {}, TinyConfig(true, false, 2), 2);
}

TEST(Cancel, EndsAStepOfExperts) {
  EveryPlace([](PlanOptions&) {}, MixtureConfig(true, 2));
}

// Updates that begin in the backward pass cannot be taken back: the step completes then, and the request is the next call's.
TEST(Cancel, EndsAStepBeforeItsFirstUpdateOrNotAtAll) {
  const Change change = [](PlanOptions& o) { o.timing = Timing::kBackward; };
  Rig whole(change), rig(change);
  const int64_t operations = whole.Count([&] { whole.trainer->Step(whole.batch); });
  const auto before = rig.All();
  int64_t k = 0;
  for (; k < operations; ++k) {
    const auto [code, more] = rig.Disturb(k, [&] { rig.trainer->Step(rig.batch); });
    if (code != Code::kCancelled) break;
    ASSERT_EQ(more, 0) << "at operation " << k << " of " << operations;
    ASSERT_EQ(rig.All(), before) << "at operation " << k << " of " << operations;
  }
  EXPECT_GT(k, operations / 8);
  EXPECT_LT(k, operations);
  EXPECT_EQ(rig.All(), whole.All());
  EXPECT_EQ(CodeOf([&] { rig.trainer->Step(rig.batch); }), Code::kCancelled);
  EXPECT_EQ(rig.All(), whole.All());
}

TEST(Cancel, EndsAnEvaluationAndLogits) {
  Rig rig([](PlanOptions&) {});
  double loss = 0;
  std::vector<float> logits(rig.ids.size() * 61);
  const auto evaluate = [&] { loss = rig.trainer->Evaluate(rig.batch).loss; };
  const auto ask = [&] { rig.trainer->Logits(rig.batch, {}, logits); };
  const int64_t of_loss = rig.Count(evaluate), of_logits = rig.Count(ask);
  const double right = loss;
  const std::vector<float> all = logits;
  for (int64_t k = 0; k < of_loss; ++k) ASSERT_EQ(rig.Disturb(k, evaluate), std::make_pair(Code::kCancelled, int64_t{0})) << k;
  for (int64_t k = 0; k < of_logits; ++k) ASSERT_EQ(rig.Disturb(k, ask), std::make_pair(Code::kCancelled, int64_t{0})) << k;
  evaluate();
  ask();
  EXPECT_EQ(loss, right);
  EXPECT_EQ(logits, all);
}

// A caller's loss sees log-probabilities that were made, or is not asked.
TEST(Cancel, NoLossIsMadeOfWhatWasLeftOut) {
  Rig rig([](PlanOptions&) {});
  std::vector<std::vector<float>> seen;
  Objective objective;
  objective.loss = [&](const DocumentLosses& losses, double& loss) {
    seen.emplace_back(losses.logprobs.begin(), losses.logprobs.end());
    for (size_t t = 0; t < losses.logprobs.size(); ++t) loss -= losses.logprobs[t], losses.d_logprobs[t] = -1;
  };
  const auto accumulate = [&] { rig.trainer->Accumulate(rig.batch, objective); };
  const int64_t operations = rig.Count(accumulate);
  rig.trainer->Discard();
  const auto right = std::exchange(seen, {});
  int64_t unseen = 0;
  for (int64_t k = 0; k < operations; ++k) {
    const auto [code, more] = rig.Disturb(k, accumulate);
    ASSERT_EQ(more, 0) << k;
    if (code != Code::kCancelled) {
      // The last gradients were on their way down, and all was made: the request is the next call's.
      ASSERT_GT(k, operations - 4);
      ASSERT_EQ(CodeOf(accumulate), Code::kCancelled);
    }
    for (size_t call = 0; call < seen.size(); ++call) ASSERT_EQ(seen[call], right[call]) << k;
    unseen += seen.empty();
    seen.clear();
  }
  EXPECT_GT(unseen, operations / 4);
  EXPECT_LT(unseen, operations);
}

TEST(Cancel, ADeadlineIsKeptByTheOperation) {
  Rig whole([](PlanOptions&) {}), rig([](PlanOptions&) {});
  const int64_t operations = whole.Count([&] { whole.trainer->Step(whole.batch); });
  rig.then = [] { std::this_thread::sleep_for(std::chrono::seconds(3)); };
  rig.trainer->SetDeadline(2);
  EXPECT_EQ(rig.Disturb(operations / 2, [&] { rig.trainer->Step(rig.batch); }),
            std::make_pair(Code::kDeadlineExceeded, int64_t{0}));
  rig.trainer->SetDeadline(0);
  rig.trainer->Step(rig.batch);
  EXPECT_EQ(rig.All(), whole.All());
}

}  // namespace
}  // namespace hlm
