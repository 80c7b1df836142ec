#include "core/text/template/format.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "core/base/error.h"
#include "core/text/template/operators.h"
#include "core/text/template/unicode.h"

namespace hlm::jinja {
namespace {

std::string Hex(uint32_t value, int digits) {
  char text[16];
  std::snprintf(text, sizeof text, "%0*x", digits, value);
  return text;
}

// `text` between quotes; `escape` gives what stands for a character, or "" where it stands for itself.
template <class Escape>
void AppendEscaped(const Text& text, char quote, const Escape& escape, TextBuilder& out) {
  const std::string_view bytes = text.bytes();
  out.Append(quote);
  size_t plain = 0;  // the start of what needs no escape
  for (size_t at = 0; at < bytes.size();) {
    size_t length = 0;
    const std::string instead = escape(CharAt(bytes, at, length));
    if (!instead.empty()) {
      out.Append(text, plain, at);
      out.AppendMade(instead, text, at, length);
      plain = at + length;
    }
    at += length;
  }
  out.Append(text, plain, bytes.size());
  out.Append(quote);
}

// Python's repr of a string: single quotes, unless it holds some and no double ones.
void AppendQuoted(const Text& text, TextBuilder& out) {
  const std::string_view bytes = text.bytes();
  const char quote = bytes.find('\'') != std::string_view::npos && bytes.find('"') == std::string_view::npos ? '"' : '\'';
  const auto escape = [quote](uint32_t c) -> std::string {
    if (c == '\n' || c == '\r' || c == '\t') return c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    if (c == '\\' || c == static_cast<unsigned char>(quote)) return {'\\', static_cast<char>(c)};
    if ((c >= 0x20 && c < 0x7f) || IsPrintable(c)) return {};
    return c < 0x100 ? "\\x" + Hex(c, 2) : c < 0x10000 ? "\\u" + Hex(c, 4) : "\\U" + Hex(c, 8);
  };
  AppendEscaped(text, quote, escape, out);
}

void AppendJsonString(const Text& text, bool ascii, TextBuilder& out) {
  const auto escape = [ascii](uint32_t c) -> std::string {
    if (c == '"' || c == '\\') return {'\\', static_cast<char>(c)};
    if (c < 0x20) {
      static constexpr std::string_view kFrom = "\n\r\t\f\b", kTo = "nrtfb";
      const size_t known = kFrom.find(static_cast<char>(c));
      return known != std::string_view::npos ? std::string{'\\', kTo[known]} : "\\u" + Hex(c, 4);
    }
    if (!ascii || c < 0x7f) return {};
    if (c < 0x10000) return "\\u" + Hex(c, 4);
    return "\\u" + Hex(0xd800 + ((c - 0x10000) >> 10), 4) + "\\u" + Hex(0xdc00 + ((c - 0x10000) & 0x3ff), 4);
  };
  AppendEscaped(text, '"', escape, out);
}

void AppendItems(const std::vector<Value>& items, TextBuilder& out, Budget& budget) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.Append(", ");
    AppendRepr(items[i], out, budget);
  }
}

void AppendDict(const Dict& dict, TextBuilder& out, Budget& budget) {
  out.Append('{');
  bool first = true;
  for (const auto& [key, value] : dict.entries()) {
    if (!first) out.Append(", ");
    first = false;
    AppendRepr(key, out, budget);
    out.Append(": ");
    AppendRepr(value, out, budget);
  }
  out.Append('}');
}

void AppendSequence(const Sequence& s, TextBuilder& out, Budget& budget) {
  switch (s.flavor) {
    case Sequence::Flavor::kTuple:
      out.Append('(');
      AppendItems(s.items, out, budget);
      out.Append(s.items.size() == 1 ? ",)" : ")");
      return;
    case Sequence::Flavor::kRange:
      out.Append(StrCat("range(", s.start, ", ", s.stop, s.step == 1 ? std::string() : StrCat(", ", s.step), ")"));
      return;
    case Sequence::Flavor::kIterator:
      throw Unimplemented("a generator as text: Python would print its address; make it a list");
    default:
      break;
  }
  if (s.IsView())
    out.Append(StrCat("dict_",
                      s.flavor == Sequence::Flavor::kKeys     ? "keys"
                      : s.flavor == Sequence::Flavor::kValues ? "values"
                                                              : "items",
                      "("));
  out.Append('[');
  AppendItems(s.items, out, budget);
  out.Append(s.IsView() ? "])" : "]");
}

class JsonPrinter {
 public:
  JsonPrinter(const JsonStyle& style, TextBuilder& out, Budget& budget) : style_(style), out_(out), budget_(budget) {}

  void Print(const Value& value) {
    const Budget::Level level(budget_);
    switch (value.kind()) {
      case Value::Kind::kNone:
        out_.Append("null");
        return;
      case Value::Kind::kBool:
        out_.Append(value.whole() != 0 ? "true" : "false");
        return;
      case Value::Kind::kInt:
        out_.Append(std::to_string(value.whole()));
        return;
      case Value::Kind::kLongInt:
        out_.Append(value.text());
        return;
      case Value::Kind::kFloat:
        out_.Append(Real(value.real()));
        return;
      case Value::Kind::kText:
        AppendJsonString(value.text(), style_.ensure_ascii, out_);
        return;
      case Value::Kind::kDict:
        return PrintDict(value.dict());
      case Value::Kind::kSequence:
        if (value.sequence().IsList() || value.sequence().IsTuple()) return PrintList(value.sequence().items);
        break;
      default:
        break;
    }
    throw InvalidArgument("Object of type ", TypeName(value), " is not JSON serializable");
  }

