// What a config.json may not say: settings that would change the mathematics, and values that are absurd.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/io/json_text.h"
#include "core/model/config.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

struct Case {
  const char* family;
  const char* changes;
  std::vector<std::string> fragments;  // of the message
};

TEST(ConfigRefusal, SettingsThatChangeTheMathematicsAreUnimplementedByName) {
  const std::vector<Case> cases = {
      {"Llama", R"({"hidden_act": "mish"})", {"hidden_act", "mish"}},
      {"Llama", R"({"hidden_act": "xielu"})", {"hidden_act", "xielu"}},
      {"Llama", R"({"hidden_act": 3})", {"hidden_act", "3"}},
      {"Llama",
       R"({"architectures": ["NemotronHForCausalLM"], "model_type": "nemotron_h", "hybrid_override_pattern": "M-", "mamba_hidden_act": "xielu"})",
       {"mamba_hidden_act", "xielu"}},
      {"Llama",
       R"({"architectures": ["FalconMambaForCausalLM"], "model_type": "falcon_mamba", "hidden_act": "xielu", "intermediate_size": null})",
       {"hidden_act", "xielu"}},
      {"Llama", R"({"quantization_config": {"quant_method": "gptq"}})", {"quantization_config", "gptq"}},
      {"Llama", R"({"num_local_experts": 8})", {"num_local_experts", "8"}},
      {"Qwen3", R"({"num_experts": 128})", {"num_experts", "128"}},
      {"Llama", R"({"attn_logit_softcapping": 50.0})", {"attn_logit_softcapping", "50"}},
      {"Llama", R"({"final_logit_softcapping": 30.0})", {"final_logit_softcapping", "30"}},
      {"Llama", R"({"logit_scale": 0.0625})", {"logit_scale", "0.0625"}},
      {"Llama", R"({"residual_multiplier": 0.22})", {"residual_multiplier", "0.22"}},
      {"Llama", R"({"embedding_multiplier": 12})", {"embedding_multiplier", "12"}},
      {"Llama", R"({"attention_multiplier": 0.01})", {"attention_multiplier", "0.01"}},
      {"Llama", R"({"clip_qkv": 8})", {"clip_qkv", "8"}},
      {"Llama", R"({"qk_layernorm": true})", {"qk_layernorm", "true"}},
      {"Mistral", R"({"use_qk_norm": true})", {"use_qk_norm", "true"}},
      {"Llama", R"({"position_embedding_type": "alibi"})", {"position_embedding_type", "alibi"}},
      {"Llama", R"({"no_rope_layers": [1, 1, 1, 0]})", {"no_rope_layers"}},
      {"Llama", R"({"is_causal": false})", {"is_causal", "false"}},
      {"Llama", R"({"is_encoder_decoder": true})", {"is_encoder_decoder"}},
      {"Llama", R"({"auto_map": {"AutoModelForCausalLM": "modeling.Mine"}})", {"auto_map", "modeling.Mine"}},
      {"Llama", R"({"vision_config": {"depth": 3}})", {"vision_config"}},
      {"Llama", R"({"per_layer_config": {"0": {"head_dim": 4}}})", {"per_layer_config"}},
      {"Llama", R"({"sliding_window": 4096})", {"sliding_window", "4096"}},
      {"Llama", R"({"use_sliding_window": true})", {"use_sliding_window"}},
      {"Llama", R"({"layer_types": ["full_attention", "sliding_attention"]})", {"layer_types", "sliding_attention"}},
      {"Mistral", R"({"layer_types": ["full_attention", "sliding_attention"]})", {"layer_types", "4096"}},
      {"Qwen2", R"({"layer_types": ["full_attention", "chunked_attention"]})", {"layer_types", "chunked_attention"}},
      {"Mistral", R"({"attention_bias": true})", {"attention_bias"}},
      {"Qwen2", R"({"attention_bias": false})", {"attention_bias"}},
      {"Qwen2", R"({"mlp_bias": true})", {"mlp_bias"}},
      {"Llama", R"({"rope_scaling": {"type": "axial", "factor": 4}})", {"rope_scaling", "axial"}},
      // Llama's heads turn as a whole in transformers, whatever the settings say.
      {"Llama", R"({"partial_rotary_factor": 0.5})", {"partial_rotary_factor = 0.5"}},
      {"Llama",
       R"({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}})",
       {"rope_parameters", "partial_rotary_factor = 0.5"}},
      {"Llama",
       R"({"rope_scaling": {"rope_type": "linear", "factor": 4, "attention_factor": 0.5}})",
       {"attention_factor", "0.5"}},
      {"Qwen3", R"({"rope_parameters": {"full_attention": {"rope_type": "default"}}})", {"rope_parameters", "full_attention"}},
      {"Llama", R"({"architectures": ["LlamaForSequenceClassification"]})", {"LlamaForSequenceClassification"}},
      {"Llama", R"({"architectures": ["BertLMHeadModel"]})", {"BertLMHeadModel"}},
      {"Llama", R"({"architectures": null, "model_type": "gemma3"})", {"model_type", "gemma3"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.changes);
    ExpectError(Code::kUnimplemented, c.fragments, [&] { ParseConfig(TinyConfig(c.family, c.changes)); });
  }
}

// Settings of the models' first code that transformers' classes do not read: weights that were trained with another value are not theirs.
TEST(ConfigRefusal, SettingsThatAFamilyHasOneValueOf) {
  struct Setting {
    const char *architecture, *type, *sizes, *key;
    std::vector<const char*> fine, refused;  // null and no key are fine as well
  };
  const char* routed =
      R"("n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 8,
      "num_key_value_heads": 4, "head_dim": 4, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4, "kv_lora_rank": 8,
      "q_lora_rank": null)";
  const char* local = R"("num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 4)";
  const char* afmoe = R"("num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8)";
  const char* topk = R"("num_experts": 4, "moe_topk": 2)";
  const char* plain = R"("rope_theta": 100.0)";
  const std::vector<Setting> settings = {
      {"DeepseekV3ForCausalLM", "deepseek_v3", routed, "scoring_func", {R"("sigmoid")"}, {R"("softmax")"}},
      {"DeepseekV3ForCausalLM", "deepseek_v3", routed, "topk_method", {R"("noaux_tc")"}, {R"("greedy")"}},
      {"DeepseekV3ForCausalLM", "deepseek_v3", routed, "moe_layer_freq", {"1"}, {"2"}},
      {"DeepseekV2ForCausalLM", "deepseek_v2", routed, "scoring_func", {R"("softmax")"}, {R"("sigmoid")"}},
      {"Glm4MoeForCausalLM", "glm4_moe", routed, "scoring_func", {R"("sigmoid")"}, {R"("softmax")"}},
      {"Dots1ForCausalLM", "dots1", routed, "scoring_func", {R"("noaux_tc")"}, {R"("softmax")"}},
      {"SolarOpenForCausalLM", "solar_open", routed, "use_qk_norm", {"false"}, {"true"}},
      {"MiniMaxM2ForCausalLM", "minimax_m2", local, "scoring_func", {R"("sigmoid")"}, {R"("softmax")"}},
      {"MiniMaxM2ForCausalLM", "minimax_m2", local, "use_qk_norm", {"true"}, {"false"}},
      {"MiniMaxM2ForCausalLM", "minimax_m2", local, "shared_intermediate_size", {"0"}, {"64"}},
      {"AfmoeForCausalLM", "afmoe", afmoe, "score_func", {R"("sigmoid")"}, {R"("softmax")"}},
      {"AfmoeForCausalLM", "afmoe", afmoe, "route_norm", {"true"}, {"false"}},
      {"AfmoeForCausalLM", "afmoe", afmoe, "n_group", {"1"}, {"2"}},
      {"HunYuanDenseV1ForCausalLM", "hunyuan_v1_dense", plain, "use_cla", {"false"}, {"true"}},
      {"HunYuanDenseV1ForCausalLM", "hunyuan_v1_dense", plain, "use_qk_norm", {"true"}, {"false"}},
      {"HunYuanMoEV1ForCausalLM", "hunyuan_v1_moe", topk, "use_cla", {"false"}, {"true"}},
      {"HunYuanMoEV1ForCausalLM", "hunyuan_v1_moe", topk, "use_qk_norm", {"true"}, {"false"}},
      {"CohereForCausalLM", "cohere", plain, "use_parallel_block", {"true"}, {"false"}},
      {"Cohere2ForCausalLM", "cohere2", plain, "use_gated_activation", {"true"}, {"false"}},
      {"Cohere2ForCausalLM",
       "cohere2",
       plain,
       "order_of_interleaved_layers",
       {R"("local_attn_first")"},
       {R"("global_attn_first")", "3"}},
      {"ApertusForCausalLM", "apertus", plain, "post_norm", {"false"}, {"true"}},
      {"ApertusForCausalLM", "apertus", plain, "qk_norm", {"true"}, {"false"}},
      {"StableLmForCausalLM", "stablelm", R"("head_dim": 8)", "use_norm_bias", {"false"}, {"true"}},
      {"NanoChatForCausalLM", "nanochat", R"("hidden_act": "relu2")", "logits_soft_cap", {"15.0"}, {"30.0"}},
  };
  for (const Setting& s : settings) {
    SCOPED_TRACE(StrCat(s.type, " ", s.key));
    const auto read = [&](const std::string& members) {
      return ParseConfig(TinyConfig("Llama", StrCat(R"({"architectures": [")", s.architecture, R"("], "model_type": ")", s.type,
                                                    R"(", )", s.sizes, ", ", members, "}")));
    };
    const std::string key = StrCat("\"", s.key, "\": ");
    for (const char* value : s.fine) EXPECT_EQ(read(key + value).layers(), 2) << value;
    EXPECT_EQ(read(key + "null").layers(), 2);
    for (const char* value : s.refused)
      ExpectError(Code::kUnimplemented, {StrCat(s.key, " = ", value)}, [&] { read(key + value); });
  }
}

