// DeepSeek V3 and R1, Kimi K2, Sarvam 105B: latent attention; sigmoids with a bias for the choice, in groups; shared experts; the
// first layers are dense.
#include "core/model/families/mixture.h"

#include "core/base/error.h"
#include "core/model/families/latent.h"

namespace hlm {
namespace {

// What the classes assume where a key is missing.
struct Defaults {
  SizeDefaults sizes;
  LatentDefaults latent = {};
  int64_t experts = 256, dense_layers = 3;
  GroupDefaults groups = {};
};

void ReadLatentMixture(const ConfigValues& config, const Defaults& defaults, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, defaults.sizes, spec);
  const NormSpec norm = RmsNorm(config);
  const LatentAttentionSpec attention = ReadLatentAttention(config, sizes.heads, defaults.latent, spec);
  ExpertsSpec experts = ReadExperts(config, {.count = {"num_local_experts", "n_routed_experts"},
                                             .likely_count = defaults.experts,
                                             .likely_chosen = 8,
                                             .likely_width = 2048});
  experts.router = ReadBiasedRouter(config, experts, 2.5, defaults.groups);
  const BlockSpec dense = LatentBlock(norm, attention, {.intermediate = sizes.intermediate}),
                  sparse = WithBodies(dense, WithShared(experts, ReadSharedCount(config, "n_shared_experts", 1)));
  for (const bool is_sparse : SparseLayers(config, sizes.layers, defaults.dense_layers))
    spec.AddLayer(is_sparse ? sparse : dense);
  spec.head.norm = norm;
  NameLatentAttention(names);
  NameExperts({}, names);
  Rename(names, {{"experts.choice_bias", "mlp.gate.e_score_correction_bias"}});
  CarryLayersBehind(config, sizes.layers, names);
}

void ReadV3(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  ReadLatentMixture(config,
                    {.sizes = {.kv_heads = 128, .head_dim = 64, .max_positions = 4096, .even_heads = false},
                     .groups = {.groups = 8, .best = 4}},
                    spec, names);
}

void ReadSarvam(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Defaults defaults{
      .sizes = {.head_dim = 64, .max_positions = 4096, .initializer_range = 0.006, .intermediate = 16384, .even_heads = false},
      .latent = {.query_rank = std::nullopt},
      .experts = 128,
      .dense_layers = 1};
  ReadLatentMixture(config, defaults, spec, names);
}

}  // namespace

extern const Family kDeepseekV3Family;
const Family kDeepseekV3Family = {"DeepseekV3ForCausalLM", "deepseek_v3", ReadV3};

// Kimi K2's files have a type of their own for DeepSeek's code.
extern const Family kKimiK2Family;
const Family kKimiK2Family = {"DeepseekV3ForCausalLM", "kimi_k2", ReadV3, "DeepseekV3ForCausalLM"};

extern const Family kSarvamMlaFamily;
const Family kSarvamMlaFamily = {"SarvamMLAForCausalLM", "sarvam_mla", ReadSarvam, "DeepseekV3ForCausalLM"};

}  // namespace hlm
