// Reading the parts of a tokenizer.json that are small: members of an object by name, with errors that say where they are.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_COMPONENT_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_COMPONENT_H_

#include <cstdint>
#include <string>

#include "core/io/json_value.h"
#include "core/text/tokenizer/regex.h"

namespace hlm {

class Component {
 public:
  // `json` is borrowed. `where` as in "tokenizer.json: normalizer".
  Component(const JsonValue& json, std::string where);

  const std::string& type() const { return type_; }  // of "type"; "" where it is an object without one
  const std::string& where() const { return where_; }
  const JsonValue& json() const { return json_; }

  // Each throws where the member is of another kind. Those with a default take it for a missing member and for null.
  bool Bool(const char* name) const;
  bool Bool(const char* name, bool missing) const;
  const std::string& String(const char* name) const;
  std::string String(const char* name, const std::string& missing) const;
  int64_t Int(const char* name) const;
  std::string OneChar(const char* name) const;  // a string of one character
  const JsonValue::Array& Array(const char* name) const;
  const JsonValue& Member(const char* name) const;
  // {"String": ...} or {"Regex": ...}
  Regex Pattern(const char* name) const;

  // The component of an array's element, or of a member.
  Component Of(const JsonValue& json, const std::string& place) const;

  [[noreturn]] void Unknown(const char* what) const;  // UNIMPLEMENTED: <where>: <what> <type> is not known
  [[noreturn]] void Bad(const std::string& what) const;

 private:
  const JsonValue* Find(const char* name) const;

  const JsonValue& json_;
  std::string where_;
  std::string type_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_COMPONENT_H_
