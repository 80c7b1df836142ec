#include "core/text/template/operators.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/text/template/format.h"
#include "core/text/template/text_ops.h"
#include "core/text/template/unicode.h"

namespace hlm::jinja {
namespace {

const char* Sign(Op op) {
  static constexpr const char* kSigns[] = {
      "+", "-", "*", "/", "//", "%", "** or pow()", "==", "!=", "<", "<=", ">", ">=", "in", "not in"};
  return kSigns[static_cast<size_t>(op)];
}

[[noreturn]] void Unsupported(Op op, const Value& a, const Value& b) {
  throw InvalidArgument("unsupported operand type(s) for ", Sign(op), ": '", TypeName(a), "' and '", TypeName(b), "'");
}

int64_t Checked(bool overflow, int64_t value) {
  if (overflow) throw OutOfRange("a whole number needs more than 64 bits");
  return value;
}

Value WholePower(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) throw InvalidArgument("0.0 cannot be raised to a negative power");
    return Value::Float(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  bool overflow = false;
  while (exponent > 0) {
    if (exponent & 1) overflow |= __builtin_mul_overflow(result, base, &result);
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) overflow = overflow || exponent > 0;
    if (overflow) break;
  }
  return Value::Int(Checked(overflow, result));
}

// The double nearest to a / b, as Python divides: either may have more digits than a double.
double TrueQuotient(int64_t a, int64_t b) {
  constexpr int64_t kExact = int64_t{1} << 53;
  if (a >= -kExact && a <= kExact && b >= -kExact && b <= kExact) return static_cast<double>(a) / static_cast<double>(b);
  const auto magnitude = [](int64_t n) { return n < 0 ? -static_cast<uint64_t>(n) : static_cast<uint64_t>(n); };
  const uint64_t over = magnitude(a), under = magnitude(b);
  if (over == 0) return b < 0 ? -0.0 : 0.0;
  // Shifted until the quotient has at least 56 bits and at most 64; what is left decides where it lies between two doubles.
  const int shift = std::max(0, 56 - static_cast<int>(std::bit_width(over)) + static_cast<int>(std::bit_width(under)));
  const unsigned __int128 shifted = static_cast<unsigned __int128>(over) << shift;
  const auto quotient = static_cast<uint64_t>(shifted / under) | static_cast<uint64_t>(shifted % under != 0);
  const double result = std::ldexp(static_cast<double>(quotient), -shift);
  return (a < 0) != (b < 0) ? -result : result;
}

Value Wholes(Op op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  switch (op) {
    case Op::kAdd:
      overflow = __builtin_add_overflow(a, b, &result);
      return Value::Int(Checked(overflow, result));
    case Op::kSubtract:
      overflow = __builtin_sub_overflow(a, b, &result);
      return Value::Int(Checked(overflow, result));
    case Op::kMultiply:
      overflow = __builtin_mul_overflow(a, b, &result);
      return Value::Int(Checked(overflow, result));
    case Op::kPower:
      return WholePower(a, b);
    default:
      break;
  }
  if (b == 0) throw InvalidArgument(op == Op::kDivide ? "division by zero" : "integer division or modulo by zero");
  if (op == Op::kDivide) return Value::Float(TrueQuotient(a, b));
  if (b == -1) return op == Op::kModulo ? Value::Int(0) : Wholes(Op::kSubtract, 0, a);
  int64_t quotient = a / b, rest = a % b;
  if (rest != 0 && (rest < 0) != (b < 0)) {
    --quotient;
    rest += b;
  }
  return Value::Int(op == Op::kModulo ? rest : quotient);
}

Value Reals(Op op, double a, double b) {
  switch (op) {
    case Op::kAdd:
      return Value::Float(a + b);
    case Op::kSubtract:
      return Value::Float(a - b);
    case Op::kMultiply:
      return Value::Float(a * b);
    case Op::kPower: {
      if (a == 0 && b < 0) throw InvalidArgument("0.0 cannot be raised to a negative power");
      const double power = std::pow(a, b);
      if (std::isnan(power) && !std::isnan(a) && !std::isnan(b)) throw Unimplemented("a complex number");
      if (std::isinf(power) && std::isfinite(a) && std::isfinite(b)) throw OutOfRange("a power is too large for a float");
      return Value::Float(power);
    }
    default:
      break;
  }
  if (b == 0) throw InvalidArgument("float division by zero");
  if (op == Op::kDivide) return Value::Float(a / b);
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0) {
    if ((b < 0) != (rest < 0)) {
      rest += b;
      quotient -= 1;
    }
  } else {
    rest = std::copysign(0.0, b);
  }
  if (op == Op::kModulo) return Value::Float(rest);
  if (quotient == 0) return Value::Float(std::copysign(0.0, a / b));
  double floor = std::floor(quotient);
  if (quotient - floor > 0.5) floor += 1;
  return Value::Float(floor);
}

