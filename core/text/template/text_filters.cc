// Filters of strings.
#include <algorithm>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/text/template/builtins.h"
#include "core/text/template/filters.h"
#include "core/text/template/format.h"
#include "core/text/template/interpreter.h"
#include "core/text/template/operators.h"
#include "core/text/template/text_ops.h"

namespace hlm::jinja {
namespace {

Text Soft(Interpreter& interpreter, const Value& value) { return Str(value, interpreter.budget()); }

template <Case kCase>
Value Recase(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("upper", arguments, {});
  return Value::String(ChangeCase(Soft(interpreter, input), kCase, interpreter.budget()));
}

Value Capitalize(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("capitalize", arguments, {});
  return Value::String(CapitalizeText(Soft(interpreter, input), interpreter.budget()));
}

// The filter, unlike the method, has words begin behind white space, - ( { [ and < only.
Value Title(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("title", arguments, {});
  const Text text = Soft(interpreter, input);
  Budget& budget = interpreter.budget();
  TextBuilder out(budget);
  const auto starts_word = [](uint32_t c) { return IsSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<'; };
  budget.Charge(text.size() * 8);
  size_t n = 0;
  for (size_t at = 0; at < text.size();) {
    const bool separator = starts_word(CharAt(text.bytes(), at, n));
    const size_t first = at + n;
    size_t end = first;
    while (end < text.size() && starts_word(CharAt(text.bytes(), end, n)) == separator) end += n;
    out.Append(ChangeCase(SubText(text, at, first, budget), Case::kUpper, budget));
    out.Append(ChangeCase(SubText(text, first, end, budget), Case::kLower, budget));
    at = end;
  }
  return Value::String(out.Take());
}

Value Trim(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("trim", arguments, {"chars"});
  const Text text = Soft(interpreter, input);
  if (!bound.Has(0) || bound[0].IsNone()) return Value::String(StripText(text, nullptr, true, true, interpreter.budget()));
  if (!bound[0].IsText()) throw InvalidArgument("trim: chars is no string but '", TypeName(bound[0]), "'");
  return Value::String(StripText(text, &bound[0].text(), true, true, interpreter.budget()));
}

Value String(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("string", arguments, {});
  return Value::String(Soft(interpreter, input));
}

Value Safe(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("safe", arguments, {});
  return Value::String(WithSafe(Soft(interpreter, input), true, interpreter.budget()));
}

template <bool kForce>
Value Escape(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("escape", arguments, {});
  const Text text = Soft(interpreter, input);
  return Value::String(text.safe() && !kForce ? text : EscapeHtml(text, interpreter.budget()));
}

Value Replace(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("replace", arguments, {"old", "new", "count"}, 2);
  Budget& budget = interpreter.budget();
  const Text text = WithSafe(Soft(interpreter, input), false, budget);
  return Value::String(ReplaceText(text, Str(bound[0], budget), Str(bound[1], budget), bound.Int(2, -1), budget));
}

Value Center(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("center", arguments, {"width"});
  return Value::String(
      JustifyText(Soft(interpreter, input), bound.Int(0, 80), Text(std::string(" ")), 'c', interpreter.budget()));
}

Value Indent(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("indent", arguments, {"width", "first", "blank"});
  NotUndefined(input);
  if (!input.IsText()) throw InvalidArgument("indent: the value is no string but '", TypeName(input), "'");
  Budget& budget = interpreter.budget();
  Text by;
  if (bound.Has(0) && bound[0].IsText()) {
    by = bound[0].text();
  } else {
    const int64_t width = std::max<int64_t>(bound.Int(0, 4), 0);
    budget.CheckSize(static_cast<size_t>(width));
    by = Text(std::string(static_cast<size_t>(width), ' '));
  }
  const bool first = bound.Bool(1, false), blank = bound.Bool(2, false);
  const Text whole = TextBuilder(budget).Append(input.text()).Append('\n').Take();
  TextBuilder out(budget);
  if (first) out.Append(by);
  bool any = false;
  for (const Text& line : LinesOf(whole, false, budget)) {
    if (any) {
      out.Append('\n');
      if (blank || !line.empty()) out.Append(by);
    }
    any = true;
    out.Append(line);
  }
  return Value::String(out.Take(input.text().safe()));
}

Value Truncate(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("truncate", arguments, {"length", "killwords", "end", "leeway"});
  if (input.IsUndefined()) return input;
  if (!input.IsText()) throw InvalidArgument("truncate: the value is no string but '", TypeName(input), "'");
  Budget& budget = interpreter.budget();
  const Text& text = input.text();
  const Text end = bound.Has(2) ? Str(bound[2], budget) : Text(std::string("..."));
  const int64_t length = bound.Int(0, 255), leeway = bound.Int(3, 5), marks = static_cast<int64_t>(end.chars());
  if (length < marks) throw InvalidArgument("expected length >= ", marks, ", got ", length);
  if (leeway < 0) throw InvalidArgument("expected leeway >= 0, got ", leeway);
  if (static_cast<int64_t>(text.chars()) - leeway <= length) return input;
  if (!text.is_ascii()) budget.Charge(text.size());
  Text cut = SubText(text, 0, text.ByteOf(static_cast<size_t>(length - marks)), budget);
  if (!bound.Bool(1, false)) {
    const size_t space = cut.bytes().rfind(' ');
    if (space != std::string_view::npos) cut = SubText(cut, 0, space, budget);
  }
  return Value::String(TextBuilder(budget).Append(cut).Append(end).Take(text.safe()));
}

Value WordCount(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("wordcount", arguments, {});
  const Text text = Soft(interpreter, input);
  interpreter.budget().Charge(text.size() * 4);
  int64_t words = 0;
  bool inside = false;
  for (size_t at = 0, n = 0; at < text.size(); at += n) {
    const uint32_t c = CharAt(text.bytes(), at, n);
    const bool word = c == '_' || IsAlpha(c) || IsNumeric(c);
    words += word && !inside;
    inside = word;
  }
  return Value::Int(words);
}

Value Format(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    throw InvalidArgument("can't handle positional and keyword arguments at the same time");
  }
  Value values;
  if (!arguments.named.empty()) {
    Dict dict;
    for (auto& [name, value] : arguments.named) dict.Set(name, value);
    values = MakeDict(std::move(dict));
  } else {
    values = MakeTuple(arguments.positional);
  }
  return Value::String(PercentFormat(Soft(interpreter, input), values, interpreter.budget()));
}

Value UrlEncode(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("urlencode", arguments, {});
  Budget& budget = interpreter.budget();
  TextBuilder out(budget);
  const auto quote = [&](const Value& value, bool query) {
    const Text text = Str(value, budget);
    budget.Charge(text.size() * 8);
    for (size_t at = 0; at < text.size(); ++at) {
      const unsigned char c = static_cast<unsigned char>(text.bytes()[at]);
      const bool plain =
          (c < 0x80 && (IsAlpha(c) || IsDecimal(c))) || c == '_' || c == '.' || c == '-' || c == '~' || (c == '/' && !query);
      static constexpr char kHex[] = "0123456789ABCDEF";
      const std::string escape = plain               ? std::string(1, static_cast<char>(c))
                                 : c == ' ' && query ? "+"
                                                     : std::string{'%', kHex[c >> 4], kHex[c & 15]};
      out.AppendMade(escape, text, at, 1);
    }
  };
  if (!input.IsDict() && !input.IsSequence()) {
    quote(input, false);
    return Value::String(out.Take());
  }
  bool first = true;
  const auto pair = [&](const Value& key, const Value& value) {
    if (!first) out.Append('&');
    first = false;
    quote(key, true);
    out.Append('=');
    quote(value, true);
  };
  if (input.IsDict()) {
    for (const auto& [key, value] : input.dict().entries()) pair(key, value);
  } else {
    for (const Value& item : Items(input, budget)) {
      const std::vector<Value> two = Items(item, budget);
      if (two.size() != 2) throw InvalidArgument("urlencode: an item has ", Counted(two.size(), "part"), "; 2 are required");
      pair(two[0], two[1]);
    }
  }
  return Value::String(out.Take());
}

}  // namespace

const FilterTable& TextFilters() {
  static const FilterTable kFilters = {
      {"upper", Recase<Case::kUpper>},
      {"lower", Recase<Case::kLower>},
      {"capitalize", Capitalize},
      {"title", Title},
      {"trim", Trim},
      {"string", String},
      {"safe", Safe},
      {"escape", Escape<false>},
      {"e", Escape<false>},
      {"forceescape", Escape<true>},
      {"replace", Replace},
      {"center", Center},
      {"indent", Indent},
      {"truncate", Truncate},
      {"wordcount", WordCount},
      {"format", Format},
      {"urlencode", UrlEncode},
  };
  return kFilters;
}

}  // namespace hlm::jinja
