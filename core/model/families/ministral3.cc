// Ministral 3: Mistral with YaRN, and queries that grow with their position.
#include "core/base/error.h"
#include "core/model/families/common.h"
#include "core/model/families/rope_rules.h"

namespace hlm {
namespace {

// The released models' YaRN.
constexpr RopeRules kRope{
    .unsaid = R"({"rope_type": "yarn", "rope_theta": 1000000.0, "factor": 16.0, "original_max_position_embeddings": 16384,
    "mscale": 1.0, "mscale_all_dim": 1.0})"};

// transformers takes both numbers out of the rotary embedding's settings.
TemperatureSpec ReadTemperature(const ConfigValues& config, int64_t max_positions) {
  constexpr const char *kBeta = "llama_4_scaling_beta", *kSpan = "original_max_position_embeddings";
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    if (!config.HasValue(key)) continue;
    const ConfigValues rope(config.Value(key), config.where() + ": " + key);
    if (rope.object().IsEmpty()) continue;
    return {.scale = rope.Real(kBeta, -1e6, 1e6), .span = rope.IntOr(kSpan, max_positions, 1, kMostPositions)};
  }
  return {.scale = 0.1, .span = 16384};
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .head_dim = 128, .max_positions = 262144, .pad_token = 11}, spec);
  spec.ropes = {
      ReadRopeBy(kRope, config, sizes.head_dim, spec.max_positions,
                 {.own_keys = {"llama_4_scaling_beta", "max_position_embeddings", "original_max_position_embeddings"}})};
  spec.temperatures = {ReadTemperature(config, spec.max_positions)};
  AttentionSpec attention = Attention(sizes);
  attention.window = ReadWindow(config, true, std::nullopt).value_or(0);
  attention.temperature = 0;
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    spec.AddLayer(PreNormBlock(norm, attention, {.intermediate = sizes.intermediate}));
  }
  spec.head.norm = norm;
}

}  // namespace

extern const Family kMinistral3Family;
const Family kMinistral3Family = {"Ministral3ForCausalLM", "ministral3", Read};

}  // namespace hlm
