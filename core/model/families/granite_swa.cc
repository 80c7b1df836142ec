// Granite with sinks, sliding layers and a base of the rotary embedding for each layer; with an MLP or with experts.
#include <algorithm>

#include "core/base/error.h"
#include "core/model/families/mixture.h"
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

// layer_rope_theta: 0 where a layer does not turn.
std::vector<double> Thetas(const ConfigValues& config, int64_t layers, double theta) {
  std::vector<double> thetas(static_cast<size_t>(layers), theta);
  if (!config.HasValue("layer_rope_theta")) return thetas;
  const JsonValue& list = config.Value("layer_rope_theta");
  if (!list.IsArray() || list.Items().size() != thetas.size()) {
    throw InvalidArgument(kConfig, ": layer_rope_theta must be a list of num_hidden_layers = ", layers, " numbers, found ",
                          list.IsArray() ? StrCat(list.Items().size()) : PrintableJson(list));
  }
  for (size_t layer = 0; layer < thetas.size(); ++layer) {
    const JsonValue& item = list.Items()[layer];
    if (!item.IsNumber() || !(item.Number() == 0 || (item.Number() >= 1 && item.Number() <= 1e18))) {
      throw InvalidArgument(kConfig, ": layer_rope_theta holds ", PrintableJson(item), "; it must be 0 or a number in [1, 1e18]");
    }
    thetas[layer] = item.Number();
  }
  return thetas;
}

// The number of the rotary embedding with this base, which is made where it is not there.
int64_t RopeOf(const RopeSpec& rope, double theta, ModelSpec& spec) {
  if (theta == 0) return -1;
  RopeSpec own = rope;
  own.theta = theta;
  const auto found = std::find(spec.ropes.begin(), spec.ropes.end(), own);
  const int64_t number = found - spec.ropes.begin();
  if (found == spec.ropes.end()) spec.ropes.push_back(own);
  return number;
}

// The block's second branch, in place of an MLP: a softmax over the chosen of packed experts, and a shared MLP beside them.
std::vector<BodySpec> ReadMixture(const ConfigValues& config) {
  ExpertsSpec experts = ReadExperts(config, {.width = "intermediate_size", .likely_count = 8, .likely_chosen = 2});
  experts.router.score = RouterScore::kSoftmaxOfChosen;
  std::vector<BodySpec> bodies = {experts};
  const int64_t shared = config.IntOr("shared_intermediate_size", 0, 0, kMostIntermediate);
  if (shared > 0) bodies.push_back(Shared(shared));
  return bodies;
}

std::vector<BodySpec> ReadDense(const ConfigValues& config, int64_t intermediate) {
  const bool bias = config.BoolOr("mlp_bias", false);
  return {MlpSpec{.intermediate = intermediate, .in_bias = bias, .out_bias = bias}};
}

void ReadLayers(const ConfigValues& config, const Sizes& sizes, const NormSpec& norm, const std::vector<BodySpec>& bodies,
                ModelSpec& spec, ModelNames& names) {
  const RopeSpec rope = ReadRope(config, sizes.head_dim, spec.max_positions);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  attention.scale = config.RealOr("attention_multiplier", 1.0, 1e-9, 1e9);
  attention.sinks = true;
  const std::optional<int64_t> window = ReadWindow(config, true, 128);
  const auto types = ReadLayerTypes(config, sizes.layers, {"full_attention", "sliding_attention"});
  const std::vector<double> thetas = Thetas(config, sizes.layers, rope.theta);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) {
    const bool slides = types ? (*types)[static_cast<size_t>(layer)] == "sliding_attention" : layer % 4 != 0;
    attention.window = WindowOf(layer, slides, window);
    attention.rope = RopeOf(rope, thetas[static_cast<size_t>(layer)], spec);
    BlockSpec block = WithBodies(PreNormBlock(norm, attention, {}), bodies);
    for (BranchSpec& branch : block.branches) branch.scale = config.RealOr("residual_multiplier", 1.0, -1e9, 1e9);
    spec.AddLayer(block);
  }
  spec.embedding.scale = config.RealOr("embedding_multiplier", 1.0, -1e9, 1e9);
  spec.head.norm = norm;
  spec.head.scale = 1 / config.RealOr("logits_scaling", 1.0, 1e-9, 1e9);
  Rename(names, {{"attention.sinks", "self_attn.sinks"}});
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 4, .max_positions = 8192, .tied = true}, spec);
  ReadLayers(config, sizes, RmsNorm(config, "rms_norm_eps", 1e-5), ReadDense(config, sizes.intermediate), spec, names);
}

void ReadMoe(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 2048}, spec);
  ReadBalancing(config, 0.001, spec);
  ReadLayers(config, sizes, RmsNorm(config), ReadMixture(config), spec, names);
  NamePackedExperts(names);
  Rename(names, {{"experts.router", "block_sparse_moe.router.weight"},
                 {"experts.gate_up", "block_sparse_moe.experts.gate_up_proj"},
                 {"experts.down", "block_sparse_moe.experts.down_proj"}});
}

}  // namespace

extern const Family kGraniteSwaFamily;
const Family kGraniteSwaFamily = {"GraniteSWAForCausalLM", "granite_swa", Read};

extern const Family kGraniteMoeSwaFamily;
const Family kGraniteMoeSwaFamily = {"GraniteMoeSWAForCausalLM", "granitemoe_swa", ReadMoe};

}  // namespace hlm
