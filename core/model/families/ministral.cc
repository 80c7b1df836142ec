// Ministral 8B: Mistral whose layers slide or not by layer_types.
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .max_positions = 131072}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  const NormSpec norm = RmsNorm(config);
  const std::optional<int64_t> window = ReadWindow(config, true);
  const std::vector<bool> sliding = SlidingLayers(config, sizes.layers, window ? sizes.layers + 1 : 0);
  AttentionSpec attention = Attention(sizes);
  int64_t layer = 0;
  for (const bool slides : sliding) {
    attention.window = WindowOf(layer++, slides, window);
    spec.AddLayer(PreNormBlock(norm, attention, {.intermediate = sizes.intermediate}));
  }
  spec.head.norm = norm;
}

}  // namespace

extern const Family kMinistralFamily;
const Family kMinistralFamily = {"MinistralForCausalLM", "ministral", Read};

}  // namespace hlm
