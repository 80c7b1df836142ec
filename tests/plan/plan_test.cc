// The plan: a pure function whose numbers can be checked by hand.
#include "core/plan/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>

#include "core/base/error.h"
#include "core/device/facts.h"
#include "core/plan/memory_fields.h"
#include "core/plan/places.h"
#include "core/plan/rehearse.h"
#include "cpu_optim/optimizer.h"
#include "tests/plan/spec_7b.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

MachineSpec Gpu() {
  MachineSpec m;
  m.devices = {"cuda:0"};
  m.red_zone_bytes = 0;
  m.device_is_host = false;
  m.host_bytes = int64_t{125} << 30;
  m.device_bytes = int64_t{78} << 30;
  m.threads = 16;
  m.product_flops_f32 = 50e12, m.product_flops_bf16 = 700e12;
  m.up_bytes_per_second = m.down_bytes_per_second = 54e9;
  m.host_bytes_per_second = 120e9;
  m.libraries = "test";
  m.workspace_bytes = [](const Call&, int64_t) { return size_t{64} << 20; };
  return m;
}

PlanOptions Options(int64_t rows, int64_t micro) {
  PlanOptions o;
  o.batch_size = rows, o.seq_len = 1024, o.micro_batch = micro;
  return o;
}

TEST(Plan, CountsTheParametersOf7B) { EXPECT_EQ(MakeLayout(Spec7B()).parameters, 7615616512); }

TEST(Plan, ExactMasterTakesTwelveBytesAParameterAndTwoForTheGradient) {
  const ModelSpec spec = Spec7B();
  const Plan plan = MakePlan(spec, MakeLayout(spec), Options(16, 4), Gpu());
  const int64_t n = plan.host.weights / 2;  // padding included
  EXPECT_GE(n, plan.parameters);
  EXPECT_LT(n - plan.parameters, 64 * 13 * 30);
  EXPECT_EQ(plan.host.remainders, 2 * n);
  EXPECT_EQ(plan.host.first_moments, 4 * n);
  EXPECT_EQ(plan.host.second_moments, 4 * n);
  EXPECT_EQ(plan.host.gradients, 2 * n);
}

TEST(Plan, BackwardTimingInOneSweepNeedsNoGradientStore) {
  const ModelSpec spec = Spec7B();
  PlanOptions o = Options(16, 4);
  o.timing = Timing::kBackward, o.grad_clip = 0, o.sweeps = 1;
  EXPECT_EQ(MakePlan(spec, MakeLayout(spec), o, Gpu()).host.gradients, 0);
  o.sweeps = 2;
  EXPECT_GT(MakePlan(spec, MakeLayout(spec), o, Gpu()).host.gradients, 0);
}

TEST(Plan, StashHoldsWhatThePolicySays) {
  const ModelSpec s = Spec7B();
  const AttentionSpec a = *FirstOf<AttentionSpec>(s);
  const int64_t h = s.hidden, q = a.QkvWidth(), i = FirstOf<MlpSpec>(s)->intermediate, fp32 = 4 * (2 + a.heads);
  const Block block(s.kinds[0], s);
  const auto bytes = [&](Activations policy) {
    Plan plan;
    plan.sweep_tokens = 1024, plan.activations = {policy};
    return StashOf(block, plan, 0).total;
  };
  // Without the block's input, 2 h, which lies elsewhere.
  EXPECT_EQ(bytes(Activations::kKeep), 1024 * (8 * h + 2 * q + 6 * i + fp32));
  EXPECT_EQ(bytes(Activations::kKeepCheap), 1024 * (4 * h + 2 * q + 4 * i + fp32));
  EXPECT_EQ(bytes(Activations::kRecompute), 0);
}

