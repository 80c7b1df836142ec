// Command R7B and Command A: Command R with three sliding layers to a full one, which has no rotary embedding.
#include "core/model/families/windowed_layers.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames&) {
  const Sizes sizes = ReadSizes(config, {.max_positions = 8192, .tied = true, .pad_token = 0}, spec);
  config.Take("position_embedding_type");  // "rope_gptj": in pairs, as it is anyway
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.interleaved = true})};
  const NormSpec norm = LayerNorm(config, "layer_norm_eps", 1e-5, false);
  AttentionSpec attention = Attention(sizes);
  attention.qkv_bias = attention.o_bias = config.BoolOr("attention_bias", false);
  const std::optional<int64_t> window = ReadWindow(config, true);
  const int64_t pattern = config.HasValue("sliding_window_pattern") ? config.Int("sliding_window_pattern", 1, kMostLayers) : 4;
  int64_t layer = 0;
  for (const bool slides : SlidingLayers(config, sizes.layers, pattern)) {
    attention.window = WindowOf(layer++, slides, window);
    attention.rope = slides ? 0 : -1;
    spec.AddLayer(ParallelBlock(norm, attention, {.intermediate = sizes.intermediate}));
  }
  RefuseUnlessNamed(config, "order_of_interleaved_layers", {"local_attn_first"});
  RefuseUnless(config, "use_parallel_block", Off::kTrue, spec.architecture);
  RefuseUnless(config, "use_gated_activation", Off::kTrue, spec.architecture);
  spec.head.norm = norm;
  spec.head.scale = config.RealOr("logit_scale", 0.0625, 1e-9, 1e9);
}

}  // namespace

extern const Family kCohere2Family;
const Family kCohere2Family = {"Cohere2ForCausalLM", "cohere2", Read};

}  // namespace hlm
