// Which layers of Qwen's mixtures have experts.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_QWEN_LAYERS_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_QWEN_LAYERS_H_

#include <vector>

#include "core/model/families/mixture.h"

namespace hlm {

// A softmax over all, normalised over the chosen by norm_topk_prob.
ExpertsSpec ReadQwenExperts(const ConfigValues& config, const MixtureKeys& keys, const ModelSpec& spec);

// By decoder_sparse_step and mlp_only_layers: experts with `beside` them, or a dense MLP.
void AddQwenLayers(const ConfigValues& config, const Sizes& sizes, const NormSpec& norm, const AttentionSpec& attention,
                   const ExpertsSpec& experts, const std::vector<BodySpec>& beside, ModelSpec& spec);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_QWEN_LAYERS_H_
