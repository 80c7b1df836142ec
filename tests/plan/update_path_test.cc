// Which way the optimizer's update goes: what was asked for, what a record says, else the machine's faster one.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/model/config.h"
#include "core/plan/plan.h"
#include "cpu_optim/optimizer.h"
#include "tests/plan/spec_7b.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

MachineSpec Machine(UpdatePath faster, int* asked = nullptr) {
  MachineSpec m;
  m.host_bytes = m.device_bytes = int64_t{400} << 30;
  m.threads = 16;
  m.product_flops_f32 = m.product_flops_bf16 = 1e12;
  m.up_bytes_per_second = m.down_bytes_per_second = 54e9;
  m.host_bytes_per_second = 120e9;
  m.libraries = "test";
  m.workspace_bytes = [](const Call&, int64_t) { return size_t{64} << 20; };
  m.faster_update = [faster, asked](bool split) {
    if (asked != nullptr) *asked += split ? 1 : 100;
    return faster;
  };
  return m;
}

PlanOptions Options(std::optional<UpdatePath> path = std::nullopt) {
  PlanOptions o;
  o.batch_size = 4, o.seq_len = 64, o.micro_batch = 1;
  o.update_path = path;
  return o;
}

Plan Make(const PlanOptions& options, const MachineSpec& machine) {
  const ModelSpec spec = Spec7B();
  return MakePlan(spec, MakeLayout(spec), options, machine);
}

std::string PathOf(const PlanOptions& options, const MachineSpec& machine) { return Make(options, machine).numerics.optimizer; }

TEST(UpdatePath, IsTheMachinesFasterOneUnlessOneIsAskedFor) {
  const std::string fused = OptimizerPath(UpdatePath::kFused), onednn = OptimizerPath(UpdatePath::kOneDnn);
  EXPECT_EQ(PathOf(Options(), Machine(UpdatePath::kFused)), fused);
  EXPECT_EQ(PathOf(Options(), Machine(UpdatePath::kOneDnn)), onednn);
  EXPECT_EQ(PathOf(Options(UpdatePath::kFused), Machine(UpdatePath::kOneDnn)), fused);
  EXPECT_EQ(PathOf(Options(UpdatePath::kOneDnn), Machine(UpdatePath::kFused)), onednn);
  MachineSpec unknown = Machine(UpdatePath::kOneDnn);
  unknown.faster_update = nullptr;
  EXPECT_EQ(PathOf(Options(), unknown), fused);
}

TEST(UpdatePath, IsTimedForTheFormThatIsRunAndOnlyWhereThereIsAChoice) {
  int asked = 0;
  const MachineSpec machine = Machine(UpdatePath::kOneDnn, &asked);
  Make(Options(), machine);
  EXPECT_EQ(asked, 1);
  PlanOptions o = Options();
  o.compute = DType::kF32;
  Make(o, machine);
  EXPECT_EQ(asked, 101);
  const auto unasked = [&](const std::function<void(PlanOptions&)>& change) {
    PlanOptions own = Options();
    change(own);
    EXPECT_EQ(PathOf(own, machine), "fused 1");
    EXPECT_EQ(asked, 101);
  };
  unasked([](PlanOptions& own) { own.optimizer = Algorithm::kLion; });
  unasked([](PlanOptions& own) { own.states = StateType::kInt8; });
  unasked([](PlanOptions& own) { own.remainder = false; });
  unasked([](PlanOptions& own) { own.purpose = Purpose::kForward; });
  const ModelSpec small = ParseConfig(R"({"architectures": ["Qwen2ForCausalLM"], "vocab_size": 64, "hidden_size": 64,
      "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 64, "num_hidden_layers": 1})");
  EXPECT_EQ(MakePlan(small, MakeLayout(small), Options(), machine).numerics.optimizer, "fused 1");
  EXPECT_EQ(asked, 101) << "an update of some milliseconds is not worth the timing";
}

TEST(UpdatePath, OfARecordIsKept) {
  const Plan before = Make(Options(UpdatePath::kOneDnn), Machine(UpdatePath::kFused));
  PlanOptions o = Options();
  o.numerics = NumericsJson(before.numerics);
  const Plan after = Make(o, Machine(UpdatePath::kFused));
  EXPECT_EQ(after.numerics.optimizer, before.numerics.optimizer);
  EXPECT_EQ(after.numerics.hash, before.numerics.hash);
  o.numerics = NumericsJson(Make(Options(UpdatePath::kFused), Machine(UpdatePath::kFused)).numerics);
  EXPECT_EQ(PathOf(o, Machine(UpdatePath::kOneDnn)), "fused 1");
}

TEST(UpdatePath, OneDnnIsRefusedForWhatItHasNot) {
  const auto refused = [](const std::function<void(PlanOptions&)>& change, const char* part) {
    PlanOptions o = Options(UpdatePath::kOneDnn);
    change(o);
    std::string message;
    EXPECT_EQ(CodeOf([&] { Make(o, Machine(UpdatePath::kFused)); }, &message), Code::kInvalidArgument);
    EXPECT_NE(message.find("optimizer_path is onednn"), std::string::npos) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  refused([](PlanOptions& o) { o.optimizer = Algorithm::kSgd; }, "optimizer is sgd");
  refused([](PlanOptions& o) { o.states = StateType::kBF16; }, "states bf16");
  refused([](PlanOptions& o) { o.remainder = false; }, "master none");
}

}  // namespace
}  // namespace hlm
