// What Qwen's mixtures share: which layers have experts, and a shared expert that is gated.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_QWEN_LAYERS_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_QWEN_LAYERS_H_

#include <vector>

#include "core/model/families/mixture.h"

namespace hlm {

// A softmax over all, normalised over the chosen by norm_topk_prob. Without any experts (num_experts 0) all layers are dense.
ExpertsSpec ReadQwenExperts(const ConfigValues& config, const MixtureKeys& keys, bool normalize);

// An expert that every token chooses, with the sigmoid of a logit of its own.
ExpertsSpec ReadGatedShared(const ConfigValues& config, int64_t likely_width);
// Names of experts and of that one.
void NameQwenExperts(ModelNames& names);

// [layers] whether a layer has experts: by decoder_sparse_step and mlp_only_layers.
std::vector<bool> QwenSparseLayers(const ConfigValues& config, int64_t layers, const ExpertsSpec& experts);

// Experts with `beside` them, or a dense MLP. windows: [layers] of attention, 0 for none.
void AddQwenLayers(const ConfigValues& config, const Sizes& sizes, const NormSpec& norm, AttentionSpec attention,
                   const std::vector<int64_t>& windows, const ExpertsSpec& experts, const std::vector<BodySpec>& beside,
                   ModelSpec& spec);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_QWEN_LAYERS_H_
