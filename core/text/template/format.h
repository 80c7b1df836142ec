// Values as text: str(), repr() and json.dumps of Python. Strings inside keep their sources.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_FORMAT_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_FORMAT_H_

#include <string>

#include "core/text/template/value.h"

namespace hlm::jinja {

std::string FloatRepr(double value);

Text Str(const Value& value, Budget& budget);
void AppendStr(const Value& value, TextBuilder& out, Budget& budget);
void AppendRepr(const Value& value, TextBuilder& out, Budget& budget);

struct JsonStyle {
  bool ensure_ascii = false;
  bool indented = false;
  std::string indent;  // one level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};
// INVALID_ARGUMENT (Python's TypeError) for what JSON cannot hold.
void AppendJson(const Value& value, const JsonStyle& style, TextBuilder& out, Budget& budget);

// The characters that HTML gives a meaning, escaped; safe.
Text EscapeHtml(const Text& text, Budget& budget);

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_FORMAT_H_
