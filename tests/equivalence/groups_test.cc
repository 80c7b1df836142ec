// A block of experts that is visited by groups: groups of one expert, of two and the block as a whole have the same bits, for every
// memory option and with several devices; what is in device memory is bounded by a group; every wait is needed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "tests/equivalence/run.h"
#include "tests/support/test_device.h"

namespace hlm {
namespace {

constexpr int64_t kWhole = int64_t{1} << 40;

// What stands beside, within and behind the experts differs: biases and the clamped layer; groups of experts, a shared MLP, latent
// attention and a dense layer before; a shared expert with a gate beside a recurrence; the weight on the input; scales of branches; no
// gate; a norm behind the sum with a shared MLP; norms around each of two bodies, and a router that reads another; a latent around the
// experts.
struct Family {
  const char* name;
  const char* config;
};
constexpr Family kFamilies[] = {
    {"GptOss",
     R"({"model_type": "gpt_oss", "hidden_size": 24, "head_dim": 8, "num_attention_heads": 4, "num_key_value_heads": 2,
         "num_hidden_layers": 3, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"], "sliding_window": 5,
         "intermediate_size": 16, "num_local_experts": 6, "num_experts_per_tok": 2, "swiglu_limit": 1.0, "vocab_size": 61,
         "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "attention_bias": true, "hidden_act": "silu", "initializer_range": 0.2,
         "rope_parameters": {"rope_type": "default", "rope_theta": 1000.0}, "tie_word_embeddings": false, "pad_token_id": null})"},
    {"DeepSeekV3",
     R"({"model_type": "deepseek_v3", "hidden_size": 24, "num_attention_heads": 3, "num_key_value_heads": 3, "num_hidden_layers": 4,
         "first_k_dense_replace": 1, "q_lora_rank": 16, "kv_lora_rank": 24, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8,
         "v_head_dim": 16, "intermediate_size": 40, "moe_intermediate_size": 16, "n_routed_experts": 8, "n_shared_experts": 1,
         "num_experts_per_tok": 3, "n_group": 4, "topk_group": 2, "norm_topk_prob": true, "routed_scaling_factor": 1.7,
         "hidden_act": "silu", "vocab_size": 61, "max_position_embeddings": 256, "rms_norm_eps": 1e-6, "attention_bias": false,
         "rope_interleave": true, "rope_parameters": {"rope_type": "default", "rope_theta": 1000.0}, "initializer_range": 0.2,
         "tie_word_embeddings": false, "pad_token_id": null})"},
    {"Qwen3Next",
     R"({"model_type": "qwen3_next", "hidden_size": 24, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
         "num_hidden_layers": 3, "layer_types": ["linear_attention", "full_attention", "linear_attention"], "mlp_only_layers": [2],
         "decoder_sparse_step": 1, "linear_conv_kernel_dim": 3, "linear_key_head_dim": 8, "linear_num_key_heads": 2,
         "linear_num_value_heads": 4, "linear_value_head_dim": 16, "intermediate_size": 40, "moe_intermediate_size": 16,
         "shared_expert_intermediate_size": 16, "num_experts": 6, "num_experts_per_tok": 2, "norm_topk_prob": true,
         "hidden_act": "silu", "vocab_size": 61, "max_position_embeddings": 256, "rms_norm_eps": 1e-3, "attention_bias": false,
         "rope_parameters": {"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": 0.5}, "initializer_range": 0.2,
         "tie_word_embeddings": false, "pad_token_id": null})"},
    {"Llama4",
     R"({"model_type": "llama4_text", "hidden_size": 24, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
         "num_hidden_layers": 4, "interleave_moe_layer_step": 2, "moe_layers": [1, 3], "no_rope_layers": [1, 1, 0, 0],
         "no_rope_layer_interval": 4, "attention_chunk_size": 6, "layer_types": ["chunked_attention", "chunked_attention",
         "full_attention", "full_attention"], "attn_temperature_tuning": true, "attn_scale": 0.5, "floor_scale": 4,
         "intermediate_size": 16, "intermediate_size_mlp": 40, "num_local_experts": 4, "num_experts_per_tok": 1,
         "use_qk_norm": true, "hidden_act": "silu", "vocab_size": 61, "max_position_embeddings": 256, "rms_norm_eps": 1e-5,
         "attention_bias": false, "rope_parameters": {"rope_type": "default", "rope_theta": 300.0}, "initializer_range": 0.2,
         "tie_word_embeddings": false, "pad_token_id": null})"},
    {"GraniteMoeShared",
     R"({"model_type": "granitemoeshared", "hidden_size": 24, "num_attention_heads": 3, "num_key_value_heads": 1,
         "num_hidden_layers": 3, "attention_multiplier": 0.5, "embedding_multiplier": 3.0, "logits_scaling": 0.8,
         "residual_multiplier": 0.6, "intermediate_size": 16, "shared_intermediate_size": 24, "num_local_experts": 6,
         "num_experts_per_tok": 2, "hidden_act": "silu", "vocab_size": 61, "max_position_embeddings": 256, "rms_norm_eps": 1e-6,
         "attention_bias": false, "rope_parameters": {"rope_type": "default", "rope_theta": 300.0}, "initializer_range": 0.2,
         "tie_word_embeddings": true, "pad_token_id": null})"},
    {"Afmoe",
     R"({"model_type": "afmoe", "hidden_size": 24, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
         "num_hidden_layers": 3, "num_dense_layers": 1, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
         "sliding_window": 5, "global_attn_every_n_layers": 4, "intermediate_size": 40, "moe_intermediate_size": 16, "num_experts": 6,
         "num_experts_per_tok": 2, "num_shared_experts": 1, "route_scale": 1.5, "mup_enabled": true, "hidden_act": "silu",
         "vocab_size": 61, "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "attention_bias": false,
         "rope_parameters": {"rope_type": "default", "rope_theta": 300.0}, "initializer_range": 0.2, "tie_word_embeddings": false,
         "pad_token_id": null})"},
    {"Gemma4",
     R"({"model_type": "gemma4_text", "enable_moe_block": true, "hidden_size": 24, "num_attention_heads": 4, "num_key_value_heads": 2,
         "head_dim": 8, "num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 5,
         "per_layer_config": {"1": {"head_dim": 16}}, "hidden_size_per_layer_input": 0, "intermediate_size": 40,
         "moe_intermediate_size": 16, "num_experts": 6, "top_k_experts": 2, "num_kv_shared_layers": 0,
         "hidden_activation": "gelu_pytorch_tanh", "vocab_size": 61, "vocab_size_per_layer_input": 262144,
         "max_position_embeddings": 256, "rms_norm_eps": 1e-6, "attention_bias": false, "attention_k_eq_v": false,
         "rope_parameters": {"full_attention": {"partial_rotary_factor": 0.5, "rope_theta": 1000.0, "rope_type": "proportional"},
         "sliding_attention": {"rope_theta": 100.0, "rope_type": "default"}}, "initializer_range": 0.2, "tie_word_embeddings": true,
         "use_double_wide_mlp": false, "pad_token_id": null})"},
    {"NemotronH",
     R"({"model_type": "nemotron_h", "hidden_size": 24, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
         "num_hidden_layers": 4, "layers_block_type": ["linear_attention", "moe", "full_attention", "moe"], "intermediate_size": 40,
         "moe_intermediate_size": 16, "moe_latent_size": 16, "moe_shared_expert_intermediate_size": 24, "n_routed_experts": 8,
         "n_shared_experts": 1, "num_experts_per_tok": 3, "n_group": 4, "topk_group": 2, "norm_topk_prob": true,
         "routed_scaling_factor": 1.7, "mamba_head_dim": 8, "mamba_num_heads": 6, "n_groups": 2, "ssm_state_size": 8, "chunk_size": 4,
         "conv_kernel": 3, "expand": 2, "mamba_hidden_act": "silu", "mamba_proj_bias": false, "mlp_bias": false,
         "mlp_hidden_act": "relu2", "use_bias": false, "use_conv_bias": true, "attention_bias": false, "layer_norm_epsilon": 1e-5,
         "time_step_floor": 0.0001, "time_step_max": 0.1, "time_step_min": 0.001, "vocab_size": 61, "max_position_embeddings": 256,
         "initializer_range": 0.2, "tie_word_embeddings": false, "pad_token_id": null})"},
};