TEST(Plan, AnyStepIsPlannedOrRefusedSoon) {
  const ModelSpec spec = Spec7B();
  const ModelLayout layout = MakeLayout(spec);
  const auto begin = std::chrono::steady_clock::now();
  struct Case {
    int64_t rows, seq_len, micro, sweeps;
    const char* part;  // of the message; null: there is a plan, or memory is what is missing
  };
  for (const Case& c : std::vector<Case>{
           {INT32_MAX, 1, 1, 0, "2147483647 micro-batches; the limit is 1048576"},
           {INT32_MAX, 1024, 1, 0, "must lie in [1, 2147483647]"},
           {int64_t{1} << 40, 1024, 16, 0, "must lie in [1, 2147483647]"},
           {int64_t{1} << 21, 1, 1, 0, "2097152 micro-batches; the limit is 1048576"},
           {INT32_MAX, 1, 4096, 4097, "sweeps is 4097"},
           {4097, 1, 1, 4097, "[0, 4096]"},
           {1 << 20, 1, 1, 0, nullptr},
           {1 << 18, 4096, 1, 0, nullptr},
           {1 << 20, 1, 1, 4096, nullptr},
           {INT32_MAX, 1, 4096, 0, nullptr},
           {4096, 2048, 1, 0, nullptr},
       }) {
    SCOPED_TRACE(std::to_string(c.rows) + " rows in micro-batches of " + std::to_string(c.micro));
    PlanOptions o;
    o.batch_size = c.rows, o.seq_len = c.seq_len, o.micro_batch = c.micro, o.sweeps = c.sweeps;
    try {
      const Plan plan = MakePlan(spec, layout, o, Gpu());
      EXPECT_EQ(c.part, nullptr);
      EXPECT_LE(plan.numerics.sweeps, 4096);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), c.part == nullptr ? Code::kResourceExhausted : Code::kInvalidArgument) << error.message();
      if (c.part != nullptr) {
        EXPECT_NE(error.message().find(c.part), std::string::npos) << error.message();
      }
    }
  }
  // A second or two alone; the rest is for a busy machine and sanitizers.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(120));
}

TEST(Plan, DeviceMemoryDoesNotGrowWithLayersWhenAllIsRecomputed) {
  int64_t bytes = 0;
  for (const int64_t layers : {14, 28, 56}) {
    const ModelSpec spec = Spec7B(layers);
    PlanOptions o = Options(16, 4);
    o.activations = Activations::kRecompute, o.block_inputs = BlockInputs::kHost, o.purpose = Purpose::kForwardBackward;
    const Plan plan = MakePlan(spec, MakeLayout(spec), o, Gpu());
    if (bytes != 0) {
      EXPECT_EQ(plan.device_bytes, bytes);
    }
    bytes = plan.device_bytes;
  }
}

TEST(Plan, ManyTokensAreCutIntoSweepsRatherThanRecomputed) {
  const ModelSpec spec = Spec7B();
  PlanOptions o = Options(128, 4);
  o.purpose = Purpose::kForwardBackward;
  const Plan plan = MakePlan(spec, MakeLayout(spec), o, Gpu());
  EXPECT_GE(plan.numerics.sweeps, 6);
  EXPECT_LE(plan.numerics.sweeps, 10);
  for (const Activations policy : plan.activations) EXPECT_NE(policy, Activations::kRecompute);
  EXPECT_LE(plan.device_bytes, Gpu().device_bytes);
}

TEST(Plan, BigUnitsMoveInParts) {
  const ModelSpec spec = Spec7B();
  const Plan plan = MakePlan(spec, MakeLayout(spec), Options(16, 4), Gpu());
  EXPECT_EQ(plan.part_bytes, int64_t{256} << 20);
  ASSERT_EQ(plan.pieces.size(), static_cast<int64_t>(plan.units.size()));  // what is dense is one piece
  const PiecePlan& head = plan.pieces.all().back();
  EXPECT_EQ(head.parts.size(), 5u);  // 1.09 GB
  int64_t at = 0;
  for (const PartPlan& part : head.parts) {
    EXPECT_EQ(part.begin, at);
    EXPECT_EQ(part.begin % kGradientChunk, 0);
    at = part.end;
  }
  EXPECT_EQ(at, head.elements());
}

