// Gemma 4 (text): two sizes of heads, keys that are values, keys and values shared by the last layers, per-layer inputs, experts beside
// the MLP.
#include <cmath>
#include <map>
#include <optional>

#include "core/base/error.h"
#include "core/model/families/gemmas.h"
#include "core/model/families/mixture.h"
#include "core/model/families/rope_rules.h"

namespace hlm {
namespace {

constexpr const char *kFull = "full_attention", *kSliding = "sliding_attention";

// No key beside the settings counts.
constexpr RopeRules kRope{.unsaid = R"({"sliding_attention": {"rope_theta": 10000.0},
    "full_attention": {"rope_type": "proportional", "rope_theta": 1000000.0, "partial_rotary_factor": 0.25}})",
                          .theta = nullptr,
                          .partial = nullptr};

std::vector<std::string> LayerTypes(const ConfigValues& config, int64_t layers) {
  std::vector<std::string> types;
  if (const auto said = ReadLayerTypes(config, layers, {kFull, kSliding})) {
    types = *said;
  } else {
    for (int64_t layer = 0; layer < layers; ++layer) types.push_back((layer + 1) % 6 != 0 ? kSliding : kFull);
  }
  types.back() = kFull;  // as transformers insists
  return types;
}

struct HeadSizes {
  int64_t head_dim = 0, kv_heads = 0;
};