RunSetup SmallRun(const char* config, DType compute) {
  RunSetup setup;
  setup.config = config;
  setup.plan.compute = compute;
  setup.plan.batch_size = 6;
  setup.plan.seq_len = 12;
  setup.plan.micro_batch = 1;
  setup.plan.head_chunk = 5;
  setup.plan.max_piece_bytes = kWhole;
  setup.trainer.schedule.lr = 1e-2;
  // In front of each of thousands of kernels, some hundred runs of them: the longest delays would be most of the test's time.
  setup.device.max_delay_us = TestsOnCpu() ? 40 : 10;
  if (!TestsOnCpu()) setup.steps = 2;
  return setup;
}

bool ByGroup(const Plan& plan) { return plan.devices.front().arena.between_stages.bytes > 0; }

class Groups : public testing::TestWithParam<std::tuple<Family, DType>> {
 protected:
  void SetUp() override {
    if (const std::string refusal = TestsOnCpu() ? "" : Refusal(Setup()); !refusal.empty()) GTEST_SKIP() << refusal;
  }
  RunSetup Setup() const { return SmallRun(std::get<0>(GetParam()).config, std::get<1>(GetParam())); }
  // On a GPU a run of this size is mostly the making of its device, libraries and graphs: there the families share the variants, of which each
  // is run with some family.
  bool Runs(int64_t variant, int64_t of) const {
    int64_t family = 0;
    while (kFamilies[family].config != std::get<0>(GetParam()).config) ++family;
    const int64_t shares = std::min<int64_t>(of, std::size(kFamilies));
    return TestsOnCpu() || variant % shares == family % shares;
  }
};

