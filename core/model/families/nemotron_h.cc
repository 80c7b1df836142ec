// Nemotron-H: one mixer a layer: Mamba-2, attention without positions, a feed-forward layer with squared relu, or such experts.
#include <algorithm>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/model/families/mixture.h"
#include "core/model/families/state_spaces.h"

namespace hlm {
namespace {

std::string TypeOf(char letter) {
  switch (letter) {
    case 'M':
      return "linear_attention";
    case '*':
      return "full_attention";
    case '-':
      return "mlp";
    case 'E':
      return "moe";
    default:
      throw InvalidArgument(kConfig, ": hybrid_override_pattern holds ", Printable(std::string(1, letter)),
                            "; M, *, - and E are layers");
  }
}

// One type a layer, by a list or by a pattern of letters.
std::vector<std::string> LayerTypes(const ConfigValues& config) {
  std::vector<std::string> types;
  const char* key = config.HasValue("layers_block_type") ? "layers_block_type" : "layer_types";
  config.Take("hybrid_override_pattern");
  if (config.HasValue(key)) {
    const JsonValue& list = config.Value(key);
    if (!list.IsArray()) throw InvalidArgument(kConfig, ": ", key, " must be a list of names, found ", PrintableJson(list));
    for (const JsonValue& item : list.Items()) {
      if (!item.IsString()) throw InvalidArgument(kConfig, ": ", key, " holds ", PrintableJson(item), ", which is not a name");
      const std::string& name = item.String();
      types.push_back(name == "mamba" ? "linear_attention" : name == "attention" ? "full_attention" : name);
    }
  } else if (config.HasValue("hybrid_override_pattern")) {
    for (const char letter : config.String("hybrid_override_pattern")) types.push_back(TypeOf(letter));
  } else {
    types = {"linear_attention", "moe", "full_attention", "mlp"};
  }
  const int64_t layers = static_cast<int64_t>(types.size());
  if (config.HasValue("num_hidden_layers") && config.Int("num_hidden_layers", 1, kMostLayers) != layers) {
    throw InvalidArgument(kConfig, ": num_hidden_layers is ", config.Int("num_hidden_layers", 1, kMostLayers), " but ",
                          config.HasValue(key) ? key : "hybrid_override_pattern", " names ", Counted(types.size(), "layer"));
  }
  if (types.empty()) throw InvalidArgument(kConfig, ": ", key, " names no layers");
  for (const std::string& type : types) {
    if (type != "linear_attention" && type != "full_attention" && type != "mlp" && type != "moe") {
      throw Unimplemented(kConfig, ": a layer of type ", Printable(type),
                          " is not supported for NemotronHForCausalLM; linear_attention, full_attention, mlp and moe are");
    }
  }
  return types;
}

// DeepSeek V3's router before experts that are not gated, which may read and make a narrower latent, beside a shared MLP.
std::vector<BranchBody> ReadRouted(const ConfigValues& config, const MlpSpec& mlp) {
  ExpertsSpec experts = ReadExperts(
      config, {.count = {"n_routed_experts", "num_local_experts"}, .likely_count = 8, .likely_chosen = 2, .likely_width = 7688});
  experts.function = mlp.function;
  experts.gated = false;
  experts.router = ReadBiasedRouter(config, experts);
  if (config.HasValue("moe_latent_size")) experts.latent = config.Int("moe_latent_size", 1, kMostHidden);
  experts.latent_bias = mlp.in_bias;
  MlpSpec shared = mlp;
  shared.shared = true;
  const int64_t width = config.IntOr("moe_shared_expert_intermediate_size", 7688, 0, kMostIntermediate);
  if (width > 0) shared.intermediate = width;  // of 0 the class makes one that is as wide as a layer of one MLP
  return {{experts, {}}, {shared, {}}};
}

void NameRouted(ModelNames& names) {
  NameExperts({.router = "mixer.gate.weight", .experts = "mixer.experts", .shared = "mixer.shared_experts"}, names);
  Rename(names, {{"experts.choice_bias", "mixer.gate.e_score_correction_bias"},
                 {"experts.narrow", "mixer.fc1_latent_proj.weight"},
                 {"experts.narrow_bias", "mixer.fc1_latent_proj.bias"},
                 {"experts.widen", "mixer.fc2_latent_proj.weight"},
                 {"experts.widen_bias", "mixer.fc2_latent_proj.bias"}});
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const std::vector<std::string> types = LayerTypes(config);
  spec.vocab = config.Int("vocab_size", 1, kMostVocab);
  spec.hidden = config.Int("hidden_size", 1, kMostHidden);
  spec.max_positions = config.IntOr("max_position_embeddings", 4096, 1, kMostPositions);
  spec.initializer_range = config.RealOr("initializer_range", 0.02, 0.0, 1.0);
  config.Take("hidden_act");           // the class has a name for each
  config.Take("tie_word_embeddings");  // the class has a head of its own, whatever it says

  AttentionSpec attention;
  attention.heads = config.IntOr("num_attention_heads", 32, 1, kMostHeads);
  attention.kv_heads = config.HasValue("num_key_value_heads") ? config.Int("num_key_value_heads", 1, kMostHeads)
                       : config.Has("num_key_value_heads")    ? attention.heads
                                                              : 8;
  attention.head_dim = config.IntOr(config.Has("attention_head_dim") ? "attention_head_dim" : "head_dim", 128, 1, kMostHeadDim);
  attention.rope = -1;
  if (attention.heads % attention.kv_heads != 0) {
    throw InvalidArgument(kConfig, ": num_attention_heads is ", attention.heads,
                          "; it must be a multiple of num_key_value_heads, ", attention.kv_heads);
  }
  const bool mlp_bias = config.BoolOr("mlp_bias", false);
  const MlpSpec mlp{.intermediate = config.IntOr("intermediate_size", 21504, 1, kMostIntermediate),
                    .function = ReadFunction(config, "mlp_hidden_act", Function::kRelu2),
                    .gated = false,
                    .in_bias = mlp_bias,
                    .out_bias = mlp_bias};
  StateSpaceSpec space;
  space.heads = config.IntOr("mamba_num_heads", 128, 1, kMostHeads);
  space.head_dim = config.IntOr("mamba_head_dim", 64, 1, kMostHeadDim);
  space.groups = config.IntOr(config.Has("mamba_n_groups") ? "mamba_n_groups" : "n_groups", 8, 1, kMostHeads);
  space.state_dim = config.IntOr("ssm_state_size", 128, 1, kMostHeadDim);
  space.taps = config.IntOr(config.Has("mamba_d_conv") ? "mamba_d_conv" : "conv_kernel", 4, 1, 1 << 20);
  space.conv_bias = config.BoolOr(config.Has("mamba_conv_bias") ? "mamba_conv_bias" : "use_conv_bias", true);
  space.in_bias = space.out_bias = config.BoolOr("use_bias", false);
  space.norm_groups = space.groups;
  // The least step is this, whatever time_step_limit says.
  space.least_step = config.RealOr(config.Has("mamba_dt_min") ? "mamba_dt_min" : "time_step_min", 0.001, 0.0, 1e9);
  CheckStateSpace(space, space.heads * space.head_dim, "mamba_num_heads", "n_groups");
  ReadChunk(config, config.Has("mamba_chunk_size") ? "mamba_chunk_size" : "chunk_size");
  const NormSpec norm = LateRmsNorm(config, "layer_norm_epsilon", 1e-5);
  space.norm = RmsNorm(config, "layer_norm_epsilon", 1e-5);
  space.function = ReadFunction(config, "mamba_hidden_act", Function::kSilu);
  if (space.function == Function::kXielu) {  // which has weights of its own
    throw Unimplemented(kConfig, ": mamba_hidden_act = ", PrintableJson(config.Value("mamba_hidden_act")), " is not supported");
  }
  const bool mixture = std::find(types.begin(), types.end(), "moe") != types.end();
  const std::vector<BranchBody> routed = mixture ? ReadRouted(config, mlp) : std::vector<BranchBody>{};
  for (const std::string& type : types) {
    const BodySpec body = type == "linear_attention" ? BodySpec(space)
                          : type == "full_attention" ? BodySpec(attention)
                                                     : BodySpec(mlp);
    BlockSpec block;
    block.branches.push_back({.before = norm, .bodies = {{body, {}}}, .after = {}});
    if (type == "moe") block.branches.front().bodies = routed;
    spec.AddLayer(block);
  }
  spec.head.norm = norm;
  // Of experts where there are none, of predicting several tokens, of states that begin a document, and what the class has and never reads.
  for (const char* key :
       {"attention_bias", "mamba_proj_bias", "n_routed_experts", "num_local_experts", "n_shared_experts", "moe_intermediate_size",
        "num_experts_per_tok", "shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", "routed_scaling_factor",
        "num_nextn_predict_layers", "pad_token_id", "time_step_limit", "mamba_dt_limit", "sliding_window", "residual_in_fp32",
        "rescale_prenorm_residual", "expand"}) {
    config.Take(key);
  }

  names.prefix = "backbone.";
  names.embedding = "embeddings.weight";
  names.final_norm = "norm_f.weight";
  NameStateSpace("mixer.", space, names);
  Rename(names, {{"mamba.before", "norm.weight"},
                 {"attention.before", "norm.weight"},
                 {"mlp.before", "norm.weight"},
                 {"attention.q", "mixer.q_proj.weight"},
                 {"attention.k", "mixer.k_proj.weight"},
                 {"attention.v", "mixer.v_proj.weight"},
                 {"attention.o", "mixer.o_proj.weight"},
                 {"mlp.up", "mixer.up_proj.weight"},
                 {"mlp.up_bias", "mixer.up_proj.bias"},
                 {"mlp.down", "mixer.down_proj.weight"},
                 {"mlp.down_bias", "mixer.down_proj.bias"}});
  NameRouted(names);
  names.carried_prefixes.push_back("mtp.");
}

}  // namespace

extern const Family kNemotronHFamily;
const Family kNemotronHFamily = {"NemotronHForCausalLM", "nemotron_h", Read};

}  // namespace hlm
