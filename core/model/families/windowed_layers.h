// Layers with a window.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_WINDOWED_LAYERS_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_WINDOWED_LAYERS_H_

#include "core/model/families/common.h"

namespace hlm {

// Of a layer; 0: it does not slide. INVALID_ARGUMENT where layer_types says that it does, and sliding_window is null.
int64_t WindowOf(int64_t layer, bool slides, const std::optional<int64_t>& window);

// Windows where layer_types, or max_window_layers, say so: Qwen2's rule. `likely_full`: max_window_layers of the class.
void AddWindowedLayers(const ConfigValues& config, const Sizes& sizes, const NormSpec& norm, AttentionSpec attention,
                       const MlpSpec& mlp, ModelSpec& spec, int64_t likely_full = 28);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_WINDOWED_LAYERS_H_