std::optional<size_t> LayerOf(const std::string& name, size_t layers) {
  if (name.empty() || name.size() > 9 || name.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  const size_t layer = std::stoul(name);
  return layer < layers ? std::optional(layer) : std::nullopt;
}

// per_layer_config (transformers 5), else global_head_dim and num_global_key_value_heads on the full layers.
std::vector<HeadSizes> ReadHeads(const ConfigValues& config, const Sizes& sizes, const std::vector<std::string>& types,
                                 bool key_is_value) {
  std::vector<HeadSizes> heads(types.size(), {sizes.head_dim, sizes.kv_heads});
  HeadSizes full{config.IntOr("global_head_dim", 512, 2, kMostHeadDim), sizes.kv_heads};
  if (key_is_value && config.HasValue("num_global_key_value_heads"))
    full.kv_heads = config.Int("num_global_key_value_heads", 1, kMostHeads);
  config.Take("num_global_key_value_heads");
  if (!config.HasValue("per_layer_config")) {
    for (size_t layer = 0; layer < types.size(); ++layer) {
      if (types[layer] == kFull) heads[layer] = full;
    }
    return heads;
  }
  const ConfigValues by_layer(config.Value("per_layer_config"), config.where() + ": per_layer_config");
  // Numbers of layers, which transformers writes with as many digits as the largest has: 05, 11.
  std::vector<bool> named(types.size(), false);
  for (const auto& [name, settings] : by_layer.object().Members()) {
    const std::optional<size_t> layer = LayerOf(name, types.size());
    if (!layer || named[*layer]) {
      throw InvalidArgument(by_layer.where(), ": ", Printable(name),
                            layer ? " names a layer twice" : StrCat(" names no layer of ", types.size()));
    }
    named[*layer] = true;
    if (settings.IsNull()) continue;
    const ConfigValues own(settings, by_layer.where() + ": " + name);
    heads[*layer] = {own.IntOr("head_dim", sizes.head_dim, 2, kMostHeadDim),
                     own.IntOr("num_key_value_heads", sizes.kv_heads, 1, kMostHeads)};
    for (const auto& [key, value] : own.object().Members()) {
      if (!own.Taken(key))
        throw Unimplemented(own.where(), ": ", Printable(key), " = ", PrintableJson(value), " is not supported");
    }
  }
  return heads;
}

// The last `shared` layers read the keys and values of the last layer of their type before them.
class Sharing {
 public:
  Sharing(const std::vector<std::string>& types, int64_t shared) : first_(types.size() - static_cast<size_t>(shared)) {
    for (size_t layer = 0; layer < first_; ++layer) giver_[types[layer]] = layer;
    for (size_t layer = first_; layer < types.size(); ++layer) {
      if (!giver_.contains(types[layer])) {
        throw InvalidArgument(kConfig, ": num_kv_shared_layers is ", shared, ", but no layer before those is a ", types[layer]);
      }
    }
  }
  bool takes(size_t layer) const { return layer >= first_; }
  bool gives(const std::string& type, size_t layer) const { return any() && giver_.at(type) == layer; }
  bool any() const { return any_; }
  void set_any(bool any) { any_ = any; }

 private:
  size_t first_;
  bool any_ = false;
  std::map<std::string, size_t> giver_;
};

// Released folders hold keys and values of layers that read another's as well; nobody reads them.
void CarryUnread(size_t layer, ModelNames& names) {
  for (const char* part : {"k_proj", "v_proj", "k_norm", "v_norm"})
    names.carried_below.push_back(StrCat(names.layers, layer, ".self_attn.", part, "."));
}

void ReadLayerInputs(const ConfigValues& config, const NormSpec& norm, int64_t layers, ModelSpec& spec) {
  const int64_t width = config.HasValue("hidden_size_per_layer_input") ? config.Int("hidden_size_per_layer_input", 0, kMostHidden)
                        : config.Has("hidden_size_per_layer_input")    ? 0
                                                                       : 256;
  const int64_t vocab = config.IntOr("vocab_size_per_layer_input", 262144, 1, kMostVocab);
  if (width == 0) return;
  if (vocab < spec.vocab) {
    throw InvalidArgument(kConfig, ": vocab_size_per_layer_input is ", vocab, "; it must not be below vocab_size, ", spec.vocab);
  }
  LayerInputsSpec& inputs = spec.embedding.layer_inputs;
  inputs.vocab = vocab;
  inputs.width = width;
  inputs.table_scale = std::sqrt(static_cast<double>(width));
  inputs.sum_scale = 1 / std::sqrt(2.0);
  inputs.norm = norm;
  // The product is divided by the root of the width before its norm, which is the norm of the product with a larger epsilon.
  inputs.norm.epsilon *= static_cast<double>(spec.hidden);
  inputs.side = static_cast<int64_t>(spec.sides.size());
  spec.sides.push_back(width * layers);
}

// A softmax over all of a norm of x that only the router reads; weights are normalised, then multiplied by a number of each expert.
std::optional<ExpertsSpec> ReadRouted(const ConfigValues& config, const NormSpec& norm, const ModelSpec& spec) {
  const bool on = config.BoolOr("enable_moe_block", false);
  for (const char* key : {"num_experts", "top_k_experts", "moe_intermediate_size"}) config.Take(key);
  if (!on) return std::nullopt;
  ExpertsSpec experts = ReadExperts(config, {.count = {"num_experts"}, .chosen = "top_k_experts"});
  experts.function = ReadFunction(config, "hidden_activation", Function::kGeluTanh);
  experts.before = experts.router.before = norm;
  experts.router.in_scale = 1 / std::sqrt(static_cast<double>(spec.hidden));
  experts.router.normalize = experts.router.expert_scale = true;
  return experts;
}

// The MLP of the branch, whose norms become its own, and experts that read what stands before them.
void AddBeside(const ExpertsSpec& experts, const NormSpec& norm, BranchSpec& branch) {
  branch.before = {};
  branch.bodies.front().before = branch.bodies.front().after = norm;
  branch.bodies.push_back({.body = experts, .after = norm});
}

void NameBeside(ModelNames& names) {
  NameExperts({.router = "router.proj.weight", .packed = true}, names);
  names.layer["experts.gate_up"] = {.path = "experts.gate_up_proj"};
  names.layer["experts.down"] = {.path = "experts.down_proj"};
  Rename(names, {{"mlp.behind", "post_feedforward_layernorm_1.weight"},
                 {"experts.input_norm", "pre_feedforward_layernorm_2.weight"},
                 {"experts.behind", "post_feedforward_layernorm_2.weight"},
                 {"experts.router_norm", "router.scale"},
                 {"experts.expert_scale", "router.per_expert_scale"}});
}

// `unified`: the class without per-layer inputs and experts, whose pictures and sounds need no towers (Gemma 4 12B).
void ReadGemma4(const ConfigValues& config, bool unified, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, GemmaDefaults(4, unified ? 262144 : 131072), spec);
  if (config.HasValue("use_bidirectional_attention") && !config.Value("use_bidirectional_attention").IsText("vision")) {
    throw Unimplemented(kConfig, ": use_bidirectional_attention = ", PrintableJson(config.Value("use_bidirectional_attention")),
                        " is not supported");
  }
  const bool key_is_value = config.BoolOr("attention_k_eq_v", false), wide = config.BoolOr("use_double_wide_mlp", false);
  const std::vector<std::string> types = LayerTypes(config, sizes.layers);
  const std::vector<HeadSizes> heads = ReadHeads(config, sizes, types, key_is_value);
  const int64_t shared = config.IntOr("num_kv_shared_layers", 0, 0, sizes.layers - 1);
  Sharing sharing(types, shared);
  sharing.set_any(shared > 0);
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-6);
  NormSpec bare = norm;
  bare.weight = false;
  if (!unified) ReadLayerInputs(config, norm, sizes.layers, spec);
  const std::optional<ExpertsSpec> experts = unified ? std::nullopt : ReadRouted(config, norm, spec);

  std::map<std::string, int64_t> ropes, sides;
  const int64_t window = config.IntOr("sliding_window", unified ? 1024 : 512, 1, kMostPositions);
  for (size_t layer = 0; layer < types.size(); ++layer) {
    const std::string& type = types[layer];
    const bool slides = type == kSliding, takes = sharing.takes(layer);
    AttentionSpec attention = Attention(sizes);
    attention.head_dim = heads[layer].head_dim;
    attention.kv_heads = heads[layer].kv_heads;
    if (sizes.heads % attention.kv_heads != 0 || attention.head_dim % 2 != 0) {
      throw InvalidArgument(kConfig, ": layer ", layer, " has ", attention.kv_heads, " key heads of ", attention.head_dim,
                            "; num_attention_heads, ", sizes.heads, ", must be a multiple of them, and head_dim even");
    }
    attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
    attention.scale = 1;
    attention.window = slides ? window : 0;
    attention.qk_norm.norm = norm;
    attention.v_norm = bare;
    attention.value_is_key = key_is_value && !slides && !takes;
    if (!ropes.contains(type)) {
      ropes[type] = static_cast<int64_t>(spec.ropes.size());
      spec.ropes.push_back(
          ReadRopeBy(kRope, config, attention.head_dim, spec.max_positions, {.theta = slides ? 1e4 : 1e6}, type.c_str()));
    }
    attention.rope = ropes[type];
    if (sharing.any() && sharing.gives(type, layer)) {
      attention.gives = sides[type] = static_cast<int64_t>(spec.sides.size());
      spec.sides.push_back(2 * attention.KeyWidth());
    } else if (takes) {
      attention.takes = sides.at(type);
      CarryUnread(layer, names);
      if (spec.sides[static_cast<size_t>(attention.takes)] != 2 * attention.KeyWidth()) {
        throw InvalidArgument(kConfig, ": layer ", layer, " reads keys of another layer, which have another size");
      }
    }
    MlpSpec mlp = GemmaMlp(config, sizes, "hidden_activation");
    if (wide && takes) mlp.intermediate *= 2;
    BlockSpec block = PostNormBlock(norm, norm, attention, mlp);
    if (experts) AddBeside(*experts, norm, block.branches.back());
    const LayerInputsSpec& inputs = spec.embedding.layer_inputs;
    if (inputs.vocab > 0) {
      const LayerInputSpec input{.width = inputs.width, .function = mlp.function, .side = inputs.side};
      block.branches.push_back({.bodies = {{input, {}}}, .after = norm});
    }
    block.scaled = true;
    spec.AddLayer(block);
  }
  ScaleByWidth(spec);
  spec.head.norm = norm;
  spec.head.softcap = ReadCap(config, "final_logit_softcapping", 0);
  NameBeside(names);
  Rename(names, {{"attention.after", "post_attention_layernorm.weight"},
                 {"mlp.before", "pre_feedforward_layernorm.weight"},
                 {"mlp.after", "post_feedforward_layernorm.weight"},
                 {"layer_input.gate", "per_layer_input_gate.weight"},
                 {"layer_input.up", "per_layer_projection.weight"},
                 {"layer_input.after", "post_per_layer_input_norm.weight"},
                 {"block.scale", "layer_scalar"}});
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) { ReadGemma4(config, false, spec, names); }
void ReadUnified(const ConfigValues& config, ModelSpec& spec, ModelNames& names) { ReadGemma4(config, true, spec, names); }

}  // namespace

extern const Family kGemma4Family;
const Family kGemma4Family = {"Gemma4ForCausalLM", "gemma4_text", Read};

extern const Family kGemma4UnifiedFamily;
const Family kGemma4UnifiedFamily = {"Gemma4UnifiedForCausalLM", "gemma4_unified_text", ReadUnified};

}  // namespace hlm
