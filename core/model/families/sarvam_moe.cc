// Sarvam 30B: GLM-4.5's block, whose heads turn as a whole, with fused queries, keys and values on disk.
#include "core/model/families/mixture.h"

namespace hlm {
namespace {

// Files have either name: transformers' class or the released configuration.
const char* KeyOf(const ConfigValues& config, const char* own, const char* released) {
  return config.HasValue(released) && !config.HasValue(own) ? released : own;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(
      config,
      {.kv_heads = 4, .head_dim = 64, .max_positions = 131072, .initializer_range = 0.006, .pad_token = 0, .intermediate = 8192},
      spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 8e6})};
  const NormSpec norm = RmsNorm(config);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = config.BoolOr(KeyOf(config, "attention_bias", "use_qkv_bias"), false);
  if (config.BoolOr("use_qk_norm", true)) attention.qk_norm.norm = norm;
  ExpertsSpec experts = ReadExperts(config, {.count = {"num_experts", "num_local_experts", "n_routed_experts"},
                                             .likely_count = 128,
                                             .likely_chosen = 6,
                                             .likely_width = 1024});
  experts.router = ReadBiasedRouter(config, experts, 2.5);
  const int64_t shared = ReadSharedCount(config, KeyOf(config, "n_shared_experts", "num_shared_experts"), 1);
  const BlockSpec dense = PreNormBlock(norm, attention, {.intermediate = sizes.intermediate}),
                  sparse = WithBodies(dense, WithShared(experts, shared));
  for (const bool is_sparse : SparseLayers(config, sizes.layers, 1)) spec.AddLayer(is_sparse ? sparse : dense);
  spec.head.norm = norm;
  names.embedding = "word_embeddings.weight";
  NameExperts({}, names);
  Rename(names, {{"attention.qkv", "attention.query_key_value.weight"},
                 {"attention.qkv_bias", "attention.query_key_value.bias"},
                 {"attention.q_norm", "attention.query_layernorm.weight"},
                 {"attention.k_norm", "attention.key_layernorm.weight"},
                 {"attention.o", "attention.dense.weight"},
                 {"experts.choice_bias", "mlp.gate.expert_bias"}});
  CarryLayersBehind(config, sizes.layers, names);
}

}  // namespace

extern const Family kSarvamMoeFamily;
const Family kSarvamMoeFamily = {"SarvamMoEForCausalLM", "sarvam_moe", Read, "Glm4MoeForCausalLM"};

}  // namespace hlm