Text Join(const Text& a, const Text& b, Budget& budget) {
  if (a.safe() != b.safe()) {
    return TextBuilder(budget)
        .Append(a.safe() ? a : EscapeHtml(a, budget))
        .Append(b.safe() ? b : EscapeHtml(b, budget))
        .Take(true);
  }
  if (b.empty()) return a;
  if (a.empty()) return b;
  return TextBuilder(budget).Append(a).Append(b).Take(a.safe());
}

Value Repeat(const Value& what, int64_t times, Budget& budget) {
  times = std::max<int64_t>(times, 0);
  const size_t size = what.IsText() ? what.text().size() : what.sequence().items.size() * sizeof(Value);
  if (size != 0 && static_cast<size_t>(times) > (size_t{1} << 40) / size) budget.CheckSize(std::numeric_limits<size_t>::max());
  budget.CheckSize(size * static_cast<size_t>(times));
  if (what.IsText()) {
    TextBuilder out(budget);
    for (int64_t i = 0; i < times && size > 0; ++i) out.Append(what.text());
    return Value::String(out.Take(what.text().safe()));
  }
  budget.Charge(size * static_cast<size_t>(times));
  const std::vector<Value>& items = what.sequence().items;
  std::vector<Value> all;
  for (int64_t i = 0; i < times && !items.empty(); ++i) all.insert(all.end(), items.begin(), items.end());
  return MakeSequence(what.sequence().flavor, std::move(all));
}

bool IsListOrTuple(const Value& value) { return value.IsSequence() && (value.sequence().IsList() || value.sequence().IsTuple()); }

Value Joined(const Value& a, const Value& b, Budget& budget) {
  if (a.IsText() && b.IsText()) return Value::String(Join(a.text(), b.text(), budget));
  if (IsListOrTuple(a) && IsListOrTuple(b) && a.sequence().flavor == b.sequence().flavor) {
    std::vector<Value> items = a.sequence().items;
    items.insert(items.end(), b.sequence().items.begin(), b.sequence().items.end());
    budget.CheckSize(items.size() * sizeof(Value));
    budget.Charge(items.size() * sizeof(Value));
    return MakeSequence(a.sequence().flavor, std::move(items));
  }
  if (a.IsText()) throw InvalidArgument("can only concatenate str (not \"", TypeName(b), "\") to str");
  if (IsListOrTuple(a)) {
    throw InvalidArgument("can only concatenate ", TypeName(a), " (not \"", TypeName(b), "\") to ", TypeName(a));
  }
  Unsupported(Op::kAdd, a, b);
}

int Order(const Value& a, const Value& b, const char* sign);

// The order of the first items that differ; of the lengths where none does.
int OrderItems(const std::vector<Value>& a, const std::vector<Value>& b, const char* sign) {
  Budget::ChargeCurrent(16 * std::min(a.size(), b.size()) + 16);
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (!Equal(a[i], b[i])) return Order(a[i], b[i], sign);
  }
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

// -1, 0, 1; 2 for numbers that are not ordered (NaN). INVALID_ARGUMENT for kinds that are not; `sign` is what was asked.
int Order(const Value& a, const Value& b, const char* sign) {
  NotUndefined(a);
  NotUndefined(b);
  if (a.IsNumber() && b.IsNumber()) {
    if (a.IsWhole() && b.IsWhole()) return a.whole() < b.whole() ? -1 : a.whole() > b.whole() ? 1 : 0;
    if (Equal(a, b)) return 0;
    const long double x = a.IsFloat() ? static_cast<long double>(a.real()) : static_cast<long double>(a.whole());
    const long double y = b.IsFloat() ? static_cast<long double>(b.real()) : static_cast<long double>(b.whole());
    return x < y ? -1 : x > y ? 1 : 2;
  }
  if (a.IsText() && b.IsText()) {
    Budget::ChargeCurrent(std::min(a.text().size(), b.text().size()) / 16 + 16);
    const int order = a.text().bytes().compare(b.text().bytes());
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  if (IsListOrTuple(a) && IsListOrTuple(b) && a.sequence().flavor == b.sequence().flavor) {
    return OrderItems(a.sequence().items, b.sequence().items, sign);
  }
  throw InvalidArgument("'", sign, "' not supported between instances of '", TypeName(a), "' and '", TypeName(b), "'");
}

size_t SizeOf(const Value& value) {
  if (value.IsText()) return value.text().size();
  if (value.IsSequence()) return value.sequence().items.size() * 16;
  return value.IsDict() ? value.dict().size() * 32 : 0;
}

int64_t SliceBound(const Value& bound, int64_t otherwise, int64_t low, int64_t high, int64_t length) {
  if (bound.IsNone()) return otherwise;
  if (!bound.IsWhole()) throw InvalidArgument("slice indices must be integers or None or have an __index__ method");
  int64_t at = bound.whole();
  if (at < 0) at = at < -length ? low : at + length;
  return std::clamp(at, low, high);
}

}  // namespace

