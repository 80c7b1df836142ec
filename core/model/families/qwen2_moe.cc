// Qwen1.5-MoE and Qwen2-MoE: a shared expert beside the others, times the sigmoid of a product.
#include "core/model/families/qwen_layers.h"
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

// layer_types, or every other one of the first layers.
std::vector<int64_t> ReadWindows(const ConfigValues& config, int64_t layers) {
  const std::optional<int64_t> window = ReadWindow(config, false);
  const auto types = ReadLayerTypes(config, layers, {"full_attention", "sliding_attention"});
  const int64_t most = config.IntOr("max_window_layers", 28, 0, kMostLayers);
  std::vector<int64_t> windows;
  for (int64_t layer = 0; layer < layers; ++layer) {
    const bool slides =
        types ? (*types)[static_cast<size_t>(layer)] == "sliding_attention" : window && layer % 2 == 0 && layer < most;
    windows.push_back(WindowOf(layer, slides, window, kSwitchedOff));
  }
  return windows;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 16, .max_positions = 32768}, spec);
  ReadBalancing(config, 0.001, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions)};
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = config.BoolOr("qkv_bias", true);
  AddQwenLayers(config, sizes, RmsNorm(config), attention, ReadWindows(config, sizes.layers),
                ReadQwenExperts(config, {.likely_count = 60, .likely_chosen = 4, .likely_width = 1408}, false),
                {ReadGatedShared(config, 5632)}, spec);
  NameQwenExperts(names);
}

}  // namespace

extern const Family kQwen2MoeFamily;
const Family kQwen2MoeFamily = {"Qwen2MoeForCausalLM", "qwen2_moe", Read};

}  // namespace hlm
