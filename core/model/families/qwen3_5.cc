// Qwen3.5 (dense, text): three layers of the gated delta rule to one of attention with an output gate.
#include "core/model/families/common.h"
#include "core/model/families/delta_rules.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 4, .head_dim = 256, .max_positions = 32768}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.partial = 0.25, .sections = true})};
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-6, true);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm.norm = norm;
  attention.gate = true;
  DeltaRuleSpec delta = ReadDeltaRule(config, {.heads = 32, .key_heads = 16, .key_dim = 128, .value_dim = 128});
  delta.norm = RmsNorm(config);
  const MlpSpec mlp{.intermediate = sizes.intermediate};
  const BlockSpec attends = PreNormBlock(norm, attention, mlp);
  BlockSpec recurs = attends;
  recurs.branches.front().bodies = {{delta, {}}};

  const auto types = ReadLayerTypes(config, sizes.layers, {"linear_attention", "full_attention"});
  const int64_t interval = config.IntOr("full_attention_interval", 4, 1, kMostLayers);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    const bool full = types ? (*types)[static_cast<size_t>(layer)] == "full_attention" : (layer + 1) % interval == 0;
    spec.AddLayer(full ? attends : recurs);
  }
  spec.head.norm = norm;
  // The whole attention's gate is always there; files say so with this key.
  config.Take("attn_output_gate");
  for (const char* key : {"mtp_num_hidden_layers", "mtp_use_dedicated_embeddings", "mamba_ssm_dtype"}) config.Take(key);

  // Each head's rows of q lie before those of its gate.
  names.layer["attention.q"] = {
      .path = "self_attn.q_proj.weight", .order = RowOrder::kGrouped, .groups = sizes.heads, .members = 2};
  names.layer["attention.q_bias"] = {
      .path = "self_attn.q_proj.bias", .order = RowOrder::kGrouped, .groups = sizes.heads, .members = 2};
  names.layer["delta.q"] = {.path = "linear_attn.in_proj_qkv.weight", .members = 3};
  names.layer["delta.conv"] = {.path = "linear_attn.conv1d.weight",
                               .shape = {2 * delta.key_heads * delta.key_dim + delta.heads * delta.value_dim, 1, delta.taps}};
  Rename(names, {{"delta.before", "input_layernorm.weight"},
                 {"delta.z", "linear_attn.in_proj_z.weight"},
                 {"delta.b", "linear_attn.in_proj_b.weight"},
                 {"delta.a", "linear_attn.in_proj_a.weight"},
                 {"delta.a_log", "linear_attn.A_log"},
                 {"delta.dt_bias", "linear_attn.dt_bias"},
                 {"delta.norm", "linear_attn.norm.weight"},
                 {"delta.out", "linear_attn.out_proj.weight"}});
  names.carried_prefixes.push_back("mtp.");
}

}  // namespace

extern const Family kQwen35Family;
const Family kQwen35Family = {"Qwen3_5ForCausalLM", "qwen3_5_text", Read};

}  // namespace hlm
