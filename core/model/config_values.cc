#include "core/model/config_values.h"

#include <optional>
#include <utility>

#include "core/base/error.h"

namespace hlm {

ConfigValues::ConfigValues(const JsonValue& object, std::string where) : object_(object), where_(std::move(where)) {
  if (!object.IsObject()) throw InvalidArgument(where_, ": must be a JSON object, found ", object.KindName());
}

const JsonValue& ConfigValues::Value(const char* key) const {
  Take(key);
  const JsonValue* found = object_.Find(key);
  if (found == nullptr) throw InvalidArgument(where_, ": ", key, " is missing");
  return *found;
}

int64_t ConfigValues::Int(const char* key, int64_t least, int64_t most) const {
  const JsonValue& value = Value(key);
  if (!value.IsWhole()) throw InvalidArgument(where_, ": ", key, " must be a whole number, found ", PrintableJson(value));
  const std::optional<int64_t> number = value.Int();
  if (!number || *number < least || *number > most) {
    throw InvalidArgument(where_, ": ", key, " is ", PrintableJson(value), "; it must be in [", least, ", ", most, "]");
  }
  return *number;
}

double ConfigValues::Real(const char* key, double least, double most) const {
  const JsonValue& value = Value(key);
  if (!value.IsNumber()) throw InvalidArgument(where_, ": ", key, " must be a number, found ", PrintableJson(value));
  const double number = value.Number();
  if (!(number >= least && number <= most)) {
    throw InvalidArgument(where_, ": ", key, " is ", PrintableJson(value), "; it must be in [", least, ", ", most, "]");
  }
  return number;
}

bool ConfigValues::Bool(const char* key) const {
  const JsonValue& value = Value(key);
  if (!value.IsBool()) throw InvalidArgument(where_, ": ", key, " must be true or false, found ", PrintableJson(value));
  return value.Bool();
}

std::string ConfigValues::String(const char* key) const {
  const JsonValue& value = Value(key);
  if (!value.IsString()) throw InvalidArgument(where_, ": ", key, " must be a string, found ", PrintableJson(value));
  return value.String();
}

int64_t ConfigValues::IntOr(const char* key, int64_t fallback, int64_t least, int64_t most) const {
  return Has(key) ? Int(key, least, most) : fallback;
}
double ConfigValues::RealOr(const char* key, double fallback, double least, double most) const {
  return Has(key) ? Real(key, least, most) : fallback;
}
bool ConfigValues::BoolOr(const char* key, bool fallback) const { return Has(key) ? Bool(key) : fallback; }

}  // namespace hlm
