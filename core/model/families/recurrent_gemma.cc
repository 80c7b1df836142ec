// RecurrentGemma (Griffin): gated linear recurrences and, between them, attention within a window; Gemma's norms and MLP.
#include <cmath>

#include "core/base/dtype.h"
#include "core/base/error.h"
#include "core/model/families/common.h"
#include "core/model/families/gemmas.h"

namespace hlm {
namespace {

// block_types, over and over; "recurrent" or "attention".
std::vector<bool> RecurrentLayers(const ConfigValues& config, int64_t layers) {
  std::vector<bool> pattern = {true, true, false};
  if (config.HasValue("block_types")) {
    const JsonValue& types = config.Value("block_types");
    if (!types.IsArray() || types.Items().empty())
      throw InvalidArgument(kConfig, ": block_types must be a list of names, found ", PrintableJson(types));
    pattern.clear();
    for (const JsonValue& type : types.Items()) {
      if (!type.IsText("recurrent") && !type.IsText("attention")) {
        throw Unimplemented(kConfig, ": block_types holds ", PrintableJson(type), "; recurrent and attention are supported");
      }
      pattern.push_back(type.IsText("recurrent"));
    }
  }
  std::vector<bool> recurrent;
  for (size_t layer = 0; layer < static_cast<size_t>(layers); ++layer) recurrent.push_back(pattern[layer % pattern.size()]);
  return recurrent;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  Sizes sizes = ReadSizes(config, {.tied = true, .pad_token = 0, .intermediate = 3 * 2560}, spec);
  if (sizes.intermediate % 2 != 0)
    throw InvalidArgument(kConfig, ": intermediate_size is ", sizes.intermediate, "; it counts gate and up, so it must be even");
  sizes.intermediate /= 2;
  if (sizes.head_dim * sizes.heads != spec.hidden) {
    throw InvalidArgument(kConfig, ": head_dim is ", sizes.head_dim, "; this family makes it hidden_size / num_attention_heads, ",
                          spec.hidden, " / ", sizes.heads);
  }
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.partial = 0.5})};
  if (spec.ropes.front().kind != RopeSpec::Kind::kDefault)
    throw Unimplemented(kConfig, ": another rope_type than default is not supported for ", spec.architecture);
  const NormSpec norm = LateRmsNorm(config, "rms_norm_eps", 1e-6, true);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = config.BoolOr("attention_bias", false);
  attention.o_bias = true;
  attention.window = config.IntOr("attention_window_size", 2048, 1, kMostPositions);
  MlpSpec mlp = GemmaMlp(config, sizes, "hidden_activation");
  mlp.in_bias = mlp.out_bias = true;
  GatedRecurrenceSpec recurrence;
  recurrence.channels = config.HasValue("lru_width") ? config.Int("lru_width", 1, kMostHidden) : spec.hidden;
  recurrence.heads = sizes.heads;
  recurrence.taps = config.IntOr("conv1d_width", 4, 1, 1 << 20);
  recurrence.function = mlp.function;
  if (recurrence.channels % recurrence.heads != 0) {
    throw InvalidArgument(kConfig, ": lru_width is ", recurrence.channels, "; it must be a multiple of num_attention_heads, ",
                          recurrence.heads);
  }
  const BlockSpec attends = PreNormBlock(norm, attention, mlp);
  BlockSpec recurs = attends;
  recurs.branches.front().bodies = {{recurrence, {}}};
  for (const bool recurrent : RecurrentLayers(config, sizes.layers)) spec.AddLayer(recurrent ? recurs : attends);
  // Rounded to bf16, whatever the weights' type.
  spec.embedding.scale = static_cast<double>(Bf16ToFloat(FloatToBf16(std::sqrt(static_cast<float>(spec.hidden)))));
  spec.head.norm = norm;
  spec.head.softcap = ReadCap(config, "logits_soft_cap", 30.0);
  for (const char* key : {"w_init_variance_scale", "final_w_init_variance_scale", "embeddings_scale_by_sqrt_dim"})
    config.Take(key);

  names.final_norm = "final_norm.weight";
  const std::string block = "temporal_block.";
  for (const char* part : {"q", "k", "v", "o"}) {
    names.layer[StrCat("attention.", part)].path = StrCat(block, part, "_proj.weight");
    names.layer[StrCat("attention.", part, "_bias")].path = StrCat(block, part, "_proj.bias");
  }
  for (const char* part : {"gate", "up", "down"}) {
    names.layer[StrCat("mlp.", part)].path = StrCat("mlp_block.", part, "_proj.weight");
    names.layer[StrCat("mlp.", part, "_bias")].path = StrCat("mlp_block.", part, "_proj.bias");
  }
  Rename(names, {{"attention.before", "temporal_pre_norm.weight"},
                 {"recurrence.before", "temporal_pre_norm.weight"},
                 {"mlp.before", "channel_pre_norm.weight"},
                 {"recurrence.y", "temporal_block.linear_y.weight"},
                 {"recurrence.x", "temporal_block.linear_x.weight"},
                 {"recurrence.y_bias", "temporal_block.linear_y.bias"},
                 {"recurrence.x_bias", "temporal_block.linear_x.bias"},
                 {"recurrence.conv_bias", "temporal_block.conv_1d.bias"},
                 {"recurrence.input_gate", "temporal_block.rg_lru.input_gate_weight"},
                 {"recurrence.input_gate_bias", "temporal_block.rg_lru.input_gate_bias"},
                 {"recurrence.decay_gate", "temporal_block.rg_lru.recurrent_gate_weight"},
                 {"recurrence.decay_gate_bias", "temporal_block.rg_lru.recurrent_gate_bias"},
                 {"recurrence.rate", "temporal_block.rg_lru.recurrent_param"},
                 {"recurrence.out", "temporal_block.linear_out.weight"},
                 {"recurrence.out_bias", "temporal_block.linear_out.bias"}});
  names.layer["recurrence.conv"] = {.path = "temporal_block.conv_1d.weight", .shape = {recurrence.channels, 1, recurrence.taps}};
}

}  // namespace

extern const Family kRecurrentGemmaFamily;
const Family kRecurrentGemmaFamily = {"RecurrentGemmaForCausalLM", "recurrent_gemma", Read};

}  // namespace hlm
