// A step that several processes share is the step of one: the same bits, for any number of processes times devices that divides the
// reduction groups. Every run is in processes of its own, the ones of one process as well.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/save/model.h"
#include "cpu_optim/optimizer.h"
#include "tests/equivalence/run.h"
#include "tests/group/fingerprint.h"
#include "tests/group/processes.h"

namespace hlm {
namespace {

RunSetup SmallRun(DType compute) {
  RunSetup setup = GroupedRun(compute, TinyConfig(false, true, 3), 8);
  setup.steps = 10;
  return setup;
}

// The documents that a rank brings of a step.
using Deal = std::function<int64_t(int64_t documents, int64_t rank, int64_t size)>;  // its first
int64_t Evenly(int64_t documents, int64_t rank, int64_t size) { return documents * rank / size; }
int64_t AllFromTheLast(int64_t documents, int64_t rank, int64_t size) { return rank == size ? documents : 0; }

class OwnRows {
 public:
  OwnRows(const Batch& whole, const Deal& deal, int64_t rank, int64_t size) {
    const int64_t first = deal(whole.documents(), rank, size), end = deal(whole.documents(), rank + 1, size);
    const size_t begin = static_cast<size_t>(whole.offsets[static_cast<size_t>(first)]);
    const size_t tokens = static_cast<size_t>(whole.offsets[static_cast<size_t>(end)]) - begin;
    batch.ids = whole.ids.subspan(begin, tokens);
    batch.labels = whole.labels.subspan(begin, tokens);
    for (int64_t d = first; d <= end; ++d)
      offsets_.push_back(whole.offsets[static_cast<size_t>(d)] - static_cast<int64_t>(begin));
    batch.offsets = offsets_;
  }
  Batch batch;

