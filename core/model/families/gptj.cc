// GPT-J: attention and MLP of one norm; the first dimensions of each head turn, in neighbouring pairs; a bias of the head.
#include "core/base/error.h"
#include "core/model/families/common.h"
#include "core/model/families/gpt2_sizes.h"

namespace hlm {
namespace {

RopeSpec ReadTurning(const ConfigValues& config, const Sizes& sizes) {
  const int64_t dim = config.IntOr("rotary_dim", 64, 2, kMostHeadDim);
  if (dim % 2 != 0 || dim > sizes.head_dim) {
    throw InvalidArgument(kConfig, ": rotary_dim is ", dim, "; it must be even and at most n_embd / n_head, ", sizes.head_dim);
  }
  RopeSpec rope;
  rope.dim = dim;
  rope.interleaved = true;
  return rope;
}

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadGpt2Sizes(config, spec, {.hidden = 4096, .layers = 28, .heads = 16, .positions = 2048});
  spec.embedding.positions = 0;
  spec.tied = config.BoolOr("tie_word_embeddings", false);
  spec.ropes = {ReadTurning(config, sizes)};
  const NormSpec norm = LayerNorm(config, "layer_norm_epsilon", 1e-5, true);
  const MlpSpec mlp = Gpt2Mlp(config, sizes);
  for (int64_t layer = 0; layer < sizes.layers; ++layer) spec.AddLayer(ParallelBlock(norm, Attention(sizes), mlp));
  spec.head.norm = norm;
  spec.head.bias = true;
  config.Take("scale_attn_weights");  // which the class does not read
  NameGpt2(names);
  names.head_bias = "lm_head.bias";
  Rename(names, {{"attention.q", "attn.q_proj.weight"},
                 {"attention.k", "attn.k_proj.weight"},
                 {"attention.v", "attn.v_proj.weight"},
                 {"attention.o", "attn.out_proj.weight"},
                 {"mlp.up", "mlp.fc_in.weight"},
                 {"mlp.up_bias", "mlp.fc_in.bias"},
                 {"mlp.down", "mlp.fc_out.weight"},
                 {"mlp.down_bias", "mlp.fc_out.bias"}});
}

}  // namespace

extern const Family kGptJFamily;
const Family kGptJFamily = {"GPTJForCausalLM", "gptj", Read};

}  // namespace hlm