// Files of the hub name the code that they came with; transformers takes its own class of that name.
TEST(ConfigRefusal, CodeOfTheFamilysOwnNameIsTaken) {
  for (const char* code : {"modeling_llama.LlamaForCausalLM", "someone/some-model--modeling_llama.LlamaForCausalLM"}) {
    EXPECT_EQ(ParseConfig(TinyConfig("Llama", std::string(R"({"auto_map": {"AutoConfig": "configuration_llama.LlamaConfig",
        "AutoModelForCausalLM": ")") + code + R"("}})"))
                  .layers(),
              2);
  }
  for (const char* map : {R"({"AutoModelForCausalLM": 3})", R"("modeling_llama.LlamaForCausalLM")",
                          R"({"AutoModelForCausalLM": "modeling_llama.LlamaForCausalLMWithMore"})"}) {
    SCOPED_TRACE(map);
    ExpectError(Code::kUnimplemented, {"auto_map"},
                [&] { ParseConfig(TinyConfig("Llama", std::string(R"({"auto_map": )") + map + "}")); });
  }
}

TEST(ConfigRefusal, AllThatIsMissingIsTold) {
  ExpectError(Code::kUnimplemented,
              {"rope_type ntk", "hidden_act", "mish", "alibi", "residual_multiplier = 2", "attn_logit_softcapping"}, [] {
                ParseConfig(TinyConfig(
                    "Qwen2", R"({"rope_scaling": {"type": "ntk"}, "hidden_act": "mish", "alibi": true, "residual_multiplier": 2,
        "attn_logit_softcapping": 50})"));
              });
  ExpectError(Code::kUnimplemented, {"layer_types", "chunked_attention", "rope_type ntk"}, [] {
    ParseConfig(
        TinyConfig("Mistral", R"({"layer_types": ["chunked_attention", "full_attention"], "rope_scaling": {"type": "ntk"}})"));
  });
}

