// EXAONE 4: norms behind the branches; with windows, the full layers have no rotary embedding.
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qk_norm.norm = norm;
  const std::optional<int64_t> window = ReadWindow(config, true);
  // Where the pattern is a text ("LLLG"), the file has layer_types as well.
  constexpr const char* kPattern = "sliding_window_pattern";
  const bool text = config.HasValue(kPattern) && config.Value(kPattern).IsString() && config.HasValue("layer_types");
  const int64_t pattern = config.HasValue(kPattern) && !text ? config.Int(kPattern, 0, kMostLayers) : 4;
  int64_t layer = 0;
  for (const bool slides : SlidingLayers(config, sizes.layers, window ? pattern : 0)) {
    attention.window = WindowOf(layer++, slides, window);
    attention.rope = slides || !window ? 0 : -1;
    spec.AddLayer(PostNormBlock({}, norm, attention, {.intermediate = sizes.intermediate}));
  }
  spec.head.norm = norm;
  Rename(names, {{"attention.after", "post_attention_layernorm.weight"}, {"mlp.after", "post_feedforward_layernorm.weight"}});
}

}  // namespace

extern const Family kExaone4Family;
const Family kExaone4Family = {"Exaone4ForCausalLM", "exaone4", Read};

}  // namespace hlm