 private:
  static std::string Real(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    return FloatRepr(value);
  }
  void NewLine() {
    if (!style_.indented) return;
    out_.Append('\n');
    for (int i = 0; i < level_; ++i) out_.Append(style_.indent);
  }
  void PrintList(const std::vector<Value>& items) {
    if (items.empty()) {
      out_.Append("[]");
      return;
    }
    out_.Append('[');
    ++level_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_.Append(style_.item_separator);
      NewLine();
      Print(items[i]);
    }
    --level_;
    NewLine();
    out_.Append(']');
  }
  void PrintDict(const Dict& dict) {
    if (dict.size() == 0) {
      out_.Append("{}");
      return;
    }
    std::vector<const Dict::Entry*> entries;
    for (const auto& entry : dict.entries()) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return Less(a->first, b->first); });
    }
    out_.Append('{');
    ++level_;
    bool first = true;
    for (const auto* entry : entries) {
      if (!first) out_.Append(style_.item_separator);
      first = false;
      NewLine();
      PrintKey(entry->first);
      out_.Append(style_.key_separator);
      Print(entry->second);
    }
    --level_;
    NewLine();
    out_.Append('}');
  }
  void PrintKey(const Value& key) {
    if (key.IsText()) return AppendJsonString(key.text(), style_.ensure_ascii, out_);
    if (!key.IsNone() && !key.IsNumber()) {
      throw InvalidArgument("keys must be str, int, float, bool or None, not ", TypeName(key));
    }
    out_.Append('"');
    Print(key);
    out_.Append('"');
  }

  const JsonStyle& style_;
  TextBuilder& out_;
  Budget& budget_;
  int level_ = 0;
};

}  // namespace

std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));  // d.ddde+XX
  std::string out;
  if (text[0] == '-') {
    out = "-";
    text.remove_prefix(1);
  }
  const size_t e = text.find('e');
  int exponent = 0;
  const size_t digits_at = text[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(text.data() + digits_at, text.data() + text.size(), exponent);
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);
  const int n = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (n > 1) out += "." + digits.substr(1);
    const int size = std::abs(exponent);
    return out + (exponent < 0 ? "e-" : "e+") + (size < 10 ? "0" : "") + std::to_string(size);
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  if (n <= exponent + 1) return out + digits + std::string(static_cast<size_t>(exponent + 1 - n), '0') + ".0";
  return out + digits.substr(0, static_cast<size_t>(exponent) + 1) + "." + digits.substr(static_cast<size_t>(exponent) + 1);
}

void AppendRepr(const Value& value, TextBuilder& out, Budget& budget) {
  const Budget::Level level(budget);
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      out.Append("Undefined");
      return;
    case Value::Kind::kNone:
      out.Append("None");
      return;
    case Value::Kind::kBool:
      out.Append(value.whole() != 0 ? "True" : "False");
      return;
    case Value::Kind::kInt:
      out.Append(std::to_string(value.whole()));
      return;
    case Value::Kind::kLongInt:
      out.Append(value.text());
      return;
    case Value::Kind::kFloat:
      out.Append(FloatRepr(value.real()));
      return;
    case Value::Kind::kText:
      if (value.text().safe()) out.Append("Markup(");
      AppendQuoted(value.text(), out);
      if (value.text().safe()) out.Append(')');
      return;
    case Value::Kind::kSequence:
      return AppendSequence(value.sequence(), out, budget);
    case Value::Kind::kDict:
      return AppendDict(value.dict(), out, budget);
    case Value::Kind::kNamespace:
      out.Append("<Namespace ");
      AppendDict(value.space().attributes, out, budget);
      out.Append('>');
      return;
    case Value::Kind::kCallable:
      throw Unimplemented("a ", TypeName(value), " as text: Python would print its address");
  }
}

void AppendStr(const Value& value, TextBuilder& out, Budget& budget) {
  if (value.IsText()) {
    out.Append(value.text());
  } else if (!value.IsUndefined()) {
    AppendRepr(value, out, budget);
  }
}

Text Str(const Value& value, Budget& budget) {
  if (value.IsText()) return value.text();
  TextBuilder out(budget);
  AppendStr(value, out, budget);
  return out.Take();
}

void AppendJson(const Value& value, const JsonStyle& style, TextBuilder& out, Budget& budget) {
  JsonPrinter(style, out, budget).Print(value);
}

Text EscapeHtml(const Text& text, Budget& budget) {
  TextBuilder out(budget);
  const std::string_view bytes = text.bytes();
  size_t plain = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string_view escape;
    switch (bytes[at]) {
      case '&':
        escape = "&amp;";
        break;
      case '<':
        escape = "&lt;";
        break;
      case '>':
        escape = "&gt;";
        break;
      case '"':
        escape = "&#34;";
        break;
      case '\'':
        escape = "&#39;";
        break;
      default:
        continue;
    }
    out.Append(text, plain, at);
    out.AppendMade(escape, text, at, 1);
    plain = at + 1;
  }
  out.Append(text, plain, bytes.size());
  return out.Take(true);
}

}  // namespace hlm::jinja
