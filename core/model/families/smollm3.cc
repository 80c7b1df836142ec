// SmolLM3: Llama whose every fourth layer has no rotary embedding.
#include "core/model/families/windowed_layers.h"

#include "core/base/error.h"

namespace hlm {
namespace {

// no_rope_layers: 1 where a layer has a rotary embedding (sic).
std::vector<bool> TurnedLayers(const ConfigValues& config, int64_t layers) {
  const int64_t interval = config.IntOr("no_rope_layer_interval", 4, 1, kMostLayers);
  std::vector<bool> turns;
  if (!config.HasValue("no_rope_layers")) {
    for (int64_t layer = 0; layer < layers; ++layer) turns.push_back((layer + 1) % interval != 0);
    return turns;
  }
  const JsonValue& list = config.Value("no_rope_layers");
  if (!list.IsArray() || static_cast<int64_t>(list.Items().size()) != layers) {
    throw InvalidArgument(kConfig, ": no_rope_layers must be a list of num_hidden_layers = ", layers, " numbers, found ",
                          list.IsArray() ? StrCat(list.Items().size()) : PrintableJson(list));
  }
  for (const JsonValue& item : list.Items()) {
    if (!item.IsNumber())
      throw InvalidArgument(kConfig, ": no_rope_layers holds ", PrintableJson(item), ", which is not a number");
    turns.push_back(item.Number() != 0);
  }
  return turns;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 4, .max_positions = 32768, .tied = true, .pad_token = 128004}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 2e6})};
  const NormSpec norm = RmsNorm(config);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  const bool mlp_bias = config.BoolOr("mlp_bias", false);
  const MlpSpec mlp{.intermediate = sizes.intermediate, .in_bias = mlp_bias, .out_bias = mlp_bias};
  const std::optional<int64_t> window = ReadWindow(config, false);
  const auto types = ReadLayerTypes(config, sizes.layers, {"full_attention", "sliding_attention"});
  const std::vector<bool> turns = TurnedLayers(config, sizes.layers);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    const size_t l = static_cast<size_t>(layer);
    const bool slides = types ? (*types)[l] == "sliding_attention" : window && !turns[l];
    attention.rope = turns[l] ? 0 : -1;
    attention.window = WindowOf(layer, slides, window, kSwitchedOff);
    spec.AddLayer(PreNormBlock(norm, attention, mlp));
  }
  spec.head.norm = norm;
}

}  // namespace

extern const Family kSmolLm3Family;
const Family kSmolLm3Family = {"SmolLM3ForCausalLM", "smollm3", Read};

}  // namespace hlm
