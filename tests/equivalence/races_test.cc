// Every event is needed: the race checker finds nothing in a whole run, and finds something as soon as any one kind of wait is
// left out.
#include <gtest/gtest.h>

#include "tests/equivalence/run.h"

namespace hlm {
namespace {

RunSetup SmallRun(int64_t slots) {
  RunSetup setup;
  setup.config = TinyConfig(/*tied=*/false, /*qk_norm=*/true, /*layers=*/7);
  setup.plan.compute = DType::kBF16;
  setup.plan.batch_size = 6;
  setup.plan.seq_len = 12;
  setup.plan.micro_batch = 2;
  setup.plan.sweeps = 2;
  setup.plan.slots = slots;
  setup.plan.prefetch = 1;
  setup.plan.head_chunk = 3;
  setup.plan.max_part_bytes = 16384;
  setup.plan.activations = Activations::kRecompute;
  setup.plan.block_inputs = BlockInputs::kHost;
  setup.steps = 2;
  setup.device.check_races = true;
  setup.after_steps = [](Trainer& trainer) {
    const std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7, 8};
    const std::vector<int64_t> offsets = {0, 5, 8};
    Batch batch;
    batch.ids = ids;
    batch.offsets = offsets;
    trainer.Evaluate(batch);
    std::vector<float> logits(ids.size() * 61);
    trainer.Logits(batch, {}, logits);
  };
  return setup;
}

// Losses that go through the host, under weights that are kept while the optimizer changes them.
void Weigh(Trainer& trainer) {
  const std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
  const std::vector<int64_t> offsets = {0, 5, 8, 11, 14};
  Batch batch;
  batch.ids = ids;
  batch.offsets = offsets;
  const auto kept = trainer.KeepWeights();
  for (int step = 0; step < 2; ++step) {
    for (const int64_t group : {2, 4}) {  // in the sweeps, and in a pass ahead of them
      trainer.Accumulate(batch, {.group = group, .entropy = step == 1, .loss = [](const DocumentLosses& run, double& loss) {
                                   for (size_t i = 0; i < run.logprobs.size(); ++i) run.d_logprobs[i] = run.logprobs[i];
                                   loss += 1;
                                 }});
    }
    trainer.Apply();
    std::vector<float> logprobs(ids.size()), entropies(ids.size()), best(ids.size());
    trainer.LogProbs(batch, kept.get(), logprobs, entropies, best);
  }
}

TEST(Races, NoneInAWholeRun) {
  for (const Timing timing : {Timing::kNextForward, Timing::kBackward, Timing::kSerial}) {
    for (const bool tied : {false, true}) {
      RunSetup setup = SmallRun(tied ? 2 : 9);
      setup.config = TinyConfig(tied, true, 7);
      setup.plan.timing = timing;
      setup.plan.grad_clip = timing == Timing::kBackward ? 0 : 1;
      if (timing != Timing::kBackward) {
        setup.plan.frozen_copies = 1;
        setup.after_steps = [look = setup.after_steps](Trainer& trainer) {
          look(trainer);
          Weigh(trainer);
        };
      }
      for (const std::string& race : Train(setup).races) ADD_FAILURE() << Name(timing) << ": " << race;
      setup.seams = Seams::kEverywhere;
      setup.plan.max_piece_bytes = 1;
      for (const std::string& race : Train(setup).races) ADD_FAILURE() << Name(timing) << " in pieces: " << race;
    }
  }
}

// All that a mixture's routers add: records that come down, costs that go up, a pass ahead of several sweeps.
TEST(Races, NoneWithAMixture) {
  for (const BalanceScope scope : {BalanceScope::kStep, BalanceScope::kSequence}) {
    for (const Timing timing : {Timing::kNextForward, Timing::kBackward}) {
      RunSetup setup = SmallRun(2);
      setup.config = MixtureConfig(true, 4);
      setup.plan.timing = timing;
      setup.plan.grad_clip = timing == Timing::kBackward ? 0 : 1;
      setup.plan.balance = 0.1, setup.plan.router_z = 0.01, setup.plan.bias_rate = 0.01;
      setup.plan.balance_scope = scope;
      setup.plan.unrouted = Unrouted::kSkip;
      setup.plan.max_piece_bytes = 1;
      for (const std::string& race : Train(setup).races) ADD_FAILURE() << Name(scope) << ", " << Name(timing) << ": " << race;
    }
  }
}

class MissingWait : public testing::TestWithParam<const char*> {};

TEST_P(MissingWait, IsFound) {
  // Few slots, whose weights come up all the time, and slots for all, where nothing else orders the streams.
  size_t found = 0;
  for (const int64_t slots : {2, 9}) {
    RunSetup setup = SmallRun(slots);
    setup.device.drop_wait = GetParam();
    if (std::string(GetParam()).find("routers") != std::string::npos) setup.config = MixtureConfig(false, 7);
    found += Train(setup).races.size();
  }
  EXPECT_GT(found, 0u);
}

// Every name that Stream::Wait is called with; tests/equivalence/waits_test.sh checks that none is missing here.
INSTANTIATE_TEST_SUITE_P(Waits, MissingWait,
                         testing::Values("the slot's last user is done", "the slot holds its weights", "the losses are made",
                                         "staging is free", "the gradient is staged", "the logits are made",
                                         "the logits' place is free", "the block input is saved", "the block input is made",
                                         "the block input's place is free", "the block input is back",
                                         "the routers' loads are made"));

}  // namespace
}  // namespace hlm
