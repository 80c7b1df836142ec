#include "core/model/key_aliases.h"

#include <array>

namespace hlm {
namespace {

struct Alias {
  const char *model_type, *other, *own;
};

// From `attribute_map` of the configuration classes, where a family does not ask for both.
constexpr std::array kAliases = {
    Alias{"deepseek_v2", "num_experts", "n_routed_experts"},
    Alias{"ernie4_5_moe", "num_experts", "moe_num_experts"},
    Alias{"ernie4_5_moe", "num_experts_per_tok", "moe_k"},
    Alias{"exaone", "activation_function", "hidden_act"},
    Alias{"exaone", "layer_norm_epsilon", "rms_norm_eps"},
    Alias{"exaone", "num_layers", "num_hidden_layers"},
    Alias{"glm4_moe_lite", "head_dim", "qk_rope_head_dim"},
    Alias{"hunyuan_v1_moe", "num_experts_per_tok", "moe_topk"},
    Alias{"mpt", "hidden_size", "d_model"},
    Alias{"mpt", "num_attention_heads", "n_heads"},
    Alias{"mpt", "num_hidden_layers", "n_layers"},
    Alias{"recurrent_gemma", "sliding_window", "attention_window_size"},
    Alias{"sarvam_mla", "num_experts", "n_routed_experts"},
    Alias{"sarvam_mla", "num_shared_experts", "n_shared_experts"},
};

}  // namespace

void RenameAliases(JsonValue& config) {
  const JsonValue* type = config.IsObject() ? config.Find("model_type") : nullptr;
  if (type == nullptr) return;
  for (const Alias& alias : kAliases) {
    if (!type->IsText(alias.model_type) || config.Find(alias.own) != nullptr) continue;
    for (auto& member : config.Members()) {
      if (member.name == alias.other) member.name = alias.own;
    }
  }
}

}  // namespace hlm