TEST(ConfigRefusal, TheSameSettingsSwitchedOffAreHarmless) {
  const std::string off =
      R"({"hidden_act": "silu", "attention_dropout": 0, "resid_pdrop": 0.0, "quantization_config": null, "pretraining_tp": 2,
      "num_local_experts": null, "num_experts": 0, "attn_logit_softcapping": null, "final_logit_softcapping": null, 
      "logit_scale": 1.0, "residual_multiplier": 1, "embedding_multiplier": 1.0, "clip_qkv": null,
      "partial_rotary_factor": 1.0,
      "position_embedding_type": "rope", "no_rope_layers": [], "is_causal": true, "auto_map": {"AutoConfig": "c.C"},
      "rope_scaling": null, "layer_types": ["full_attention", "attention"], "use_sliding_window": false,
      "sliding_window": null, "qk_layernorm": )";
  for (const char* family : {"Llama", "Mistral", "Qwen2", "Qwen3"})
    EXPECT_EQ(ParseConfig(TinyConfig(family, off + "false}")).layers(), 2) << family;
}

// Qwen3's class in transformers 5.24.0 knows no such key: its queries and keys have norms whatever one says.
TEST(ConfigRefusal, NormsThatAFamilyAlwaysHasAreNotSwitchedOff) {
  const auto normed = [](const char* changes) {
    const ModelSpec spec = ParseConfig(TinyConfig("Qwen3", changes));
    return std::get<AttentionSpec>(spec.kinds[0].branches[0].bodies[0].body).qk_norm.norm.on();
  };
  for (const char* key : {"qk_norm", "use_qk_norm", "qk_layernorm"}) {
    for (const char* value : {"true", "false", "null"}) {
      const std::string changes = StrCat("{\"", key, "\": ", value, "}");
      EXPECT_TRUE(normed(changes.c_str())) << changes;
    }
  }
}

