#include "core/model/config_values.h"

#include <limits>
#include <utility>

#include "core/base/error.h"

namespace hlm {

ConfigValues::ConfigValues(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
  if (!object.is_object()) throw InvalidArgument(where_, ": must be a JSON object, found ", object.type_name());
}

const Json& ConfigValues::Value(const char* key) const {
  const auto found = object_.find(key);
  if (found == object_.end()) throw InvalidArgument(where_, ": ", key, " is missing");
  return *found;
}

int64_t ConfigValues::Int(const char* key, int64_t least, int64_t most) const {
  const Json& value = Value(key);
  if (!value.is_number_integer())
    throw InvalidArgument(where_, ": ", key, " must be a whole number, found ", PrintableJson(value));
  const bool wraps = value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()};
  if (wraps || value.get<int64_t>() < least || value.get<int64_t>() > most) {
    throw InvalidArgument(where_, ": ", key, " is ", PrintableJson(value), "; it must be in [", least, ", ", most, "]");
  }
  return value.get<int64_t>();
}

double ConfigValues::Real(const char* key, double least, double most) const {
  const Json& value = Value(key);
  if (!value.is_number()) throw InvalidArgument(where_, ": ", key, " must be a number, found ", PrintableJson(value));
  const double number = value.get<double>();
  if (!(number >= least && number <= most)) {
    throw InvalidArgument(where_, ": ", key, " is ", PrintableJson(value), "; it must be in [", least, ", ", most, "]");
  }
  return number;
}

bool ConfigValues::Bool(const char* key) const {
  const Json& value = Value(key);
  if (!value.is_boolean()) throw InvalidArgument(where_, ": ", key, " must be true or false, found ", PrintableJson(value));
  return value.get<bool>();
}

std::string ConfigValues::String(const char* key) const {
  const Json& value = Value(key);
  if (!value.is_string()) throw InvalidArgument(where_, ": ", key, " must be a string, found ", PrintableJson(value));
  return value.get<std::string>();
}

int64_t ConfigValues::IntOr(const char* key, int64_t fallback, int64_t least, int64_t most) const {
  return Has(key) ? Int(key, least, most) : fallback;
}
double ConfigValues::RealOr(const char* key, double fallback, double least, double most) const {
  return Has(key) ? Real(key, least, most) : fallback;
}
bool ConfigValues::BoolOr(const char* key, bool fallback) const { return Has(key) ? Bool(key) : fallback; }

}  // namespace hlm
