// The templates' hand-written backward passes against central differences of the loss, one random direction a tensor, for a model
// with every feature: biases, query/key norms, grouped queries, windows, tied and untied heads, several documents and micro-batches.
#include <gtest/gtest.h>

#include <cmath>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/machine/devices.h"
#include "core/train/trainer.h"

namespace hlm {
namespace {

struct Case {
  const char* name;
  const char* config;
  double step = 4e-3;  // of the differences: smaller where the loss bends more
};

class TemplateGradient : public testing::TestWithParam<Case> {};

TEST_P(TemplateGradient, EqualsCentralDifferences) {
  const auto model = Model::Create(GetParam().config, 3);
  PlanOptions options;
  options.compute = DType::kF32;
  options.purpose = Purpose::kForwardBackward;
  options.batch_size = 3, options.seq_len = 11, options.micro_batch = 1, options.head_chunk = 4;
  options.activations = Activations::kKeepCheap;
  const auto plan = std::make_shared<const Plan>(MakePlan(model->spec(), model->layout(), options, DescribeMachine("cpu")));
  Trainer trainer(model, plan, {}, MakeDevice(*plan));

  // Norms and biases away from their initial ones and zeros, so that each matters.
  for (const UnitSpec& unit : model->layout().units) {
    for (const TensorSpec& tensor : unit.tensors) {
      if (tensor.Decays()) continue;
      std::vector<float> values(static_cast<size_t>(tensor.elements));
      for (size_t i = 0; i < values.size(); ++i) {
        const double begin = tensor.init == TensorInit::kOne ? 1.0 : tensor.number;
        values[i] = static_cast<float>(begin) + 0.2f * static_cast<float>(RandomNormal(RandomKey(5, tensor.name), i));
      }
      trainer.WriteTensor(tensor.name, TensorKind::kWeight, 0, values.data(), values.size() * 4);
    }
  }
  std::vector<int32_t> ids;
  for (uint64_t t = 0; t < 29; ++t)
    ids.push_back(static_cast<int32_t>(RandomBelow(RandomKey(9, "ids"), t, static_cast<uint64_t>(model->spec().vocab))));
  const std::vector<int64_t> offsets = {0, 7, 18, 29};
  std::vector<float> weights(29);
  for (size_t t = 0; t < weights.size(); ++t) weights[t] = 0.25f * static_cast<float>(t % 5);
  Batch batch;
  batch.ids = ids;
  batch.offsets = offsets;
  batch.weights = weights;
  const double loss = trainer.Accumulate(batch).loss;
  EXPECT_NEAR(loss, trainer.Evaluate(batch).loss, 1e-6 * loss);

  for (const UnitSpec& unit : model->layout().units) {
    for (const TensorSpec& tensor : unit.tensors) {
      const size_t n = static_cast<size_t>(tensor.elements);
      std::vector<float> gradient(n), weight(n), moved(n);
      trainer.ReadTensor(tensor.name, TensorKind::kGradient, 0, gradient.data(), n * 4);
      trainer.ReadTensor(tensor.name, TensorKind::kWeight, 0, weight.data(), n * 4);
      // Half along the gradient, so that the derivative is far above the noise; half random, so that every element is in it.
      double norm = 0;
      for (const float g : gradient) norm += static_cast<double>(g) * g;
      norm = std::sqrt(norm);
      if (!tensor.trains) {
        EXPECT_EQ(norm, 0) << tensor.name;
        continue;
      }
      ASSERT_GT(norm, 0) << tensor.name;
      std::vector<double> direction(n);
      double slope = 0;
      for (size_t i = 0; i < n; ++i) {
        direction[i] = gradient[i] / norm + RandomNormal(RandomKey(11, tensor.name), i) / std::sqrt(static_cast<double>(n));
        slope += direction[i] * gradient[i];
      }
      const double step = GetParam().step;
      const auto loss_at = [&](double sign) {
        for (size_t i = 0; i < n; ++i) moved[i] = static_cast<float>(weight[i] + sign * step * direction[i]);
        trainer.WriteTensor(tensor.name, TensorKind::kWeight, 0, moved.data(), n * 4);
        return trainer.Evaluate(batch).loss;
      };
      const double difference = (loss_at(1) - loss_at(-1)) / (2 * step);
      trainer.WriteTensor(tensor.name, TensorKind::kWeight, 0, weight.data(), n * 4);
      // fp32 losses are good to about 1e-7 of themselves, which the step divides; the third derivative adds step^2.
      EXPECT_NEAR(difference, slope, 1e-7 * loss / step * 4 + 2e-3 * std::abs(slope)) << tensor.name << " norm " << norm;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, TemplateGradient,
    testing::Values(
        Case{
            "Qwen3Tied",
            R"({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 20, "intermediate_size": 28, "num_hidden_layers": 2,
                 "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "vocab_size": 37, "max_position_embeddings": 64, "attention_bias": true,
                 "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "initializer_range": 0.3, "hidden_act": "silu", "tie_word_embeddings": true})"},
        Case{
            "LlamaBiases",
            R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 24, "intermediate_size": 33, "num_hidden_layers": 2,
                 "num_attention_heads": 3, "num_key_value_heads": 1, "vocab_size": 41, "max_position_embeddings": 64, "attention_bias": true, "mlp_bias": true,
                 "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "initializer_range": 0.3, "hidden_act": "silu", "tie_word_embeddings": false})"},
        // All experts are chosen: a step that changes a choice has no derivative. The goldens have choices.
        Case{
            "Qwen2MoeShared",
            R"({"architectures": ["Qwen2MoeForCausalLM"], "model_type": "qwen2_moe", "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2,
                 "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 41, "max_position_embeddings": 64, "moe_intermediate_size": 12,
                 "shared_expert_intermediate_size": 20, "num_experts": 3, "num_experts_per_tok": 3, "norm_topk_prob": true, "mlp_only_layers": [],
                 "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "initializer_range": 0.3, "hidden_act": "silu", "tie_word_embeddings": false})"},
        Case{
            "GptOssBiases",
            R"({"architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "hidden_size": 24, "intermediate_size": 12, "num_hidden_layers": 1,
                 "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "vocab_size": 41, "max_position_embeddings": 64, "sliding_window": 3,
                 "num_local_experts": 3, "num_experts_per_tok": 3, "swiglu_limit": 9.0, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
                 "initializer_range": 0.3, "hidden_act": "silu", "tie_word_embeddings": false})"},
        Case{
            "MistralWindow",
            R"({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2,
                 "num_attention_heads": 6, "num_key_value_heads": 2, "vocab_size": 41, "max_position_embeddings": 64, "sliding_window": 3,
                 "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "initializer_range": 0.3, "hidden_act": "silu", "tie_word_embeddings": false})"},
        Case{
            "LatentAttention",
            R"({"architectures": ["YoutuForCausalLM"], "model_type": "youtu", "hidden_size": 20, "intermediate_size": 28, "num_hidden_layers": 2,
                 "num_attention_heads": 3, "num_key_value_heads": 3, "q_lora_rank": 10, "kv_lora_rank": 12, "qk_nope_head_dim": 5, "qk_rope_head_dim": 4,
                 "v_head_dim": 7, "vocab_size": 37, "max_position_embeddings": 64, "attention_bias": true, "initializer_range": 0.3,
                 "rope_parameters": {"rope_type": "default", "rope_theta": 100.0}, "tie_word_embeddings": true, "pad_token_id": null})"},
        Case{
            "LatentAttentionWithoutQueryLatent",
            R"({"architectures": ["YoutuForCausalLM"], "model_type": "youtu", "hidden_size": 20, "intermediate_size": 28, "num_hidden_layers": 2,
                 "num_attention_heads": 2, "num_key_value_heads": 2, "q_lora_rank": null, "kv_lora_rank": 9, "qk_nope_head_dim": 6, "qk_rope_head_dim": 2,
                 "v_head_dim": 11, "vocab_size": 37, "max_position_embeddings": 64, "rope_interleave": false, "initializer_range": 0.15,
                 "rope_parameters": {"rope_type": "default", "rope_theta": 100.0}, "tie_word_embeddings": false, "pad_token_id": null})"},
        Case{
            "LayerInputsAndSharedKeys",
            R"({"architectures": ["Gemma4ForCausalLM"], "model_type": "gemma4_text", "hidden_size": 20, "intermediate_size": 28, "num_hidden_layers": 6,
                 "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "global_head_dim": 8, "num_global_key_value_heads": 1,
                 "attention_k_eq_v": true, "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention",
                 "sliding_attention", "full_attention"], "sliding_window": 4, "hidden_size_per_layer_input": 5, "vocab_size_per_layer_input": 40,
                 "num_kv_shared_layers": 3, "use_double_wide_mlp": true, "vocab_size": 37, "max_position_embeddings": 64, "pad_token_id": null,
                 "initializer_range": 0.1, "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
                 "full_attention": {"rope_type": "proportional", "rope_theta": 1000.0, "partial_rotary_factor": 0.5}}})",
            5e-4},  // scores that nothing scales bend the loss
        Case{
            "AlibiAndNormedEmbedding",
            R"({"architectures": ["BloomForCausalLM"], "model_type": "bloom", "hidden_size": 24, "n_layer": 2, "n_head": 3, "vocab_size": 37,
                 "apply_residual_connection_post_layernorm": true, "initializer_range": 0.3, "tie_word_embeddings": true})"},
        Case{
            "NormsBehindTheSumAndNarrowEmbedding",
            R"({"architectures": ["OPTForCausalLM"], "model_type": "opt", "hidden_size": 24, "ffn_dim": 28, "num_hidden_layers": 2, "dropout": 0.0,
                 "num_attention_heads": 3, "vocab_size": 37, "max_position_embeddings": 64, "do_layer_norm_before": false, "word_embed_proj_dim": 14,
                 "activation_function": "gelu", "init_std": 0.3, "pad_token_id": null, "tie_word_embeddings": true})"},
        Case{
            "Lfm2",
            R"({"architectures": ["Lfm2ForCausalLM"], "model_type": "lfm2", "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2,
                 "num_attention_heads": 3, "num_key_value_heads": 1, "vocab_size": 41, "max_position_embeddings": 64, "conv_L_cache": 3, "conv_bias": true,
                 "layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": false, "norm_eps": 1e-5, "rope_theta": 10000.0,
                 "initializer_range": 0.3, "pad_token_id": null, "tie_word_embeddings": false})"},
        Case{
            "Qwen35",
            R"({"architectures": ["Qwen3_5ForCausalLM"], "model_type": "qwen3_5_text", "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2,
                 "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "vocab_size": 41, "max_position_embeddings": 64,
                 "layer_types": ["linear_attention", "full_attention"], "linear_conv_kernel_dim": 3, "linear_key_head_dim": 6,
                 "linear_value_head_dim": 5, "linear_num_key_heads": 2, "linear_num_value_heads": 4, "rms_norm_eps": 1e-3, "rope_theta": 10000.0,
                 "initializer_range": 0.3, "tie_word_embeddings": false})",
            1e-3},
        Case{
            "FalconH1",
            R"({"architectures": ["FalconH1ForCausalLM"], "model_type": "falcon_h1", "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 1,
                 "num_attention_heads": 3, "num_key_value_heads": 1, "vocab_size": 41, "max_position_embeddings": 64, "mamba_d_ssm": 20,
                 "mamba_n_heads": 4, "mamba_d_head": 5, "mamba_n_groups": 2, "mamba_d_state": 6, "mamba_d_conv": 3, "mamba_rms_norm": true,
                 "mamba_norm_before_gate": true, "mamba_proj_bias": true, "projectors_bias": true, "attention_bias": true, "mlp_bias": true,
                 "ssm_multipliers": [0.9, 0.8, 1.2, 0.7, 1.3], "ssm_in_multiplier": 1.1, "ssm_out_multiplier": 0.8, "mlp_multipliers": [0.8, 0.6],
                 "attention_in_multiplier": 1.2, "attention_out_multiplier": 0.9, "key_multiplier": 0.7, "time_step_limit": [0.3, 2.0],
                 "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "initializer_range": 0.3, "pad_token_id": null, "tie_word_embeddings": false})",
            1e-3},
        // A latent that experts read, factors and norms of a router, gates and clips; all experts are chosen.
        Case{
            "NemotronHLatentExperts",
            R"({"architectures": ["NemotronHForCausalLM"], "model_type": "nemotron_h", "hidden_size": 24, "layers_block_type": ["full_attention", "moe"],
                 "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 8, "vocab_size": 41, "max_position_embeddings": 64, "mlp_bias": true,
                 "n_routed_experts": 3, "num_experts_per_tok": 3, "moe_intermediate_size": 14, "moe_shared_expert_intermediate_size": 18,
                 "moe_latent_size": 10, "routed_scaling_factor": 1.5, "norm_topk_prob": true, "n_group": 1, "topk_group": 1,
                 "layer_norm_epsilon": 1e-5, "initializer_range": 0.3, "tie_word_embeddings": false})"},
        Case{
            "Gemma4Experts",
            R"({"architectures": ["Gemma4ForCausalLM"], "model_type": "gemma4_text", "hidden_size": 20, "intermediate_size": 28, "num_hidden_layers": 1,
                 "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "global_head_dim": 8, "layer_types": ["full_attention"],
                 "hidden_size_per_layer_input": 0, "enable_moe_block": true, "num_experts": 3, "top_k_experts": 3, "moe_intermediate_size": 14,
                 "vocab_size": 37, "max_position_embeddings": 64, "pad_token_id": null, "initializer_range": 0.1})",
            5e-4},
        Case{
            "AfmoeGateBesideBiases",
            R"({"architectures": ["AfmoeForCausalLM"], "model_type": "afmoe", "hidden_size": 24, "intermediate_size": 28, "num_hidden_layers": 2,
                 "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 8, "attention_bias": true, "num_experts": 3, "num_experts_per_tok": 3,
                 "moe_intermediate_size": 14, "num_dense_layers": 1, "num_shared_experts": 1, "sliding_window": 3, "mup_enabled": true,
                 "layer_types": ["full_attention", "sliding_attention"], "vocab_size": 37, "max_position_embeddings": 64, "rope_theta": 100.0,
                 "initializer_range": 0.2})",
            1e-3},
        Case{
            "OlmoeClippedBehindNorms",
            R"({"architectures": ["OlmoeForCausalLM"], "model_type": "olmoe", "hidden_size": 24, "intermediate_size": 14, "num_hidden_layers": 2,
                 "num_attention_heads": 3, "num_key_value_heads": 3, "num_experts": 3, "num_experts_per_tok": 3, "clip_qkv": 1.7, "vocab_size": 37,
                 "max_position_embeddings": 64, "rope_theta": 100.0, "initializer_range": 0.3, "pad_token_id": null})",
            5e-4},
        Case{
            "Lfm3GatesOfHeads",
            R"({"architectures": ["Lfm3ForCausalLM"], "model_type": "lfm3", "hidden_size": 24, "intermediate_size": 28, "num_hidden_layers": 3,
                 "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "attention_bias": true, "conv_L_cache": 3, "conv_bias": true,
                 "layer_types": ["conv", "full_attention", "sliding_attention"], "sliding_window": 3, "vocab_size": 37, "max_position_embeddings": 64,
                 "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
                 "full_attention": {"rope_type": "proportional", "rope_theta": 1000.0, "partial_rotary_factor": 0.5}},
                 "initializer_range": 0.3, "pad_token_id": null, "tie_word_embeddings": false})",
            1e-3},
        Case{
            "Bamba",
            R"({"architectures": ["BambaForCausalLM"], "model_type": "bamba", "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2,
                 "num_attention_heads": 3, "num_key_value_heads": 1, "vocab_size": 41, "max_position_embeddings": 64, "attn_layer_indices": [1],
                 "mamba_n_heads": 6, "mamba_d_head": 8, "mamba_n_groups": 3, "mamba_d_state": 5, "mamba_d_conv": 4, "rms_norm_eps": 1e-5,
                 "rope_theta": 10000.0, "initializer_range": 0.3, "pad_token_id": null, "tie_word_embeddings": false})"},
        Case{
            "KimiLinear",
            R"({"architectures": ["KimiLinearForCausalLM"], "model_type": "kimi_linear", "hidden_size": 24, "intermediate_size": 32,
                 "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": 41, "kv_lora_rank": 10, "q_lora_rank": null,
                 "qk_nope_head_dim": 6, "qk_rope_head_dim": 4, "v_head_dim": 5, "mlp_layer_types": ["dense", "dense"], "rms_norm_eps": 1e-3,
                 "linear_attn_config": {"head_dim": 6, "num_heads": 2, "short_conv_kernel_size": 3, "full_attn_layers": [2], "kda_layers": [1]},
                 "initializer_range": 0.3, "pad_token_id": null})",
            1e-3},
        Case{
            "Jamba",
            R"({"architectures": ["JambaForCausalLM"], "model_type": "jamba", "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2,
                 "num_attention_heads": 3, "num_key_value_heads": 1, "vocab_size": 41, "num_experts": 1, "num_experts_per_tok": 1,
                 "attn_layer_period": 2, "attn_layer_offset": 1, "mamba_d_state": 5, "mamba_d_conv": 3, "mamba_dt_rank": 3, "mamba_expand": 2,
                 "mamba_proj_bias": true, "rms_norm_eps": 1e-3, "initializer_range": 0.3, "pad_token_id": null})",
            1e-3},
        // Other functions than SiLU behind the convolutions of each kind of mixer.
        Case{
            "BambaGelu",
            R"({"architectures": ["BambaForCausalLM"], "model_type": "bamba", "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2,
                 "num_attention_heads": 3, "num_key_value_heads": 1, "vocab_size": 41, "max_position_embeddings": 64, "attn_layer_indices": [1],
                 "mamba_n_heads": 6, "mamba_d_head": 8, "mamba_n_groups": 3, "mamba_d_state": 5, "mamba_d_conv": 4, "rms_norm_eps": 1e-5,
                 "hidden_act": "gelu", "initializer_range": 0.3, "pad_token_id": null, "tie_word_embeddings": false})",
            1e-3},
        Case{
            "OlmoHybridGelu",
            R"({"architectures": ["OlmoHybridForCausalLM"], "model_type": "olmo_hybrid", "hidden_size": 24, "intermediate_size": 32,
                 "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 1, "vocab_size": 41, "max_position_embeddings": 64,
                 "layer_types": ["linear_attention", "full_attention"], "linear_num_key_heads": 2, "linear_num_value_heads": 2,
                 "linear_key_head_dim": 6, "linear_value_head_dim": 8, "linear_conv_kernel_dim": 3, "rms_norm_eps": 1e-3,
                 "hidden_act": "gelu_pytorch_tanh", "initializer_range": 0.3, "pad_token_id": null})",
            1e-4},  // lengths of queries, to which GELU leaves little, bend the loss
        Case{
            "KimiLinearGelu",
            R"({"architectures": ["KimiLinearForCausalLM"], "model_type": "kimi_linear", "hidden_size": 24, "intermediate_size": 32,
                 "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": 41, "kv_lora_rank": 10, "q_lora_rank": null,
                 "qk_nope_head_dim": 6, "qk_rope_head_dim": 4, "v_head_dim": 5, "mlp_layer_types": ["dense"], "rms_norm_eps": 1e-3,
                 "linear_attn_config": {"head_dim": 6, "num_heads": 2, "short_conv_kernel_size": 3, "full_attn_layers": [], "kda_layers": [1]},
                 "hidden_act": "gelu", "initializer_range": 0.3, "pad_token_id": null})",
            1e-3},
        Case{
            "FalconMambaGelu",
            R"({"architectures": ["FalconMambaForCausalLM"], "model_type": "falcon_mamba", "hidden_size": 24, "num_hidden_layers": 1,
                 "vocab_size": 41, "state_size": 5, "conv_kernel": 3, "expand": 2, "time_step_rank": 3, "hidden_act": "gelu_new",
                 "initializer_range": 0.3, "tie_word_embeddings": false})",
            1e-3},
        Case{
            "RecurrentGemma",
            R"({"architectures": ["RecurrentGemmaForCausalLM"], "model_type": "recurrent_gemma", "hidden_size": 24, "intermediate_size": 64,
                 "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 1, "vocab_size": 41, "block_types": ["recurrent", "attention"],
                 "attention_window_size": 4, "conv1d_width": 3, "lru_width": 18, "initializer_range": 0.1, "pad_token_id": null,
                 "tie_word_embeddings": false})",
            1e-3},
        // Two slabs that four of six layers read in turn, with adapters of each layer's own.
        Case{
            "Zamba2Shared",
            R"({"architectures": ["Zamba2ForCausalLM"], "model_type": "zamba2", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 6,
                 "num_attention_heads": 4, "vocab_size": 37, "max_position_embeddings": 64, "mamba_d_state": 8, "mamba_d_conv": 3, "n_mamba_heads": 4,
                 "mamba_ngroups": 2, "layers_block_type": ["mamba", "hybrid", "hybrid", "mamba", "hybrid", "hybrid"], "num_mem_blocks": 2,
                 "adapter_rank": 8, "use_shared_attention_adapter": true, "use_mem_rope": true, "pad_token_id": null, "initializer_range": 0.2})",
            1e-3}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace hlm
