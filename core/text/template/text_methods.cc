// Methods of strings. What is cut out of a string, moved or changed in case keeps the sources of its bytes.
#include <algorithm>
#include <limits>
#include <map>

#include "core/base/error.h"
#include "core/text/template/builtins.h"
#include "core/text/template/format.h"
#include "core/text/template/interpreter.h"
#include "core/text/template/operators.h"
#include "core/text/template/text_ops.h"
#include "core/text/template/unicode.h"

namespace hlm::jinja {
namespace {

const Text& TextArgument(const Value& value, std::string_view what) {
  NotUndefined(value);
  if (!value.IsText()) throw InvalidArgument(what, "() needs a string, not '", TypeName(value), "'");
  return value.text();
}

// What a safe string's methods take is escaped, unless it is safe.
Text Argument(Interpreter& interpreter, const Value& self, const Value& value, std::string_view what) {
  const Text& text = TextArgument(value, what);
  return self.text().safe() && !text.safe() ? EscapeHtml(text, interpreter.budget()) : text;
}

template <bool kLeft, bool kRight>
Value Strip(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("strip", arguments, {"chars"});
  if (!bound.Has(0) || bound[0].IsNone())
    return Value::String(StripText(self.text(), nullptr, kLeft, kRight, interpreter.budget()));
  const Text chars = Argument(interpreter, self, bound[0], "strip");
  return Value::String(StripText(self.text(), &chars, kLeft, kRight, interpreter.budget()));
}

template <Case kCase>
Value Recase(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("upper", arguments, {});
  return Value::String(ChangeCase(self.text(), kCase, interpreter.budget()));
}
Value Capitalize(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("capitalize", arguments, {});
  return Value::String(CapitalizeText(self.text(), interpreter.budget()));
}
Value Title(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("title", arguments, {});
  return Value::String(TitleText(self.text(), interpreter.budget()));
}
Value SwapCase(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("swapcase", arguments, {});
  return Value::String(SwapCaseText(self.text(), interpreter.budget()));
}

template <bool kRight>
Value Split(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("split", arguments, {"sep", "maxsplit"});
  const Text* separator = bound.Has(0) && !bound[0].IsNone() ? &TextArgument(bound[0], "split") : nullptr;
  if (separator != nullptr && separator->empty()) throw InvalidArgument("empty separator");
  std::vector<Value> parts;
  for (Text& part : SplitText(self.text(), separator, bound.Int(1, -1), kRight, interpreter.budget())) {
    parts.push_back(Value::String(std::move(part)));
  }
  return MakeList(std::move(parts));
}

Value SplitLines(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("splitlines", arguments, {"keepends"});
  std::vector<Value> lines;
  for (Text& line : LinesOf(self.text(), bound.Bool(0, false), interpreter.budget()))
    lines.push_back(Value::String(std::move(line)));
  return MakeList(std::move(lines));
}

Value Replace(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("replace", arguments, {"old", "new", "count"}, 2);
  const Text from = Argument(interpreter, self, bound[0], "replace"), to = Argument(interpreter, self, bound[1], "replace");
  return Value::String(ReplaceText(self.text(), from, to, bound.Int(2, -1), interpreter.budget()));
}

Value Join(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("join", arguments, {"iterable"}, 1);
  TextBuilder out(interpreter.budget());
  size_t i = 0;
  for (const Value& item : Items(bound[0], interpreter.budget())) {
    if (!item.IsText() && !self.text().safe()) {
      throw InvalidArgument("sequence item ", i, ": expected str instance, ", TypeName(item), " found");
    }
    if (i++ > 0) out.Append(self.text());
    const Text text = Str(item, interpreter.budget());
    out.Append(self.text().safe() && !text.safe() ? EscapeHtml(text, interpreter.budget()) : text);
  }
  return Value::String(out.Take(self.text().safe()));
}

// The bytes that [start, end) of code points are; nothing where start lies behind the end.
struct Part {
  size_t begin, end;
  bool legal;
};
Part PartOf(const Text& text, const Bound& bound, size_t start_at, Budget& budget) {
  const auto length = static_cast<int64_t>(text.chars());
  const auto place = [&](size_t i, int64_t otherwise) {
    int64_t at = bound.Int(i, otherwise);
    if (at < 0) at = std::max<int64_t>(at + length, 0);
    return at;
  };
  const int64_t start = place(start_at, 0), end = std::min(place(start_at + 1, length), length);
  if (start > end) return {0, 0, false};
  if (!text.is_ascii()) budget.Charge(text.size());
  return {text.ByteOf(static_cast<size_t>(start)), text.ByteOf(static_cast<size_t>(end)), true};
}

template <bool kEnd>
Value StartsOrEndsWith(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const char* what = kEnd ? "endswith" : "startswith";
  const Bound bound(what, arguments, {"prefix", "start", "end"}, 1);
  const Part part = PartOf(self.text(), bound, 1, interpreter.budget());
  const std::string_view text = self.text().bytes().substr(part.begin, part.end - part.begin);
  const auto matches = [&](const Value& wanted) {
    const std::string_view affix = TextArgument(wanted, what).bytes();
    interpreter.budget().Charge(affix.size());
    return part.legal && (kEnd ? text.ends_with(affix) : text.starts_with(affix));
  };
  if (!bound[0].IsSequence() || !bound[0].sequence().IsTuple()) return Value::Bool(matches(bound[0]));
  const auto& items = bound[0].sequence().items;
  return Value::Bool(std::any_of(items.begin(), items.end(), matches));
}

template <bool kRight, bool kMust>
Value Find(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("find", arguments, {"sub", "start", "end"}, 1);
  const std::string_view wanted = TextArgument(bound[0], "find").bytes();
  const Part part = PartOf(self.text(), bound, 1, interpreter.budget());
  interpreter.budget().Charge(self.text().size() + wanted.size());
  const std::string_view text = self.text().bytes().substr(part.begin, part.end - part.begin);
  const size_t at = kRight ? FindLastBytes(text, wanted) : FindBytes(text, wanted);
  if (!part.legal || at == std::string_view::npos) {
    if (kMust) throw InvalidArgument("substring not found");
    return Value::Int(-1);
  }
  return Value::Int(static_cast<int64_t>(Text(std::string(self.text().bytes().substr(0, part.begin + at))).chars()));
}

Value Count(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("count", arguments, {"sub", "start", "end"}, 1);
  const Text& wanted = TextArgument(bound[0], "count");
  const Part part = PartOf(self.text(), bound, 1, interpreter.budget());
  if (!part.legal) return Value::Int(0);
  interpreter.budget().Charge(self.text().size());
  const std::string_view text = self.text().bytes().substr(part.begin, part.end - part.begin);
  if (wanted.empty()) return Value::Int(static_cast<int64_t>(Text(std::string(text)).chars()) + 1);
  int64_t count = 0;
  for (size_t at = FindBytes(text, wanted.bytes()); at != std::string_view::npos;) {
    ++count;
    at = FindBytes(text, wanted.bytes(), at + wanted.size());
  }
  return Value::Int(count);
}

template <bool kRight>
Value Partition(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("partition", arguments, {"sep"}, 1);
  const Text& separator = TextArgument(bound[0], "partition");
  if (separator.empty()) throw InvalidArgument("empty separator");
  Budget& budget = interpreter.budget();
  const Text& text = self.text();
  budget.Charge(text.size() + separator.size());
  const size_t at = kRight ? FindLastBytes(text.bytes(), separator.bytes()) : FindBytes(text.bytes(), separator.bytes());
  const Value none = Value::String(TextBuilder(budget).Take(text.safe()));
  if (at == std::string_view::npos) return kRight ? MakeTuple({none, none, self}) : MakeTuple({self, none, none});
  return MakeTuple({Value::String(SubText(text, 0, at, budget)), Value::String(SubText(text, at, at + separator.size(), budget)),
                    Value::String(SubText(text, at + separator.size(), text.size(), budget))});
}

template <bool kSuffix>
Value RemoveAffix(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("removeprefix", arguments, {"prefix"}, 1);
  const std::string_view affix = TextArgument(bound[0], "removeprefix").bytes();
  const Text& text = self.text();
  interpreter.budget().Charge(affix.size());
  if (kSuffix ? !text.bytes().ends_with(affix) : !text.bytes().starts_with(affix)) return self;
  return Value::String(
      SubText(text, kSuffix ? 0 : affix.size(), text.size() - (kSuffix ? affix.size() : 0), interpreter.budget()));
}

// 'l': the text at the left; 'r' at the right; 'c' in the middle.
template <char kSide>
Value Justify(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("center", arguments, {"width", "fillchar"}, 1);
  const Text fill = bound.Has(1) ? TextArgument(bound[1], "center") : Text(std::string(" "));
  if (fill.chars() != 1) throw InvalidArgument("The fill character must be exactly one character long");
  return Value::String(JustifyText(self.text(), bound.Int(0, 0), fill, kSide, interpreter.budget()));
}

Value ZeroFill(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("zfill", arguments, {"width"}, 1);
  const Text& text = self.text();
  const int64_t missing = bound.Int(0, 0) - static_cast<int64_t>(text.chars());
  if (missing <= 0) return self;
  interpreter.budget().CheckSize(static_cast<size_t>(missing));
  const bool sign = text.bytes().starts_with('+') || text.bytes().starts_with('-');
  TextBuilder out(interpreter.budget());
  out.Append(text, 0, sign ? 1 : 0)
      .Append(std::string(static_cast<size_t>(missing), '0'))
      .Append(text, sign ? 1 : 0, text.size());
  return Value::String(out.Take(text.safe()));
}

Value ExpandTabs(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("expandtabs", arguments, {"tabsize"});
  const int64_t width = bound.Int(0, 8);
  const Text& text = self.text();
  interpreter.budget().Charge(text.size() * 4);
  TextBuilder out(interpreter.budget());
  int64_t column = 0;
  for (size_t at = 0, n = 0; at < text.size(); at += n) {
    const uint32_t c = CharAt(text.bytes(), at, n);
    if (c == '\t') {
      const int64_t spaces = width > 0 ? width - column % width : 0;
      interpreter.budget().CheckSize(static_cast<size_t>(spaces));
      out.AppendMade(std::string(static_cast<size_t>(spaces), ' '), text, at, n);
      column += spaces;
    } else {
      out.Append(text, at, at + n);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  return Value::String(out.Take(text.safe()));
}

// All characters are so, and there is one.
template <bool (*kIs)(uint32_t)>
Value AllAre(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("isalpha", arguments, {});
  interpreter.budget().Charge(self.text().size() * 4);
  const std::string_view bytes = self.text().bytes();
  for (size_t at = 0, n = 0; at < bytes.size(); at += n) {
    if (!kIs(CharAt(bytes, at, n))) return Value::Bool(false);
  }
  return Value::Bool(!bytes.empty());
}
bool IsAlphaNumeric(uint32_t c) { return IsAlpha(c) || IsNumeric(c); }
bool IsDigitChar(uint32_t c) {
  return IsDecimal(c) || c == 0xb2 || c == 0xb3 || c == 0xb9 || (c >= 0x2070 && c <= 0x2079 && c != 0x2071) ||
         (c >= 0x2080 && c <= 0x2089) || (c >= 0x2460 && c <= 0x2468) || (c >= 0x2474 && c <= 0x247c) ||
         (c >= 0x2488 && c <= 0x2490);
}

template <bool kUpper>
Value AllCased(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("isupper", arguments, {});
  interpreter.budget().Charge(self.text().size() * 4);
  const std::string_view bytes = self.text().bytes();
  bool any = false;
  for (size_t at = 0, n = 0; at < bytes.size(); at += n) {
    const uint32_t c = CharAt(bytes, at, n);
    if (kUpper ? IsLower(c) || IsTitle(c) : IsUpper(c) || IsTitle(c)) return Value::Bool(false);
    any |= kUpper ? IsUpper(c) : IsLower(c);
  }
  return Value::Bool(any);
}

Value IsTitleCased(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("istitle", arguments, {});
  interpreter.budget().Charge(self.text().size() * 4);
  const std::string_view bytes = self.text().bytes();
  bool any = false, cased = false;
  for (size_t at = 0, n = 0; at < bytes.size(); at += n) {
    const uint32_t c = CharAt(bytes, at, n);
    if (IsUpper(c) || IsTitle(c)) {
      if (cased) return Value::Bool(false);
      any = cased = true;
    } else if (IsLower(c)) {
      if (!cased) return Value::Bool(false);
    } else {
      cased = false;
    }
  }
  return Value::Bool(any);
}

Value IsAscii(Interpreter&, const Value& self, Arguments& arguments) {
  const Bound bound("isascii", arguments, {});
  return Value::Bool(self.text().is_ascii());
}
Value IsPrintableText(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("isprintable", arguments, {});
  interpreter.budget().Charge(self.text().size() * 4);
  const std::string_view bytes = self.text().bytes();
  for (size_t at = 0, n = 0; at < bytes.size(); at += n) {
    if (!IsPrintable(CharAt(bytes, at, n))) return Value::Bool(false);
  }
  return Value::Bool(true);
}

// "{} {name}".format(...), without attributes, items, conversions or specifications.
Value Format(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  if (self.text().safe()) throw Unimplemented("format() of a safe string");
  const Text& text = self.text();
  const std::string_view bytes = text.bytes();
  TextBuilder out(interpreter.budget());
  size_t automatic = 0, plain = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    if (bytes[at] != '{' && bytes[at] != '}') continue;
    out.Append(text, plain, at);
    if (at + 1 < bytes.size() && bytes[at + 1] == bytes[at]) {
      plain = ++at;
      continue;
    }
    if (bytes[at] == '}') throw InvalidArgument("Single '}' encountered in format string");
    const size_t end = bytes.find('}', at);
    if (end == std::string_view::npos) throw InvalidArgument("Single '{' encountered in format string");
    const std::string name(bytes.substr(at + 1, end - at - 1));
    if (name.find_first_of(".[!:{") != std::string::npos) throw Unimplemented("format() with the field {", name, "}");
    const bool number = name.find_first_not_of("0123456789") == std::string::npos;
    if (number) {
      const size_t index = name.empty() ? automatic++ : name.size() > 6 ? SIZE_MAX : std::stoul(name);
      if (index >= arguments.positional.size())
        throw InvalidArgument("Replacement index ", index, " out of range for positional args tuple");
      AppendStr(arguments.positional[index], out, interpreter.budget());
    } else {
      const auto named =
          std::find_if(arguments.named.begin(), arguments.named.end(), [&](const auto& a) { return a.first == name; });
      if (named == arguments.named.end()) throw InvalidArgument("format() has no argument '", name, "'");
      AppendStr(named->second, out, interpreter.budget());
    }
    at = end;
    plain = end + 1;
  }
  out.Append(text, std::min(plain, bytes.size()), bytes.size());
  return Value::String(out.Take());
}

[[noreturn]] Value Unknown(Interpreter&, const Value&, Arguments&) {
  throw Unimplemented("casefold, encode, format_map, isidentifier, maketrans and translate of strings");
}

}  // namespace

Method FindTextMethod(std::string_view name) {
  static const std::map<std::string_view, Method> kMethods = {
      {"strip", Strip<true, true>},
      {"lstrip", Strip<true, false>},
      {"rstrip", Strip<false, true>},
      {"upper", Recase<Case::kUpper>},
      {"lower", Recase<Case::kLower>},
      {"capitalize", Capitalize},
      {"title", Title},
      {"swapcase", SwapCase},
      {"split", Split<false>},
      {"rsplit", Split<true>},
      {"splitlines", SplitLines},
      {"replace", Replace},
      {"join", Join},
      {"startswith", StartsOrEndsWith<false>},
      {"endswith", StartsOrEndsWith<true>},
      {"find", Find<false, false>},
      {"rfind", Find<true, false>},
      {"index", Find<false, true>},
      {"rindex", Find<true, true>},
      {"count", Count},
      {"partition", Partition<false>},
      {"rpartition", Partition<true>},
      {"removeprefix", RemoveAffix<false>},
      {"removesuffix", RemoveAffix<true>},
      {"ljust", Justify<'l'>},
      {"rjust", Justify<'r'>},
      {"center", Justify<'c'>},
      {"zfill", ZeroFill},
      {"expandtabs", ExpandTabs},
      {"isalpha", AllAre<IsAlpha>},
      {"isalnum", AllAre<IsAlphaNumeric>},
      {"isdecimal", AllAre<IsDecimal>},
      {"isdigit", AllAre<IsDigitChar>},
      {"isnumeric", AllAre<IsNumeric>},
      {"isspace", AllAre<IsSpace>},
      {"isupper", AllCased<true>},
      {"islower", AllCased<false>},
      {"istitle", IsTitleCased},
      {"isascii", IsAscii},
      {"isprintable", IsPrintableText},
      {"format", Format},
      {"casefold", Unknown},
      {"encode", Unknown},
      {"format_map", Unknown},
      {"isidentifier", Unknown},
      {"maketrans", Unknown},
      {"translate", Unknown},
  };
  const auto at = kMethods.find(name);
  return at == kMethods.end() ? nullptr : at->second;
}

}  // namespace hlm::jinja
