// "..." % value, as Python formats: %s %r %d %i %x %X %o %f %F %e %E %g %G %c and %%.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string_view>

#include "core/base/c_locale.h"
#include "core/base/error.h"
#include "core/text/template/format.h"
#include "core/text/template/operators.h"
#include "core/text/template/text_ops.h"

namespace hlm::jinja {
namespace {

struct Spec {
  bool left = false, zero = false, plus = false, space = false, alternate = false;
  int64_t width = 0;
  int64_t precision = -1;
  char kind = 's';
};

std::string Number(const Spec& spec, const Value& value) {
  NotUndefined(value);
  if (!value.IsNumber()) throw InvalidArgument("%", spec.kind, " format: a real number is required, not ", TypeName(value));
  char buffer[512];
  const std::string flags = std::string("%") + (spec.plus ? "+" : spec.space ? " " : "") + (spec.alternate ? "#" : "");
  const int precision = static_cast<int>(std::min<int64_t>(spec.precision, 100));
  if (spec.kind == 'd' || spec.kind == 'i' || spec.kind == 'u' || spec.kind == 'x' || spec.kind == 'X' || spec.kind == 'o') {
    const bool decimal = spec.kind == 'd' || spec.kind == 'i' || spec.kind == 'u';
    if (value.IsFloat() && (!decimal || !(std::fabs(value.real()) < 9.2e18))) {
      throw InvalidArgument("%", spec.kind, " format: an integer is required, not float");
    }
    const int64_t whole = value.IsFloat() ? static_cast<int64_t>(value.real()) : value.whole();
    if (decimal) {
      std::snprintf(buffer, sizeof buffer, (flags + ".*lld").c_str(), precision, static_cast<long long>(whole));
      return buffer;
    }
    const uint64_t size = whole < 0 ? uint64_t{0} - static_cast<uint64_t>(whole) : static_cast<uint64_t>(whole);
    const std::string format = std::string("%.*ll") + spec.kind;
    std::snprintf(buffer, sizeof buffer, format.c_str(), precision, static_cast<unsigned long long>(size));
    const std::string prefix = !spec.alternate ? "" : std::string("0") + spec.kind;
    return (whole < 0 ? "-" : spec.plus ? "+" : spec.space ? " " : "") + prefix + buffer;
  }
  const CLocale point;
  std::snprintf(buffer, sizeof buffer, (flags + ".*" + spec.kind).c_str(), precision < 0 ? 6 : precision, value.AsDouble());
  return buffer;
}

Text FormatField(const Spec& spec, const Value& value, Budget& budget) {
  if (spec.kind == 's' || spec.kind == 'r' || spec.kind == 'a') {
    if (spec.kind == 'a') throw Unimplemented("%a in a format");
    TextBuilder out(budget);
    if (spec.kind == 's') {
      AppendStr(value, out, budget);
    } else {
      AppendRepr(value, out, budget);
    }
    Text text = out.Take();
    if (spec.precision < 0) return text;
    return SubText(text, 0, text.ByteOf(static_cast<size_t>(spec.precision)), budget);
  }
  if (spec.kind == 'c') {
    NotUndefined(value);
    if (value.IsText() && value.text().chars() == 1) return value.text();
    if (!value.IsWhole() || value.whole() < 0 || value.whole() > 0x10ffff) throw InvalidArgument("%c requires int or char");
    std::string text;
    AppendUtf8(static_cast<uint32_t>(value.whole()), text);
    return Text(std::move(text));
  }
  static constexpr std::string_view kNumbers = "diuxXofFeEgG";
  if (kNumbers.find(spec.kind) == std::string_view::npos) {
    throw InvalidArgument("unsupported format character '", std::string(1, spec.kind), "'");
  }
  std::string number = Number(spec, value);
  const auto missing = spec.width - static_cast<int64_t>(number.size());
  if (spec.zero && !spec.left && missing > 0) {
    budget.CheckSize(static_cast<size_t>(missing));
    const size_t sign = number.find_first_not_of("+- ");
    number.insert(sign == std::string::npos ? 0 : sign, static_cast<size_t>(missing), '0');
  }
  return Text(std::move(number));
}

// Reads one field of a format after the other.
class FieldReader {
 public:
  // `at`: behind the field's percent sign.
  FieldReader(std::string_view bytes, size_t at) : bytes_(bytes), at_(at) {}
  size_t at() const { return at_; }

