// Layers with a window where layer_types, or max_window_layers, say so: Qwen2's rule.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_WINDOWED_LAYERS_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_WINDOWED_LAYERS_H_

#include "core/model/families/common.h"

namespace hlm {

void AddWindowedLayers(const ConfigValues& config, const Sizes& sizes, const NormSpec& norm, AttentionSpec attention,
                       const MlpSpec& mlp, ModelSpec& spec);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_WINDOWED_LAYERS_H_
