// Filters of numbers and of any value.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "core/base/c_locale.h"
#include "core/base/error.h"
#include "core/text/template/builtins.h"
#include "core/text/template/filters.h"
#include "core/text/template/format.h"
#include "core/text/template/interpreter.h"
#include "core/text/template/operators.h"
#include "core/text/template/unicode.h"

namespace hlm::jinja {
namespace {

// Digits with single underscores between them, as Python's numbers may have; nothing where they stand elsewhere.
std::optional<std::string> WithoutUnderscores(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || i + 1 == text.size() || !std::isalnum(static_cast<unsigned char>(text[i - 1])) ||
               !std::isalnum(static_cast<unsigned char>(text[i + 1]))) {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<double> ParseReal(std::string_view given) {
  const std::optional<std::string> plain = WithoutUnderscores(StripLeft(StripRight(given)));
  if (!plain || plain->empty()) return std::nullopt;
  std::string text = *plain;
  const bool minus = text[0] == '-';
  if (minus || text[0] == '+') text.erase(0, 1);
  std::string lower = text;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  double value = 0;
  if (lower == "inf" || lower == "infinity") {
    value = HUGE_VAL;
  } else if (lower == "nan") {
    value = std::nan("");
  } else {
    if (text.empty() || (!IsDecimal(static_cast<unsigned char>(text[0])) && text[0] != '.')) return std::nullopt;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end != text.data() + text.size() || failure == std::errc::invalid_argument) return std::nullopt;
    if (failure == std::errc::result_out_of_range) value = ToDouble(text.c_str());
  }
  return minus ? -value : value;
}

std::optional<int64_t> ParseWhole(std::string_view given, int64_t base) {
  if (base != 0 && (base < 2 || base > 36)) throw InvalidArgument("int() base must be >= 2 and <= 36, or 0");
  const std::optional<std::string> plain = WithoutUnderscores(StripLeft(StripRight(given)));
  if (!plain || plain->empty()) return std::nullopt;
  std::string text = *plain;
  const bool minus = text[0] == '-';
  if (minus || text[0] == '+') text.erase(0, 1);
  if (text.size() > 2 && text[0] == '0') {
    const char kind = static_cast<char>(text[1] | 0x20);
    const int64_t of = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
    if (of != 0 && (base == of || base == 0)) {
      base = of;
      text.erase(0, 2);
    }
  }
  if (base == 0) base = 10;
  if (minus) text.insert(0, "-");
  if (text.size() > 1 && minus && (text[1] == '-' || text[1] == '+')) return std::nullopt;
  int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, static_cast<int>(base));
  if (failure == std::errc::result_out_of_range) throw OutOfRange("the number ", text.substr(0, 40), " needs more than 64 bits");
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> WholeOf(double real) {
  if (!std::isfinite(real)) return std::nullopt;
  if (!(std::fabs(real) < 9.2e18)) throw OutOfRange("the number ", FloatRepr(real), " needs more than 64 bits");
  return static_cast<int64_t>(real);
}

Value Int(Interpreter&, const Value& input, Arguments& arguments) {
  const Bound bound("int", arguments, {"default", "base"});
  const Value otherwise = bound.Has(0) ? bound[0] : Value::Int(0);
  if (input.IsLongInt()) return input;
  NotUndefined(input);
  std::optional<int64_t> whole;
  if (input.IsWhole()) {
    whole = input.whole();
  } else if (input.IsFloat()) {
    if (std::isinf(input.real())) throw InvalidArgument("cannot convert float infinity to integer");
    whole = WholeOf(input.real());
  } else if (input.IsText()) {
    whole = ParseWhole(input.text().bytes(), bound.Int(1, 10));
    if (!whole) {
      if (const std::optional<double> real = ParseReal(input.text().bytes())) whole = WholeOf(*real);
    }
  }
  return whole ? Value::Int(*whole) : otherwise;
}

Value Float(Interpreter&, const Value& input, Arguments& arguments) {
  const Bound bound("float", arguments, {"default"});
  NotUndefined(input);
  if (input.IsNumber()) return Value::Float(input.AsDouble());
  if (input.IsText()) {
    if (const std::optional<double> real = ParseReal(input.text().bytes())) return Value::Float(*real);
  }
  return bound.Has(0) ? bound[0] : Value::Float(0);
}

Value Abs(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("abs", arguments, {});
  NotUndefined(input);
  if (!input.IsNumber()) throw InvalidArgument("bad operand type for abs(): '", TypeName(input), "'");
  if (input.IsFloat()) return Value::Float(std::fabs(input.real()));
  return input.whole() < 0 ? Arithmetic(Op::kSubtract, Value::Int(0), input, interpreter.budget()) : Value::Int(input.whole());
}

// As Python's round(): to the even one of two that are equally near, by the exact value of the double.
double RoundTo(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 300) return value;
  if (digits < -300) return 0;
  char buffer[700];
  if (digits >= 0) {
    const CLocale point;
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(digits), value);  // correctly rounded from the exact value
    return std::strtod(buffer, nullptr);
  }
  const double power = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(value / power) * power;
}

