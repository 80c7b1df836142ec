// Command with experts: Command R7B's block, whose MLP is experts with shared ones beside them.
#include "core/model/families/mixture.h"
#include "core/model/families/rope_rules.h"
#include "core/model/families/windowed_layers.h"

#include "core/base/error.h"

namespace hlm {
namespace {

constexpr const char *kFull = "full_attention", *kSliding = "sliding_attention";

// layer_types, or a full layer behind every few that slide, counted anew behind the dense ones, which have a pattern of their own.
std::vector<std::string> LayerTypes(const ConfigValues& config, int64_t layers) {
  config.Take("sliding_window_pattern");
  if (const auto said = ReadLayerTypes(config, layers, {kFull, kSliding})) return *said;
  const int64_t dense = config.IntOr("first_k_dense_replace", 0, 0, layers);
  const int64_t before = config.IntOr("prefix_dense_sliding_window_pattern", 1, 1, kMostLayers);
  const int64_t behind = config.IntOr("sliding_window_pattern", 4, 1, kMostLayers);
  std::vector<std::string> types;
  for (int64_t layer = 0; layer < layers; ++layer) {
    const bool full = layer < dense ? (layer + 1) % before == 0 : (layer - dense + 1) % behind == 0;
    types.push_back(full ? kFull : kSliding);
  }
  return types;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.head_dim = 128, .max_positions = 8192, .tied = true, .pad_token = 0}, spec);
  spec.ropes = {
      ReadRopeBy({.beside_is_stale = true, .scaling = false}, config, sizes.head_dim, spec.max_positions, {.interleaved = true})};
  const NormSpec norm = config.HasValue("rms_norm_eps") ? RmsNorm(config) : LayerNorm(config, "layer_norm_eps", 1e-5, false);
  config.Take("layer_norm_eps");
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  ExpertsSpec experts = ReadExperts(config, {.width = "intermediate_size", .likely_count = 8, .likely_chosen = 2});
  const std::string function = config.HasValue("expert_selection_fn") ? config.String("expert_selection_fn") : "softmax";
  if (function != "softmax" && function != "sigmoid") {
    throw Unimplemented(kConfig, ": expert_selection_fn = ", Printable(function), " is not supported; softmax and sigmoid are");
  }
  const bool normalize = config.BoolOr("norm_topk_prob", true);
  experts.router.score = function == "softmax" ? RouterScore::kSoftmaxOfChosen : RouterScore::kSigmoid;
  experts.router.normalize = normalize && function == "sigmoid";
  const int64_t beside = config.IntOr("num_shared_experts", 0, 0, 1024);
  const std::string together =
      config.HasValue("shared_expert_combination_strategy") ? config.String("shared_expert_combination_strategy") : "average";
  std::vector<BodySpec> bodies = {experts};
  if (beside > 0) {
    if (together != "sum" && together != "average") {
      throw Unimplemented(kConfig, ": shared_expert_combination_strategy = ", Printable(together),
                          " is not supported; sum and average are");
    }
    bodies.push_back(Shared(experts.intermediate * beside));
  }
  const std::optional<int64_t> window = ReadWindow(config, true);
  const std::vector<bool> sparse = SparseLayers(config, sizes.layers, 0);
  const int64_t prefix = config.IntOr("prefix_dense_sliding_window_pattern", 1, 1, kMostLayers);
  const std::vector<std::string> types = LayerTypes(config, sizes.layers);
  const int64_t dense_width = config.HasValue("prefix_dense_intermediate_size")
                                  ? config.Int("prefix_dense_intermediate_size", 1, kMostIntermediate)
                                  : sizes.intermediate;
  for (size_t layer = 0; layer < sparse.size(); ++layer) {
    const bool slides = types[layer] == kSliding;
    attention.window = WindowOf(static_cast<int64_t>(layer), slides, window);
    attention.rope = slides || (!sparse[layer] && prefix == 1) ? 0 : -1;
    const BlockSpec dense = ParallelBlock(norm, attention, {.intermediate = dense_width});
    BlockSpec block = sparse[layer] ? WithBodies(dense, bodies) : dense;
    if (sparse[layer] && beside > 0 && together == "average") {
      // Behind attention, the first of the branch.
      for (size_t i = 1; i < block.branches.front().bodies.size(); ++i) block.branches.front().bodies[i].out_scale = 0.5;
    }
    spec.AddLayer(block);
  }
  spec.head.norm = norm;
  spec.head.scale = config.RealOr("logit_scale", 0.0625, 1e-9, 1e9);
  NameExperts({}, names);
}

}  // namespace

extern const Family kCohere2MoeFamily;
const Family kCohere2MoeFamily = {"Cohere2MoeForCausalLM", "cohere2_moe", Read};

}  // namespace hlm
