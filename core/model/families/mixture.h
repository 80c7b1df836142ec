// What families with experts share: their keys, their places in a block, and their names on disk.
#ifndef HORIZON_LM_CORE_MODEL_FAMILIES_MIXTURE_H_
#define HORIZON_LM_CORE_MODEL_FAMILIES_MIXTURE_H_

#include <string>
#include <utility>
#include <vector>

#include "core/model/families/common.h"

namespace hlm {

inline constexpr int64_t kMostExperts = int64_t{1} << 16;

struct MixtureKeys {
  std::vector<const char*> count = {"num_local_experts", "num_experts"};  // the first that is there
  const char* chosen = "num_experts_per_tok";
  const char* width = "moe_intermediate_size";
  int64_t likely_count = 0, likely_chosen = 0, likely_width = 0;  // of the configuration class; 0: the key must be there
};

// Sizes of experts; refuses noise in training.
ExpertsSpec ReadExperts(const ConfigValues& config, const MixtureKeys& keys);

// The balancing loss that output_router_logits asks for, of families that have one; `likely`: the coefficient where the config has none.
void ReadBalancing(const ConfigValues& config, double likely, ModelSpec& spec);

// What the configuration class assumes where n_group and topk_group are missing.
struct GroupDefaults {
  int64_t groups = 1, best = 1;
};

// DeepSeek V3's router: sigmoids, a bias for the choice, groups that are worth their two best, norm_topk_prob, routed_scaling_factor.
RouterSpec ReadBiasedRouter(const ConfigValues& config, const ExpertsSpec& experts, double scale = 1,
                            const GroupDefaults& groups = {});

// n_group and topk_group.
void ReadGroups(const ConfigValues& config, int64_t experts, RouterSpec& router, const GroupDefaults& defaults = {});

// A list of whole numbers; empty where the key is missing or null.
std::vector<int64_t> ReadNumbers(const ConfigValues& config, const char* key);

// A shared expert's MLP, beside experts.
MlpSpec Shared(int64_t intermediate);

// The number of shared experts; null is none. Classes that build an MLP of width 0 then write its tensors, without elements.
int64_t ReadSharedCount(const ConfigValues& config, const char* key, int64_t likely);

// The experts, and `count` shared ones of their width beside them, as one MLP; `bias`: of that MLP.
std::vector<BodySpec> WithShared(const ExpertsSpec& experts, int64_t count, bool bias = false);

// The block with `bodies` where its MLP stood.
BlockSpec WithBodies(BlockSpec block, const std::vector<BodySpec>& bodies);

// Layers below `first_k_dense_replace`, or those that mlp_layer_types calls so, have a dense MLP.
std::vector<bool> SparseLayers(const ConfigValues& config, int64_t layers, int64_t dense_first);

// A name for each expert's matrices below `path` ("mlp.experts"), for the router's weight, and for the norm before the experts, which is
// that of an MLP.
struct MixtureNames {
  const char* router = "mlp.gate.weight";
  const char* experts = "mlp.experts";
  const char* gate = "gate_proj";
  const char* up = "up_proj";
  const char* down = "down_proj";
  const char* shared = "mlp.shared_experts";
  bool packed = false;  // files of the hub have the matrices of all experts in one tensor
  // As transformers' class calls router and experts, whose matrices it stacks: folders have that where it was told to save no other
  // way, or its weights were saved by other means. nullptr: as above.
  const char *own_router = nullptr, *own_experts = nullptr, *own_choice_bias = nullptr;
};
// As Mixtral's original code has them, and those after it.
inline constexpr MixtureNames kBlockSparseMoe = {.router = "block_sparse_moe.gate.weight",
                                                 .experts = "block_sparse_moe.experts",
                                                 .gate = "w1",
                                                 .up = "w3",
                                                 .down = "w2",
                                                 .own_router = "mlp.gate.weight",
                                                 .own_experts = "mlp.experts"};
void NameExperts(const MixtureNames& paths, ModelNames& names);

// As Granite has them: a file packs the matrices of all experts.
void NamePackedExperts(ModelNames& names);

// Layers behind the model's own (multi-token prediction) are carried along.
void CarryLayersBehind(const ConfigValues& config, int64_t layers, ModelNames& names);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FAMILIES_MIXTURE_H_
