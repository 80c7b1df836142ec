// Weights in shards gathered among the devices, gradients added there: the same bits as by way of the host, in whatever order things
// happen; and every wait of the exchange is needed.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "cpu_optim/optimizer.h"
#include "tests/equivalence/run.h"
#include "tests/support/test_device.h"

namespace hlm {
namespace {

RunSetup WideRun(DType compute, bool tied, int64_t devices, Route route) {
  RunSetup setup;
  setup.config = WideConfig(tied);
  setup.plan.compute = compute;
  setup.plan.batch_size = 4;
  setup.plan.seq_len = 8;
  setup.plan.micro_batch = 1;
  setup.plan.reduction_groups = 4;
  setup.plan.head_chunk = 5;
  setup.plan.sweeps = 1;
  setup.trainer.schedule.lr = 1e-2;
  setup.documents = 4;
  setup.steps = 2;
  setup.devices = devices;
  if (devices > 1) setup.plan.route = route;
  return setup;
}

class Peers : public testing::TestWithParam<std::tuple<DType, bool>> {
 protected:
  RunSetup Setup(int64_t devices) const {
    return WideRun(std::get<0>(GetParam()), std::get<1>(GetParam()), devices, Route::kPeer);
  }
};

TEST_P(Peers, GiveTheSameBitsAsOneDevice) {
  const RunResult expected = Train(Setup(1));
  for (const int64_t devices : {2, 4}) {
    if (devices > TestDeviceCount()) continue;
    SCOPED_TRACE(devices);
    RunSetup several = Setup(devices);
    several.device.delay_seed = 3;
    several.plan.slots = 2;
    several.plan.max_part_bytes = kGradientChunk * 4 * 2;
    several.plan.ring = 2;
    const RunResult result = Train(several);
    EXPECT_EQ(result.plan.numerics.hash, expected.plan.numerics.hash);
    ExpectSameBits(expected, result);
    const auto metrics = nlohmann::json::parse(result.metrics);
    EXPECT_GT(metrics["peer_bytes"], 0);
    // All the weights go up once in all, not once for each device.
    RunSetup host = several;
    host.plan.route = Route::kHost;
    const RunResult by_host = Train(host);
    ExpectSameBits(expected, by_host);
    const int64_t weights = result.plan.host.weights;
    EXPECT_GT(nlohmann::json::parse(by_host.metrics)["up_bytes"], metrics["up_bytes"].get<int64_t>() + (devices - 1) * weights);
    EXPECT_EQ(metrics["memory"]["device_bytes"], devices * result.plan.devices[0].arena.total);
    EXPECT_EQ(metrics["memory"]["ring"], result.plan.host.ring);
    EXPECT_EQ(metrics["memory"]["partials"], result.plan.host.partials);
  }
}

TEST_P(Peers, SumsAndUpdatesInBackwardGiveTheSameBits) {
  RunSetup one = Setup(1);
  one.plan.batch_size = one.documents = 8;
  one.plan.sweeps = 2;
  one.plan.grad_clip = 0;
  const RunResult expected = Train(one);
  for (const int64_t devices : {2, 4}) {
    if (devices > TestDeviceCount()) continue;
    for (const Timing timing : {Timing::kNextForward, Timing::kBackward}) {
      RunSetup several = one;
      several.devices = devices;
      several.plan.route = Route::kPeer;
      several.plan.timing = timing;
      several.plan.block_inputs = BlockInputs::kHost;
      several.plan.activations = Activations::kRecompute;
      ExpectSameBits(expected, Train(several));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Peers, testing::Combine(testing::Values(DType::kF32, DType::kBF16), testing::Bool()));

RunSetup CheckedRun(Route route, int64_t slots) {
  RunSetup setup = WideRun(DType::kBF16, false, 2, route);
  setup.plan.slots = slots;
  setup.plan.prefetch = 1;
  setup.plan.max_part_bytes = kGradientChunk * 4;
  // More entries than places in staging, of which a plan for GPUs has eight: a ring that is full orders what two of the waits do.
  setup.plan.ring = 32;
  setup.plan.block_inputs = BlockInputs::kHost;
  setup.plan.activations = Activations::kRecompute;
  setup.device.check_races = true;
  return setup;
}

TEST(PeerRaces, NoneOverBothLanes) {
  if (TestDeviceCount() < 2) GTEST_SKIP() << "one device";
  for (const Route route : {Route::kHost, Route::kPeer}) {
    for (const Timing timing : {Timing::kNextForward, Timing::kBackward}) {
      RunSetup setup = CheckedRun(route, 2);
      setup.plan.timing = timing;
      if (timing == Timing::kBackward) setup.plan.grad_clip = 0;
      for (const std::string& race : Train(setup).races) ADD_FAILURE() << Name(route) << " " << Name(timing) << ": " << race;
    }
  }
}

class MissingPeerWait : public testing::TestWithParam<const char*> {};

TEST_P(MissingPeerWait, IsFound) {
  if (TestDeviceCount() < 2) GTEST_SKIP() << "one device";
  RunSetup setup = CheckedRun(Route::kPeer, 2);
  setup.device.drop_wait = GetParam();
  EXPECT_FALSE(Train(setup).races.empty());
}

// Every name of a wait of the exchange (core/train/peer_exchange.cc, SlotPool::Gather).
INSTANTIATE_TEST_SUITE_P(Waits, MissingPeerWait,
                         testing::Values("the own shard is up", "the shard is up", "the shard is gathered",
                                         "the slot holds its weights", "staging is free", "the shard is taken",
                                         "the gradient is staged", "the sum is made"));

}  // namespace
}  // namespace hlm