TEST(ConfigRefusal, DropoutsAboveZeroAreNoted) {
  using Strings = std::vector<std::string>;
  EXPECT_EQ(ParseConfig(TinyConfig("Qwen2", R"({"attention_dropout": 0.1, "resid_pdrop": 0.0})")).dropouts,
            Strings{"attention_dropout = 0.1"});
  EXPECT_EQ(ParseConfig(TinyConfig("Llama", R"({"attention_dropout": 0.1, "resid_pdrop": 0.5})")).dropouts,
            (Strings{"attention_dropout = 0.1", "resid_pdrop = 0.5"}));
  EXPECT_EQ(ParseConfig(TinyConfig("Llama", R"({"attention_dropout": null, "hidden_dropout": false})")).dropouts, Strings());
  ExpectError(Code::kInvalidArgument, {"attention_dropout", "1.5"},
              [] { ParseConfig(TinyConfig("Llama", R"({"attention_dropout": 1.5})")); });
}

TEST(ConfigRefusal, AbsurdValuesAreNamedWithTheirLimit) {
  const std::vector<Case> cases = {
      {"Llama", R"({"vocab_size": 0})", {"vocab_size", "is 0", "[1, 2147483647]"}},
      {"Llama", R"({"vocab_size": 2147483648})", {"vocab_size", "2147483648", "2147483647"}},
      {"Llama", R"({"vocab_size": "40"})", {"vocab_size", "whole number", "\"40\""}},
      {"Llama", R"({"hidden_size": -16})", {"hidden_size", "-16"}},
      {"Llama", R"({"hidden_size": 16.0})", {"hidden_size", "whole number", "16.0"}},
      {"Llama", R"({"hidden_size": 18446744073709551615})", {"hidden_size", "18446744073709551615"}},
      {"Llama", R"({"hidden_size": null})", {"hidden_size", "null"}},
      {"Llama", R"({"num_hidden_layers": 0})", {"num_hidden_layers", "is 0"}},
      {"Llama", R"({"num_hidden_layers": 1000000000})", {"num_hidden_layers", "1000000000", "16384"}},
      {"Llama", R"({"num_hidden_layers": true})", {"num_hidden_layers", "true"}},
      {"Llama", R"({"intermediate_size": []})", {"intermediate_size", "[]"}},
      {"Llama", R"({"num_attention_heads": 0})", {"num_attention_heads", "is 0"}},
      {"Llama", R"({"num_key_value_heads": 3})", {"num_attention_heads", "4", "num_key_value_heads", "3"}},
      {"Llama", R"({"num_key_value_heads": 8})", {"num_attention_heads", "num_key_value_heads", "8"}},
      {"Llama", R"({"head_dim": 7})", {"head_dim", "7", "even"}},
      // Where the classes of transformers fail with an odd number: all of a head; Phi; settings without an angle for half a pair.
      {"Glm",
       R"({"head_dim": 9, "rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 1.0}})",
       {"head_dim is 9", "even"}},
      {"Phi",
       R"({"head_dim": null, "hidden_size": 40, "num_key_value_heads": 4, "rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 0.5}})",
       {"partial_rotary_factor 0.5", "turns 5", "even"}},
      {"Glm",
       R"({"head_dim": 10, "rope_parameters": {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 8,
           "rope_theta": 100.0, "partial_rotary_factor": 0.5}})",
       {"partial_rotary_factor 0.5", "turns 5", "even"}},
      {"Llama", R"({"head_dim": 0})", {"head_dim", "is 0"}},
      {"Llama", R"({"head_dim": null, "hidden_size": 18})", {"hidden_size", "18", "num_attention_heads", "4"}},
      {"Llama", R"({"head_dim": null, "hidden_size": 12})", {"head_dim", "3", "even"}},
      {"Llama",
       R"({"hidden_size": 1048576, "intermediate_size": 16777216, "num_hidden_layers": 16384})",
       {"parameters", "2.81475e+14"}},
      {"Llama", R"({"max_position_embeddings": 0})", {"max_position_embeddings"}},
      {"Llama", R"({"rms_norm_eps": 0})", {"rms_norm_eps", "is 0"}},
      {"Llama", R"({"rms_norm_eps": -1e-6})", {"rms_norm_eps", "-1e-06"}},
      {"Llama", R"({"rms_norm_eps": "1e-6"})", {"rms_norm_eps", "number"}},
      {"Llama", R"({"rms_norm_eps": null})", {"rms_norm_eps", "null"}},
      {"Llama", R"({"initializer_range": -0.1})", {"initializer_range", "-0.1"}},
      {"Llama", R"({"tie_word_embeddings": 1})", {"tie_word_embeddings", "true or false"}},
      {"Llama", R"({"attention_bias": "no"})", {"attention_bias", "no"}},
      {"Llama", R"({"rope_theta": 0})", {"rope_theta", "is 0"}},
      {"Llama", R"({"rope_theta": "big"})", {"rope_theta", "big"}},
      {"Llama", R"({"rope_scaling": [1]})", {"rope_scaling", "object"}},
      {"Llama", R"({"rope_scaling": {"type": "linear"}})", {"rope_scaling", "factor", "missing"}},
      {"Llama", R"({"rope_scaling": {"type": "linear", "factor": 0}})", {"rope_scaling", "factor", "is 0"}},
      {"Llama", R"({"rope_scaling": {"type": 7}})", {"rope_scaling", "type", "string"}},
      {"Llama", R"({"rope_scaling": {"type": "linear", "rope_type": "llama3", "factor": 2}})", {"rope_type", "llama3", "linear"}},
      {"Llama",
       R"({"rope_scaling": {"type": "llama3", "factor": 2, "low_freq_factor": 4, "high_freq_factor": 3}})",
       {"high_freq_factor is 3", "low_freq_factor, 4"}},
      {"Llama", R"({"rope_scaling": {"type": "llama3", "factor": 2, "low_freq_factor": 1}})", {"high_freq_factor", "missing"}},
      {"Llama",
       R"({"head_dim": 8, "rope_scaling": {"type": "longrope", "short_factor": [1, 1], "long_factor": [1, 1]}})",
       {"short_factor", "list of 4 numbers", "found 2"}},
      {"Llama",
       R"({"head_dim": 4, "rope_scaling": {"type": "longrope", "short_factor": 1, "long_factor": [1, 1]}})",
       {"short_factor", "list of 2 numbers", "found 1"}},
      {"Llama",
       R"({"head_dim": 4, "rope_scaling": {"type": "longrope", "short_factor": [1, 1], "long_factor": [1, 0]}})",
       {"long_factor", "holds 0"}},
      {"Llama",
       R"({"rope_scaling": {"type": "yarn", "factor": 2, "beta_fast": 1, "beta_slow": 2}})",
       {"beta_fast is 1", "beta_slow, 2"}},
      {"Llama",
       R"({"head_dim": 2, "rope_scaling": {"type": "dynamic", "factor": 2}})",
       {"dynamic turns 2 dimensions", "one pair"}},
      {"Mistral", R"({"sliding_window": 0})", {"sliding_window", "is 0"}},
      {"Mistral", R"({"sliding_window": -5})", {"sliding_window", "-5"}},
      {"Mistral", R"({"sliding_window": 8, "use_sliding_window": false})", {"use_sliding_window", "8"}},
      {"Qwen2", R"({"use_sliding_window": true, "sliding_window": 0})", {"sliding_window", "is 0"}},
      {"Qwen2", R"({"use_sliding_window": true, "max_window_layers": -1})", {"max_window_layers", "-1"}},
      {"Qwen2", R"({"layer_types": ["full_attention"]})", {"layer_types", "num_hidden_layers = 2", "1"}},
      {"Qwen2", R"({"layer_types": [1, 2]})", {"layer_types", "not a name"}},
      {"Qwen3", R"({"layer_types": ["full_attention", "sliding_attention"]})", {"layer_types[1]", "use_sliding_window"}},
      {"Llama", R"({"architectures": []})", {"architectures", "[]"}},
      {"Llama", R"({"architectures": "LlamaForCausalLM"})", {"architectures", "list"}},
      {"Llama", R"({"architectures": null, "model_type": null})", {"architectures", "model_type", "missing"}},
      {"Llama", R"({"model_type": "mistral"})", {"LlamaForCausalLM", "mistral"}},
      {"Llama", R"({"model_type": 5})", {"model_type", "string"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.changes);
    ExpectError(Code::kInvalidArgument, c.fragments, [&] { ParseConfig(TinyConfig(c.family, c.changes)); });
  }
}

