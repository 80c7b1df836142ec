// What the ranks of a group take over from the plan of rank 0, and what they cannot.
#include "core/plan/shared_choice.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/model/config.h"
#include "tests/plan/spec_7b.h"

namespace hlm {
namespace {

MachineSpec Machine() {
  MachineSpec m;
  m.devices = {"cuda:0"};
  m.device_is_host = false;
  m.host_bytes = int64_t{400} << 30;
  m.device_bytes = int64_t{60} << 30;
  m.threads = 16;
  m.product_flops_f32 = m.product_flops_bf16 = 700e12;
  m.up_bytes_per_second = m.down_bytes_per_second = 54e9;
  m.host_bytes_per_second = 120e9;
  m.libraries = "test";
  m.workspace_bytes = [](const Call&, int64_t) { return size_t{64} << 20; };
  m.product_algorithms = [](const std::vector<Call>&) { return std::string("timed first"); };
  m.faster_update = [](bool) { return UpdatePath::kOneDnn; };
  return m;
}

PlanOptions Options() {
  PlanOptions o;
  o.batch_size = 128, o.seq_len = 512;
  o.processes = 2;
  return o;
}

Plan Make(const PlanOptions& options, const MachineSpec& machine) {
  const ModelSpec spec = Spec7B();
  return MakePlan(spec, MakeLayout(spec), options, machine);
}

// Another machine of the same kind: everything that it would choose for itself is different.
MachineSpec Other() {
  MachineSpec m = Machine();
  m.host_bytes = int64_t{600} << 30;
  m.device_bytes = int64_t{30} << 30;
  m.threads = 8;
  m.micro_tokens = 8192;
  m.logits_bytes = int64_t{32} << 20;
  m.product_algorithms = [](const std::vector<Call>&) { return std::string("timed second"); };
  m.faster_update = [](bool) { return UpdatePath::kFused; };
  return m;
}

TEST(SharedChoice, IsTakenWhereTheOptionsLeaveIt) {
  const Plan first = Make(Options(), Machine()), second = Make(Options(), Other());
  EXPECT_NE(first.numerics.micro_batch_tokens, second.numerics.micro_batch_tokens);
  EXPECT_NE(first.numerics.head_chunk, second.numerics.head_chunk);
  EXPECT_NE(first.numerics.threads, second.numerics.threads);
  EXPECT_NE(first.numerics.products, second.numerics.products);
  EXPECT_NE(first.numerics.optimizer, second.numerics.optimizer);
  const std::string choice = SharedChoice(first);
  EXPECT_NE(SharedChoice(second), choice);
  MachineSpec never = Other();  // times what it is told
  never.product_algorithms = [](const std::vector<Call>&) -> std::string { throw Internal("timed again"); };
  never.faster_update = [](bool) -> UpdatePath { throw Internal("timed again"); };
  const Plan taken = Make(AdoptChoice(choice, never, Options()), never);
  CheckChoice(taken, choice);
  EXPECT_EQ(SharedChoice(taken), choice);
  EXPECT_EQ(taken.numerics.hash, first.numerics.hash);
  EXPECT_EQ(taken.optimizer_threads, 8);  // its own: no bit depends on them
}

TEST(SharedChoice, StatesAndTimingByMemoryAreTaken) {
  PlanOptions options = Options();
  options.choose_states = options.choose_master = options.choose_timing = true;
  options.grad_clip = 0;
  MachineSpec small = Machine();
  small.host_bytes = int64_t{50} << 30;
  const Plan first = Make(options, small), second = Make(options, Other());
  ASSERT_NE(first.numerics.states, second.numerics.states);
  const Plan taken = Make(AdoptChoice(SharedChoice(first), Other(), options), Other());
  CheckChoice(taken, SharedChoice(first));
  EXPECT_EQ(taken.numerics.states, first.numerics.states);
  EXPECT_EQ(taken.numerics.remainder, first.numerics.remainder);
  EXPECT_EQ(taken.timing, first.timing);
}

std::string Refused(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kFailedPrecondition);
    return error.message();
  }
  return "";
}

TEST(SharedChoice, WhatCannotBeTakenIsNamedWithBothValues) {
  const std::string choice = SharedChoice(Make(Options(), Machine()));
  MachineSpec another = Machine();
  another.libraries = "another";
  const std::string libraries = Refused([&] { AdoptChoice(choice, another, Options()); });
  EXPECT_NE(libraries.find("libraries is another here and test in the plan of rank 0"), std::string::npos) << libraries;
  PlanOptions options = Options();
  options.threads = 3;
  const std::string threads = Refused([&] { CheckChoice(Make(AdoptChoice(choice, Machine(), options), Machine()), choice); });
  EXPECT_NE(threads.find("threads is 3 here and 16 in the plan of rank 0"), std::string::npos) << threads;
  options = Options();
  options.timing = Timing::kSerial;
  const std::string timing = Refused([&] { CheckChoice(Make(AdoptChoice(choice, Machine(), options), Machine()), choice); });
  EXPECT_NE(timing.find("optimizer_timing is \"serial\" here and \"next-forward\" in the plan"), std::string::npos) << timing;
}

}  // namespace
}  // namespace hlm
