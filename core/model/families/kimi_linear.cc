// Kimi-Linear: Kimi Delta Attention in most layers, latent attention without positions in the others; DeepSeek V3's experts.
#include <algorithm>
#include <utility>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/model/families/latent.h"
#include "core/model/families/mixture.h"

namespace hlm {
namespace {

// Under its name of today, or that of the files of the hub.
struct KimiDelta {
  int64_t head_dim = 128, heads = 32, taps = 4;
};
KimiDelta ReadDelta(const ConfigValues& config) {
  const KimiDelta defaults;
  KimiDelta delta;
  delta.head_dim = config.IntOr("linear_head_dim", defaults.head_dim, 1, kMostHeadDim);
  delta.heads = config.IntOr("linear_num_heads", defaults.heads, 1, kMostHeads);
  delta.taps = config.IntOr("linear_conv_kernel_dim", defaults.taps, 1, 1 << 20);
  if (!config.HasValue("linear_attn_config")) return delta;
  const ConfigValues own(config.Value("linear_attn_config"), config.where() + ": linear_attn_config");
  delta.head_dim = own.IntOr("head_dim", delta.head_dim, 1, kMostHeadDim);
  delta.heads = own.IntOr("num_heads", delta.heads, 1, kMostHeads);
  delta.taps = own.IntOr("short_conv_kernel_size", delta.taps, 1, 1 << 20);
  return delta;
}

// By layer_types, by the lists of the hub's files (which count from 1), or every fourth layer but the first.
std::vector<bool> FullLayers(const ConfigValues& config, int64_t layers) {
  std::vector<bool> full;
  const auto types = ReadLayerTypes(config, layers, {"full_attention", "linear_attention"});
  for (int64_t layer = 0; layer < layers; ++layer) {
    full.push_back(types ? (*types)[static_cast<size_t>(layer)] == "full_attention" : layer > 0 && layer % 4 == 0);
  }
  if (types || !config.HasValue("linear_attn_config")) return full;
  const ConfigValues own(config.Value("linear_attn_config"), config.where() + ": linear_attn_config");
  if (!own.HasValue("full_attn_layers") || !own.HasValue("kda_layers")) return full;
  std::vector<int> kinds(static_cast<size_t>(layers), 0);
  for (const auto& [key, kind] : {std::pair{"full_attn_layers", 1}, std::pair{"kda_layers", 2}}) {
    for (const int64_t layer : ReadNumbers(own, key)) {
      if (layer < 1 || layer > layers || kinds[static_cast<size_t>(layer - 1)] != 0) {
        throw InvalidArgument(own.where(), ": ", key, " holds ", layer, "; each layer from 1 to num_hidden_layers, ", layers,
                              ", must stand in one list once");
      }
      kinds[static_cast<size_t>(layer - 1)] = kind;
    }
  }
  for (size_t layer = 0; layer < kinds.size(); ++layer) {
    if (kinds[layer] == 0) throw InvalidArgument(own.where(), ": full_attn_layers and kda_layers lack layer ", layer + 1);
    full[layer] = kinds[layer] == 1;
  }
  return full;
}

// The newest release's keys for experts, or those of the hub's files.
ExpertsSpec ReadKimiExperts(const ConfigValues& config) {
  const char* chosen = config.HasValue("num_experts_per_token") ? "num_experts_per_token" : "num_experts_per_tok";
  ExpertsSpec experts = ReadExperts(config, {.chosen = chosen, .likely_count = 256, .likely_chosen = 8, .likely_width = 1024});
  RouterSpec& router =
      experts.router = {.score = RouterScore::kSigmoid, .choice_bias = true, .sum_add = 1e-20, .group_of_two = true};
  router.normalize = config.BoolOr(config.HasValue("moe_renormalize") ? "moe_renormalize" : "norm_topk_prob", true);
  router.scale = config.RealOr("routed_scaling_factor", 2.446, 1e-9, 1e9);
  router.groups = config.IntOr(config.HasValue("num_expert_group") ? "num_expert_group" : "n_group", 1, 1, experts.count);
  router.best_groups = config.IntOr("topk_group", 1, 1, router.groups);
  if (experts.count % router.groups != 0 || experts.chosen > experts.count / router.groups * router.best_groups) {
    throw InvalidArgument(kConfig, ": ", Counted(experts.count, "expert"), " in ", Counted(router.groups, "group"),
                          " (num_expert_group), ", router.best_groups, " of them open (topk_group), cannot give ", experts.chosen,
                          " (", chosen, ")");
  }
  config.Take("use_grouped_topk");
  RefuseUnlessNamed(config, "moe_router_activation_func", {"sigmoid"});
  return experts;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  config.Take("head_dim");  // which the class does not read
  const Sizes sizes = ReadSizes(config, {.kv_heads = 32, .head_dim = 64, .pad_token = 163839, .even_heads = false}, spec);
  spec.tied = false;  // the class has a head of its own, whatever tie_word_embeddings says
  spec.max_positions =
      config.IntOr("model_max_length", config.IntOr("max_position_embeddings", 1048576, 1, kMostPositions), 1, kMostPositions);
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  LatentAttentionSpec latent =
      ReadLatentAttention(config, sizes.heads, {.query_rank = std::nullopt, .positions = false, .head_dim = false}, spec);
  config.Take("mla_use_nope");
  const KimiDelta read = ReadDelta(config);
  const ChannelDeltaSpec delta{.heads = read.heads,
                               .key_dim = read.head_dim,
                               .value_dim = read.head_dim,
                               .taps = read.taps,
                               .rank = read.head_dim,
                               .norm = norm};
  const BlockSpec attends = LatentBlock(norm, latent, {.intermediate = sizes.intermediate});
  BlockSpec recurs = attends;
  recurs.branches.front().bodies = {{delta, {}}};
  const std::vector<bool> full = FullLayers(config, sizes.layers), sparse = SparseLayers(config, sizes.layers, 1);
  const bool mixes = std::find(sparse.begin(), sparse.end(), true) != sparse.end();
  std::vector<BodySpec> bodies;
  if (mixes) {
    const ExpertsSpec experts = ReadKimiExperts(config);
    const char* shared = config.HasValue("num_shared_experts") ? "num_shared_experts" : "n_shared_experts";
    bodies = WithShared(experts, ReadSharedCount(config, shared, 1));
  }
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    const size_t l = static_cast<size_t>(layer);
    const BlockSpec& block = full[l] ? attends : recurs;
    spec.AddLayer(sparse[l] ? WithBodies(block, bodies) : block);
  }
  spec.head.norm = norm;
  for (const char* key :
       {"num_experts", "num_local_experts", "num_experts_per_token", "num_experts_per_tok", "moe_intermediate_size",
        "num_shared_experts", "n_shared_experts", "num_expert_group", "n_group", "topk_group", "routed_scaling_factor"}) {
    config.Take(key);  // of no account without experts
  }