  // The key in parentheses, if there is one.
  std::optional<std::string_view> Key() {
    if (Peek() != '(') return std::nullopt;
    const size_t end = bytes_.find(')', at_);
    if (end == std::string_view::npos) throw InvalidArgument("incomplete format key");
    const std::string_view key = bytes_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return key;
  }

  Spec Rest() {
    Spec spec;
    while (Flag(spec)) ++at_;
    spec.width = Peek() >= '1' && Peek() <= '9' ? Whole() : 0;
    if (Peek() == '*') throw Unimplemented("* in a format");
    if (Peek() == '.') {
      ++at_;
      spec.precision = Peek() >= '0' && Peek() <= '9' ? Whole() : 0;
    }
    while (Peek() == 'l' || Peek() == 'h' || Peek() == 'L') ++at_;
    if (at_ >= bytes_.size()) throw InvalidArgument("incomplete format");
    spec.kind = bytes_[at_++];
    return spec;
  }

 private:
  char Peek() const { return at_ < bytes_.size() ? bytes_[at_] : '\0'; }

  bool Flag(Spec& spec) const {
    switch (Peek()) {
      case '-':
        return spec.left = true;
      case '0':
        return spec.zero = true;
      case '+':
        return spec.plus = true;
      case ' ':
        return spec.space = true;
      case '#':
        return spec.alternate = true;
      default:
        return false;
    }
  }

  int64_t Whole() {
    int64_t number = 0;
    const auto [end, failure] = std::from_chars(bytes_.data() + at_, bytes_.data() + bytes_.size(), number);
    if (failure == std::errc::result_out_of_range) throw InvalidArgument("width or precision too big");
    at_ = static_cast<size_t>(end - bytes_.data());
    return number;
  }

  const std::string_view bytes_;
  size_t at_;
};

}  // namespace

Text PercentFormat(const Text& format, const Value& arguments, Budget& budget) {
  if (format.safe()) throw Unimplemented("% on a safe string");
  const std::string_view bytes = format.bytes();
  const bool tuple = arguments.IsSequence() && arguments.sequence().IsTuple();
  // What has items by key may be left unused: to Python lists and ranges are mappings here as well, iterators and views are not.
  const bool mapping =
      arguments.IsDict() || arguments.IsUndefined() ||
      (arguments.IsSequence() && (arguments.sequence().IsList() || arguments.sequence().flavor == Sequence::Flavor::kRange));
  size_t used = 0;
  bool named = false;
  TextBuilder out(budget);
  const auto next = [&]() -> Value {
    if (tuple ? used >= arguments.sequence().items.size() : used >= 1)
      throw InvalidArgument("not enough arguments for format string");
    return tuple ? arguments.sequence().items[used++] : (++used, arguments);
  };
  for (size_t at = 0; at < bytes.size();) {
    const size_t percent = std::min(bytes.find('%', at), bytes.size());
    out.Append(format, at, percent);
    if (percent == bytes.size()) break;
    FieldReader field(bytes, percent + 1);
    std::optional<Value> value;
    if (const std::optional<std::string_view> key = field.Key()) {
      if (!arguments.IsDict()) throw InvalidArgument("format requires a mapping");
      const Value* found = arguments.dict().Find(*key);
      if (found == nullptr) throw InvalidArgument("the format's key ", *key, " is not there");
      value = *found;
      named = true;
    }
    const Spec spec = field.Rest();
    at = field.at();
    if (spec.kind == '%') {
      out.Append('%');
      continue;
    }
    if (!value) value = next();
    out.Append(JustifyText(FormatField(spec, *value, budget), spec.width, Text(std::string(" ")), spec.left ? 'l' : 'r', budget));
  }
  if (!named && !mapping && (tuple ? used < arguments.sequence().items.size() : used < 1)) {
    throw InvalidArgument("not all arguments converted during string formatting");
  }
  return out.Take();
}

}  // namespace hlm::jinja
