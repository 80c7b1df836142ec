// What Liquid's families share: gated short convolutions and their names.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_LFM2_LAYERS_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_LFM2_LAYERS_H_

#include "core/model/families/common.h"

namespace hlm {

// conv_L_cache and conv_bias.
ShortConvSpec ReadShortConv(const ConfigValues& config, int64_t taps);

// Names of convolutions, attention, norms and dense MLPs.
void NameLfm2Layers(const ModelSpec& spec, const ShortConvSpec& conv, ModelNames& names);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_LFM2_LAYERS_H_
