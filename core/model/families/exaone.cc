// EXAONE 3 and 3.5: Llama under other names.
#include <string>

#include "core/model/families/llama_like.h"

namespace hlm {
namespace {

void Read(const ConfigValues& config, ModelSpec& spec, ModelNames& names) {
  const Sizes sizes = ReadSizes(config, {.kv_heads = 8, .max_positions = 4096, .pad_token = 0, .whole_heads = true}, spec);
  spec.ropes = {ReadRope(config, sizes.head_dim, spec.max_positions, {.theta = 500000.0})};
  AddLlamaLayers(config, sizes, 1e-5, spec);
  names.prefix = "transformer.";
  names.layers = "h.";
  names.embedding = "wte.weight";
  names.final_norm = "ln_f.weight";
  const std::string attention = "attn.attention.";
  for (const char* part : {"q", "k", "v"}) {
    names.layer[std::string("attention.") + part].path = attention + part + "_proj.weight";
    names.layer[std::string("attention.") + part + "_bias"].path = attention + part + "_proj.bias";
  }
  Rename(names, {{"attention.before", "ln_1.weight"},
                 {"attention.o", "attn.attention.out_proj.weight"},
                 {"attention.o_bias", "attn.attention.out_proj.bias"},
                 {"mlp.before", "ln_2.weight"},
                 {"mlp.gate", "mlp.c_fc_0.weight"},
                 {"mlp.up", "mlp.c_fc_1.weight"},
                 {"mlp.down", "mlp.c_proj.weight"},
                 {"mlp.gate_bias", "mlp.c_fc_0.bias"},
                 {"mlp.up_bias", "mlp.c_fc_1.bias"},
                 {"mlp.down_bias", "mlp.c_proj.bias"}});
}

}  // namespace

extern const Family kExaoneFamily;
const Family kExaoneFamily = {"ExaoneForCausalLM", "exaone", Read, "LlamaForCausalLM"};

}  // namespace hlm
