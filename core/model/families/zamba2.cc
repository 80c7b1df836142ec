// Zamba 2: Mamba-2 in every layer; before some of them a layer of attention and MLP whose weights a few layers share in turn, with
// adapters of each layer's own.
#include <cmath>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/model/families/state_spaces.h"

namespace hlm {
namespace {

// Whether each layer reads a shared one.
std::vector<bool> ReadLayers(const ConfigValues& config) {
  const int64_t layers = config.IntOr("num_hidden_layers", 54, 1, kMostLayers);
  const char* key = config.HasValue("layers_block_type") ? "layers_block_type" : "layer_types";
  std::vector<bool> shares;
  if (!config.HasValue(key)) {
    for (int64_t layer = 0; layer < 54; ++layer)
      shares.push_back((layer % 6 == 0 && layer > 0 && layer < 43) || layer == 47 || layer == 51);
  } else {
    const JsonValue& list = config.Value(key);
    if (!list.IsArray()) throw InvalidArgument(kConfig, ": ", key, " must be a list of names, found ", PrintableJson(list));
    for (const JsonValue& item : list.Items()) {
      if (!item.IsText("mamba") && !item.IsText("linear_attention") && !item.IsText("hybrid")) {
        throw InvalidArgument(kConfig, ": ", key, " holds ", PrintableJson(item),
                              "; linear_attention, mamba and hybrid are the layers of Zamba2ForCausalLM");
      }
      shares.push_back(item.IsText("hybrid"));
    }
  }
  if (static_cast<int64_t>(shares.size()) != layers)
    throw InvalidArgument(kConfig, ": ", key, " has ", Counted(shares.size(), "layer"), " and num_hidden_layers is ", layers);
  return shares;
}

StateSpaceSpec ReadSpace(const ConfigValues& config, int64_t hidden) {
  const int64_t inner = config.IntOr("mamba_expand", 2, 1, 1 << 10) * hidden;
  StateSpaceSpec space;
  space.heads = config.IntOr("n_mamba_heads", 8, 1, kMostHeads);
  space.head_dim = inner / space.heads;
  space.groups = config.IntOr("mamba_ngroups", 1, 1, kMostHeads);
  space.state_dim = config.IntOr("mamba_d_state", 64, 1, kMostHeadDim);
  space.taps = config.IntOr("mamba_d_conv", 4, 1, 1 << 20);
  space.conv_bias = true;  // whatever use_conv_bias says
  space.in_bias = space.out_bias = config.BoolOr("add_bias_linear", false);
  space.norm.kind = NormType::kRms;
  space.norm.epsilon = 1e-5;  // whatever rms_norm_eps says
  space.norm_groups = space.groups;
  space.least_step = config.RealOr("time_step_min", 0.001, 0.0, 1e9);
  CheckStateSpace(space, inner, "n_mamba_heads", "mamba_ngroups");
  ReadChunk(config, "chunk_size");
  return space;
}

SharedLayerSpec ReadShared(const ConfigValues& config, const NormSpec& norm, ModelSpec& spec) {
  SharedLayerSpec shared;
  shared.norm = norm;
  AttentionSpec& attention = shared.attention;
  attention.in_width = 2 * spec.hidden;
  attention.heads = config.IntOr("num_attention_heads", 32, 1, kMostHeads);
  attention.kv_heads =
      config.HasValue("num_key_value_heads") ? config.Int("num_key_value_heads", 1, kMostHeads) : attention.heads;
  attention.head_dim = 2 * spec.hidden / attention.heads;
  if (attention.head_dim < 1 || attention.heads % attention.kv_heads != 0) {
    throw InvalidArgument(kConfig, ": num_attention_heads is ", attention.heads,
                          "; it must be a multiple of num_key_value_heads, ", attention.kv_heads,
                          ", and at most twice hidden_size, ", spec.hidden);
  }
  attention.scale = 1.0 / std::sqrt(static_cast<double>(attention.head_dim) / 2);
  attention.rope = -1;
  if (config.BoolOr("use_mem_rope", false)) {
    attention.rope = 0;
    spec.ropes = {ReadRope(config, attention.head_dim, spec.max_positions)};
  }
  const int64_t rank = config.IntOr("adapter_rank", 128, 1, kMostIntermediate);
  if (config.BoolOr("use_shared_attention_adapter", false)) {
    if (attention.kv_heads != attention.heads || attention.QueryWidth() != attention.in_width) {
      throw InvalidArgument(kConfig, ": use_shared_attention_adapter needs queries, keys and values of twice hidden_size, ",
                            attention.in_width, "; with num_attention_heads ", attention.heads, " and num_key_value_heads ",
                            attention.kv_heads, " they have ", attention.QueryWidth(), " and ", attention.KeyWidth());
    }
    attention.adapter_rank = rank;
  }
  MlpSpec& mlp = shared.mlp;
  mlp.intermediate =
      config.HasValue("intermediate_size") ? config.Int("intermediate_size", 1, kMostIntermediate) : 4 * spec.hidden;
  mlp.function = ReadFunction(config, "hidden_act", Function::kGelu);
  mlp.in_bias = mlp.out_bias = config.BoolOr("add_bias_linear", false);
  mlp.adapter_rank = rank;
  return shared;
}

void NameLayers(const StateSpaceSpec& space, ModelNames& names) {
  ModelNames sharing;
  NameStateSpace("mamba.", space, names);
  NameStateSpace("mamba_decoder.mamba.", space, sharing);
  Rename(names, {{"mamba.before", "input_layernorm.weight"}});
  const auto shared = [](const std::string& path) { return StrCat("shared_transformer.", path); };
  sharing.layer["mamba.before"].path = "mamba_decoder.input_layernorm.weight";
  sharing.layer["shared_layer.linear"].path = "linear.weight";
  sharing.layer["shared_layer.before"].path = shared("input_layernorm.weight");
  sharing.layer["shared_layer.between"].path = shared("pre_ff_layernorm.weight");
  for (const char* part : {"q", "k", "v"}) {
    sharing.layer[StrCat("shared_layer.", part)].path = shared(StrCat("self_attn.", part, "_proj.weight"));
    const std::string adapter = shared(StrCat("self_attn.linear_", part, "_adapter_list.<>."));
    sharing.layer[StrCat("shared_layer.", part, "_down")] = {.path = adapter + "0.weight", .with_shared = true};
    sharing.layer[StrCat("shared_layer.", part, "_up")] = {.path = adapter + "1.weight", .with_shared = true};
  }
  sharing.layer["shared_layer.o"].path = shared("self_attn.o_proj.weight");
  for (const char* kind : {"weight", "bias"}) {
    const std::string end = *kind == 'w' ? "" : "_bias";
    sharing.layer["shared_layer.gate_up" + end].path = shared(StrCat("feed_forward.gate_up_proj.", kind));
    sharing.layer["shared_layer.down" + end].path = shared(StrCat("feed_forward.down_proj.", kind));
  }
  const std::string adapter = shared("feed_forward.gate_up_proj_adapter_list.<>.");
  sharing.layer["shared_layer.gate_up_down"] = {.path = adapter + "0.weight", .with_shared = true};
  sharing.layer["shared_layer.gate_up_up"] = {.path = adapter + "1.weight", .with_shared = true};
  names.sharing = std::move(sharing.layer);
}

void CarryAdapters(int64_t layer, ModelNames& names) {
  for (const char* of : {"feed_forward.gate_up_proj", "self_attn.linear_q", "self_attn.linear_k", "self_attn.linear_v"})
    names.carried_below.push_back(StrCat(names.layers, layer, ".shared_transformer.", of, "_adapter_list."));
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  spec.vocab = config.IntOr("vocab_size", 32000, 1, kMostVocab);
  spec.hidden = config.IntOr("hidden_size", 2560, 1, kMostHidden);
  spec.max_positions = config.IntOr("max_position_embeddings", 4096, 1, kMostPositions);
  if (config.BoolOr("use_long_context", false)) spec.max_positions = 16384;
  spec.initializer_range = config.RealOr("initializer_range", 0.02, 0.0, 1.0);
  spec.tied = config.BoolOr("tie_word_embeddings", true);
  ReadPadToken(config, 0, spec);
  const NormSpec norm = RmsNorm(config, "rms_norm_eps", 1e-5);
  const StateSpaceSpec space = ReadSpace(config, spec.hidden);
  BlockSpec plain;
  plain.branches.push_back({.before = norm, .bodies = {{space, {}}}, .after = {}});
  BlockSpec sharing = plain;
  sharing.branches.front().whole_residual = true;
  sharing.branches.insert(sharing.branches.begin(), {.bodies = {{ReadShared(config, norm, spec), {}}}, .after = {}});
  const int64_t slabs = config.IntOr("num_mem_blocks", 1, 1, kMostLayers);
  // Where the head is not tied transformers ties nothing, so that each layer has weights of its own.
  int64_t sharers = 0;
  for (const bool shares : ReadLayers(config)) {
    if (shares) sharing.shared = spec.tied ? sharers++ % slabs : sharers++;
    // Weights of its own come with the adapters of all layers that would share them, of which it reads one.
    if (shares && !spec.tied) CarryAdapters(spec.layers(), names);
    spec.AddLayer(shares ? sharing : plain);
  }
  if (sharers > 0) {
    spec.sides = {spec.hidden};
    spec.embedding.side = 0;
  } else {
    spec.ropes.clear();
  }
  spec.head.norm = norm;
  // What follows from the others, whatever the file says; and what decides nothing that is computed here.
  for (const char* key :
       {"attention_hidden_size", "attention_head_dim", "head_dim", "kv_channels", "num_query_groups", "mamba_headdim",
        "hybrid_layer_ids", "time_step_limit", "use_shared_mlp_adapter", "partial_rotary_factor"}) {
    config.Take(key);
  }
  names.final_norm = "final_layernorm.weight";
  NameLayers(space, names);
}

}  // namespace

extern const Family kZamba2Family;
const Family kZamba2Family = {"Zamba2ForCausalLM", "zamba2", Read};

}  // namespace hlm
