#include "core/model/families/qwen_hybrids.h"

#include "core/model/families/delta_rules.h"

namespace hlm {

QwenHybrid ReadQwenHybrid(const ConfigValues& config, const QwenHybridDefaults& defaults, ModelSpec& spec, ModelNames& names) {
  QwenHybrid hybrid;
  hybrid.sizes = ReadSizes(
      config, {.kv_heads = defaults.kv_heads, .head_dim = 256, .max_positions = 32768, .intermediate = defaults.intermediate},
      spec);
  const Sizes& sizes = hybrid.sizes;
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.partial = 0.25, .sections = true})};
  hybrid.norm = spec.head.norm = LateRmsNorm(config, "rms_norm_eps", 1e-6, true);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm.norm = hybrid.norm;
  attention.gate = true;
  DeltaRuleSpec delta = ReadDeltaRule(config, {.heads = 32, .key_heads = 16, .key_dim = 128, .value_dim = 128});
  delta.norm = RmsNorm(config);
  hybrid.attends = PreNormBlock(hybrid.norm, attention, {.intermediate = sizes.intermediate});
  hybrid.recurs = hybrid.attends;
  hybrid.recurs.branches.front().bodies = {{delta, {}}};

  const auto types = ReadLayerTypes(config, sizes.layers, {"linear_attention", "full_attention"});
  const int64_t interval = config.IntOr("full_attention_interval", 4, 1, kMostLayers);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    hybrid.full.push_back(types ? (*types)[static_cast<size_t>(layer)] == "full_attention" : (layer + 1) % interval == 0);
  }
  // The whole attention's gate is always there; files say so with this key.
  config.Take("attn_output_gate");
  for (const char* key : {"mtp_num_hidden_layers", "mtp_use_dedicated_embeddings", "mamba_ssm_dtype"}) config.Take(key);

  // Each head's rows of q lie before those of its gate.
  names.layer["attention.q"] = {
      .path = "self_attn.q_proj.weight", .order = RowOrder::kGrouped, .groups = sizes.heads, .members = 2};
  names.layer["attention.q_bias"] = {
      .path = "self_attn.q_proj.bias", .order = RowOrder::kGrouped, .groups = sizes.heads, .members = 2};
  names.layer["delta.conv"] = {.path = "linear_attn.conv1d.weight",
                               .shape = {2 * delta.key_heads * delta.key_dim + delta.heads * delta.value_dim, 1, delta.taps}};
  Rename(names, {{"delta.before", "input_layernorm.weight"},
                 {"delta.a_log", "linear_attn.A_log"},
                 {"delta.dt_bias", "linear_attn.dt_bias"},
                 {"delta.norm", "linear_attn.norm.weight"},
                 {"delta.out", "linear_attn.out_proj.weight"}});
  names.carried_prefixes.push_back("mtp.");
  return hybrid;
}

void NameApart(ModelNames& names) {
  // As transformers writes its class of the text alone.
  names.other_prefixes.push_back("model.language_model.");
  names.other_heads.push_back("lm_head.weight");
  names.layer["delta.q"] = {.path = "linear_attn.in_proj_qkv.weight", .members = 3};
  Rename(names, {{"delta.z", "linear_attn.in_proj_z.weight"},
                 {"delta.b", "linear_attn.in_proj_b.weight"},
                 {"delta.a", "linear_attn.in_proj_a.weight"}});
}

}  // namespace hlm
