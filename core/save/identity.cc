#include "core/save/identity.h"

#include <algorithm>
#include <string_view>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/model/spec_json.h"

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

JsonValue ModelIdentity(const ModelSpec& spec) { return ParseJson(SpecJson(spec), "the model"); }

void CheckSame(const std::string& path, const char* what, const JsonValue& stored, const JsonValue& own) {
  if (const std::string* key = FirstDifference(stored, own)) Refuse(path, *key, stored, own, StrCat("another ", what), "");
}

void CheckSameNumerics(const std::string& path, const JsonValue& stored, const JsonValue& own, bool allow_change) {
  const auto state = [](const JsonValue& numerics) {
    return Without(numerics, {"compute", "algorithm", "states", "master"}, true);
  };
  CheckSame(path, "precision", state(stored), state(own));
  const auto trained = [](const JsonValue& numerics) { return Without(numerics, {"trained"}, true); };
  CheckSame(path, "set of tensors that train", trained(stored), trained(own));
  if (allow_change) return;
  const JsonValue there = Without(stored, {"hash"}, false), here = Without(own, {"hash"}, false);
  if (const std::string* key = FirstDifference(there, here)) {
    Refuse(path, *key, there, here, "other numerics",
           "; make the plan with the checkpoint's numerics, or allow the change (the run then goes on within rounding)");
  }
}

}  // namespace hlm
