#include "core/train/identity.h"

#include <algorithm>
#include <string_view>

#include "core/base/error.h"
#include "core/base/json_writer.h"
#include "core/model/json_text.h"

namespace hlm {
namespace {

std::string Text(const JsonValue* value) { return value == nullptr ? "(not there)" : PrintableJson(*value); }

// The first key whose values differ; nullptr where none does.
const std::string* FirstDifference(const JsonValue& stored, const JsonValue& own) {
  for (const JsonValue* side : {&own, &stored}) {
    if (!side->IsObject()) continue;
    for (const auto& [key, value] : side->Members()) {
      if (Text(stored.Find(key)) != Text(own.Find(key))) return &key;
    }
  }
  return nullptr;
}

JsonValue Without(const JsonValue& object, std::initializer_list<std::string_view> keys, bool keep) {
  JsonValue::Object members;
  if (!object.IsObject()) return JsonValue(std::move(members));
  for (const auto& member : object.Members()) {
    if ((std::find(keys.begin(), keys.end(), member.name) != keys.end()) == keep) members.push_back(member);
  }
  return JsonValue(std::move(members));
}

[[noreturn]] void Refuse(const std::string& path, const std::string& key, const JsonValue& stored, const JsonValue& own,
                         const std::string& what, const std::string& advice) {
  throw FailedPrecondition(PrintablePath(path), ": a checkpoint of ", what, ": ", key, " is ", Text(stored.Find(key)),
                           " there and ", Text(own.Find(key)), " here", advice);
}

}  // namespace

JsonValue ModelIdentity(const ModelSpec& spec) {
  JsonWriter json;
  json.BeginObject();
  json.Member("architecture", spec.architecture);
  json.Member("vocab_size", spec.vocab).Member("hidden_size", spec.hidden).Member("intermediate_size", spec.intermediate);
  json.Member("num_hidden_layers", spec.layers).Member("num_attention_heads", spec.heads);
  json.Member("num_key_value_heads", spec.kv_heads).Member("head_dim", spec.head_dim);
  json.Member("rms_norm_eps", spec.rms_epsilon).Member("tie_word_embeddings", spec.tied);
  json.Member("qkv_bias", spec.qkv_bias)
      .Member("o_bias", spec.o_bias)
      .Member("mlp_bias", spec.mlp_bias)
      .Member("qk_norm", spec.qk_norm);
  json.Member("windows", spec.windows);
  const RopeSpec& rope = spec.rope;
  const bool scaled = rope.kind != RopeSpec::Kind::kDefault, llama3 = rope.kind == RopeSpec::Kind::kLlama3;
  json.Member("rope", llama3 ? "llama3" : scaled ? "linear" : "default").Member("rope_theta", rope.theta);
  if (scaled) json.Member("rope_factor", rope.factor);
  if (llama3) {
    json.Member("rope_low_freq_factor", rope.low_frequency_factor).Member("rope_high_freq_factor", rope.high_frequency_factor);
    json.Member("rope_original_max_position_embeddings", rope.original_max_positions);
  }
  json.EndObject();
  return ParseJson(json.text(), "the model");
}

void CheckSame(const std::string& path, const char* what, const JsonValue& stored, const JsonValue& own) {
  if (const std::string* key = FirstDifference(stored, own)) Refuse(path, *key, stored, own, StrCat("another ", what), "");
}

void CheckSameNumerics(const std::string& path, const JsonValue& stored, const JsonValue& own, bool allow_change) {
  const auto state = [](const JsonValue& numerics) {
    return Without(numerics, {"compute", "algorithm", "states", "master"}, true);
  };
  CheckSame(path, "precision", state(stored), state(own));
  if (allow_change) return;
  const JsonValue there = Without(stored, {"hash"}, false), here = Without(own, {"hash"}, false);
  if (const std::string* key = FirstDifference(there, here)) {
    Refuse(path, *key, there, here, "other numerics",
           "; make the plan with the checkpoint's numerics, or allow the change (the run then goes on within rounding)");
  }
}

}  // namespace hlm
