// gpt-oss: sinks, a window on every other layer, biases everywhere; a softmax over the chosen, clamped layers whose gate and up alternate.
#include "core/model/families/mixture.h"
#include "core/model/families/rope_rules.h"
#include "core/model/families/windowed_layers.h"

#include "core/base/error.h"

namespace hlm {
namespace {

// The released models' YaRN.
constexpr RopeRules kRope{
    .unsaid = R"({"rope_type": "yarn", "factor": 32.0, "truncate": false, "original_max_position_embeddings": 4096})"};

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .head_dim = 64, .max_positions = 131072}, spec);
  ReadBalancing(config, 0.001, spec);
  spec.ropes = {ReadRopeBy(kRope, config, sizes.head_dim, spec.max_positions, {.theta = 150000})};
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-5);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", true);
  attention.sinks = true;
  ExpertsSpec experts = ReadExperts(config, {.width = "intermediate_size", .likely_count = 128, .likely_chosen = 4});
  experts.router = {.score = RouterScore::kSoftmaxOfChosen, .bias = true};
  experts.in_bias = experts.out_bias = true;
  experts.limit = config.RealOr("swiglu_limit", 7, 1e-6, 1e6);
  experts.alpha = config.RealOr("swiglu_alpha", 1.702, 1e-6, 1e6);
  // Experts in MXFP4 are read as the numbers that they are.
  if (config.HasValue("quantization_config")) {
    const ConfigValues own(config.Value("quantization_config"), config.where() + ": quantization_config");
    const std::string method = own.String("quant_method");
    if (method != "mxfp4")
      throw Unimplemented(own.where(), ": quant_method = ", Printable(method), " is not supported; mxfp4 is");
  }
  const std::optional<int64_t> window = ReadWindow(config, true, 128);
  int64_t layer = 0;
  for (const bool slides : SlidingLayers(config, sizes.layers, 2)) {
    attention.window = WindowOf(layer++, slides, window);
    spec.AddLayer(WithBodies(PreNormBlock(norm, attention, {}), {experts}));
  }
  spec.head.norm = norm;
  NameExperts({.router = "mlp.router.weight", .packed = true}, names);
  names.layer["experts.router_bias"] = {.path = "mlp.router.bias"};
  names.layer["experts.gate_up"] = {.path = "mlp.experts.gate_up_proj", .order = RowOrder::kTransposed};
  names.layer["experts.gate_up_bias"] = {.path = "mlp.experts.gate_up_proj_bias"};
  names.layer["experts.down"] = {.path = "mlp.experts.down_proj", .order = RowOrder::kTransposed};
  names.layer["experts.down_bias"] = {.path = "mlp.experts.down_proj_bias"};
  names.layer["attention.sinks"] = {.path = "self_attn.sinks"};
}

}  // namespace

extern const Family kGptOssFamily;
const Family kGptOssFamily = {"GptOssForCausalLM", "gpt_oss", Read};

}  // namespace hlm
