// OLMo hybrid: the gated delta rule between norms before the branches, and OLMo 3's attention between norms behind them.
#include <algorithm>

#include "core/model/families/common.h"
#include "core/model/families/delta_rules.h"

namespace hlm {
namespace {

// Without a base there are no positions at all: null where it stands, which is not the same as a missing key.
bool Turns(const ConfigValues& config) {
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const JsonValue* base = config.HasValue(key) ? config.Value(key).Find("rope_theta") : nullptr;
    if (base != nullptr) return !base->IsNull();
  }
  return !config.Has("rope_theta") || config.HasValue("rope_theta");
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 65536, .pad_token = 100277}, spec);
  const bool turns = Turns(config);
  if (turns) spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-6);
  AttentionSpec attention = Attention(sizes);
  attention.rope = turns ? 0 : -1;
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm = {.norm = norm, .whole = true};
  const int64_t key_heads =
      config.HasValue("linear_num_key_heads") ? config.Int("linear_num_key_heads", 1, kMostHeads) : sizes.heads;
  DeltaRuleSpec delta =
      ReadDeltaRule(config, {.heads = sizes.heads, .key_heads = sizes.heads, .key_dim = 3 * spec.hidden / (4 * key_heads)});
  delta.beta_scale = config.BoolOr("linear_allow_neg_eigval", true) ? 2 : 1;
  delta.norm = RmsNorm(config);
  delta.norm.epsilon = 1e-5;  // whatever rms_norm_eps says
  const MlpSpec mlp{.intermediate = sizes.intermediate};
  const BlockSpec attends = PostNormBlock({}, norm, attention, mlp);
  BlockSpec recurs;
  recurs.branches.push_back({.before = norm, .bodies = {{delta, {}}}, .after = {}});
  recurs.branches.push_back({.before = norm, .bodies = {{mlp, {}}}, .after = {}});

  const auto types = ReadLayerTypes(config, sizes.layers, {"linear_attention", "full_attention"});
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    const bool last = sizes.layers < 4 && layer + 1 == sizes.layers;
    const bool full = types ? (*types)[static_cast<size_t>(layer)] == "full_attention" : layer % 4 == 3 || last;
    spec.AddLayer(full ? attends : recurs);
  }
  spec.head.norm = norm;
  for (const char* key : {"linear_a_log_min", "linear_a_log_max", "linear_dt_min", "linear_dt_max", "linear_dt_init_floor"})
    config.Take(key);

  names.carried_prefixes.push_back("mtp.");  // what predicts further tokens, which transformers does not read
  // The convolution lies in three tensors of as many rows each, whatever the widths of q, k and v.
  const int64_t channels = 2 * delta.key_heads * delta.key_dim + delta.heads * delta.value_dim;
  names.layer["delta.conv"] = {
      .path = "linear_attn.[]_conv1d.weight", .shape = {channels, 1, delta.taps}, .chunks = {"q", "k", "v"}};
  // Files of the hub have them by what they belong to.
  const int64_t keys = delta.key_heads * delta.key_dim;
  NameTable& others = names.other_layers.emplace_back();
  others["delta.conv"] = names.layer["delta.conv"];
  others["delta.conv"].chunk_rows = {keys, keys, delta.heads * delta.value_dim};
  others["attention.after"].path = "post_attention_layernorm.weight";
  // As transformers writes it, the norm behind attention is called as the one before the other layers' MLP.
  Rename(names, {{"attention.after", "feedforward_layer_norm.weight"},
                 {"mlp.after", "post_feedforward_layernorm.weight"},
                 {"delta.before", "attention_layer_norm.weight"},
                 {"mlp.before", "feedforward_layer_norm.weight"},
                 {"delta.q", "linear_attn.q_proj.weight"},
                 {"delta.k", "linear_attn.k_proj.weight"},
                 {"delta.v", "linear_attn.v_proj.weight"},
                 {"delta.z", "linear_attn.g_proj.weight"},
                 {"delta.b", "linear_attn.b_proj.weight"},
                 {"delta.a", "linear_attn.a_proj.weight"},
                 {"delta.a_log", "linear_attn.A_log"},
                 {"delta.dt_bias", "linear_attn.dt_bias"},
                 {"delta.norm", "linear_attn.o_norm.weight"},
                 {"delta.out", "linear_attn.o_proj.weight"}});
}

}  // namespace

extern const Family kOlmoHybridFamily;
const Family kOlmoHybridFamily = {"OlmoHybridForCausalLM", "olmo_hybrid", Read};

}  // namespace hlm
