// Typed, bounded access to the keys of a configuration object.
#ifndef HORIZON_LM_CORE_MODEL_CONFIG_VALUES_H_
#define HORIZON_LM_CORE_MODEL_CONFIG_VALUES_H_

#include <cstdint>
#include <set>
#include <string>

#include "core/io/json_text.h"

namespace hlm {

// Every getter throws INVALID_ARGUMENT naming the object, the key, the value and the limit: for a value of the wrong JSON type,
// null where a value is needed, a key that is not there, and a number outside [least, most].
class ConfigValues {
 public:
  // `object` is borrowed and must be a JSON object, else INVALID_ARGUMENT. `where` begins each message: "config.json".
  ConfigValues(const JsonValue& object, std::string where);

  const JsonValue& object() const { return object_; }
  const std::string& where() const { return where_; }

  bool Has(const char* key) const {
    Take(key);
    return object_.Find(key) != nullptr;
  }
  bool HasValue(const char* key) const { return Has(key) && !Value(key).IsNull(); }  // there and not null

  const JsonValue& Value(const char* key) const;

  // A key that was asked for, by any of these, is known to who reads the object; the others may have to be refused.
  void Take(const char* key) const { taken_.insert(key); }
  bool Taken(const std::string& key) const { return taken_.contains(key); }

  int64_t Int(const char* key, int64_t least, int64_t most) const;
  double Real(const char* key, double least, double most) const;
  bool Bool(const char* key) const;
  std::string String(const char* key) const;

  // The default where the key is not there; null is an error.
  int64_t IntOr(const char* key, int64_t fallback, int64_t least, int64_t most) const;
  double RealOr(const char* key, double fallback, double least, double most) const;
  bool BoolOr(const char* key, bool fallback) const;

 private:
  const JsonValue& object_;
  std::string where_;
  mutable std::set<std::string> taken_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_CONFIG_VALUES_H_