TEST_P(Groups, OfAnySizeGiveTheSameBits) {
  const RunResult whole = Train(Setup());
  EXPECT_FALSE(ByGroup(whole.plan));
  for (const double loss : whole.losses) EXPECT_TRUE(std::isfinite(loss));
  EXPECT_NE(whole.losses.front(), whole.losses.back());
  const std::pair<const char*, std::function<void(PlanOptions&)>> variants[] = {
      {"as_chosen", [](PlanOptions&) {}},
      {"keep", [](PlanOptions& o) { o.activations = Activations::kKeep; }},
      {"keep_cheap", [](PlanOptions& o) { o.activations = Activations::kKeepCheap; }},
      {"recompute", [](PlanOptions& o) { o.activations = Activations::kRecompute; }},
      {"recompute_from_host",
       [](PlanOptions& o) { o.activations = Activations::kRecompute, o.block_inputs = BlockInputs::kHost; }},
      {"one_slot", [](PlanOptions& o) { o.slots = 1, o.prefetch = 0; }},
      {"many_slots", [](PlanOptions& o) { o.slots = 9, o.prefetch = 4; }},
      {"ring_of_one", [](PlanOptions& o) { o.ring = 1; }},
      {"small_parts", [](PlanOptions& o) { o.max_part_bytes = 16384; }},
  };
  const int64_t expert = kPieceAlign * static_cast<int64_t>(SizeOf(std::get<1>(GetParam())));
  int64_t seed = 0;
  for (const int64_t piece : {int64_t{1}, 2 * expert}) {
    for (const auto& [name, change] : variants) {
      SCOPED_TRACE(testing::Message() << name << ", pieces of " << piece);
      const int64_t number = seed++;
      if (!Runs(number, 2 * std::ssize(variants))) continue;
      RunSetup setup = Setup();
      setup.plan.max_piece_bytes = piece;
      change(setup.plan);
      setup.device.delay_seed = number;
      const RunResult result = Train(setup);
      EXPECT_TRUE(ByGroup(result.plan));
      EXPECT_EQ(result.plan.numerics.hash, whole.plan.numerics.hash);
      EXPECT_LT(result.plan.devices.front().arena.accumulator.bytes, whole.plan.devices.front().arena.accumulator.bytes + 1);
      ExpectSameBits(whole, result);
    }
  }
}

// Updates as soon as a group's gradient is down; sums of several sweeps; cuts between any two groups of weights.
TEST_P(Groups, SweepsAndUpdatesInBackwardGiveTheSameBits) {
  for (const bool sweeps : {false, true}) {
    if (!Runs(sweeps ? 1 : 0, 2)) continue;
    RunSetup setup = Setup();
    setup.plan.grad_clip = 0;
    if (sweeps) setup.plan.sweeps = 2;
    const RunResult whole = Train(setup);
    setup.plan.max_piece_bytes = 1;
    setup.plan.timing = Timing::kBackward;
    setup.device.delay_seed = 5;
    ExpectSameBits(whole, Train(setup));
    setup.seams = Seams::kEverywhere;
    setup.plan.max_piece_bytes = kWhole;
    const RunResult padded = Train(setup);
    setup.plan.max_piece_bytes = 1;
    const RunResult cut = Train(setup);
    EXPECT_TRUE(ByGroup(cut.plan));
    ExpectSameBits(padded, cut);
  }
}

