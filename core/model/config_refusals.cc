#include "core/model/config_refusals.h"

#include <string>
#include <variant>
#include <vector>

#include "core/base/ascii.h"
#include "core/base/error.h"
#include "core/model/families/common.h"

namespace hlm {
namespace {

struct Setting {
  const char* key;
  Off off;
};

// What training adds by chance; noise of routers is of the same kind.
constexpr const char* kDropouts[] = {
    "attention_dropout", "attn_dropout",       "attn_pdrop",          "attention_dropout_prob",
    "dropout",           "embd_pdrop",         "embedding_dropout",   "embed_dropout",
    "emb_dropout_prob",  "ffn_dropout",        "hidden_dropout",      "hidden_dropout_prob",
    "layerdrop",         "mlp_dropout",        "resid_dropout",       "resid_pdrop",
    "residual_dropout",  "input_jitter_noise", "router_jitter_noise",
};

// From the configuration classes of transformers for decoder-only families, and from what well-known forks of Llama and Qwen add.
constexpr Setting kSettings[] = {
    // Weights that are not plain numbers, or not all in the file.
    {"quantization_config", Off::kEmpty},
    {"compression_config", Off::kEmpty},
    {"pruned_heads", Off::kEmpty},
    {"per_layer_config", Off::kEmpty},
    {"block_configs", Off::kEmpty},
    // Experts and extra heads.
    {"num_experts", Off::kZero},
    {"num_local_experts", Off::kZero},
    {"num_experts_per_tok", Off::kZero},
    {"n_routed_experts", Off::kZero},
    {"n_shared_experts", Off::kZero},
    {"moe_num_experts", Off::kZero},
    {"moe_intermediate_size", Off::kZero},
    {"shared_expert_intermediate_size", Off::kZero},
    {"moe_layer_freq", Off::kOne},
    {"num_nextn_predict_layers", Off::kZero},
    {"mtp_num_layers", Off::kZero},
    // Scales and caps.
    {"attn_logit_softcapping", Off::kZero},
    {"final_logit_softcapping", Off::kZero},
    {"logit_softcapping", Off::kZero},
    {"logits_soft_cap", Off::kZero},
    {"router_logit_softcapping", Off::kZero},
    {"attention_logit_cap", Off::kZero},
    {"clip_qkv", Off::kNull},
    {"query_pre_attn_scalar", Off::kNull},
    {"softmax_scale", Off::kNull},
    {"attention_multiplier", Off::kNull},
    {"embedding_multiplier", Off::kOne},
    {"residual_multiplier", Off::kOne},
    {"logit_scale", Off::kOne},
    {"logits_scaling", Off::kOne},
    {"lm_head_multiplier", Off::kOne},
    {"output_multiplier_scale", Off::kOne},
    {"embedding_scale", Off::kOne},
    {"emb_scale", Off::kOne},
    {"scale_emb", Off::kOne},
    {"scale_depth", Off::kNull},
    {"dim_model_base", Off::kNull},
    {"width_scale", Off::kOne},
    {"mup_base_width", Off::kNull},
    {"scale_embeddings", Off::kFalse},
    {"scale_embedding", Off::kFalse},
    {"normalize_embedding", Off::kFalse},
    {"attn_temperature_tuning", Off::kFalse},
    {"rms_norm_add_unit_offset", Off::kFalse},
    // Norms and biases that the families do not have.
    {"lm_head_bias", Off::kFalse},
    {"bias", Off::kFalse},
    {"use_bias", Off::kFalse},
    {"add_bias_linear", Off::kFalse},
    {"attention_out_bias", Off::kFalse},
    {"attention_output_bias", Off::kFalse},
    {"use_post_norm", Off::kFalse},
    {"use_parallel_residual", Off::kFalse},
    {"parallel_attn", Off::kFalse},
    {"use_norm_bias", Off::kFalse},
    {"cross_layer_kv_sharing", Off::kFalse},
    {"use_cla", Off::kFalse},
    {"num_kv_shared_layers", Off::kZero},
    // Positions.
    {"partial_rotary_factor", Off::kOne},
    {"rotary_pct", Off::kOne},
    {"rope_pct", Off::kOne},
    {"rotary_dim", Off::kNull},
    {"rotary_emb_fraction", Off::kOne},
    {"rope_interleaved", Off::kFalse},
    {"rotary_emb_interleaved", Off::kFalse},
    {"rope_local_base_freq", Off::kNull},
    {"rope_ratio", Off::kOne},
    {"no_rope_layers", Off::kEmpty},
    {"no_rope_layer_interval", Off::kZero},
    {"alibi", Off::kFalse},
    {"use_alibi", Off::kFalse},
    {"use_dynamic_ntk", Off::kFalse},
    {"use_logn_attn", Off::kFalse},
    // Who attends to whom.
    {"attention_chunk_size", Off::kZero},
    {"use_bidirectional_attention", Off::kFalse},
    {"bidirectional", Off::kFalse},
    {"is_causal", Off::kTrue},
    {"is_encoder_decoder", Off::kFalse},
    {"add_cross_attention", Off::kFalse},
    // A text model inside something larger.
    {"text_config", Off::kNull},
    {"vision_config", Off::kNull},
    {"audio_config", Off::kNull},
    // What the families have that take them, and others lack.
    {"attention_bias", Off::kFalse},
    {"qkv_bias", Off::kFalse},
    {"mlp_bias", Off::kFalse},
};

bool IsNumber(const JsonValue& value, double wanted) { return value.IsNumber() && value.Number() == wanted; }

bool IsOff(const JsonValue& value, Off off) {
  if (value.IsNull()) return true;
  switch (off) {
    case Off::kNull:
      return false;
    case Off::kFalse:
      return value.IsBool() && !value.Bool();
    case Off::kTrue:
      return value.IsBool() && value.Bool();
    case Off::kZero:
      return IsNumber(value, 0.0) || (value.IsBool() && !value.Bool());
    case Off::kOne:
      return IsNumber(value, 1.0);
    case Off::kEmpty:
      return value.IsEmpty();
  }
  return false;
}

// Whether the folder's own model code, where it brings any, is that of the family: released files often name the class
// ("modeling_phi3.Phi3ForCausalLM") that transformers has taken over since (decision 0072). A class of another name is another
// model, whatever the folder calls itself.
bool IsCodeOf(const std::string& architecture, const JsonValue& map) {
  if (!map.IsObject()) return false;
  const JsonValue* model = map.Find("AutoModelForCausalLM");
  if (model == nullptr) return true;
  return model->IsString() && SameWord(model->String().substr(model->String().rfind('.') + 1), architecture);
}

// Settings that are not supported, all of which a refusal names.
class Refusal {
 public:
  Refusal(const ConfigValues& config, const std::string& architecture) : config_(config), architecture_(architecture) {}