 private:
  std::vector<int64_t> offsets_;
};

std::string Fingerprint(const RunResult& result) {
  std::string text = StrCat("state ", AllBits(result.state), " losses ");
  for (const double loss : result.losses) text += Bits(loss);
  text += "norms ";
  for (const double norm : result.norms) text += Bits(norm);
  return text;
}

std::string StateOf(const RunResult& result) {
  const std::string all = Fingerprint(result);
  return all.substr(0, all.find(" losses"));
}

// What was taken is what was planned.
void CheckMemory(const RunResult& result) {
  const auto memory = nlohmann::json::parse(result.metrics).at("memory");
  const auto plan = nlohmann::json::parse(PlanJson(result.plan)).at("memory").at("host");
  for (const auto& [name, planned] : plan.items()) {
    if (memory.at(name) != planned) {
      throw Internal(name, " takes ", memory.at(name).dump(), " bytes and the plan has ", planned.dump());
    }
  }
  if (memory.at("pinned_bytes") != result.plan.host.Pinned()) {
    throw Internal(memory.at("pinned_bytes").dump(), " bytes are pinned and the plan has ", result.plan.host.Pinned());
  }
}

// What every one of `processes` processes makes of the run. `change` of a rank's own setup.
std::vector<std::string> RunAll(const RunSetup& run, int64_t processes, int64_t devices, const Deal& deal = Evenly,
                                const std::function<void(RunSetup&, ProcessGroup&)>& change = nullptr,
                                const std::function<std::string(const RunResult&)>& look = Fingerprint) {
  const int port = FreePort();
  Processes ranks(processes, [&](int64_t rank) {
    RunSetup setup = run;
    setup.devices = devices;
    setup.plan.processes = processes;
    setup.device.delay_seed = rank * 100;
    setup.trainer.group = ProcessGroup::Connect(LocalPlace(rank, processes, port), QuickOptions());
    const auto step = setup.take_step;
    setup.take_step = [&, step](Trainer& trainer, const Batch& batch) {
      const OwnRows own(batch, deal, rank, processes);
      return step ? step(trainer, own.batch) : trainer.Step(own.batch);
    };
    if (change) change(setup, *setup.trainer.group);
    const RunResult result = Train(setup);
    CheckMemory(result);
    return look(result);
  });
  return ranks.Results();
}

void ExpectAll(const std::vector<std::string>& results, const std::string& expected) {
  for (size_t r = 0; r < results.size(); ++r) EXPECT_EQ(results[r], expected) << "rank " << r;
}

class Training : public testing::TestWithParam<DType> {};

TEST_P(Training, AnyNumberOfProcessesTimesDevicesGivesTheSameBits) {
  const RunSetup run = SmallRun(GetParam());
  const std::string expected = RunAll(run, 1, 1)[0];
  EXPECT_TRUE(expected.starts_with("state ")) << expected;
  for (const auto& [processes, devices] : {std::pair{2, 1}, {4, 1}, {1, 2}, {2, 2}}) {
    SCOPED_TRACE(StrCat(processes, " processes of ", devices, " devices"));
    ExpectAll(RunAll(run, processes, devices), expected);
  }
}

// By both routes, with random delays; and where only one rank has the option, as on a machine with less memory.
TEST_P(Training, EveryMemoryOptionGivesTheSameBits) {
  RunSetup run = SmallRun(GetParam());
  run.steps = 2;
  const std::string expected = RunAll(run, 1, 1)[0];
  EXPECT_TRUE(expected.starts_with("state ")) << expected;
  const std::pair<const char*, std::function<void(PlanOptions&)>> variants[] = {
      {"keep", [](PlanOptions& o) { o.activations = Activations::kKeep; }},
      {"keep_cheap", [](PlanOptions& o) { o.activations = Activations::kKeepCheap; }},
      {"recompute", [](PlanOptions& o) { o.activations = Activations::kRecompute; }},
      {"recompute_from_host",
       [](PlanOptions& o) { o.activations = Activations::kRecompute, o.block_inputs = BlockInputs::kHost; }},
      {"one_slot", [](PlanOptions& o) { o.slots = 1, o.prefetch = 0; }},
      {"many_slots", [](PlanOptions& o) { o.slots = 5, o.prefetch = 2; }},
      {"ring_of_one", [](PlanOptions& o) { o.ring = 1; }},
  };
  int64_t number = 0;
  for (const auto& variant : variants) {
    SCOPED_TRACE(variant.first);
    RunSetup all = run;
    variant.second(all.plan);
    all.plan.route = ++number % 2 == 0 ? Route::kHost : Route::kPeer;
    ExpectAll(RunAll(all, 2, 2), expected);
    const auto one = [&](RunSetup& setup, ProcessGroup& group) {
      if (group.rank() == 1) variant.second(setup.plan);
    };
    ExpectAll(RunAll(run, 2, 1, Evenly, one), expected);
  }
  // Smaller parts are the whole group's.
  RunSetup parts = run;
  parts.plan.max_part_bytes = 16384;
  ExpectAll(RunAll(parts, 4, 1), expected);
}

// What is frozen has no owner, is sent to nobody, and is everywhere.
TEST_P(Training, FrozenTensorsAreShardedLikeNothing) {
  RunSetup run = GroupedRun(GetParam(), WideConfig(true), 8);
  run.plan.freeze = "*.q_proj.*,*.up_proj.*,model.layers.1.*";
  run.trainer.optimizer.weight_decay = 0.1;
  const std::string expected = RunAll(run, 1, 1)[0];
  EXPECT_TRUE(expected.starts_with("state ")) << expected;
  for (const auto& [processes, devices] : {std::pair{2, 1}, {4, 1}, {2, 2}}) {
    SCOPED_TRACE(StrCat(processes, " processes of ", devices, " devices"));
    ExpectAll(RunAll(run, processes, devices), expected);
  }
  // Saved by two, gone on with by one and by four.
  const std::string folder = testing::TempDir() + "frozen_in_a_group_" + Name(GetParam());
  std::filesystem::remove_all(folder);
  RunSetup first = run, rest = run;
  run.steps = 6;
  const std::string unbroken = RunAll(run, 1, 1, Evenly, nullptr, StateOf)[0];
  first.after_steps = [&](Trainer& trainer) { trainer.Save(folder, {}); };
  RunAll(first, 2, 1);
  rest.first_step = 3;
  rest.steps = 6;
  rest.before_steps = [&](Trainer& trainer) { trainer.Resume(folder, false); };
  for (const int64_t processes : {1, 4}) ExpectAll(RunAll(rest, processes, 1, Evenly, nullptr, StateOf), unbroken);
  std::filesystem::remove_all(folder);
}

TEST_P(Training, TheirNumberNeedNotBeAPowerOfTwo) {
  RunSetup run = SmallRun(GetParam());
  run.steps = 2;
  struct Case {
    int64_t processes, devices, groups;
  };
  for (const Case& c : {Case{3, 1, 3}, {3, 1, 6}, {3, 2, 6}, {5, 1, 5}, {6, 1, 6}}) {
    SCOPED_TRACE(StrCat(c.processes, " processes of ", c.devices, " devices, ", c.groups, " groups"));
    run.plan.reduction_groups = c.groups;
    const std::string expected = RunAll(run, 1, 1)[0];
    EXPECT_TRUE(expected.starts_with("state ")) << expected;
    ExpectAll(RunAll(run, c.processes, c.devices), expected);
    if (c.devices > 1) ExpectAll(RunAll(run, 1, c.devices), expected);
  }
  RunSetup wide = GroupedRun(GetParam(), WideConfig(false), 8);  // whose shares are of several chunks
  wide.steps = 2;
  wide.plan.max_part_bytes = kGradientChunk * 4 * 8;
  wide.plan.reduction_groups = 3;
  const std::string expected = RunAll(wide, 1, 1)[0];
  ExpectAll(RunAll(wide, 3, 1), expected);
  wide.plan.process_states = ProcessStates::kReplicate;
  ExpectAll(RunAll(wide, 3, 1), expected);
}

TEST_P(Training, WhoBringsTheRowsDoesNotMatter) {
  RunSetup run = SmallRun(GetParam());
  run.steps = 3;
  run.documents = 6;  // two groups have no row of a step
  const std::string expected = RunAll(run, 1, 1)[0];
  ExpectAll(RunAll(run, 2, 1, AllFromTheLast), expected);
  ExpectAll(RunAll(run, 4, 1), expected);
}

TEST_P(Training, EveryTimingAndSeveralAccumulationsGiveTheSameBits) {
  RunSetup run = SmallRun(GetParam());
  run.steps = 3;
  run.plan.grad_clip = 0;
  const std::string expected = RunAll(run, 1, 1)[0];
  for (const Timing timing : {Timing::kBackward, Timing::kSerial}) {
    SCOPED_TRACE(Name(timing));
    run.plan.timing = timing;
    ExpectAll(RunAll(run, 2, 1), expected);
  }
  run.plan.timing = Timing::kNextForward;
  run.take_step = [](Trainer& trainer, const Batch& batch) {
    trainer.Accumulate(batch);
    trainer.Accumulate(batch);
    return trainer.Apply();
  };
  ExpectAll(RunAll(run, 4, 1), RunAll(run, 1, 1)[0]);
}

TEST_P(Training, EvaluationsAndTokenMetricsAreOfAllProcesses) {
  RunSetup run = SmallRun(GetParam());
  run.steps = 2;
  run.trainer.token_metrics = true;
  run.take_step = [](Trainer& trainer, const Batch& batch) {
    const BatchLoss loss = trainer.Evaluate(batch);
    StepMetrics metrics = trainer.Step(batch);
    metrics.loss += loss.loss * 1000 + static_cast<double>(loss.tokens + metrics.tokens) + metrics.entropy;
    metrics.grad_norm += metrics.mean_token_accuracy;
    return metrics;
  };
  const std::string expected = RunAll(run, 1, 1)[0];
  ExpectAll(RunAll(run, 2, 1), expected);
  ExpectAll(RunAll(run, 2, 2), expected);
}

INSTANTIATE_TEST_SUITE_P(Types, Training, testing::Values(DType::kF32, DType::kBF16));

// Eight rows over units of several chunks, which the processes divide among themselves.
RunSetup WideRun(DType compute, bool tied = false) {
  RunSetup setup = GroupedRun(compute, WideConfig(tied), 8);
  setup.steps = 3;
  setup.plan.max_part_bytes = kGradientChunk * 4 * 8;  // eight chunks of f32, sixteen of bf16
  return setup;
}

class Sharded : public testing::TestWithParam<DType> {};

TEST_P(Sharded, StatesGiveTheSameBitsAsThoseOfOneProcess) {
  for (const bool tied : {false, true}) {
    RunSetup run = WideRun(GetParam(), tied);
    const std::string expected = RunAll(run, 1, 1)[0];
    EXPECT_TRUE(expected.starts_with("state ")) << expected;
    for (const auto& [processes, devices] : {std::pair{2, 1}, {4, 1}, {2, 2}}) {
      for (const Route route : {Route::kHost, Route::kPeer}) {
        if (route == Route::kPeer && devices == 1) continue;
        SCOPED_TRACE(StrCat(processes, " processes of ", devices, " devices, route ", Name(route)));
        if (devices > 1) run.plan.route = route;
        ExpectAll(RunAll(run, processes, devices), expected);
        run.plan.route.reset();
      }
    }
    run.plan.process_states = ProcessStates::kReplicate;
    ExpectAll(RunAll(run, 2, 1), expected);
  }
}

TEST_P(Sharded, EveryOptionOfStatesGivesTheSameBits) {
  RunSetup plain = WideRun(GetParam());
  plain.steps = 2;
  const auto check = [](const char* what, const RunSetup& run) {
    SCOPED_TRACE(what);
    const std::string expected = RunAll(run, 1, 1)[0];
    EXPECT_TRUE(expected.starts_with("state ")) << expected;
    ExpectAll(RunAll(run, 2, 1), expected);
  };
  RunSetup run = plain;
  run.plan.states = StateType::kInt8;
  check("8-bit moments", run);
  run = plain;
  run.plan.states = StateType::kBF16;
  run.plan.remainder = GetParam() == DType::kF32;  // which has none to leave out
  check("bf16 moments, no remainder", run);
  run = plain;
  run.plan.optimizer = Algorithm::kLion;
  run.plan.sweeps = 2;
  check("one moment, two sums", run);
  for (const Timing timing : {Timing::kBackward, Timing::kSerial}) {
    run = plain;
    run.plan.grad_clip = 0;
    run.plan.timing = timing;
    check(Name(timing), run);
  }
}

TEST_P(Sharded, EachProcessHasItsShareOfTheMemory) {
  RunSetup run = WideRun(GetParam());
  run.steps = 1;
  const auto share = [](const RunResult& result) {
    const HostMemory& host = result.plan.host;
    return static_cast<double>(host.first_moments) / static_cast<double>(host.weights) *
           static_cast<double>(result.plan.WeightBytes()) / 4;
  };
  for (const int64_t processes : {2, 4}) {
    const std::vector<std::string> said = RunAll(run, processes, 1, Evenly, nullptr, [&](const RunResult& result) {
      const double least = 1.0 / static_cast<double>(processes);
      return share(result) >= least && share(result) < 1.3 * least ? "fine" : StrCat(share(result));
    });
    ExpectAll(said, "fine");
  }
}

TEST_P(Sharded, CheckpointsAndModelsAreThoseOfOneProcess) {
  const std::string folder = testing::TempDir() + "/sharded_checkpoints";
  std::filesystem::remove_all(folder);
  RunSetup run = WideRun(GetParam());
  run.steps = 4;
  const std::string whole = RunAll(run, 1, 1)[0], state = whole.substr(0, whole.find(" losses"));
  const auto part = [&](int64_t first, int64_t end, int64_t processes) {
    RunSetup rest = run;
    rest.first_step = first, rest.steps = end;
    if (first > 0) rest.before_steps = [&](Trainer& trainer) { trainer.Resume(folder, false); };
    rest.after_step = [&, end](Trainer& trainer, int64_t done) {
      if (done == end) trainer.Save(folder, {.background = done % 2 == 0});
      if (done == end) trainer.SaveModel(folder + "-model", {.overwrite = true});
    };
    std::string last;
    for (const std::string& result : RunAll(rest, processes, 1)) {
      EXPECT_TRUE(result.starts_with("state ")) << result;
      last = result.substr(0, result.find(" losses"));
    }
    return last;
  };
  part(0, 1, 2);
  part(1, 2, 1);
  part(2, 3, 4);
  EXPECT_EQ(part(3, 4, 2), state);
  // A checkpoint in shares is a model, and so is what was saved of it.
  const std::string checkpoint = folder + "/step-000000000004";
  EXPECT_TRUE(std::filesystem::exists(checkpoint + "/block.0.rank-1.safetensors"));
  const auto model = OpenModelOrCheckpoint(checkpoint), saved = OpenModelOrCheckpoint(folder + "-model");
  for (const UnitSpec& unit : model->layout().units) {
    for (const TensorSpec& tensor : unit.tensors) {
      std::vector<float> a(static_cast<size_t>(tensor.elements)), b(a.size());
      model->weights().Read(tensor, 0, tensor.elements, a.data());
      saved->weights().Read(tensor, 0, tensor.elements, b.data());
      const float most = GetParam() == DType::kBF16 ? 0.01f : 0;  // what is saved of a bf16 run is rounded
      for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], most * std::abs(a[i])) << tensor.name << " " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Sharded, testing::Values(DType::kF32, DType::kBF16));

// What routers add to the loss, the bias that a step moves, and the experts that it leaves alone come from the choices of all processes.
struct Mixing {
  const char* name;
  bool biased;
  DType compute;
  BalanceScope scope;
  Unrouted unrouted;
  int64_t piece_bytes;  // 1: each expert is a piece, which comes and goes by itself
};

class Mixture : public testing::TestWithParam<Mixing> {
 protected:
  RunSetup Setup() const {
    const Mixing& c = GetParam();
    RunSetup run = GroupedRun(c.compute, MixtureConfig(c.biased, 2), 8);
    run.steps = 3;
    run.plan.balance = 0.05, run.plan.router_z = 0.01, run.plan.bias_rate = c.biased ? 0.01 : 0;
    run.plan.balance_scope = c.scope;
    run.plan.unrouted = c.unrouted;
    run.plan.max_piece_bytes = c.piece_bytes;
    return run;
  }
};

TEST_P(Mixture, AnyNumberOfProcessesTimesDevicesGivesTheSameBits) {
  RunSetup run = Setup();
  // The terms by themselves, too, and how the choices fell.
  run.take_step = [](Trainer& trainer, const Batch& batch) {
    StepMetrics metrics = trainer.Step(batch);
    metrics.grad_norm += metrics.aux_loss + 7 * metrics.router_z_loss + 11 * metrics.expert_imbalance + metrics.unrouted_experts;
    return metrics;
  };
  const std::string expected = RunAll(run, 1, 1)[0];
  EXPECT_TRUE(expected.starts_with("state ")) << expected;
  for (const auto& [processes, devices] : {std::pair{2, 1}, {4, 1}, {2, 2}}) {
    SCOPED_TRACE(StrCat(processes, " processes of ", devices, " devices"));
    ExpectAll(RunAll(run, processes, devices), expected);
  }
  run.plan.process_states = ProcessStates::kReplicate;
  ExpectAll(RunAll(run, 2, 1), expected);
}

TEST_P(Mixture, UpdatesInBackwardGiveTheSameBits) {
  RunSetup run = Setup();
  run.plan.grad_clip = 0;
  const std::string expected = RunAll(run, 1, 1)[0];
  EXPECT_TRUE(expected.starts_with("state ")) << expected;
  run.plan.timing = Timing::kBackward;
  ExpectAll(RunAll(run, 2, 1), expected);
}

INSTANTIATE_TEST_SUITE_P(All, Mixture,
                         testing::Values(Mixing{"step", false, DType::kF32, BalanceScope::kStep, Unrouted::kZero, 0},
                                         Mixing{"step_bias_skip", true, DType::kF32, BalanceScope::kStep, Unrouted::kSkip, 0},
                                         Mixing{"group_skip_pieces", true, DType::kF32, BalanceScope::kGroup, Unrouted::kSkip, 1},
                                         Mixing{"sequence_pieces", false, DType::kBF16, BalanceScope::kSequence, Unrouted::kZero,
                                                1}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(SharedSlabs, AnyNumberOfProcessesGivesTheSameBits) {
  RunSetup run = GroupedRun(DType::kF32, SharedConfig(), 8);
  run.steps = 2;
  const std::string expected = RunAll(run, 1, 1)[0];
  EXPECT_TRUE(expected.starts_with("state ")) << expected;
  ExpectAll(RunAll(run, 2, 1), expected);
}

TEST(Resuming, ARunGoesOnWithTheSameBitsOnAnotherNumberOfProcesses) {
  const std::string folder = testing::TempDir() + "/group_checkpoints";
  std::filesystem::remove_all(folder);
  RunSetup run = SmallRun(DType::kBF16);
  run.steps = 4;
  RunSetup first = run;
  first.after_step = [&](Trainer& trainer, int64_t done) {
    if (done == 2) trainer.Save(folder, {.background = true});
  };
  const std::string whole = RunAll(first, 2, 1)[0];
  ASSERT_TRUE(whole.starts_with("state "));
  RunSetup rest = run;
  rest.first_step = 2;
  rest.before_steps = [&](Trainer& trainer) { trainer.Resume(folder, false); };
  const std::string state = whole.substr(0, whole.find(" losses"));
  for (const int64_t processes : {1, 4}) {
    for (const std::string& result : RunAll(rest, processes, 1)) EXPECT_EQ(result.substr(0, result.find(" losses")), state);
  }
}

TEST(Together, WhatOneRankCannotDoNoneDoes) {
  RunSetup run = SmallRun(DType::kF32);
  run.steps = 4;
  const std::string expected = RunAll(run, 1, 1)[0];
  // A batch that is wrong on rank 1, then a cancel there: all hear of it, and the run goes on as if nothing had been.
  const std::vector<std::string> results = RunAll(run, 2, 1, Evenly, [](RunSetup& setup, ProcessGroup& group) {
    setup.take_step = [&group, step = setup.take_step](Trainer& trainer, const Batch& batch) {
      std::vector<int32_t> ids(batch.ids.begin(), batch.ids.end());
      if (group.rank() == 1) ids.back() = 61;
      Batch bad = batch;
      bad.ids = ids;
      const auto expect = [&](Code code, const char* text) {
        try {
          step(trainer, bad);
        } catch (const Error& error) {
          const bool named = error.message().find(text) != std::string::npos;
          if (error.code() == code && named && (group.rank() == 1) != error.message().starts_with("rank 1: ")) return;
          throw Internal("said ", CodeName(error.code()), " ", error.message());
        }
        throw Internal("nothing was said");
      };
      expect(Code::kInvalidArgument, "it must lie in [0, 61), the vocabulary");
      bad.ids = batch.ids;
      if (group.rank() == 1) trainer.Cancel();
      expect(Code::kCancelled, "the call was cancelled");
      return step(trainer, batch);
    };
  });
  ExpectAll(results, expected);
}

TEST(Together, RanksThatDifferAreTold) {
  RunSetup run = SmallRun(DType::kF32);
  run.steps = 1;
  for (const std::string& result : RunAll(run, 2, 1, Evenly, [](RunSetup&setup, ProcessGroup&group) {
         if (group.rank() == 1) setup.seed += 1;
       })) {
    EXPECT_TRUE(result.starts_with("FAILED_PRECONDITION: the ranks do not do the same: rank 1 is at weights whose sample"))
        << result;
  }
  std::vector<std::string> results = RunAll(run, 2, 1, Evenly, [](RunSetup& setup, ProcessGroup& group) {
    if (group.rank() == 1) setup.trainer.optimizer.beta1 = 0.5;
  });
  for (const std::string& result : results) {
    EXPECT_TRUE(result.starts_with("FAILED_PRECONDITION: the ranks do not do the same: rank 1 is at ")) << result;
  }
  results = RunAll(run, 2, 1, Evenly, [](RunSetup& setup, ProcessGroup& group) {
    if (group.rank() == 1)
      setup.take_step = [](Trainer& trainer, const Batch& batch) { return StepMetrics{.loss = trainer.Evaluate(batch).loss}; };
  });
  for (const std::string& result : results) {
    EXPECT_TRUE(result.find("rank 1 is at an evaluation behind step 0") != std::string::npos) << result;
    EXPECT_TRUE(result.find("rank 0 at a step behind step 0") != std::string::npos) << result;
  }
  results = RunAll(run, 2, 1, Evenly, [](RunSetup& setup, ProcessGroup& group) { setup.devices = group.rank() + 1; });
  for (const std::string& result : results) {
    EXPECT_TRUE(result.starts_with("FAILED_PRECONDITION: the ranks do not do the same: rank 1 is at 2 devices")) << result;
    EXPECT_TRUE(result.find("rank 0 at 1 device") != std::string::npos) << result;
  }
  results = RunAll(run, 2, 1, Evenly, [](RunSetup& setup, ProcessGroup&) { setup.plan.processes = 4; });
  for (const std::string& result : results) {
    EXPECT_EQ(result, "FAILED_PRECONDITION: the plan is for 4 processes and the group has 2: plan with processes 2");
  }
}

// What a plan finds by timing or reads off its machine is rank 0's for all: processors, algorithms of products, micro-batches and logits that
// suit the device, and the way of the update.
TEST_P(Training, WhatAMachineChoosesIsRankZerosChoice) {
  RunSetup run = SmallRun(GetParam());
  run.steps = 3;
  run.plan.micro_batch = run.plan.head_chunk = 0;
  const auto machine_of = [](RunSetup& setup, int64_t rank) {
    if (rank == 0) setup.plan.update_path = UpdatePath::kOneDnn;  // as if it had timed both
    setup.change_machine = [rank](MachineSpec& machine) {
      machine.threads = rank == 0 ? 2 : 1;
      machine.micro_tokens = rank == 0 ? 12 : 24;
      machine.product_algorithms = [rank](const std::vector<Call>&) { return StrCat("as rank ", rank, " timed them"); };
    };
  };
  const auto look = [](const RunResult& result) {
    return StrCat(Fingerprint(result), result.plan.numerics.products, ", ", result.plan.numerics.hash);
  };
  const std::string expected = RunAll(
      run, 1, 1, Evenly, [&](RunSetup& setup, ProcessGroup&) { machine_of(setup, 0); }, look)[0];
  EXPECT_NE(expected.find("as rank 0 timed them"), std::string::npos) << expected;
  ExpectAll(RunAll(
                run, 2, 1, Evenly, [&](RunSetup& setup, ProcessGroup& group) { machine_of(setup, group.rank()); }, look),
            expected);
}

TEST(Together, AChoiceThatARankCannotTakeIsNamed) {
  RunSetup run = SmallRun(DType::kF32);
  run.steps = 1;
  const auto expect = [&](const std::function<void(RunSetup&)>& change, const std::string& text) {
    const std::vector<std::string> results = RunAll(run, 2, 1, Evenly, [&](RunSetup& setup, ProcessGroup& group) {
      if (group.rank() == 1) change(setup);
    });
    EXPECT_TRUE(results[1].starts_with("FAILED_PRECONDITION: " + text)) << results[1];
    EXPECT_TRUE(results[0].starts_with("FAILED_PRECONDITION: rank 1: " + text)) << results[0];
  };
  expect([](RunSetup& setup) { setup.change_machine = [](MachineSpec& machine) { machine.libraries = "another GPU"; }; },
         "libraries is another GPU here and ");
  expect([](RunSetup& setup) { setup.plan.threads = 3; }, "threads is 3 here and 1 in the plan of rank 0");
  expect([](RunSetup& setup) { setup.plan.head_chunk = 7; }, "head_chunk is 7 here and 5 in the plan of rank 0");
}

// What the options allow is for CPUs.
TEST(Together, SeveralProcessesOfAMachineHaveNoGpus) {
  RunSetup run = SmallRun(DType::kF32);
  run.change_machine = [](MachineSpec& machine) { machine.devices = {"cuda:0"}; };
  ExpectAll(
      RunAll(run, 2, 1),
      "FAILED_PRECONDITION: the device is cuda:0 and 2 processes of the group are on this machine; one process drives all GPUs "
      "of a machine: start one");
}

// Where in a run a rank is killed or stopped is drawn; the others must name it, and a run of the rest goes on from the last checkpoint.
void KillSomebody(int64_t processes, int64_t trial, int signal) {
  SCOPED_TRACE(StrCat("trial ", trial, ", signal ", signal));
  const std::string folder = StrCat(testing::TempDir(), "/kills_", getpid());
  std::filesystem::remove_all(folder);
  RunSetup run = SmallRun(DType::kF32);
  run.steps = 6;
  const std::string unbroken = RunAll(run, 1, 1)[0];
  const uint64_t key = RandomKey(static_cast<uint64_t>(trial), "kill");
  const int64_t victim = static_cast<int64_t>(RandomBelow(key, 0, static_cast<uint64_t>(processes)));
  const int64_t at_step = static_cast<int64_t>(RandomBelow(key, 1, 4)) + 1;
  const useconds_t microseconds = static_cast<useconds_t>(RandomBelow(key, 2, 30000));
  const int port = FreePort();
  {
    Processes ranks(processes, [&](int64_t rank) {
      RunSetup setup = run;
      setup.steps = 1000000;
      setup.plan.processes = processes;
      setup.trainer.group = ProcessGroup::Connect(LocalPlace(rank, processes, port), QuickOptions(60, 2));
      setup.take_step = [&](Trainer& trainer, const Batch& batch) {
        const OwnRows own(batch, Evenly, rank, processes);
        return trainer.Step(own.batch);
      };
      setup.after_step = [&](Trainer& trainer, int64_t done) {
        if (done <= 4) trainer.Save(folder, {.background = false});
        if (done == at_step) Processes::Say("there");
      };
      return Fingerprint(Train(setup));
    });
    ranks.Await(victim, "there");
    usleep(microseconds);
    const double killed = SteadySeconds();
    kill(ranks.pid(victim), signal);
    for (int64_t r = 0; r < processes; ++r) {
      if (r == victim) continue;
      const std::string result = ranks.Result(r);
      EXPECT_TRUE(result.starts_with(StrCat("UNAVAILABLE: rank ", victim, signal == SIGKILL ? " died: " : " hangs: "))) << result;
    }
    EXPECT_LT(SteadySeconds() - killed, 30);
  }
  RunSetup rest = run;
  const int64_t left = processes > 2 ? processes / 2 : 1;
  rest.first_step = 1;
  bool found = false;
  for (int64_t step = 4; step >= 1 && !found; --step) {
    const std::string name = StrCat(folder, "/step-", std::string(12 - StrCat(step).size(), '0'), step);
    found = std::filesystem::exists(name);
    if (found) rest.first_step = step;
  }
  rest.before_steps = [&](Trainer& trainer) {
    const std::string resumed = trainer.Resume(folder, false);
    if (resumed.find(StrCat("\"step\":", rest.first_step)) == std::string::npos &&
        resumed.find(StrCat("\"step\": ", rest.first_step)) == std::string::npos) {
      throw Internal("resumed ", resumed, ", not step ", rest.first_step);
    }
  };
  for (const std::string& result : RunAll(rest, left, 1)) {
    EXPECT_EQ(result.substr(0, result.find(" losses")), unbroken.substr(0, unbroken.find(" losses")));
  }
  std::filesystem::remove_all(folder);
}

TEST(Kills, OthersNameTheRankAndTheRunGoesOn) {
  KillSomebody(2, 1, SIGKILL);
  KillSomebody(4, 2, SIGKILL);
  KillSomebody(4, 3, SIGSTOP);
}

// By hand: --gtest_also_run_disabled_tests --gtest_filter=*Hundred*
TEST(Kills, DISABLED_AHundredOfThem) {
  for (int64_t trial = 10; trial < 110; ++trial) KillSomebody(trial % 2 == 0 ? 2 : 4, trial, trial % 5 == 0 ? SIGSTOP : SIGKILL);
}

}  // namespace
}  // namespace hlm
