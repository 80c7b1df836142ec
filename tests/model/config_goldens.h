// Written by make_config_goldens.py with transformers 5.23.0 and torch 2.15.0+cu132.
#ifndef HORIZON_LM_TESTS_MODEL_CONFIG_GOLDENS_H_
#define HORIZON_LM_TESTS_MODEL_CONFIG_GOLDENS_H_

#include <cstdint>
#include <vector>

namespace hlm {

struct ConfigGolden {
  const char* json;
  int64_t kv_heads, head_dim, max_positions;
  double rms_epsilon, initializer_range;
  bool tied, qkv_bias, o_bias, mlp_bias, qk_norm;
  std::vector<int64_t> windows;
  std::vector<double> frequencies;  // computed by transformers in float
};

inline const std::vector<ConfigGolden>& ConfigGoldens() {
  static const std::vector<ConfigGolden> goldens = {
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2})json",
     2, 16, 2048, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_theta": 500000.0})json",
     2, 16, 2048, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.193922758, 0.0376060307, 0.00729266508, 0.00141421345, 0.000274248188,
      5.31829573e-05, 1.03133852e-05}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_theta": 1000000, "rope_scaling": null})json",
     2, 16, 2048, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.177827939, 0.0316227786, 0.00562341325, 0.00100000005, 0.00017782794,
      3.16227743e-05, 5.62341347e-06}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_theta": 500000.0, "rope_scaling": {"type": "linear", "factor": 2.5}})json",
     2, 16, 2048, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {0.400000006, 0.0775691047, 0.0150424121, 0.00291706598, 0.00056568539, 0.000109699278,
      2.12731829e-05, 4.12535428e-06}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1)json"
     R"json(.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}, "head_dim": 32})json",
     2, 32, 2048, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.440366626, 0.193922758, 0.0853971019, 0.0376060307, 0.0165604409,
      0.00729266508, 0.00321144611, 0.000524846022, 7.78465546e-05, 3.42810235e-05, 1.50962178e-05,
      6.64786967e-06, 2.92749974e-06, 1.28917316e-06, 5.6770881e-07}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"}})json",
     2, 16, 2048, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.177827939, 0.0316227786, 0.00562341325, 0.00100000005, 0.00017782794,
      3.16227743e-05, 5.62341347e-06}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_parameters": {"rope_type": "linear", "factor": 4}})json",
     2, 16, 2048, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {0.25, 0.079056941, 0.0250000004, 0.00790569466, 0.00249999994, 0.000790569466,
      0.000250000012, 7.90569466e-05}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 32.0, "low_freq_factor")json"
     R"json(: 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 256}})json",
     2, 16, 2048, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0039334991, 0.000312499993, 9.88211832e-05,
      3.12500015e-05, 9.88211832e-06}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "max_position_embeddings": 1024, "rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0, )json"
     R"json("factor": 3.0, "low_freq_factor": 1.5, "high_freq_factor": 70.0}})json",
     2, 16, 1024, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.259405613, 0.0477347597, 0.0116654085, 0.00334596052, 0.00105409266,
      0.000333333359, 0.000105409265}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 4})json",
     4, 16, 2048, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 1})json",
     1, 16, 2048, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "head_dim": 24})json",
     2, 24, 2048, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.464158893, 0.215443447, 0.100000001, 0.046415884, 0.0215443484,
      0.00999999978, 0.00464158971, 0.00215443433, 0.00100000005, 0.000464158948, 0.000215443419}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "tie_word_embeddings": true})json",
     2, 16, 2048, 1e-06, 0.02, true, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rms_norm_eps": 1e-05})json",
     2, 16, 2048, 1e-05, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "attention_bias": true})json",
     2, 16, 2048, 1e-06, 0.02, false, true, true, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "mlp_bias": true})json",
     2, 16, 2048, 1e-06, 0.02, false, false, false, true, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": nu)json"
     R"json(ll})json",
     4, 16, 2048, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 512,)json"
     R"json( "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 64})json",
     64, 8, 2048, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.100000001, 0.00999999978, 0.00100000005}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2})json",
     2, 16, 131072, 1e-06, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2, "rope_theta": 500000.0})json",
     2, 16, 131072, 1e-06, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {1, 0.193922758, 0.0376060307, 0.00729266508, 0.00141421345, 0.000274248188,
      5.31829573e-05, 1.03133852e-05}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2, "rope_theta": 1000000, "rope_scaling": null})json",
     2, 16, 131072, 1e-06, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {1, 0.177827939, 0.0316227786, 0.00562341325, 0.00100000005, 0.00017782794,
      3.16227743e-05, 5.62341347e-06}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2, "rope_theta": 500000.0, "rope_scaling": {"type": "linear", "factor": 2.5}})json",
     2, 16, 131072, 1e-06, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {0.400000006, 0.0775691047, 0.0150424121, 0.00291706598, 0.00056568539, 0.000109699278,
      2.12731829e-05, 4.12535428e-06}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2, "rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor)json"
     R"json(": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}, "head_dim": 32})json",
     2, 32, 131072, 1e-06, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {1, 0.440366626, 0.193922758, 0.0853971019, 0.0376060307, 0.0165604409,
      0.00729266508, 0.00321144611, 0.000524846022, 7.78465546e-05, 3.42810235e-05, 1.50962178e-05,
      6.64786967e-06, 2.92749974e-06, 1.28917316e-06, 5.6770881e-07}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2, "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"}})json",
     2, 16, 131072, 1e-06, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {1, 0.177827939, 0.0316227786, 0.00562341325, 0.00100000005, 0.00017782794,
      3.16227743e-05, 5.62341347e-06}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2, "rope_parameters": {"rope_type": "linear", "factor": 4}})json",
     2, 16, 131072, 1e-06, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {0.25, 0.079056941, 0.0250000004, 0.00790569466, 0.00249999994, 0.000790569466,
      0.000250000012, 7.90569466e-05}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2, "rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 32.0, "low_freq_fac)json"
     R"json(tor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 256}})json",
     2, 16, 131072, 1e-06, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {1, 0.316227764, 0.100000001, 0.0039334991, 0.000312499993, 9.88211832e-05,
      3.12500015e-05, 9.88211832e-06}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2, "max_position_embeddings": 1024, "rope_parameters": {"rope_type": "llama3", "rope_theta": 10000)json"
     R"json(.0, "factor": 3.0, "low_freq_factor": 1.5, "high_freq_factor": 70.0}})json",
     2, 16, 1024, 1e-06, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {1, 0.259405613, 0.0477347597, 0.0116654085, 0.00334596052, 0.00105409266,
      0.000333333359, 0.000105409265}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 4})json",
     4, 16, 131072, 1e-06, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 1})json",
     1, 16, 131072, 1e-06, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2, "head_dim": 24})json",
     2, 24, 131072, 1e-06, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {1, 0.464158893, 0.215443447, 0.100000001, 0.046415884, 0.0215443484,
      0.00999999978, 0.00464158971, 0.00215443433, 0.00100000005, 0.000464158948, 0.000215443419}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2, "tie_word_embeddings": true})json",
     2, 16, 131072, 1e-06, 0.02, true, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2, "rms_norm_eps": 1e-05})json",
     2, 16, 131072, 1e-05, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2, "sliding_window": null})json",
     2, 16, 131072, 1e-06, 0.02, false, false, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(64, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads")json"
     R"json(: 2, "sliding_window": 7})json",
     2, 16, 131072, 1e-06, 0.02, false, false, false, false, false,
     {7, 7, 7, 7, 7, 7},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 96, "hidden_size": )json"
     R"json(512, "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 64})json",
     8, 8, 131072, 1e-06, 0.02, false, false, false, false, false,
     {4096, 4096, 4096, 4096, 4096, 4096},
     {1, 0.100000001, 0.00999999978, 0.00100000005}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2})json",
     2, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_theta": 500000.0})json",
     2, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.193922758, 0.0376060307, 0.00729266508, 0.00141421345, 0.000274248188,
      5.31829573e-05, 1.03133852e-05}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_theta": 1000000, "rope_scaling": null})json",
     2, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.177827939, 0.0316227786, 0.00562341325, 0.00100000005, 0.00017782794,
      3.16227743e-05, 5.62341347e-06}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_theta": 500000.0, "rope_scaling": {"type": "linear", "factor": 2.5}})json",
     2, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {0.400000006, 0.0775691047, 0.0150424121, 0.00291706598, 0.00056568539, 0.000109699278,
      2.12731829e-05, 4.12535428e-06}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1)json"
     R"json(.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}, "head_dim": 32})json",
     2, 32, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.440366626, 0.193922758, 0.0853971019, 0.0376060307, 0.0165604409,
      0.00729266508, 0.00321144611, 0.000524846022, 7.78465546e-05, 3.42810235e-05, 1.50962178e-05,
      6.64786967e-06, 2.92749974e-06, 1.28917316e-06, 5.6770881e-07}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"}})json",
     2, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.177827939, 0.0316227786, 0.00562341325, 0.00100000005, 0.00017782794,
      3.16227743e-05, 5.62341347e-06}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_parameters": {"rope_type": "linear", "factor": 4}})json",
     2, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {0.25, 0.079056941, 0.0250000004, 0.00790569466, 0.00249999994, 0.000790569466,
      0.000250000012, 7.90569466e-05}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 32.0, "low_freq_factor")json"
     R"json(: 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 256}})json",
     2, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0039334991, 0.000312499993, 9.88211832e-05,
      3.12500015e-05, 9.88211832e-06}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "max_position_embeddings": 1024, "rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0, )json"
     R"json("factor": 3.0, "low_freq_factor": 1.5, "high_freq_factor": 70.0}})json",
     2, 16, 1024, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.259405613, 0.0477347597, 0.0116654085, 0.00334596052, 0.00105409266,
      0.000333333359, 0.000105409265}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 4})json",
     4, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 1})json",
     1, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "head_dim": 24})json",
     2, 24, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.464158893, 0.215443447, 0.100000001, 0.046415884, 0.0215443484,
      0.00999999978, 0.00464158971, 0.00215443433, 0.00100000005, 0.000464158948, 0.000215443419}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "tie_word_embeddings": true})json",
     2, 16, 32768, 1e-06, 0.02, true, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rms_norm_eps": 1e-05})json",
     2, 16, 32768, 1e-05, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "use_sliding_window": false, "sliding_window": 9})json",
     2, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 30, "num_attention_heads": 4, "num_key_value_heads": 2)json"
     R"json(, "use_sliding_window": true})json",
     2, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4096, 4096},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "use_sliding_window": true, "sliding_window": 9, "max_window_layers": 2})json",
     2, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 9, 9, 9, 9},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "use_sliding_window": true, "sliding_window": null, "max_window_layers": 2})json",
     2, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "use_sliding_window": true, "sliding_window": 5, "layer_types": ["full_attention", "sliding_attenti)json"
     R"json(on", "full_attention", "sliding_attention", "full_attention", "sliding_attention"]})json",
     2, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 5, 0, 5, 0, 5},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "layer_types": ["full_attention", "full_attention", "full_attention", "full_attention", "full_atten)json"
     R"json(tion", "full_attention"]})json",
     2, 16, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786,
      0.00100000005, 0.000316227786}},
    {R"json({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 512,)json"
     R"json( "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 64})json",
     32, 8, 32768, 1e-06, 0.02, false, true, false, false, false,
     {0, 0, 0, 0, 0, 0},
     {1, 0.100000001, 0.00999999978, 0.00100000005}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2})json",
     2, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0865964293,
      0.0749894157, 0.0649381652, 0.0562341288, 0.0486967526, 0.0421696492, 0.0365174115,
      0.0316227786, 0.0273841955, 0.0237137359, 0.0205352511, 0.0177827943, 0.0153992651,
      0.0133352149, 0.0115478197, 0.00999999978, 0.00865964312, 0.00749894232, 0.00649381662,
      0.00562341325, 0.00486967526, 0.00421696482, 0.00365174143, 0.00316227786, 0.00273841969,
      0.00237137382, 0.00205352507, 0.00177827943, 0.00153992651, 0.00133352145, 0.00115478202,
      0.00100000005, 0.000865964335, 0.000749894185, 0.000649381662, 0.000562341302, 0.000486967503,
      0.000421696488, 0.000365174114, 0.000316227786, 0.000273841957, 0.000237137385, 0.000205352495,
      0.00017782794, 0.000153992645, 0.00013335215, 0.000115478193}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_theta": 500000.0})json",
     2, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.814617217, 0.663601279, 0.540580988, 0.440366626, 0.358730227,
      0.292227834, 0.238053814, 0.193922758, 0.157972813, 0.128687382, 0.10483095,
      0.0853971019, 0.0695659518, 0.0566696189, 0.0461640507, 0.0376060307, 0.0306345206,
      0.0249554086, 0.0203291047, 0.0165604409, 0.0134904198, 0.0109895291, 0.00895225909,
      0.00729266508, 0.00594073068, 0.00483942125, 0.00394227589, 0.00321144611, 0.00261609908,
      0.0021311196, 0.00173604675, 0.00141421345, 0.00115204265, 0.000938473851, 0.000764496974,
      0.000622772437, 0.000507321151, 0.000413272559, 0.000336658937, 0.000274248188, 0.000223407274,
      0.000181991432, 0.000148253355, 0.000120769742, 9.83811115e-05, 8.01429487e-05, 6.52858216e-05,
      5.31829573e-05, 4.33237547e-05, 3.52922762e-05, 2.8749695e-05, 2.34199979e-05, 1.90783339e-05,
      1.55415401e-05, 1.26604064e-05, 1.03133852e-05, 8.40146095e-06, 6.84397537e-06, 5.57522026e-06,
      4.54167048e-06, 3.69972304e-06, 3.01385808e-06, 2.4551407e-06}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_theta": 1000000, "rope_scaling": null})json",
     2, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.805842221, 0.649381638, 0.523299158, 0.421696514, 0.339820832,
      0.273841977, 0.220673397, 0.177827939, 0.143301263, 0.115478203, 0.0930572003,
      0.0749894157, 0.0604296438, 0.0486967526, 0.0392418988, 0.0316227786, 0.0254829675,
      0.0205352511, 0.0165481716, 0.0133352149, 0.0107460786, 0.00865964312, 0.00697830599,
      0.00562341325, 0.00453158375, 0.00365174143, 0.00294272718, 0.00237137382, 0.00191095285,
      0.00153992651, 0.00124093785, 0.00100000005, 0.000805842225, 0.000649381662, 0.000523299095,
      0.000421696488, 0.000339820836, 0.000273841957, 0.000220673421, 0.00017782794, 0.000143301266,
      0.000115478193, 9.3057206e-05, 7.49894243e-05, 6.04296365e-05, 4.86967547e-05, 3.92418988e-05,
      3.16227743e-05, 2.54829665e-05, 2.05352499e-05, 1.65481706e-05, 1.33352141e-05, 1.07460783e-05,
      8.65964375e-06, 6.97830637e-06, 5.62341347e-06, 4.53158373e-06, 3.65174128e-06, 2.94272718e-06,
      2.37137374e-06, 1.91095296e-06, 1.53992653e-06, 1.24093776e-06}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_theta": 500000.0, "rope_scaling": {"type": "linear", "factor": 2.5}})json",
     2, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {0.400000006, 0.325846881, 0.265440524, 0.216232389, 0.176146656, 0.143492088,
      0.116891131, 0.0952215269, 0.0775691047, 0.0631891266, 0.0514749512, 0.0419323817,
      0.0341588408, 0.02782638, 0.0226678476, 0.0184656195, 0.0150424121, 0.0122538079,
      0.00998216309, 0.00813164189, 0.00662417617, 0.00539616775, 0.00439581182, 0.00358090363,
      0.00291706598, 0.00237629237, 0.00193576852, 0.00157691038, 0.00128457847, 0.00104643963,
      0.000852447818, 0.000694418675, 0.00056568539, 0.000460817071, 0.000375389529, 0.000305798778,
      0.000249108969, 0.000202928466, 0.000165309029, 0.000134663569, 0.000109699278, 8.93629112e-05,
      7.27965744e-05, 5.93013428e-05, 4.83078984e-05, 3.9352446e-05, 3.2057178e-05, 2.61143286e-05,
      2.12731829e-05, 1.73295011e-05, 1.41169103e-05, 1.14998784e-05, 9.36799916e-06, 7.63133357e-06,
      6.21661593e-06, 5.06416245e-06, 4.12535428e-06, 3.36058429e-06, 2.73759019e-06, 2.23008806e-06,
      1.81666815e-06, 1.47988919e-06, 1.20554319e-06, 9.82056235e-07}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1)json"
     R"json(.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}, "head_dim": 32})json",
     2, 32, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.440366626, 0.193922758, 0.0853971019, 0.0376060307, 0.0165604409,
      0.00729266508, 0.00321144611, 0.000524846022, 7.78465546e-05, 3.42810235e-05, 1.50962178e-05,
      6.64786967e-06, 2.92749974e-06, 1.28917316e-06, 5.6770881e-07}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"}})json",
     2, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.805842221, 0.649381638, 0.523299158, 0.421696514, 0.339820832,
      0.273841977, 0.220673397, 0.177827939, 0.143301263, 0.115478203, 0.0930572003,
      0.0749894157, 0.0604296438, 0.0486967526, 0.0392418988, 0.0316227786, 0.0254829675,
      0.0205352511, 0.0165481716, 0.0133352149, 0.0107460786, 0.00865964312, 0.00697830599,
      0.00562341325, 0.00453158375, 0.00365174143, 0.00294272718, 0.00237137382, 0.00191095285,
      0.00153992651, 0.00124093785, 0.00100000005, 0.000805842225, 0.000649381662, 0.000523299095,
      0.000421696488, 0.000339820836, 0.000273841957, 0.000220673421, 0.00017782794, 0.000143301266,
      0.000115478193, 9.3057206e-05, 7.49894243e-05, 6.04296365e-05, 4.86967547e-05, 3.92418988e-05,
      3.16227743e-05, 2.54829665e-05, 2.05352499e-05, 1.65481706e-05, 1.33352141e-05, 1.07460783e-05,
      8.65964375e-06, 6.97830637e-06, 5.62341347e-06, 4.53158373e-06, 3.65174128e-06, 2.94272718e-06,
      2.37137374e-06, 1.91095296e-06, 1.53992653e-06, 1.24093776e-06}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_parameters": {"rope_type": "linear", "factor": 4}})json",
     2, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {0.25, 0.216491088, 0.18747355, 0.162345409, 0.140585333, 0.121741883,
      0.105424128, 0.0912935361, 0.079056941, 0.0684604943, 0.0592843406, 0.051338125,
      0.0444569848, 0.0384981632, 0.0333380364, 0.0288695507, 0.0250000004, 0.0216491073,
      0.0187473539, 0.0162345413, 0.0140585322, 0.0121741882, 0.0105424123, 0.00912935287,
      0.00790569466, 0.00684604887, 0.00592843397, 0.00513381278, 0.00444569858, 0.00384981628,
      0.00333380373, 0.00288695493, 0.00249999994, 0.00216491078, 0.00187473558, 0.00162345415,
      0.00140585331, 0.00121741882, 0.00105424121, 0.000912935357, 0.000790569466, 0.000684604922,
      0.000592843455, 0.000513381267, 0.000444569858, 0.000384981628, 0.000333380362, 0.000288695504,
      0.000250000012, 0.000216491084, 0.000187473546, 0.000162345415, 0.000140585325, 0.000121741876,
      0.000105424122, 9.12935284e-05, 7.90569466e-05, 6.84604893e-05, 5.92843462e-05, 5.13381237e-05,
      4.44569851e-05, 3.84981613e-05, 3.33380376e-05, 2.88695483e-05}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 32.0, "low_freq_factor")json"
     R"json(: 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 256}})json",
     2, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0734048411,
      0.0521142408, 0.0365415104, 0.025203852, 0.0169964917, 0.0110969972, 0.00689397147,
      0.0039334991, 0.00187915738, 0.000741054246, 0.000641726598, 0.000555712322, 0.000481227034,
      0.000416725466, 0.000360869366, 0.000312499993, 0.000270613848, 0.000234341947, 0.000202931769,
      0.000175731664, 0.000152177352, 0.000131780151, 0.00011411692, 9.88211832e-05, 8.55756152e-05,
      7.41054318e-05, 6.41726583e-05, 5.55712322e-05, 4.81227034e-05, 4.16725452e-05, 3.60869381e-05,
      3.12500015e-05, 2.70613855e-05, 2.34341933e-05, 2.02931769e-05, 1.75731657e-05, 1.52177345e-05,
      1.31780153e-05, 1.1411691e-05, 9.88211832e-06, 8.55756116e-06, 7.41054328e-06, 6.41726547e-06,
      5.55712313e-06, 4.81227016e-06, 4.1672547e-06, 3.60869353e-06}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "max_position_embeddings": 1024, "rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0, )json"
     R"json("factor": 3.0, "low_freq_factor": 1.5, "high_freq_factor": 70.0}})json",
     2, 128, 1024, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.416467249, 0.327907324, 0.259405613, 0.206225798, 0.164778456, 0.132339448,
      0.10683772, 0.086695835, 0.0707097575, 0.0579582825, 0.0477347597, 0.0394955762,
      0.0328211859, 0.0273867007, 0.0229395498, 0.0192826521, 0.0162615124, 0.0137545057,
      0.0116654085, 0.00991772488, 0.00845033769, 0.0072141639, 0.00616957294, 0.00528441183,
      0.004532455, 0.00389220566, 0.00334596052, 0.00288654771, 0.00249964744, 0.00216460554,
      0.00187447108, 0.00162322505, 0.00140565494, 0.0012172471, 0.00105409266, 0.000912806543,
      0.00079045794, 0.000684508355, 0.00059275981, 0.000513308856, 0.000444507139, 0.000384927349,
      0.000333333359, 0.000288654788, 0.000249964738, 0.000216460554, 0.000187447105, 0.000162322496,
      0.000140565491, 0.000121724705, 0.000105409265, 9.12806499e-05, 7.90457925e-05, 6.84508341e-05,
      5.92759789e-05, 5.13308805e-05, 4.44507168e-05, 3.84927298e-05}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 4})json",
     4, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0865964293,
      0.0749894157, 0.0649381652, 0.0562341288, 0.0486967526, 0.0421696492, 0.0365174115,
      0.0316227786, 0.0273841955, 0.0237137359, 0.0205352511, 0.0177827943, 0.0153992651,
      0.0133352149, 0.0115478197, 0.00999999978, 0.00865964312, 0.00749894232, 0.00649381662,
      0.00562341325, 0.00486967526, 0.00421696482, 0.00365174143, 0.00316227786, 0.00273841969,
      0.00237137382, 0.00205352507, 0.00177827943, 0.00153992651, 0.00133352145, 0.00115478202,
      0.00100000005, 0.000865964335, 0.000749894185, 0.000649381662, 0.000562341302, 0.000486967503,
      0.000421696488, 0.000365174114, 0.000316227786, 0.000273841957, 0.000237137385, 0.000205352495,
      0.00017782794, 0.000153992645, 0.00013335215, 0.000115478193}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 1})json",
     1, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0865964293,
      0.0749894157, 0.0649381652, 0.0562341288, 0.0486967526, 0.0421696492, 0.0365174115,
      0.0316227786, 0.0273841955, 0.0237137359, 0.0205352511, 0.0177827943, 0.0153992651,
      0.0133352149, 0.0115478197, 0.00999999978, 0.00865964312, 0.00749894232, 0.00649381662,
      0.00562341325, 0.00486967526, 0.00421696482, 0.00365174143, 0.00316227786, 0.00273841969,
      0.00237137382, 0.00205352507, 0.00177827943, 0.00153992651, 0.00133352145, 0.00115478202,
      0.00100000005, 0.000865964335, 0.000749894185, 0.000649381662, 0.000562341302, 0.000486967503,
      0.000421696488, 0.000365174114, 0.000316227786, 0.000273841957, 0.000237137385, 0.000205352495,
      0.00017782794, 0.000153992645, 0.00013335215, 0.000115478193}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "head_dim": 24})json",
     2, 24, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.464158893, 0.215443447, 0.100000001, 0.046415884, 0.0215443484,
      0.00999999978, 0.00464158971, 0.00215443433, 0.00100000005, 0.000464158948, 0.000215443419}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "tie_word_embeddings": true})json",
     2, 128, 32768, 1e-06, 0.02, true, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0865964293,
      0.0749894157, 0.0649381652, 0.0562341288, 0.0486967526, 0.0421696492, 0.0365174115,
      0.0316227786, 0.0273841955, 0.0237137359, 0.0205352511, 0.0177827943, 0.0153992651,
      0.0133352149, 0.0115478197, 0.00999999978, 0.00865964312, 0.00749894232, 0.00649381662,
      0.00562341325, 0.00486967526, 0.00421696482, 0.00365174143, 0.00316227786, 0.00273841969,
      0.00237137382, 0.00205352507, 0.00177827943, 0.00153992651, 0.00133352145, 0.00115478202,
      0.00100000005, 0.000865964335, 0.000749894185, 0.000649381662, 0.000562341302, 0.000486967503,
      0.000421696488, 0.000365174114, 0.000316227786, 0.000273841957, 0.000237137385, 0.000205352495,
      0.00017782794, 0.000153992645, 0.00013335215, 0.000115478193}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "rms_norm_eps": 1e-05})json",
     2, 128, 32768, 1e-05, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0865964293,
      0.0749894157, 0.0649381652, 0.0562341288, 0.0486967526, 0.0421696492, 0.0365174115,
      0.0316227786, 0.0273841955, 0.0237137359, 0.0205352511, 0.0177827943, 0.0153992651,
      0.0133352149, 0.0115478197, 0.00999999978, 0.00865964312, 0.00749894232, 0.00649381662,
      0.00562341325, 0.00486967526, 0.00421696482, 0.00365174143, 0.00316227786, 0.00273841969,
      0.00237137382, 0.00205352507, 0.00177827943, 0.00153992651, 0.00133352145, 0.00115478202,
      0.00100000005, 0.000865964335, 0.000749894185, 0.000649381662, 0.000562341302, 0.000486967503,
      0.000421696488, 0.000365174114, 0.000316227786, 0.000273841957, 0.000237137385, 0.000205352495,
      0.00017782794, 0.000153992645, 0.00013335215, 0.000115478193}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "use_sliding_window": false, "sliding_window": 9})json",
     2, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0865964293,
      0.0749894157, 0.0649381652, 0.0562341288, 0.0486967526, 0.0421696492, 0.0365174115,
      0.0316227786, 0.0273841955, 0.0237137359, 0.0205352511, 0.0177827943, 0.0153992651,
      0.0133352149, 0.0115478197, 0.00999999978, 0.00865964312, 0.00749894232, 0.00649381662,
      0.00562341325, 0.00486967526, 0.00421696482, 0.00365174143, 0.00316227786, 0.00273841969,
      0.00237137382, 0.00205352507, 0.00177827943, 0.00153992651, 0.00133352145, 0.00115478202,
      0.00100000005, 0.000865964335, 0.000749894185, 0.000649381662, 0.000562341302, 0.000486967503,
      0.000421696488, 0.000365174114, 0.000316227786, 0.000273841957, 0.000237137385, 0.000205352495,
      0.00017782794, 0.000153992645, 0.00013335215, 0.000115478193}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 30, "num_attention_heads": 4, "num_key_value_heads": 2)json"
     R"json(, "use_sliding_window": true})json",
     2, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4096, 4096},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0865964293,
      0.0749894157, 0.0649381652, 0.0562341288, 0.0486967526, 0.0421696492, 0.0365174115,
      0.0316227786, 0.0273841955, 0.0237137359, 0.0205352511, 0.0177827943, 0.0153992651,
      0.0133352149, 0.0115478197, 0.00999999978, 0.00865964312, 0.00749894232, 0.00649381662,
      0.00562341325, 0.00486967526, 0.00421696482, 0.00365174143, 0.00316227786, 0.00273841969,
      0.00237137382, 0.00205352507, 0.00177827943, 0.00153992651, 0.00133352145, 0.00115478202,
      0.00100000005, 0.000865964335, 0.000749894185, 0.000649381662, 0.000562341302, 0.000486967503,
      0.000421696488, 0.000365174114, 0.000316227786, 0.000273841957, 0.000237137385, 0.000205352495,
      0.00017782794, 0.000153992645, 0.00013335215, 0.000115478193}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "use_sliding_window": true, "sliding_window": 9, "max_window_layers": 2})json",
     2, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 9, 9, 9, 9},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0865964293,
      0.0749894157, 0.0649381652, 0.0562341288, 0.0486967526, 0.0421696492, 0.0365174115,
      0.0316227786, 0.0273841955, 0.0237137359, 0.0205352511, 0.0177827943, 0.0153992651,
      0.0133352149, 0.0115478197, 0.00999999978, 0.00865964312, 0.00749894232, 0.00649381662,
      0.00562341325, 0.00486967526, 0.00421696482, 0.00365174143, 0.00316227786, 0.00273841969,
      0.00237137382, 0.00205352507, 0.00177827943, 0.00153992651, 0.00133352145, 0.00115478202,
      0.00100000005, 0.000865964335, 0.000749894185, 0.000649381662, 0.000562341302, 0.000486967503,
      0.000421696488, 0.000365174114, 0.000316227786, 0.000273841957, 0.000237137385, 0.000205352495,
      0.00017782794, 0.000153992645, 0.00013335215, 0.000115478193}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "use_sliding_window": true, "sliding_window": null, "max_window_layers": 2})json",
     2, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0865964293,
      0.0749894157, 0.0649381652, 0.0562341288, 0.0486967526, 0.0421696492, 0.0365174115,
      0.0316227786, 0.0273841955, 0.0237137359, 0.0205352511, 0.0177827943, 0.0153992651,
      0.0133352149, 0.0115478197, 0.00999999978, 0.00865964312, 0.00749894232, 0.00649381662,
      0.00562341325, 0.00486967526, 0.00421696482, 0.00365174143, 0.00316227786, 0.00273841969,
      0.00237137382, 0.00205352507, 0.00177827943, 0.00153992651, 0.00133352145, 0.00115478202,
      0.00100000005, 0.000865964335, 0.000749894185, 0.000649381662, 0.000562341302, 0.000486967503,
      0.000421696488, 0.000365174114, 0.000316227786, 0.000273841957, 0.000237137385, 0.000205352495,
      0.00017782794, 0.000153992645, 0.00013335215, 0.000115478193}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "use_sliding_window": true, "sliding_window": 5, "layer_types": ["full_attention", "sliding_attenti)json"
     R"json(on", "full_attention", "sliding_attention", "full_attention", "sliding_attention"]})json",
     2, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 5, 0, 5, 0, 5},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0865964293,
      0.0749894157, 0.0649381652, 0.0562341288, 0.0486967526, 0.0421696492, 0.0365174115,
      0.0316227786, 0.0273841955, 0.0237137359, 0.0205352511, 0.0177827943, 0.0153992651,
      0.0133352149, 0.0115478197, 0.00999999978, 0.00865964312, 0.00749894232, 0.00649381662,
      0.00562341325, 0.00486967526, 0.00421696482, 0.00365174143, 0.00316227786, 0.00273841969,
      0.00237137382, 0.00205352507, 0.00177827943, 0.00153992651, 0.00133352145, 0.00115478202,
      0.00100000005, 0.000865964335, 0.000749894185, 0.000649381662, 0.000562341302, 0.000486967503,
      0.000421696488, 0.000365174114, 0.000316227786, 0.000273841957, 0.000237137385, 0.000205352495,
      0.00017782794, 0.000153992645, 0.00013335215, 0.000115478193}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "layer_types": ["full_attention", "full_attention", "full_attention", "full_attention", "full_atten)json"
     R"json(tion", "full_attention"]})json",
     2, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0865964293,
      0.0749894157, 0.0649381652, 0.0562341288, 0.0486967526, 0.0421696492, 0.0365174115,
      0.0316227786, 0.0273841955, 0.0237137359, 0.0205352511, 0.0177827943, 0.0153992651,
      0.0133352149, 0.0115478197, 0.00999999978, 0.00865964312, 0.00749894232, 0.00649381662,
      0.00562341325, 0.00486967526, 0.00421696482, 0.00365174143, 0.00316227786, 0.00273841969,
      0.00237137382, 0.00205352507, 0.00177827943, 0.00153992651, 0.00133352145, 0.00115478202,
      0.00100000005, 0.000865964335, 0.000749894185, 0.000649381662, 0.000562341302, 0.000486967503,
      0.000421696488, 0.000365174114, 0.000316227786, 0.000273841957, 0.000237137385, 0.000205352495,
      0.00017782794, 0.000153992645, 0.00013335215, 0.000115478193}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 64, )json"
     R"json("intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,)json"
     R"json( "attention_bias": true})json",
     2, 128, 32768, 1e-06, 0.02, false, true, true, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0865964293,
      0.0749894157, 0.0649381652, 0.0562341288, 0.0486967526, 0.0421696492, 0.0365174115,
      0.0316227786, 0.0273841955, 0.0237137359, 0.0205352511, 0.0177827943, 0.0153992651,
      0.0133352149, 0.0115478197, 0.00999999978, 0.00865964312, 0.00749894232, 0.00649381662,
      0.00562341325, 0.00486967526, 0.00421696482, 0.00365174143, 0.00316227786, 0.00273841969,
      0.00237137382, 0.00205352507, 0.00177827943, 0.00153992651, 0.00133352145, 0.00115478202,
      0.00100000005, 0.000865964335, 0.000749894185, 0.000649381662, 0.000562341302, 0.000486967503,
      0.000421696488, 0.000365174114, 0.000316227786, 0.000273841957, 0.000237137385, 0.000205352495,
      0.00017782794, 0.000153992645, 0.00013335215, 0.000115478193}},
    {R"json({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 512,)json"
     R"json( "intermediate_size": 48, "num_hidden_layers": 6, "num_attention_heads": 64})json",
     32, 128, 32768, 1e-06, 0.02, false, false, false, false, true,
     {0, 0, 0, 0, 0, 0},
     {1, 0.865964353, 0.749894202, 0.649381638, 0.562341332, 0.486967534,
      0.421696514, 0.365174145, 0.316227764, 0.273841977, 0.237137362, 0.2053525,
      0.177827939, 0.153992653, 0.133352146, 0.115478203, 0.100000001, 0.0865964293,
      0.0749894157, 0.0649381652, 0.0562341288, 0.0486967526, 0.0421696492, 0.0365174115,
      0.0316227786, 0.0273841955, 0.0237137359, 0.0205352511, 0.0177827943, 0.0153992651,
      0.0133352149, 0.0115478197, 0.00999999978, 0.00865964312, 0.00749894232, 0.00649381662,
      0.00562341325, 0.00486967526, 0.00421696482, 0.00365174143, 0.00316227786, 0.00273841969,
      0.00237137382, 0.00205352507, 0.00177827943, 0.00153992651, 0.00133352145, 0.00115478202,
      0.00100000005, 0.000865964335, 0.000749894185, 0.000649381662, 0.000562341302, 0.000486967503,
      0.000421696488, 0.000365174114, 0.000316227786, 0.000273841957, 0.000237137385, 0.000205352495,
      0.00017782794, 0.000153992645, 0.00013335215, 0.000115478193}},
  };
  return goldens;
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_MODEL_CONFIG_GOLDENS_H_