TEST(Plan, WhatDoesNotFitIsRefusedWithTheNumbers) {
  const ModelSpec spec = Spec7B();
  PlanOptions o = Options(16, 4);
  o.host_limit_bytes = int64_t{50} << 30;
  std::string message;
  EXPECT_EQ(CodeOf([&] { MakePlan(spec, MakeLayout(spec), o, Gpu()); }, &message), Code::kResourceExhausted);
  EXPECT_NE(message.find("53687091200"), std::string::npos) << message;
  EXPECT_NE(message.find("moments"), std::string::npos) << message;
  // "the plan needs N bytes ... (weights A, ..., libraries and drivers B)": A to B are all of N.
  const size_t begin = message.find('(');
  const std::string parts = message.substr(begin, message.find(')') - begin);
  int64_t sum = 0;
  for (size_t at = parts.find_first_of("0123456789"); at != std::string::npos; at = parts.find_first_of("0123456789", at)) {
    size_t length = 0;
    sum += std::stoll(parts.substr(at), &length);
    at += length;
  }
  EXPECT_EQ(sum, std::stoll(message.substr(std::string("the plan needs ").size()))) << message;
  o.host_limit_bytes = 0, o.device_limit_bytes = int64_t{2} << 30;
  EXPECT_EQ(CodeOf([&] { MakePlan(spec, MakeLayout(spec), o, Gpu()); }, &message), Code::kResourceExhausted);
  EXPECT_NE(message.find("2147483648"), std::string::npos) << message;
}

TEST(Plan, RefusesOptionsThatContradict) {
  const ModelSpec spec = Spec7B();
  const auto code = [&](const std::function<void(PlanOptions&)>& change) {
    PlanOptions o = Options(16, 4);
    change(o);
    return CodeOf([&] { MakePlan(spec, MakeLayout(spec), o, Gpu()); });
  };
  EXPECT_EQ(code([](PlanOptions& o) { o.timing = Timing::kBackward; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](PlanOptions& o) { o.timing = Timing::kBackward, o.grad_clip = 0; }), Code::kOk);
  EXPECT_EQ(code([](PlanOptions& o) { o.slots = 2, o.prefetch = 2; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](PlanOptions& o) { o.sweeps = 5; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](PlanOptions& o) { o.batch_size = 0; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](PlanOptions& o) { o.batch_size = int64_t{1} << 40; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](PlanOptions& o) { o.micro_batch = 17; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](PlanOptions& o) { o.max_part_bytes = 100; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](PlanOptions& o) { o.grad_clip = -1; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](PlanOptions& o) { o.compute = DType::kF32, o.grad_dtype = DType::kBF16; }), Code::kInvalidArgument);
}

TEST(Plan, RefusalsNameTheValueAndTheLimit) {
  const MachineSpec gpu = Gpu();
  MachineSpec two = Gpu();
  two.devices = {"cuda:0", "cuda:1"};
  const auto refuses = [](const std::string& config, const PlanOptions& o, const MachineSpec& machine, const std::string& what) {
    const ModelConfig model = ReadConfig(config);
    std::string message;
    EXPECT_EQ(CodeOf([&] { MakePlan(model.spec, MakeLayout(model.spec, model.names), o, machine); }, &message),
              Code::kInvalidArgument)
        << what;
    EXPECT_NE(message.find(what), std::string::npos) << message;
  };
  const auto config = [](int64_t layers) {
    return StrCat(R"({"architectures": ["Qwen3ForCausalLM"], "vocab_size": 64, "hidden_size": 64, "num_attention_heads": 2,
        "num_key_value_heads": 2, "intermediate_size": 64, "head_dim": 32, "num_hidden_layers": )",
                  layers, "}");
  };
  const PlanOptions o = Options(2, 1);
  refuses(config(1), Options(1, 0), two, "batch_size is 1; 2 devices need at least 2 rows");
  PlanOptions f16 = o, swept = Options(1000, 1);
  f16.compute = DType::kF16;
  refuses(config(1), f16, gpu, "compute is f16; it must be f32 or bf16");
  swept.sweeps = 1000;
  refuses(config(16384), swept, gpu, "sweeps is 1000; a model of 16384 layers may have ");
  // 2 * 16384 visits of blocks in a sweep and those of embedding and head: of 1048576 visits 31 times.
  swept.sweeps = 0, swept.batch_size = swept.reduction_groups = 1024;
  refuses(config(16384), swept, gpu, "reduction_groups is 1024; a model of 16384 layers may have 31 (1048576 visits)");
}

