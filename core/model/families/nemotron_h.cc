// Nemotron-H without experts: one mixer a layer: Mamba-2, attention without positions, or a feed-forward layer with squared relu.
#include "core/base/error.h"
#include "core/model/families/common.h"
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
  config.Take("num_hidden_layers");  // follows from the types
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
  if (types.empty()) throw InvalidArgument(kConfig, ": ", key, " names no layers");
  for (const std::string& type : types) {
    if (type != "linear_attention" && type != "full_attention" && type != "mlp") {
      throw Unimplemented(kConfig, ": a layer of type ", Printable(type),
                          " is not supported for NemotronHForCausalLM; linear_attention, full_attention and mlp are");
    }
  }
  return types;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const std::vector<std::string> types = LayerTypes(config);
  spec.vocab = config.Int("vocab_size", 1, kMostVocab);
  spec.hidden = config.Int("hidden_size", 1, kMostHidden);
  spec.max_positions = config.IntOr("max_position_embeddings", 4096, 1, kMostPositions);
  spec.initializer_range = config.RealOr("initializer_range", 0.02, 0.0, 1.0);
  spec.tied = config.BoolOr("tie_word_embeddings", false);

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
  const NormSpec norm = RmsNorm(config, "layer_norm_epsilon", 1e-5);
  space.norm = norm;
  if (config.HasValue("mamba_hidden_act") && !config.Value("mamba_hidden_act").IsText("silu")) {
    throw Unimplemented(kConfig, ": mamba_hidden_act = ", PrintableJson(config.Value("mamba_hidden_act")),
                        " is not supported; silu is");
  }
  for (const std::string& type : types) {
    const BodySpec body = type == "linear_attention" ? BodySpec(space)
                          : type == "full_attention" ? BodySpec(attention)
                                                     : BodySpec(mlp);
    BlockSpec block;
    block.branches.push_back({.before = norm, .bodies = {{body, {}}}, .after = {}});
    spec.AddLayer(block);
  }
  spec.head.norm = norm;
  // Of experts, of states that begin a document, and what the class has and never reads.
  for (const char* key : {"attention_bias", "mamba_proj_bias", "n_routed_experts", "n_shared_experts", "moe_intermediate_size",
                          "num_experts_per_tok", "shared_expert_intermediate_size", "moe_shared_expert_intermediate_size",
                          "routed_scaling_factor", "pad_token_id", "time_step_limit", "mamba_dt_limit", "sliding_window",
                          "residual_in_fp32", "rescale_prenorm_residual", "expand"}) {
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
}

}  // namespace

extern const Family kNemotronHFamily;
const Family kNemotronHFamily = {"NemotronHForCausalLM", "nemotron_h", Read};

}  // namespace hlm
