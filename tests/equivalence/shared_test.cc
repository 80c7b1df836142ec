// Slabs that several blocks read: no memory option, timing or number of devices changes a bit, and every event that they need is there.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <utility>

#include "core/base/error.h"
#include "tests/equivalence/run.h"
#include "tests/support/test_device.h"

namespace hlm {
namespace {

RunSetup SmallRun(DType compute, int64_t sweeps = 2) {
  RunSetup setup;
  setup.config = SharedConfig();
  setup.plan.compute = compute;
  setup.plan.batch_size = 6;
  setup.plan.seq_len = 12;
  setup.plan.micro_batch = 1;
  setup.plan.sweeps = sweeps;
  setup.plan.head_chunk = 5;
  setup.trainer.schedule.lr = 1e-2;
  return setup;
}

using Change = std::function<void(PlanOptions&)>;

void ExpectSame(const RunSetup& base, const RunResult& expected, const std::vector<std::pair<const char*, Change>>& changes) {
  int64_t seed = 0;
  for (const auto& [name, change] : changes) {
    SCOPED_TRACE(name);
    RunSetup setup = base;
    change(setup.plan);
    setup.device.delay_seed = seed++;
    ExpectSameBits(expected, Train(setup));
  }
}

class Shared : public testing::TestWithParam<DType> {};

TEST_P(Shared, MemoryOptionsNeverChangeABit) {
  const RunSetup base = SmallRun(GetParam());
  const RunResult expected = Train(base);
  for (const double loss : expected.losses) EXPECT_TRUE(std::isfinite(loss));
  EXPECT_NE(expected.losses.front(), expected.losses.back());
  ExpectSame(base, expected,
             {{"keep", [](PlanOptions& o) { o.activations = Activations::kKeep; }},
              {"keep_cheap", [](PlanOptions& o) { o.activations = Activations::kKeepCheap; }},
              {"recompute_from_host",
               [](PlanOptions& o) { o.activations = Activations::kRecompute, o.block_inputs = BlockInputs::kHost; }},
              {"one_slot", [](PlanOptions& o) { o.slots = 1, o.prefetch = 0; }},
              {"two_slots", [](PlanOptions& o) { o.slots = 2, o.prefetch = 1; }},
              {"many_slots", [](PlanOptions& o) { o.slots = 9, o.prefetch = 2; }},
              {"ring_of_one", [](PlanOptions& o) { o.ring = 1; }},
              {"small_parts", [](PlanOptions& o) { o.max_part_bytes = 16384; }},
              {"serial", [](PlanOptions& o) { o.timing = Timing::kSerial; }}});
}

TEST_P(Shared, UpdatesInBackwardGiveTheSameBits) {
  RunSetup base = SmallRun(GetParam());
  base.plan.grad_clip = 0;
  ExpectSame(base, Train(base), {{"backward", [](PlanOptions& o) { o.timing = Timing::kBackward; }}});
}

TEST_P(Shared, PiecesNeverChangeABit) {
  RunSetup base = SmallRun(GetParam(), 1);
  base.seams = Seams::kEverywhere;
  const RunResult expected = Train(base);
  ExpectSame(base, expected,
             {{"each_group", [](PlanOptions& o) { o.max_piece_bytes = 1; }},
              {"one_slot", [](PlanOptions& o) { o.max_piece_bytes = 1, o.slots = 1, o.prefetch = 0; }},
              {"some_groups", [](PlanOptions& o) { o.max_piece_bytes = 3 * kPieceAlign, o.slots = 3; }}});
}

INSTANTIATE_TEST_SUITE_P(Types, Shared, testing::Values(DType::kF32, DType::kBF16),
                         [](const auto& info) { return std::string(Name(info.param)); });

TEST(SharedDevices, AnyNumberThatDividesTheGroupsGivesTheSameBits) {
  const RunSetup one = GroupedRun(DType::kF32, SharedConfig(), 10);
  const RunResult expected = Train(one);
  for (const int64_t devices : {2, 4}) {
    if (devices > TestDeviceCount()) continue;
    for (const Route route : {Route::kHost, Route::kPeer}) {
      SCOPED_TRACE(StrCat(devices, " devices, ", Name(route)));
      RunSetup several = one;
      several.devices = devices;
      several.plan.route = route;
      several.device.delay_seed = devices;
      ExpectSameBits(expected, Train(several));
    }
  }
}

TEST(SharedRaces, NoneInAWholeRun) {
  for (const Timing timing : {Timing::kNextForward, Timing::kBackward}) {
    for (const int64_t slots : {1, 3}) {
      RunSetup setup = SmallRun(DType::kBF16);
      setup.plan.timing = timing;
      setup.plan.grad_clip = timing == Timing::kBackward ? 0 : 1;
      setup.plan.slots = slots;
      setup.plan.prefetch = slots - 1;
      setup.plan.activations = Activations::kRecompute;
      setup.plan.block_inputs = BlockInputs::kHost;
      setup.steps = 2;
      setup.device.check_races = true;
      for (const std::string& race : Train(setup).races) ADD_FAILURE() << Name(timing) << ", " << slots << " slots: " << race;
    }
  }
}

}  // namespace
}  // namespace hlm