// Its tensors on disk have the names of their roles.
ModelLayout LayoutOf(const ModelSpec& spec) {
  ModelNames names = LlamaNames();
  const Block block(spec.kinds[0], spec);
  for (const WeightGroup& group : block.declaration().groups()) {
    for (const WeightMember& member : group.members)
      names.layer[member.role].path = group.number < 0 ? member.role : member.role + ".{}";
  }
  return MakeLayout(spec, names);
}

// A model of one block with this body.
ModelSpec SpecOf(BodySpec body) {
  ModelSpec s;
  s.vocab = 320, s.hidden = 64;
  s.head.norm = {.kind = NormType::kRms};
  BlockSpec block;
  block.branches.push_back({.before = s.head.norm, .bodies = {{std::move(body), {}}}, .after = {}});
  s.AddLayer(block);
  return s;
}

TEST(Plan, RefusesWidthsThatTheDeviceDoesNotTake) {
  MachineSpec machine = Gpu();
  machine.width_multiple = 8, machine.most_head_dim = 256;
  const auto refusal = [&](BodySpec body) {
    const ModelSpec spec = SpecOf(std::move(body));
    std::string message;
    const Code code = CodeOf([&] { MakePlan(spec, LayoutOf(spec), Options(8, 0), machine); }, &message);
    EXPECT_TRUE(code == Code::kOk || code == Code::kUnimplemented) << message;
    return message;
  };
  const std::string multiples = "; device cuda:0 takes multiples of 8 only; device cpu takes any",
                    most = "; device cuda:0 takes at most 256";
  const AttentionSpec attention{.heads = 2, .kv_heads = 1, .head_dim = 32, .rope = -1};
  EXPECT_EQ(refusal(attention), "");
  AttentionSpec heads = attention;
  heads.head_dim = 12;
  EXPECT_EQ(refusal(heads), "head_dim is 12" + multiples);
  heads.head_dim = 264;
  EXPECT_EQ(refusal(heads), "head_dim is 264" + most);
  EXPECT_EQ(refusal(MlpSpec{.intermediate = 100}), "intermediate_size is 100" + multiples);
  ExpertsSpec experts;
  experts.count = 4, experts.chosen = 2, experts.intermediate = 20;
  EXPECT_EQ(refusal(experts), "the experts' intermediate_size is 20" + multiples);
  experts.intermediate = 16, experts.latent = 12;
  EXPECT_EQ(refusal(experts), "moe_latent_size is 12" + multiples);
  LatentAttentionSpec latent;
  latent.heads = 2, latent.query_rank = 12, latent.key_rank = 16, latent.still_dim = 16, latent.rope_dim = 8,
  latent.value_dim = 16;
  latent.rope = -1;
  EXPECT_EQ(refusal(latent), "q_lora_rank is 12" + multiples);
  latent.query_rank = 16, latent.still_dim = 256;
  EXPECT_EQ(refusal(latent), "a head's width is 264" + most);
  // Neither on a device that takes any.
  machine.width_multiple = 1;
  EXPECT_EQ(refusal(heads), "");
  EXPECT_EQ(refusal(MlpSpec{.intermediate = 100}), "");
}

TEST(Plan, IsTheSameForTheSameInputsAndItsHashIsOfTheNumericsAlone) {
  const ModelSpec spec = Spec7B();
  const ModelLayout layout = MakeLayout(spec);
  PlanOptions o = Options(16, 4);
  const Plan plan = MakePlan(spec, layout, o, Gpu());
  EXPECT_EQ(PlanJson(plan), PlanJson(MakePlan(spec, layout, o, Gpu())));
  o.ring = 7, o.slots = 5, o.optimizer_threads = 3, o.sweeps = plan.numerics.sweeps;
  EXPECT_EQ(plan.numerics.hash, MakePlan(spec, layout, o, Gpu()).numerics.hash);
  o.head_chunk = 32;
  EXPECT_NE(plan.numerics.hash, MakePlan(spec, layout, o, Gpu()).numerics.hash);
}