// A block in the middle, and all below one: its groups have no gradients, or the layer no backward visits.
TEST_P(Groups, FrozenLayersGiveTheSameBits) {
  int64_t number = 0;
  for (const char* freeze : {"*layers.1.*", "*layers.0.*,*embed*"}) {
    SCOPED_TRACE(freeze);
    if (!Runs(number++, 2)) continue;
    RunSetup setup = Setup();
    setup.plan.freeze = freeze;
    const RunResult whole = Train(setup);
    setup.plan.max_piece_bytes = 1;
    setup.device.delay_seed = 4;
    const RunResult groups = Train(setup);
    EXPECT_TRUE(ByGroup(groups.plan));
    ExpectSameBits(whole, groups);
  }
}

TEST_P(Groups, TwoDevicesGiveTheSameBits) {
  RunSetup setup = Setup();
  setup.plan.reduction_groups = 2;
  const RunResult whole = Train(setup);
  setup.plan.max_piece_bytes = 1;
  ExpectSameBits(whole, Train(setup));
  if (TestDeviceCount() < 2) return;
  setup.devices = 2;
  for (const Route route : {Route::kHost, Route::kPeer}) {
    SCOPED_TRACE(Name(route));
    setup.plan.route = route;
    setup.device.delay_seed = 3;
    const RunResult result = Train(setup);
    EXPECT_TRUE(ByGroup(result.plan));
    ExpectSameBits(whole, result);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Groups, testing::Combine(testing::ValuesIn(kFamilies), testing::Values(DType::kF32, DType::kBF16)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + Name(std::get<1>(info.param));
                         });

RunSetup CheckedRun(int64_t slots, int64_t devices) {
  RunSetup setup = SmallRun(kFamilies[1].config, DType::kBF16);
  setup.plan.max_piece_bytes = 1;
  setup.plan.slots = slots, setup.plan.prefetch = 1;
  setup.plan.max_part_bytes = 16384;
  setup.plan.activations = Activations::kRecompute, setup.plan.block_inputs = BlockInputs::kHost;
  setup.steps = 2;
  setup.devices = devices;
  if (devices == 1) setup.plan.sweeps = 2;
  if (devices > 1) setup.plan.route = Route::kPeer;
  setup.device.check_races = true;
  return setup;
}

TEST(GroupRaces, NoneByGroup) {
  if (!TestsOnCpu()) GTEST_SKIP() << "the race checker is the CPU's";
  for (const Timing timing : {Timing::kNextForward, Timing::kBackward, Timing::kSerial}) {
    for (const int64_t devices : {1, 2}) {
      for (const int64_t slots : {2, 100}) {
        RunSetup setup = CheckedRun(slots, devices);
        setup.plan.timing = timing;
        setup.plan.grad_clip = timing == Timing::kBackward ? 0 : 1;
        const RunResult result = Train(setup);
        EXPECT_TRUE(ByGroup(result.plan));
        for (const std::string& race : result.races) ADD_FAILURE() << Name(timing) << ", " << devices << ": " << race;
      }
    }
  }
}

class MissingGroupWait : public testing::TestWithParam<const char*> {};

TEST_P(MissingGroupWait, IsFound) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "a race on purpose, which ThreadSanitizer reports";
#endif
  if (!TestsOnCpu()) GTEST_SKIP() << "the race checker is the CPU's";
  // Few slots, and slots for all groups of all blocks, where no load of weights orders the streams.
  size_t found = 0;
  for (const int64_t slots : {2, 100}) {
    RunSetup setup = CheckedRun(slots, 1);
    setup.device.drop_wait = GetParam();
    found += Train(setup).races.size();
  }
  EXPECT_GT(found, 0u);
}

INSTANTIATE_TEST_SUITE_P(Waits, MissingGroupWait,
                         testing::Values("the slot's last user is done", "the slot holds its weights", "staging is free",
                                         "the gradient is staged", "the block input is saved", "the block input is made",
                                         "the block input's place is free", "the block input is back"));

}  // namespace
}  // namespace hlm