void NotUndefined(const Value& value) {
  if (value.IsUndefined()) throw InvalidArgument(value.WhyUndefined());
  if (value.IsLongInt()) throw OutOfRange("the whole number ", value.text().bytes().substr(0, 40), " needs more than 64 bits");
}

Value Arithmetic(Op op, const Value& a, const Value& b, Budget& budget) {
  NotUndefined(a);
  if (op == Op::kModulo && a.IsText()) return Value::String(PercentFormat(a.text(), b, budget));
  NotUndefined(b);
  if (a.IsWhole() && b.IsWhole()) return Wholes(op, a.whole(), b.whole());
  if (a.IsNumber() && b.IsNumber()) return Reals(op, a.AsDouble(), b.AsDouble());
  if (op == Op::kAdd) return Joined(a, b, budget);
  if (op == Op::kMultiply) {
    if (a.IsWhole() && (b.IsText() || IsListOrTuple(b))) return Repeat(b, a.whole(), budget);
    if (b.IsWhole() && (a.IsText() || IsListOrTuple(a))) return Repeat(a, b.whole(), budget);
  }
  Unsupported(op, a, b);
}

bool Less(const Value& a, const Value& b) { return Order(a, b, "<") == -1; }

bool CompareValues(Op op, const Value& a, const Value& b, Budget& budget) {
  budget.Charge(std::min(SizeOf(a), SizeOf(b)));
  switch (op) {
    case Op::kEqual:
      return Equal(a, b);
    case Op::kNotEqual:
      return !Equal(a, b);
    case Op::kIn:
      return Contains(b, a, budget);
    case Op::kNotIn:
      return !Contains(b, a, budget);
    default:
      break;
  }
  const int order = Order(a, b, Sign(op));
  switch (op) {
    case Op::kLess:
      return order == -1;
    case Op::kLessEqual:
      return order == -1 || order == 0;
    case Op::kGreater:
      return order == 1;
    default:
      return order == 1 || order == 0;
  }
}

bool Contains(const Value& container, const Value& item, Budget& budget) {
  budget.Charge(SizeOf(container));
  switch (container.kind()) {
    case Value::Kind::kUndefined:
      return false;
    case Value::Kind::kText:
      NotUndefined(item);
      if (!item.IsText()) throw InvalidArgument("'in <string>' requires string as left operand, not ", TypeName(item));
      budget.Charge(item.text().size());
      return FindBytes(container.text().bytes(), item.text().bytes()) != std::string_view::npos;
    case Value::Kind::kDict:
      return container.dict().Find(item) != nullptr;
    case Value::Kind::kSequence: {
      const Sequence& s = container.sequence();
      size_t at = s.IsIterator() ? s.place : 0;
      while (at < s.items.size() && !Equal(s.items[at], item)) ++at;
      const bool found = at < s.items.size();
      if (s.IsIterator()) s.place = found ? at + 1 : at;
      if (!found) s.CheckEnd();
      return found;
    }
    default:
      throw InvalidArgument("argument of type '", TypeName(container), "' is not iterable");
  }
}

Value Negative(const Value& value) {
  NotUndefined(value);
  if (value.IsWhole()) return Wholes(Op::kSubtract, 0, value.whole());
  if (value.IsFloat()) return Value::Float(-value.real());
  throw InvalidArgument("bad operand type for unary -: '", TypeName(value), "'");
}

std::vector<Value> Items(const Value& value, Budget& budget) {
  std::vector<Value> items;
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      break;
    case Value::Kind::kText: {
      const std::string_view bytes = value.text().bytes();
      budget.Charge(value.text().chars() * 256);
      for (size_t at = 0, length = 0; at < bytes.size(); at += length) {
        CharAt(bytes, at, length);
        items.push_back(
            Value::String(WithSafe(SubText(value.text(), at, at + length, budget), false, budget)));  // as markupsafe has it
      }
      break;
    }
    case Value::Kind::kDict:
      for (const auto& entry : value.dict().entries()) items.push_back(entry.first);
      break;
    case Value::Kind::kSequence: {
      const Sequence& s = value.sequence();
      items.assign(s.items.begin() + static_cast<int64_t>(s.IsIterator() ? s.place : 0), s.items.end());
      if (s.IsIterator()) s.place = s.items.size();
      s.CheckEnd();
      break;
    }
    default:
      throw InvalidArgument("'", TypeName(value), "' object is not iterable");
  }
  budget.Charge(items.size() * sizeof(Value));
  return items;
}