Value Round(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("round", arguments, {"precision", "method"});
  NotUndefined(input);
  const int64_t digits = bound.Int(0, 0);
  const std::string method = bound.Has(1) ? std::string(Str(bound[1], interpreter.budget()).bytes()) : "common";
  if (method != "common" && method != "ceil" && method != "floor") throw InvalidArgument("method must be common, ceil or floor");
  if (!input.IsNumber()) throw InvalidArgument("type ", TypeName(input), " doesn't define __round__ method");
  if (method == "common") {
    if (!input.IsWhole()) return Value::Float(RoundTo(input.real(), digits));
    if (digits >= 0) return Value::Int(input.whole());
    return Value::Int(static_cast<int64_t>(RoundTo(input.AsDouble(), digits)));
  }
  const double power = std::pow(10.0, static_cast<double>(digits));
  const double scaled = input.AsDouble() * power;
  return Value::Float((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / power);
}

Value Default(Interpreter&, const Value& input, Arguments& arguments) {
  const Bound bound("default", arguments, {"default_value", "boolean"});
  if (!input.IsUndefined() && (Truth(input) || !bound.Bool(1, false))) return input;
  return bound.Has(0) ? bound[0] : Value::String(Text());
}

Value Attr(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("attr", arguments, {"name"}, 1);
  NotUndefined(input);
  const Text name = Str(bound[0], interpreter.budget());
  // An attribute proper: what a dict holds is none.
  if (input.IsDict() && FindDictMethod(name.bytes()) == nullptr) {
    return Value::Undefined(StrCat("'dict object' has no attribute '", name.bytes(), "'"));
  }
  return interpreter.Attribute(input, name.bytes());
}

Value ToJson(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  Budget& budget = interpreter.budget();
  JsonStyle style;
  style.ensure_ascii = bound.Bool(0, false);
  style.sort_keys = bound.Bool(3, false);
  if (bound.Has(1) && !bound[1].IsNone()) {
    style.indented = true;
    style.item_separator = ",";
    if (bound[1].IsText()) {
      style.indent = bound[1].text().bytes();
    } else {
      const int64_t width = std::max<int64_t>(bound.Int(1, 0), 0);
      budget.CheckSize(static_cast<size_t>(width));
      style.indent.assign(static_cast<size_t>(width), ' ');
    }
  }
  if (bound.Has(2) && !bound[2].IsNone()) {
    const std::vector<Value> two = Items(bound[2], budget);
    if (two.size() != 2 || !two[0].IsText() || !two[1].IsText()) throw InvalidArgument("tojson: separators must be two strings");
    style.item_separator = two[0].text().bytes();
    style.key_separator = two[1].text().bytes();
  }
  TextBuilder out(budget);
  AppendJson(input, style, out, budget);
  return Value::String(out.Take());
}

}  // namespace

const FilterTable& ValueFilters() {
  static const FilterTable kFilters = {
      {"int", Int},         {"float", Float}, {"abs", Abs},   {"round", Round},
      {"default", Default}, {"d", Default},   {"attr", Attr}, {"tojson", ToJson},
  };
  return kFilters;
}

Error UnknownFilter(std::string_view name) { return Unimplemented("the filter ", name, " is not known to this engine"); }

Filter FindFilter(std::string_view name) {
  for (const FilterTable* table : {&TextFilters(), &SequenceFilters(), &ValueFilters()}) {
    const auto at = table->find(name);
    if (at != table->end()) return at->second;
  }
  return nullptr;
}

}  // namespace hlm::jinja
