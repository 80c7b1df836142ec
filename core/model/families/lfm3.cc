// LFM3: LFM2's mixers with norms behind them too, gates of the heads, windows, and a rotary embedding for each kind of attention.
#include <map>

#include "core/model/families/lfm2_layers.h"
#include "core/model/families/rope_rules.h"
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

constexpr const char *kConv = "conv", *kFull = "full_attention", *kSliding = "sliding_attention";

std::vector<std::string> LayerTypes(const ConfigValues& config, int64_t layers) {
  if (const auto said = ReadLayerTypes(config, layers, {kConv, kFull, kSliding})) return *said;
  std::vector<std::string> types;
  for (int64_t layer = 0; layer < layers; ++layer)
    types.push_back(layer % 4 == 2 ? kFull : layer % 4 == 0 && layer > 0 ? kSliding : kConv);
  return types;
}

constexpr RopeRules kRope{.unsaid = R"({"sliding_attention": {"rope_theta": 10000.0},
    "full_attention": {"rope_type": "proportional", "rope_theta": 1000000.0, "partial_rotary_factor": 0.5}})"};

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(
      config, {.kv_heads = 4, .head_dim = 128, .max_positions = 128000, .tied = true, .pad_token = 124893, .intermediate = 7680},
      spec);
  const NormSpec norm = RmsNorm(config, config.Has("norm_eps") ? "norm_eps" : "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.qk_norm.norm = norm;
  attention.gate = attention.gate_by_head = config.BoolOr("use_attention_gate", true);
  const ShortConvSpec conv = ReadShortConv(config, 7);
  const NormSpec behind = config.BoolOr("use_sandwich_norm", true) ? norm : NormSpec{};
  const std::optional<int64_t> window = ReadWindow(config, true, 256);
  std::map<std::string, int64_t> ropes;
  int64_t layer = 0;
  for (const std::string& type : LayerTypes(config, sizes.layers)) {
    if (type != kConv && !ropes.contains(type)) {
      ropes[type] = static_cast<int64_t>(spec.ropes.size());
      spec.ropes.push_back(ReadRopeBy(kRope, config, sizes.head_dim, spec.max_positions, {.theta = 1e6}, type.c_str()));
    }
    attention.window = WindowOf(layer++, type == kSliding, window);
    attention.rope = type == kConv ? 0 : ropes[type];
    BlockSpec block = PostNormBlock(norm, behind, attention, {.intermediate = sizes.intermediate});
    if (type == kConv) block.branches.front().bodies = {{conv, {}}};
    spec.AddLayer(block);
  }
  for (const char* key : {"rope_parameters", "rope_scaling"}) config.Take(key);  // of types that no layer has
  spec.head.norm = norm;
  NameLfm2Layers(spec, conv, names);
  Rename(names, {{"attention.q_norm", "self_attn.q_norm.weight"},
                 {"attention.k_norm", "self_attn.k_norm.weight"},
                 {"attention.o", "self_attn.o_proj.weight"},
                 {"attention.gate", "self_attn.gate_proj.weight"},
                 {"attention.after", "post_operator_norm.weight"},
                 {"conv.after", "post_operator_norm.weight"},
                 {"mlp.after", "post_ffn_norm.weight"}});
}

}  // namespace

extern const Family kLfm3Family;
const Family kLfm3Family = {"Lfm3ForCausalLM", "lfm3", Read};

}  // namespace hlm
