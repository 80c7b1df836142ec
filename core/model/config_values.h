// Typed, bounded access to the keys of a configuration object.
#ifndef HORIZON_LM_CORE_MODEL_CONFIG_VALUES_H_
#define HORIZON_LM_CORE_MODEL_CONFIG_VALUES_H_

#include <cstdint>
#include <string>

#include "core/model/json_text.h"

namespace hlm {

// Every getter throws INVALID_ARGUMENT naming the object, the key, the value and the limit: for a value of the wrong JSON type,
// null where a value is needed, and a number outside [least, most].
class ConfigValues {
 public:
  // `object` is borrowed and must be a JSON object, else INVALID_ARGUMENT. `where` begins each message: "config.json".
  ConfigValues(const Json& object, std::string where);

  const Json& object() const { return object_; }
  const std::string& where() const { return where_; }

  bool Has(const char* key) const { return object_.contains(key); }
  bool HasValue(const char* key) const { return Has(key) && !object_.at(key).is_null(); }  // there and not null

  int64_t Int(const char* key, int64_t least, int64_t most) const;
  double Real(const char* key, double least, double most) const;
  bool Bool(const char* key) const;
  std::string String(const char* key) const;

  // The default where the key is not there; null is an error.
  int64_t IntOr(const char* key, int64_t fallback, int64_t least, int64_t most) const;
  double RealOr(const char* key, double fallback, double least, double most) const;
  bool BoolOr(const char* key, bool fallback) const;

 private:
  const Json& Value(const char* key) const;

  const Json& object_;
  std::string where_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_CONFIG_VALUES_H_
