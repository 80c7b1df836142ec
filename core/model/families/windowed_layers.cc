#include "core/model/families/windowed_layers.h"

#include "core/base/error.h"

namespace hlm {

int64_t WindowOf(int64_t layer, bool slides, const std::optional<int64_t>& window, const char* why) {
  if (!slides) return 0;
  if (!window) throw InvalidArgument(kConfig, ": layer_types[", layer, "] is sliding_attention but ", why);
  return *window;
}

void AddWindowedLayers(const ConfigValues& config, const Sizes& sizes, const NormSpec& norm, AttentionSpec attention,
                       const MlpSpec& mlp, ModelSpec& spec, int64_t likely_full) {
  const auto types = ReadLayerTypes(config, sizes.layers, {"full_attention", "sliding_attention"});
  const std::optional<int64_t> window = ReadWindow(config, false);
  const int64_t full_layers = types || !window ? 0 : config.IntOr("max_window_layers", likely_full, 0, kMostLayers);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    const bool slides = types ? (*types)[static_cast<size_t>(layer)] == "sliding_attention" : window && layer >= full_layers;
    attention.window = WindowOf(layer, slides, window, kSwitchedOff);
    spec.AddLayer(PreNormBlock(norm, attention, mlp));
  }
  spec.head.norm = norm;
}

}  // namespace hlm