// Settings each of which could stand, but not beside the others of the same model.
TEST(ConfigRefusal, SettingsThatContradictEachOther) {
  const std::string nemotron = R"("architectures": ["NemotronHForCausalLM"], "model_type": "nemotron_h", )";
  const std::string cohere = R"("architectures": ["Cohere2ForCausalLM"], "model_type": "cohere2", "head_dim": null, )";
  const std::string exaone = R"("architectures": ["Exaone4ForCausalLM"], "model_type": "exaone4", )";
  const std::string gemma = R"("architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", )";
  const std::string types = R"("layer_types": ["sliding_attention", "full_attention"], )";
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {nemotron + R"("num_hidden_layers": 3, "hybrid_override_pattern": "M-")",
       {"num_hidden_layers is 3", "hybrid_override_pattern", "2 layers"}},
      {nemotron + R"("num_hidden_layers": 1, "layers_block_type": ["mlp", "mlp"])",
       {"num_hidden_layers is 1", "layers_block_type", "2 layers"}},
      {nemotron + R"("hybrid_override_pattern": "M-", "chunk_size": 0)", {"chunk_size is 0"}},
      {cohere + types + R"("sliding_window": null)", {"layer_types[0]", "sliding_window is null"}},
      {exaone + types + R"("sliding_window": null)", {"layer_types[0]", "sliding_window is null"}},
      {exaone + R"("sliding_window_pattern": "LLLG")", {"sliding_window_pattern", "LLLG"}},
      {gemma + types +
           R"("rope_parameters": {"full_attention": {"rope_type": "default"}, "sliding": {"rope_type": "linear", "factor": 2}})",
       {"rope_parameters: sliding", "linear", "no type of layer"}},
      {R"("architectures": ["SmolLM3ForCausalLM"], "model_type": "smollm3", "pad_token_id": null, "no_rope_layers": [1, "0"])",
       {"no_rope_layers", "\"0\""}},
      {R"("rope_parameters": {"rope_type": "linear", "factor": 2}, "rope_scaling": {"rope_type": "linear", "factor": 4})",
       {"rope_scaling and rope_parameters say different things"}},
      {R"("original_max_position_embeddings": 16, "rope_scaling": {"rope_type": "yarn", "factor": 2, "original_max_position_embeddings": 32})",
       {"original_max_position_embeddings is 16", "is 32"}},
  };
  for (const auto& [changes, fragments] : cases) {
    SCOPED_TRACE(changes);
    ExpectError(Code::kInvalidArgument, fragments, [&] { ParseConfig(TinyConfig("Llama", "{" + changes + "}")); });
  }
}

