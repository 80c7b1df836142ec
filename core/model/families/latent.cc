#include "core/model/families/latent.h"

#include <cmath>

#include "core/base/error.h"

namespace hlm {
namespace {

// mscale_all_dim beside another rotary embedding than the default one widens the scale of the scores.
double ScoreScale(const ConfigValues& config, const RopeSpec& rope, int64_t head_dim) {
  const double plain = 1 / std::sqrt(static_cast<double>(head_dim));
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    if (rope.kind == RopeSpec::Kind::kDefault || !config.HasValue(key)) continue;
    const ConfigValues own(config.Value(key), config.where() + ": " + key);
    const double all = own.HasValue("mscale_all_dim") ? own.Real("mscale_all_dim", 0, 1e3) : 0;
    if (all == 0 || rope.factor <= 1) return plain;
    const double scale = 0.1 * all * std::log(rope.factor) + 1;
    return plain * scale * scale;
  }
  return plain;
}

}  // namespace

LatentAttentionSpec ReadLatentAttention(const ConfigValues& config, int64_t heads, const LatentDefaults& defaults,
                                        ModelSpec& spec) {
  constexpr int64_t kMostRank = int64_t{1} << 20;
  LatentAttentionSpec attention;
  attention.heads = heads;
  attention.query_rank = config.Has("q_lora_rank")
                             ? (config.HasValue("q_lora_rank") ? config.Int("q_lora_rank", 1, kMostRank) : 0)
                             : defaults.query_rank.value_or(0);
  attention.key_rank = config.IntOr("kv_lora_rank", defaults.key_rank, 1, kMostRank);
  attention.still_dim = config.IntOr("qk_nope_head_dim", defaults.still_dim, 0, kMostHeadDim);
  attention.rope_dim = config.IntOr("qk_rope_head_dim", defaults.rope_dim, 2, kMostHeadDim);
  if (config.HasValue("v_head_dim") || (defaults.value_dim && !config.Has("v_head_dim"))) {
    attention.value_dim = config.IntOr("v_head_dim", defaults.value_dim.value_or(0), 1, kMostHeadDim);
  } else {
    attention.value_dim = spec.hidden / heads;
  }
  for (const char* key : {"head_dim", "qk_head_dim"}) {  // what other numbers make them
    const int64_t made = key[0] == 'h' ? attention.rope_dim : attention.HeadDim();
    if (key[0] == 'h' && !defaults.head_dim) continue;
    if (config.HasValue(key) && config.Int(key, 1, kMostHeadDim) != made) {
      throw InvalidArgument(config.where(), ": ", key, " is ", config.Int(key, 1, kMostHeadDim), "; qk_nope_head_dim ",
                            attention.still_dim, " and qk_rope_head_dim ", attention.rope_dim, " make it ", made);
    }
  }
  if (config.HasValue("num_key_value_heads") && config.Int("num_key_value_heads", 1, kMostHeads) != heads) {
    throw Unimplemented(config.where(), ": num_key_value_heads is ", config.Int("num_key_value_heads", 1, kMostHeads),
                        "; latent attention with fewer of them than num_attention_heads, ", heads, ", is not supported");
  }
  attention.down_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.norm = {.kind = NormType::kRms, .epsilon = 1e-6};  // whatever rms_norm_eps says
  if (!defaults.positions) {
    attention.rope = -1;
    return attention;
  }
  const bool interleaved = config.BoolOr("rope_interleave", defaults.interleaved);
  spec.ropes = {ReadRope(config, attention.rope_dim, spec.max_positions, {.interleaved = interleaved})};
  attention.scale = ScoreScale(config, spec.ropes.front(), attention.HeadDim());
  return attention;
}

void NameLatentAttention(ModelNames& names) {
  Rename(names, {{"attention.q_a", "self_attn.q_a_proj.weight"},
                 {"attention.q_a_bias", "self_attn.q_a_proj.bias"},
                 {"attention.q_a_norm", "self_attn.q_a_layernorm.weight"},
                 {"attention.q_b", "self_attn.q_b_proj.weight"},
                 {"attention.kv_a", "self_attn.kv_a_proj_with_mqa.weight"},
                 {"attention.kv_a_bias", "self_attn.kv_a_proj_with_mqa.bias"},
                 {"attention.kv_a_norm", "self_attn.kv_a_layernorm.weight"},
                 {"attention.kv_b", "self_attn.kv_b_proj.weight"}});
}

BlockSpec LatentBlock(const NormSpec& norm, const LatentAttentionSpec& attention, const MlpSpec& mlp) {
  BlockSpec block;
  block.branches.push_back({.before = norm, .bodies = {{attention, {}}}, .after = {}});
  block.branches.push_back({.before = norm, .bodies = {{mlp, {}}}, .after = {}});
  return block;
}

}  // namespace hlm