  NameLatentAttention(names);
  NameExperts({.router = "block_sparse_moe.gate.weight",
               .experts = "block_sparse_moe.experts",
               .gate = "w1",
               .up = "w3",
               .down = "w2",
               .shared = "block_sparse_moe.shared_experts"},
              names);
  Rename(names, {{"experts.choice_bias", "block_sparse_moe.gate.e_score_correction_bias"},
                 {"delta.before", "input_layernorm.weight"},
                 {"delta.q", "self_attn.q_proj.weight"},
                 {"delta.k", "self_attn.k_proj.weight"},
                 {"delta.v", "self_attn.v_proj.weight"},
                 {"delta.b", "self_attn.b_proj.weight"},
                 {"delta.f_a", "self_attn.f_a_proj.weight"},
                 {"delta.g_a", "self_attn.g_a_proj.weight"},
                 {"delta.f_b", "self_attn.f_b_proj.weight"},
                 {"delta.g_b", "self_attn.g_b_proj.weight"},
                 {"delta.dt_bias", "self_attn.dt_bias"},
                 {"delta.norm", "self_attn.o_norm.weight"},
                 {"delta.out", "self_attn.o_proj.weight"}});
  const int64_t width = delta.heads * delta.key_dim;
  for (const char* part : {"q", "k", "v"}) {
    names.layer[StrCat("delta.", part, "_conv")] = {.path = StrCat("self_attn.", part, "_conv1d.weight"),
                                                    .shape = {width, 1, delta.taps}};
  }
  names.layer["delta.a_log"] = {.path = "self_attn.A_log", .shape = {1, 1, delta.heads, 1}};
  // As transformers writes it, a dense MLP is called as the experts are; files of the hub have Llama's name for it.
  NameTable& of_hub = names.other_layers.emplace_back();
  for (const char* part : {"gate", "up", "down"}) {
    of_hub[StrCat("mlp.", part)] = names.layer[StrCat("mlp.", part)];
    names.layer[StrCat("mlp.", part)].path = StrCat("block_sparse_moe.", part, "_proj.weight");
  }
}

}  // namespace

extern const Family kKimiLinearFamily;
const Family kKimiLinearFamily = {"KimiLinearForCausalLM", "kimi_linear", Read};

}  // namespace hlm