Value Slice(const Value& value, const Value& start, const Value& stop, const Value& step, Budget& budget) {
  NotUndefined(value);
  const bool sliceable = value.IsText() || (value.IsSequence() && !value.sequence().IsView() && !value.sequence().IsIterator());
  if (!sliceable) throw InvalidArgument("'", TypeName(value), "' object cannot be sliced");
  const auto length = static_cast<int64_t>(value.IsText() ? value.text().chars() : value.sequence().items.size());
  if (!step.IsNone() && !step.IsWhole())
    throw InvalidArgument("slice indices must be integers or None or have an __index__ method");
  const int64_t by = step.IsNone() ? 1 : step.whole();
  if (by == 0) throw InvalidArgument("slice step cannot be zero");
  const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? length : length - 1;
  const int64_t first = SliceBound(start, by > 0 ? low : high, low, high, length);
  const int64_t last = SliceBound(stop, by > 0 ? high : low, low, high, length);
  // As many places as there will be, before they are made.
  const int64_t stride = by > 0 ? by : by == std::numeric_limits<int64_t>::min() ? std::numeric_limits<int64_t>::max() : -by;
  if (by != 1 || !value.IsText()) {
    const int64_t distance = by > 0 ? last - first : first - last;
    if (distance > 0) budget.Charge(static_cast<size_t>(distance / stride + 1) * sizeof(Value));
  }
  std::vector<size_t> places;
  for (int64_t at = first; (by != 1 || !value.IsText()) && (by > 0 ? at < last : at > last);) {
    places.push_back(static_cast<size_t>(at));
    if (__builtin_add_overflow(at, by, &at)) break;
  }
  if (value.IsText()) {
    const Text& text = value.text();
    if (by == 1) {
      if (first >= last) return Value::String(TextBuilder(budget).Take(text.safe()));
      if (!text.is_ascii()) budget.Charge(text.size());
      const size_t begin = text.ByteOf(static_cast<size_t>(first)), end = text.ByteOf(static_cast<size_t>(last));
      return Value::String(SubText(text, begin, end, budget));
    }
    budget.Charge(text.size() * 8);
    std::vector<size_t> offsets;  // of each character, and the end
    for (size_t at = 0, n = 0; at < text.size(); at += n) {
      offsets.push_back(at);
      CharAt(text.bytes(), at, n);
    }
    offsets.push_back(text.size());
    budget.Charge(offsets.size() * 8);
    TextBuilder out(budget);
    for (const size_t place : places) out.Append(text, offsets[place], offsets[place + 1]);
    return Value::String(out.Take(text.safe()));
  }
  std::vector<Value> items;
  items.reserve(places.size());
  for (const size_t place : places) items.push_back(value.sequence().items[place]);
  budget.Charge(items.size() * sizeof(Value));
  const bool range = value.sequence().flavor == Sequence::Flavor::kRange;
  return MakeSequence(range ? Sequence::Flavor::kList : value.sequence().flavor, std::move(items));
}

std::optional<Value> Index(const Value& value, const Value& index, Budget& budget) {
  if (value.IsDict()) {
    const bool hashable = !(index.IsDict() || (index.IsSequence() && !index.sequence().IsTuple()));
    const Value* found = hashable ? value.dict().Find(index) : nullptr;
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  if (!index.IsWhole()) return std::nullopt;
  const bool items = value.IsSequence() && !value.sequence().IsView() && !value.sequence().IsIterator();
  if (!value.IsText() && !items) return std::nullopt;
  const auto length = static_cast<int64_t>(value.IsText() ? value.text().chars() : value.sequence().items.size());
  const int64_t at = index.whole() < 0 ? index.whole() + length : index.whole();
  if (at < 0 || at >= length) return std::nullopt;
  const auto place = static_cast<size_t>(at);
  if (items) return value.sequence().items[place];
  const Text& text = value.text();
  if (!text.is_ascii()) budget.Charge(text.size());
  const size_t begin = text.ByteOf(place);
  size_t n = 0;
  CharAt(text.bytes(), begin, n);
  return Value::String(SubText(text, begin, begin + n, budget));
}

}  // namespace hlm::jinja
