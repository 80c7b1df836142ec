#include "core/model/names.h"

namespace hlm {

void Rename(ModelNames& names, const std::vector<std::pair<const char*, const char*>>& paths) {
  for (const auto& [role, path] : paths) names.layer[role].path = path;
}

ModelNames LlamaNames() {
  ModelNames names;
  const std::string attention = "self_attn.", mlp = "mlp.";
  names.layer = {
      {"attention.before", {"input_layernorm.weight"}},
      {"attention.q", {attention + "q_proj.weight"}},
      {"attention.k", {attention + "k_proj.weight"}},
      {"attention.v", {attention + "v_proj.weight"}},
      {"attention.q_bias", {attention + "q_proj.bias"}},
      {"attention.k_bias", {attention + "k_proj.bias"}},
      {"attention.v_bias", {attention + "v_proj.bias"}},
      {"attention.q_norm", {attention + "q_norm.weight"}},
      {"attention.k_norm", {attention + "k_norm.weight"}},
      {"attention.o", {attention + "o_proj.weight"}},
      {"attention.o_bias", {attention + "o_proj.bias"}},
      {"mlp.before", {"post_attention_layernorm.weight"}},
      {"mlp.gate", {mlp + "gate_proj.weight"}},
      {"mlp.up", {mlp + "up_proj.weight"}},
      {"mlp.down", {mlp + "down_proj.weight"}},
      {"mlp.gate_bias", {mlp + "gate_proj.bias"}},
      {"mlp.up_bias", {mlp + "up_proj.bias"}},
      {"mlp.down_bias", {mlp + "down_proj.bias"}},
  };
  return names;
}

}  // namespace hlm
