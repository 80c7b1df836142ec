// Layers with a window.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_WINDOWED_LAYERS_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_WINDOWED_LAYERS_H_

#include "core/model/families/common.h"

namespace hlm {

// Why ReadWindow gave no window: of families that go by sliding_window alone, and of those that use_sliding_window switches.
inline constexpr const char *kNoWindow = "sliding_window is null",
                            *kSwitchedOff = "use_sliding_window is off or sliding_window is null";

// Of a layer; 0: it does not slide. INVALID_ARGUMENT where layer_types, or the pattern they are made by, says that it does and there
// is no window: transformers raises there, or hands attention no mask at all.
int64_t WindowOf(int64_t layer, bool slides, const std::optional<int64_t>& window, const char* why = kNoWindow);

// Windows where layer_types, or max_window_layers, say so: Qwen2's rule. `likely_full`: max_window_layers of the class.
void AddWindowedLayers(const ConfigValues& config, const Sizes& sizes, const NormSpec& norm, AttentionSpec attention,
                       const MlpSpec& mlp, ModelSpec& spec, int64_t likely_full = 28);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_WINDOWED_LAYERS_H_
