// Settings of one family alone that it does not take: one change to a whole configuration of it (class_defaults.json), and the words that
// name the setting, its value and what is legal.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "core/model/config.h"
#include "tests/model/test_folder.h"

namespace hlm {
namespace {

struct Change {
  const char* type;
  const char* members;
  std::vector<std::string> fragments;
};

class FamilyRefusal : public ::testing::Test {
 protected:
  FamilyRefusal() {
    for (const Json& line : Json::parse(ReadText("tests/model/class_defaults.json"))) {
      if (line.contains("full")) whole_[line["type"]] = line["full"];
    }
  }
  void Expect(Code code, const std::vector<Change>& changes) const {
    for (const Change& change : changes) {
      SCOPED_TRACE(StrCat(change.type, " ", change.members));
      Json config = whole_.at(change.type);
      ASSERT_GT(ParseConfig(config.dump()).layers(), 0) << "before the change";
      const Json members = Json::parse(change.members);
      for (const auto& [key, value] : members.items()) config[key] = value;
      ExpectError(code, change.fragments, [&] { ParseConfig(config.dump()); });
    }
  }

 private:
  std::map<std::string, Json> whole_;
};

TEST_F(FamilyRefusal, MathematicsThatAFamilyDoesNotHave) {
  Expect(
      Code::kUnimplemented,
      {
          {"cohere2_moe", R"({"expert_selection_fn": "tanh"})", {"expert_selection_fn = tanh", "softmax and sigmoid"}},
          {"cohere2_moe", R"({"shared_expert_combination_strategy": "max"})", {"combination_strategy = max", "sum and average"}},
          {"deepseek_v2", R"({"topk_method": "noaux_tc"})", {"topk_method = noaux_tc", "greedy and group_limited_greedy"}},
          {"gpt_oss", R"({"quantization_config": {"quant_method": "awq"}})", {"quant_method = awq", "mxfp4"}},
          {"nemotron_h",
           R"({"layers_block_type": ["mlp", "ssm"]})",
           {"type ssm", "linear_attention, full_attention, mlp and moe"}},
          {"phimoe", R"({"num_experts_per_tok": 3})", {"num_experts_per_tok is 3", "sparsemixer chooses 2"}},
          {"recurrent_gemma", R"({"block_types": ["recurrent", "mamba"]})", {"block_types", "mamba", "recurrent and attention"}},
          {"recurrent_gemma",
           R"({"rope_parameters": {"partial_rotary_factor": 0.5, "rope_theta": 300.0, "rope_type": "linear", "factor": 2.0}})",
           {"another rope_type than default", "RecurrentGemmaForCausalLM"}},
          {"cohere2_moe",
           R"({"mlp_layer_types": ["dense", "sparse", "routed", "sparse"]})",
           {"mlp_layer_types", "routed", "dense and"}},
          {"ministral",
           R"({"layer_types": ["conv", "full_attention", "full_attention", "full_attention"]})",
           {"layer_types", "conv"}},
      });
}

// transformers 5.24 raises for each: its classes, its masks or its caches want a number.
TEST_F(FamilyRefusal, WindowsThatSlidingLayersLack) {
  Expect(Code::kInvalidArgument,
         {
             {"afmoe", R"({"sliding_window": null})", {"layer_types[0] is sliding_attention", "sliding_window is null"}},
             {"cohere2_moe", R"({"sliding_window": null})", {"layer_types[1] is sliding_attention", "sliding_window is null"}},
             {"dots1", R"({"sliding_window": null})", {"layer_types[2] is sliding_attention", "sliding_window is null"}},
             {"exaone_moe", R"({"sliding_window": null})", {"layer_types[0] is sliding_attention", "sliding_window is null"}},
             {"gpt_oss", R"({"sliding_window": null})", {"layer_types[0] is sliding_attention", "sliding_window is null"}},
             {"lfm3", R"({"sliding_window": null})", {"layer_types[2] is sliding_attention", "sliding_window is null"}},
             {"ministral", R"({"sliding_window": null})", {"layer_types[1] is sliding_attention", "sliding_window is null"}},
             {"mistral",
              R"({"sliding_window": null, "use_sliding_window": true})",
              {"use_sliding_window is true", "sliding_window is null"}},
         });
}

TEST_F(FamilyRefusal, ListsOfLayersThatDoNotAddUp) {
  Expect(
      Code::kInvalidArgument,
      {
          {"gemma4_text", R"({"num_kv_shared_layers": 3})", {"num_kv_shared_layers is 3", "no layer before", "full_attention"}},
          {"gpt_neo", R"({"attention_types": [[["global", "near"], 1]]})", {"attention_types holds", "near", "global and local"}},
          {"gpt_neo",
           R"({"attention_types": [[["global", "local"], 3]]})",
           {"attention_types makes 6 layers", "num_layers is 2"}},
          {"gpt_neo", R"({"attention_types": [[["global"], -1]]})", {"attention_types holds", "how often"}},
          {"gpt_neo", R"({"attention_types": [[["global"], 16384], [["local"], 1]]})", {"more than 16384 layers"}},
          {"gpt_neo", R"({"attention_types": "global"})", {"attention_types must be a list", "\"global\""}},
          {"hunyuan_v1_moe", R"({"moe_topk": [2]})", {"moe_topk has 1 number for", "num_hidden_layers = 2"}},
          {"kimi_linear",
           R"({"layer_types": null, "linear_attn_config": {"full_attn_layers": [4], "kda_layers": [1, 2], "num_heads": 3, "head_dim": 8, "short_conv_kernel_size": 3}})",
           {"full_attn_layers and kda_layers lack layer 3"}},
          {"kimi_linear",
           R"({"layer_types": null, "linear_attn_config": {"full_attn_layers": [4], "kda_layers": [1, 2, 3, 4], "num_heads": 3, "head_dim": 8, "short_conv_kernel_size": 3}})",
           {"kda_layers holds 4", "in one list once"}},
          {"kimi_linear",
           R"({"layer_types": null, "linear_attn_config": {"full_attn_layers": [5], "kda_layers": [1, 2, 3, 4], "num_heads": 3, "head_dim": 8, "short_conv_kernel_size": 3}})",
           {"full_attn_layers holds 5", "num_hidden_layers, 4"}},
          {"lfm2_moe", R"({"layer_types": null})", {"layer_types is missing"}},
          {"llama4_text", R"({"no_rope_layers": [1, 1, 0]})", {"no_rope_layers has 3 numbers", "num_hidden_layers = 4"}},
          {"cohere2_moe", R"({"mlp_layer_types": ["dense"]})", {"mlp_layer_types", "num_hidden_layers = 4", "found 1"}},
          {"nemotron_h",
           R"({"layers_block_type": null, "hybrid_override_pattern": "M*x"})",
           {"hybrid_override_pattern holds x", "M, *, - and E"}},
          {"nemotron_h", R"({"layers_block_type": []})", {"layers_block_type names no layers"}},
          {"nemotron_h", R"({"layers_block_type": "M*"})", {"layers_block_type must be a list", "\"M*\""}},
          {"nemotron_h", R"({"layers_block_type": ["mlp", 3]})", {"layers_block_type holds 3", "not a name"}},
          {"recurrent_gemma", R"({"block_types": []})", {"block_types must be a list", "[]"}},
          {"zamba2", R"({"layers_block_type": ["hybrid"]})", {"layers_block_type has 1 layer", "num_hidden_layers is 6"}},
          {"zamba2", R"({"layers_block_type": ["attention"]})", {"layers_block_type holds \"attention\"", "mamba and hybrid"}},
      });
}

TEST_F(FamilyRefusal, SizesThatDoNotFitEachOther) {
  Expect(Code::kInvalidArgument,
         {
             {"bamba", R"({"mamba_n_heads": 5})", {"mamba_n_heads is 5", "heads of 8", "40 channels", "48"}},
             {"bamba", R"({"mamba_n_groups": 4})", {"mamba_n_heads is 6", "multiple of mamba_n_groups, 4"}},
             {"bamba", R"({"time_step_limit": [1.5, 0.2]})", {"time_step_limit", "the second above the first", "[1.5,0.2]"}},
             {"lfm2", R"({"intermediate_size": 1, "block_ffn_dim_multiplier": 0.01})", {"intermediate_size", "without a width"}},
             {"recurrent_gemma", R"({"intermediate_size": 81})", {"intermediate_size is 81", "must be even"}},
             {"recurrent_gemma", R"({"head_dim": 16})", {"head_dim is 16", "24 / 3"}},
         });
}

}  // namespace
}  // namespace hlm