TEST(Plan, ValuesAreFoundByTheirDottedKeys) {
  const ModelSpec spec = Spec7B();
  const Plan plan = MakePlan(spec, MakeLayout(spec), Options(16, 4), Gpu());
  EXPECT_EQ(PlanValue(plan, "host_bytes"), plan.host_bytes);
  EXPECT_EQ(PlanValue(plan, "memory.device.arena"), plan.devices[0].arena.total);
  EXPECT_EQ(CodeOf([&] { PlanValue(plan, "memory.device.nothing"); }), Code::kNotFound);
  EXPECT_EQ(CodeOf([&] { PlanValue(plan, "device"); }), Code::kNotFound);
  EXPECT_EQ(CodeOf([&] { PlanValue(plan, ""); }), Code::kNotFound);
}

// Gemma 4 with inputs of each layer: what several layers read waits beside them.
ModelConfig ConfigWithSides() {
  return ReadConfig(
      R"({"architectures": ["Gemma4ForCausalLM"], "model_type": "gemma4_text", "hidden_size": 32, "intermediate_size": 48,
          "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "global_head_dim": 16, "vocab_size": 61,
          "layer_types": ["sliding_attention", "full_attention", "full_attention"], "sliding_window": 7, "max_position_embeddings": 512,
          "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 61, "num_kv_shared_layers": 1})");
}

struct AddRanges {
  std::vector<Range> ranges;
  template <class... Ranges>
  void Field(const char*, const Ranges&... more) {
    (ranges.push_back(more), ...);
  }
};

// Each range of the arena is behind the one before it, and all together are the arena: the list of them is complete.
TEST(Plan, TheArenaHasNoOverlaps) {
  const ModelConfig with_sides = ConfigWithSides();
  const std::pair<ModelSpec, ModelLayout> models[] = {{Spec7B(), MakeLayout(Spec7B())},
                                                      {with_sides.spec, MakeLayout(with_sides.spec, with_sides.names)}};
  for (const auto& [spec, layout] : models) {
    const DeviceArena a = MakePlan(spec, layout, Options(16, 4), Gpu()).devices[0].arena;
    EXPECT_EQ(a.sides.bytes > 0, !spec.sides.empty());
    EXPECT_EQ(a.side_gradients.bytes, a.sides.bytes);
    AddRanges all;
    VisitFields(all, a);
    std::sort(all.ranges.begin(), all.ranges.end(),
              [](const Range& x, const Range& y) { return std::pair(x.offset, x.bytes) < std::pair(y.offset, y.bytes); });
    int64_t end = 0;
    for (const Range& range : all.ranges) {
      EXPECT_EQ(range.offset, end);
      EXPECT_EQ(range.offset % 256, 0);
      end = range.offset + (range.bytes + 255) / 256 * 256;
    }
    EXPECT_EQ(end, a.total);
  }
}

// Qwen2.5-7B: hidden 3584, 28 heads on 4 of 128, intermediate 18944, 28 blocks.
TEST(Plan, ProductsOfAStepAreThoseOfTheModel) {
  const ModelSpec spec = Spec7B();
  const Plan plan = MakePlan(spec, MakeLayout(spec), Options(16, 4), Gpu());
  const double micro_batches = 4, tokens = 4 * 1024;
  const std::vector<CountedCall> products = StepProducts(plan);
  double linear = 0, logits = 0;
  for (const CountedCall& p : products) {
    const double flops = FlopsOf({{p.call, std::visit([](const auto& args) { return FactsOf(args); }, p.call), 0}}).linear;
    linear += p.times * flops;
    if (p.name.find(" -> " + std::to_string(spec.vocab)) != std::string::npos) logits += p.times * flops;
    EXPECT_EQ(std::count_if(products.begin(), products.end(), [&](const CountedCall& other) { return other.name == p.name; }), 1);
  }
  const double block = 3584.0 * (3584 + 2 * 4 * 128) + 3584.0 * 3584 + 3 * 3584.0 * 18944;
  const double head = 3584.0 * static_cast<double>(spec.vocab);
  // Forward, input gradient, weight gradient: two operations an element each.
  EXPECT_NEAR(logits, 6 * head * tokens * micro_batches, 1e-9 * linear);
  EXPECT_NEAR(linear, 6 * (28 * block + head) * tokens * micro_batches, 1e-9 * linear);
}

}  // namespace
}  // namespace hlm