  void Add(const char* key) {
    (first_.empty() ? first_ : others_).push_back(StrCat(key, " = ", PrintableJson(config_.Value(key))));
  }
  void AddUnlessText(const char* key, std::initializer_list<const char*> fine) {
    if (config_.Taken(key) || !config_.HasValue(key)) return;
    for (const char* text : fine) {
      if (config_.Value(key).IsText(text)) return;
    }
    Add(key);
  }
  void AddUnless(const char* key, Off off) {
    if (config_.Has(key) && !IsOff(config_.Value(key), off)) Add(key);
  }
  void Throw() const {
    if (first_.empty()) return;
    std::string more;
    for (const std::string& other : others_) more += (more.empty() ? "; nor is " : ", ") + other;
    throw Unimplemented(config_.where(), ": ", first_.front(), " is not supported for ", architecture_, more);
  }

 private:
  const ConfigValues& config_;
  const std::string& architecture_;
  std::vector<std::string> first_, others_;
};

// Whether queries and keys have norms, in every attention that there is.
bool HasHeadNorms(const ModelSpec& spec) {
  bool any = false;
  for (const BlockSpec& block : spec.kinds) {
    for (const BranchSpec& branch : block.branches) {
      for (const BranchBody& item : branch.bodies) {
        const auto* attention = std::get_if<AttentionSpec>(&item.body);
        if (attention == nullptr) continue;
        if (!attention->qk_norm.norm.on()) return false;
        any = true;
      }
    }
  }
  return any;
}

Function* BehindConvolution(BodySpec& body) {
  if (auto* space = std::get_if<StateSpaceSpec>(&body)) return &space->function;
  if (auto* scan = std::get_if<SelectiveScanSpec>(&body)) return &scan->function;
  if (auto* delta = std::get_if<DeltaRuleSpec>(&body)) return &delta->function;
  if (auto* delta = std::get_if<ChannelDeltaSpec>(&body)) return &delta->function;
  return nullptr;
}

// The activation of every MLP, of every expert and behind the convolution of every recurrent mixer, whose gates are SiLU whatever it
// says; by hidden_act, where the family did not ask for that key and nothing else in the model could mean it.
void ReadUntakenFunction(const ConfigValues& config, ModelSpec& spec) {
  constexpr const char* kKey = "hidden_act";
  const JsonValue* value = config.object().Find(kKey);
  if (config.Taken(kKey) || value == nullptr || value->IsNull()) return;
  std::vector<Function*> functions;
  for (BlockSpec& block : spec.kinds) {
    for (BranchSpec& branch : block.branches) {
      for (BranchBody& item : branch.bodies) {
        if (auto* mlp = std::get_if<MlpSpec>(&item.body)) {
          functions.push_back(&mlp->function);
        } else if (auto* experts = std::get_if<ExpertsSpec>(&item.body)) {
          if (experts->limit > 0) return;  // gpt-oss' layer has its own
          functions.push_back(&experts->function);
        } else if (Function* behind = BehindConvolution(item.body)) {
          functions.push_back(behind);
        } else if (!std::holds_alternative<AttentionSpec>(item.body) && !std::holds_alternative<LatentAttentionSpec>(item.body)) {
          return;
        }
      }
    }
  }
  if (value->IsText("xielu")) return;  // which has weights of its own
  const Function function = ReadFunction(config, kKey, Function::kSilu);
  for (Function* own : functions) *own = function;
}

}  // namespace

void RefuseUnless(const ConfigValues& config, const char* key, Off off, const std::string& architecture) {
  Refusal refusal(config, architecture);
  refusal.AddUnless(key, off);
  refusal.Throw();
}

void RefuseUnlessNamed(const ConfigValues& config, const char* key, const std::vector<const char*>& names) {
  if (!config.HasValue(key)) return;
  std::string all;
  for (const char* name : names) {
    if (config.Value(key).IsText(name)) return;
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  throw Unimplemented(config.where(), ": ", key, " = ", PrintableJson(config.Value(key)), " is not supported; ", all,
                      names.size() == 1 ? " is" : " are");
}

void NoteDropout(const ConfigValues& config, const char* key, ModelSpec& spec) {
  if (!config.HasValue(key) || IsOff(config.Value(key), Off::kZero)) return;
  config.Real(key, 0.0, 1.0);
  spec.dropouts.push_back(StrCat(key, " = ", PrintableJson(config.Value(key))));
}

void RefuseUntaken(const ConfigValues& config, const std::string& architecture, ModelSpec& spec) {
  for (const char* key : kDropouts) {
    if (!config.Taken(key)) NoteDropout(config, key, spec);
  }
  ReadUntakenFunction(config, spec);
  Refusal refusal(config, architecture);
  for (const char* key : {"hidden_act", "hidden_activation"}) refusal.AddUnlessText(key, {"silu", "swish"});
  refusal.AddUnlessText("position_embedding_type", {"rope", "rotary"});
  for (const Setting& setting : kSettings) {
    if (!config.Taken(setting.key)) refusal.AddUnless(setting.key, setting.off);
  }
  // Norms that a family never has. Of one that always has them the word says nothing, as in transformers; where its first code went by
  // it, the family refuses the other value.
  for (const char* key : {"qk_norm", "use_qk_norm", "qk_layernorm"}) {
    if (!config.Taken(key) && !HasHeadNorms(spec)) refusal.AddUnless(key, Off::kFalse);
  }
  if (config.HasValue("auto_map") && !IsCodeOf(architecture, config.Value("auto_map"))) refusal.Add("auto_map");
  refusal.Throw();
}

}  // namespace hlm
