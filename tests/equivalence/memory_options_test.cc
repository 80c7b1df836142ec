// Memory options change where things lie and when they move, never a bit: each option against the plan's own choice, with random
// delays in every stream, for f32 and bf16.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/equivalence/run.h"
#include "tests/support/test_device.h"

namespace hlm {
namespace {

struct Variant {
  const char* name;
  std::function<void(PlanOptions&)> change;
};

std::vector<Variant> Variants() {
  return {
      {"the_same_again", [](PlanOptions&) {}},
      {"keep", [](PlanOptions& o) { o.activations = Activations::kKeep; }},
      {"keep_cheap", [](PlanOptions& o) { o.activations = Activations::kKeepCheap; }},
      {"recompute", [](PlanOptions& o) { o.activations = Activations::kRecompute; }},
      {"block_inputs_on_host", [](PlanOptions& o) { o.block_inputs = BlockInputs::kHost; }},
      {"recompute_from_host",
       [](PlanOptions& o) {
         o.activations = Activations::kRecompute;
         o.block_inputs = BlockInputs::kHost;
       }},
      {"one_slot", [](PlanOptions& o) { o.slots = 1, o.prefetch = 0; }},
      {"two_slots", [](PlanOptions& o) { o.slots = 2, o.prefetch = 1; }},
      {"many_slots", [](PlanOptions& o) { o.slots = 9, o.prefetch = 2; }},
      {"no_prefetch", [](PlanOptions& o) { o.slots = 3, o.prefetch = 0; }},
      {"ring_of_one", [](PlanOptions& o) { o.ring = 1; }},
      {"ring_of_nine", [](PlanOptions& o) { o.ring = 9; }},
      {"small_parts", [](PlanOptions& o) { o.max_part_bytes = 16384; }},
      {"one_optimizer_thread", [](PlanOptions& o) { o.optimizer_threads = 1; }},
      {"three_optimizer_threads", [](PlanOptions& o) { o.optimizer_threads = 3; }},
      {"serial", [](PlanOptions& o) { o.timing = Timing::kSerial; }},
  };
}

struct Case {
  const char* name;
  DType compute;
  bool tied, qk_norm;
  int64_t sweeps;
};

class MemoryOptions : public testing::TestWithParam<Case> {
 protected:
  RunSetup SmallRun() const {
    RunSetup setup;
    setup.config = TinyConfig(GetParam().tied, GetParam().qk_norm, 5);
    setup.plan.compute = GetParam().compute;
    setup.plan.batch_size = 6;
    setup.plan.seq_len = 12;
    setup.plan.micro_batch = 1;
    setup.plan.sweeps = GetParam().sweeps;
    setup.plan.head_chunk = 5;
    setup.trainer.schedule.lr = 1e-2;
    return setup;
  }
};

TEST_P(MemoryOptions, NeverChangeABit) {
  const RunResult expected = Train(SmallRun());
  for (const double loss : expected.losses) EXPECT_TRUE(std::isfinite(loss));
  EXPECT_NE(expected.losses.front(), expected.losses.back());
  int64_t seed = 0;
  for (const Variant& variant : Variants()) {
    SCOPED_TRACE(variant.name);
    RunSetup setup = SmallRun();
    variant.change(setup.plan);
    setup.device.delay_seed = seed++;
    ExpectSameBits(expected, Train(setup));
  }
}

TEST_P(MemoryOptions, UpdatesInBackwardGiveTheSameBits) {
  RunSetup setup = SmallRun();
  setup.plan.grad_clip = 0;
  const RunResult expected = Train(setup);
  for (const int64_t part : {0, 16384}) {
    RunSetup other = setup;
    other.plan.timing = Timing::kBackward;
    other.plan.max_part_bytes = part;
    other.device.delay_seed = 7;
    ExpectSameBits(expected, Train(other));
  }
}

// Blocks that may be cut anywhere: as many pieces as groups of weights, some, and one. Pieces are sent, slotted, updated and copied
// each as one.
TEST_P(MemoryOptions, PiecesNeverChangeABit) {
  RunSetup setup = SmallRun();
  setup.seams = Seams::kEverywhere;
  const RunResult expected = Train(setup);
  EXPECT_EQ(expected.plan.pieces.size(), static_cast<int64_t>(expected.plan.units.size()));
  const Variant variants[] = {
      {"each_group", [](PlanOptions& o) { o.max_piece_bytes = 1; }},
      {"some_groups", [](PlanOptions& o) { o.max_piece_bytes = 5 * kPieceAlign; }},
      {"one_slot", [](PlanOptions& o) { o.max_piece_bytes = 1, o.slots = 1, o.prefetch = 0; }},
      {"many_slots", [](PlanOptions& o) { o.max_piece_bytes = 1, o.slots = 9, o.prefetch = 2; }},
      {"small_parts", [](PlanOptions& o) { o.max_piece_bytes = 1, o.max_part_bytes = 16384; }},
      {"serial", [](PlanOptions& o) { o.max_piece_bytes = 1, o.timing = Timing::kSerial; }},
  };
  int64_t seed = 100;
  for (const Variant& variant : variants) {
    SCOPED_TRACE(variant.name);
    RunSetup cut = setup;
    variant.change(cut.plan);
    cut.device.delay_seed = seed++;
    const RunResult result = Train(cut);
    EXPECT_GT(result.plan.pieces.size(), static_cast<int64_t>(result.plan.units.size()));
    ExpectSameBits(expected, result);
  }
  setup.plan.grad_clip = 0;
  const RunResult unclipped = Train(setup);
  setup.plan.timing = Timing::kBackward, setup.plan.max_piece_bytes = 1;
  ExpectSameBits(unclipped, Train(setup));
}

// The updates of oneDNN keep all of these promises among themselves, and lie near the others.
TEST_P(MemoryOptions, UpdatesByOneDnnGiveTheSameBitsHoweverTheyAreCut) {
  RunSetup setup = SmallRun();
  setup.plan.grad_clip = 0;
  const RunResult fused = Train(setup);
  setup.plan.update_path = UpdatePath::kOneDnn;
  const RunResult expected = Train(setup);
  EXPECT_EQ(expected.plan.numerics.optimizer, OptimizerPath(UpdatePath::kOneDnn));
  EXPECT_NE(expected.plan.numerics.hash, fused.plan.numerics.hash);
  const std::pair<const char*, std::function<void(PlanOptions&)>> cuts[] = {
      {"small_parts", [](PlanOptions& o) { o.max_part_bytes = 16384; }},
      {"three_threads", [](PlanOptions& o) { o.optimizer_threads = 3; }},
      {"backward", [](PlanOptions& o) { o.timing = Timing::kBackward; }},
      {"backward_small_parts", [](PlanOptions& o) { o.timing = Timing::kBackward, o.max_part_bytes = 16384; }},
      {"serial", [](PlanOptions& o) { o.timing = Timing::kSerial; }},
  };
  for (const auto& [name, change] : cuts) {
    SCOPED_TRACE(name);
    RunSetup other = setup;
    change(other.plan);
    other.device.delay_seed = 3;
    ExpectSameBits(expected, Train(other));
  }
  // Three steps of a rate of 0.01. The first update of AdamW is the gradient over its own magnitude: a gradient near zero, whose bits the
  // roundings of the step before decide, turns a few weights by as much as the rate. Nearly all lie within rounding.
  ASSERT_EQ(fused.state.size(), expected.state.size());
  size_t away = 0;
  for (size_t i = 0; i < fused.state.size(); ++i) {
    if (std::abs(fused.state[i] - expected.state[i]) > 1e-3 * (std::abs(fused.state[i]) + 0.1)) ++away;
  }
  EXPECT_LT(away, fused.state.size() / 100);
  EXPECT_FALSE(fused.state == expected.state);
}

TEST_P(MemoryOptions, TheArenasEqualThePlan) {
  for (const Variant& variant : Variants()) {
    SCOPED_TRACE(variant.name);
    RunSetup setup = SmallRun();
    setup.steps = 1;
    variant.change(setup.plan);
    const RunResult result = Train(setup);
    const auto memory = nlohmann::json::parse(result.metrics)["memory"];
    const Plan& plan = result.plan;
    EXPECT_EQ(memory["device_bytes"], plan.devices[0].arena.total);
    EXPECT_EQ(memory["pinned_bytes"], plan.host.Pinned());
    const auto planned = nlohmann::json::parse(PlanJson(plan))["memory"]["host"];
    for (const auto& [key, bytes] : planned.items()) EXPECT_EQ(memory[key], bytes) << key;
    EXPECT_EQ(memory["batch_and_block_inputs"], plan.host.batch + plan.host.block_inputs);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, MemoryOptions,
                         testing::Values(Case{"F32Untied", DType::kF32, false, false, 1},
                                         Case{"F32TiedTwoSweeps", DType::kF32, true, false, 2},
                                         Case{"Bf16UntiedThreeSweeps", DType::kBF16, false, true, 3},
                                         Case{"Bf16Tied", DType::kBF16, true, true, 1}),
                         [](const auto& info) { return std::string(info.param.name); });

// What each kind of body keeps and makes again.
struct BodyCase {
  const char* name;
  const char* config;
};
class BodyPolicies : public testing::TestWithParam<std::tuple<BodyCase, DType>> {};

TEST_P(BodyPolicies, NeverChangeABit) {
  RunSetup setup;
  setup.config = std::get<0>(GetParam()).config;
  setup.plan.compute = std::get<1>(GetParam());
  setup.plan.batch_size = 6;
  setup.plan.seq_len = 12;
  setup.plan.micro_batch = 2;
  setup.trainer.schedule.lr = 1e-2;
  if (const std::string refusal = TestsOnCpu() ? "" : Refusal(setup); !refusal.empty()) GTEST_SKIP() << refusal;
  const RunResult expected = Train(setup);
  EXPECT_NE(expected.losses.front(), expected.losses.back());
  int64_t seed = 0;
  for (const Variant& variant : Variants()) {
    if (std::string(variant.name).find("slot") != std::string::npos ||
        std::string(variant.name).find("ring") != std::string::npos)
      continue;
    SCOPED_TRACE(variant.name);
    RunSetup other = setup;
    variant.change(other.plan);
    other.device.delay_seed = seed++;
    ExpectSameBits(expected, Train(other));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Bodies, BodyPolicies,
    testing::Combine(
        testing::Values(
            BodyCase{
                "ShortConvolution",
                R"({"model_type": "lfm2", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
                         "num_key_value_heads": 1, "vocab_size": 61, "max_position_embeddings": 64, "conv_bias": true, "pad_token_id": null,
                         "layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": false, "initializer_range": 0.3})"},
            BodyCase{"DeltaRule",
                     R"({"model_type": "qwen3_5_text", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
                         "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "vocab_size": 61, "max_position_embeddings": 64,
                         "layer_types": ["linear_attention", "full_attention"], "linear_key_head_dim": 6, "linear_value_head_dim": 5,
                         "linear_num_key_heads": 1, "linear_num_value_heads": 2, "initializer_range": 0.3})"},
            BodyCase{"StateSpaceBesideAttention",
                     R"({"model_type": "falcon_h1", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
                         "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 61, "max_position_embeddings": 64, "mamba_d_ssm": 12,
                         "mamba_n_heads": 4, "mamba_n_groups": 2, "mamba_d_state": 6, "mamba_rms_norm": true, "ssm_in_multiplier": 1.1,
                         "ssm_out_multiplier": 0.8, "attention_in_multiplier": 1.2, "mlp_multipliers": [0.8, 0.6],
                         "ssm_multipliers": [0.9, 0.8, 1.2, 0.7, 1.3], "pad_token_id": null, "initializer_range": 0.3})"},
            BodyCase{"StateSpaceGatedFirst",
                     R"({"model_type": "bamba", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
                         "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 61, "max_position_embeddings": 64,
                         "attn_layer_indices": [1], "mamba_n_heads": 4, "mamba_n_groups": 2, "mamba_d_state": 6, "mamba_proj_bias": true,
                         "pad_token_id": null, "initializer_range": 0.3})"},
            BodyCase{"KimiDeltaAttention",
                     R"({"model_type": "kimi_linear", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
                         "num_attention_heads": 2, "vocab_size": 61, "kv_lora_rank": 6, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4,
                         "v_head_dim": 5, "mlp_layer_types": ["dense", "dense"], "layer_types": ["linear_attention", "full_attention"],
                         "num_key_value_heads": 2, "linear_head_dim": 6, "linear_num_heads": 2, "pad_token_id": null,
                         "initializer_range": 0.3})"},
            BodyCase{"SelectiveScan",
                     R"({"model_type": "jamba", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
                         "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 61, "num_experts": 2, "num_experts_per_tok": 1,
                         "attn_layer_period": 2, "attn_layer_offset": 1, "mamba_d_state": 5, "pad_token_id": null,
                         "initializer_range": 0.3})"},
            BodyCase{"GatedRecurrence",
                     R"({"model_type": "recurrent_gemma", "hidden_size": 16, "intermediate_size": 48, "num_hidden_layers": 2,
                         "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 61, "block_types": ["recurrent", "attention"],
                         "attention_window_size": 4, "lru_width": 12, "pad_token_id": null, "initializer_range": 0.2})"},
            BodyCase{"DynamicRope",
                     R"({"model_type": "llama", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
                         "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 61, "max_position_embeddings": 4,
                         "rope_scaling": {"rope_type": "dynamic", "factor": 3.0}, "rms_norm_eps": 1e-6, "initializer_range": 0.3})"}),
        testing::Values(DType::kF32, DType::kBF16)),
    [](const auto& info) { return std::string(std::get<0>(info.param).name) + Name(std::get<1>(info.param)); });

}  // namespace
}  // namespace hlm