TEST(ConfigRefusal, MissingSizesAreNamed) {
  for (const char* key : {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"}) {
    Json config = Json::parse(TinyConfig("Llama"));
    config.erase(key);
    ExpectError(Code::kInvalidArgument, {"config.json", key, "missing"}, [&] { ParseConfig(config.dump()); });
  }
}

TEST(ConfigRefusal, TextThatIsNoJsonObject) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "not valid JSON"},
      {"{", "not valid JSON"},
      {"[1, 2]", "object"},
      {"null", "object"},
      {TinyConfig("Llama") + "x", "not valid JSON"},
      {std::string("{\"a\": \"\xff\xfe\"}"), "not valid JSON"},
      {std::string("{\"a\"\0: 1}", 9), "not valid JSON"},
      {std::string(1000000, '['), "nested deeper than 64"},
      {R"({"a":)" + std::string(100, '[') + std::string(100, ']') + "}", "nested deeper than 64"},
      {std::string((16 << 20) + 1, ' '), "at most 16777216"},
  };
  for (const auto& [text, fragment] : cases) {
    SCOPED_TRACE(text.substr(0, 60));
    ExpectError(Code::kInvalidArgument, {"config.json", fragment}, [&] { ParseConfig(text); });
  }
}

// Python writes such numbers. Where they are read, they are named.
TEST(ConfigRefusal, NumbersThatAreNotFinite) {
  std::string config = TinyConfig("Llama", R"({"rope_theta": 12345})");
  const size_t at = config.find("12345");
  for (const std::string number : {"NaN", "Infinity", "1e999"}) {
    std::string text = config;
    text.replace(at, 5, number);
    ExpectError(Code::kInvalidArgument, {"config.json", "rope_theta", number}, [&] { ParseConfig(text); });
  }
}

TEST(ConfigRefusal, MessagesQuoteNothingUnprintable) {
  const char* changes = R"({"architectures": null, "model_type": "a\nb\u0007"})";
  ExpectError(Code::kUnimplemented, {"a?b?"}, [&] { ParseConfig(TinyConfig("Llama", changes)); });
  EXPECT_EQ(Printable("caf\xc3\xa9 \xff\xc3"), "caf\xc3\xa9 ??");
  EXPECT_EQ(Printable("\xe2\x82\xac\xe2\x82\xac", 5), "\xe2\x82\xac...");
}

}  // namespace
}  // namespace hlm
