// Llama 4 (text): chunks of positions, layers without a rotary embedding whose queries have a temperature, experts whose input is weighed.
#include "core/model/families/mixture.h"

#include <algorithm>

#include "core/base/counted.h"
#include "core/base/error.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .head_dim = 128, .max_positions = 131072}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 5e5, .interleaved = true})};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec turning = Attention(sizes);
  turning.qkv_bias = turning.o_bias = config.BoolOr("attention_bias", false);
  AttentionSpec still = turning;
  still.rope = -1;
  if (config.BoolOr("use_qk_norm", true)) {
    NormSpec unweighed = norm;
    unweighed.weight = false;
    turning.qk_norm = {.norm = unweighed, .after_rope = true};
  }
  if (config.BoolOr("attn_temperature_tuning", true)) {
    spec.temperatures = {{.scale = config.RealOr("attn_scale", 0.1, 0, 1e3),
                          .span = config.IntOr("floor_scale", 8192, 1, kMostPositions),
                          .shift = 1}};
    still.temperature = 0;
  }
  for (const char* key : {"attn_scale", "floor_scale"}) config.Take(key);
  const int64_t chunk = config.HasValue("attention_chunk_size") ? config.Int("attention_chunk_size", 1, kMostPositions)
                        : config.Has("attention_chunk_size")    ? 0
                                                                : 8192;
  ExpertsSpec experts = ReadExperts(config, {.width = "intermediate_size", .likely_count = 16, .likely_chosen = 1});
  experts.router.score = RouterScore::kSigmoid;
  experts.weigh_input = true;
  const MlpSpec dense{.intermediate = config.IntOr("intermediate_size_mlp", 16384, 1, kMostIntermediate)};
  const std::vector<int64_t> turns = ReadNumbers(config, "no_rope_layers"), sparse = ReadNumbers(config, "moe_layers");
  const int64_t interval = config.IntOr("no_rope_layer_interval", 4, 1, kMostLayers),
                step = config.IntOr("interleave_moe_layer_step", 1, 1, kMostLayers);
  if (!turns.empty() && static_cast<int64_t>(turns.size()) != sizes.layers) {
    throw InvalidArgument(kConfig, ": no_rope_layers has ", Counted(turns.size(), "number"),
                          " for num_hidden_layers = ", sizes.layers);
  }
  const auto types = ReadLayerTypes(config, sizes.layers, {"full_attention", "chunked_attention"});
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    const bool rope = turns.empty() ? (layer + 1) % interval != 0 : turns[static_cast<size_t>(layer)] != 0;
    AttentionSpec attention = rope ? turning : still;
    const bool chunked = types ? (*types)[static_cast<size_t>(layer)] == "chunked_attention" : rope;
    attention.chunk = chunked ? chunk : 0;
    const BlockSpec block = PreNormBlock(norm, attention, dense);
    const bool mixture =
        config.HasValue("moe_layers") ? std::find(sparse.begin(), sparse.end(), layer) != sparse.end() : (layer + 1) % step == 0;
    spec.AddLayer(mixture ? WithBodies(block, {experts, Shared(sizes.intermediate)}) : block);
  }
  spec.head.norm = norm;
  NameExperts({.router = "feed_forward.router.weight", .shared = "feed_forward.shared_expert", .packed = true}, names);
  names.layer["experts.gate_up"] = {.path = "feed_forward.experts.gate_up_proj", .order = RowOrder::kTransposed};
  names.layer["experts.down"] = {.path = "feed_forward.experts.down_proj", .order = RowOrder::kTransposed};
  Rename(names, {{"mlp.gate", "feed_forward.gate_proj.weight"},
                 {"mlp.up", "feed_forward.up_proj.weight"},
                 {"mlp.down", "feed_forward.down_proj.weight"}});
}

}  // namespace

extern const Family kLlama4Family;
const Family kLlama4Family = {"Llama4ForCausalLM", "llama4_text", Read};

}  // namespace hlm
