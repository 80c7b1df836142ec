// Code World Model: Llama, three sliding layers behind each full one.
#include "core/model/families/common.h"
#include "core/model/families/rope_rules.h"
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

constexpr RopeRules kRope{.unsaid = R"({"rope_type": "llama3", "factor": 16.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192, "rope_theta": 1000000.0})"};

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .head_dim = 128, .max_positions = 131072}, spec);
  spec.ropes = {ReadRopeBy(kRope, config, sizes.head_dim, spec.max_positions, {.theta = 1e6})};
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  const bool mlp_bias = config.BoolOr("mlp_bias", false);
  const MlpSpec mlp{.intermediate = sizes.intermediate, .in_bias = mlp_bias, .out_bias = mlp_bias};
  const std::optional<int64_t> window = ReadWindow(config, true, 8192);
  const auto types = ReadLayerTypes(config, sizes.layers, {"full_attention", "sliding_attention"});
  AttentionSpec attention = Attention(sizes);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    const bool slides = types ? (*types)[static_cast<size_t>(layer)] == "sliding_attention" : layer % 4 != 0;
    attention.window = WindowOf(layer, slides, window);
    spec.AddLayer(PreNormBlock(norm, attention, mlp));
  }
  spec.head.norm = norm;
}

}  // namespace

extern const Family kCwmFamily;
const Family kCwmFamily = {"CwmForCausalLM", "cwm", Read};

}  // namespace hlm
