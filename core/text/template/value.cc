#include "core/text/template/value.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/base/error.h"

namespace hlm::jinja {

Value Value::Bool(bool value) {
  Value v(Kind::kBool);
  v.whole_ = value;
  return v;
}
Value Value::Int(int64_t value) {
  Value v(Kind::kInt);
  v.whole_ = value;
  return v;
}
Value Value::LongInt(std::string digits) {
  Value v(Kind::kLongInt);
  v.text_ = Text(std::move(digits));
  return v;
}

Value Value::Float(double value) {
  Value v(Kind::kFloat);
  v.real_ = value;
  return v;
}
Value Value::String(Text text) {
  Value v(Kind::kText);
  v.text_ = std::move(text);
  return v;
}
Value Value::Undefined(std::string why) {
  Value v;
  v.text_ = Text(std::move(why));
  return v;
}
Value Value::Of(std::shared_ptr<const Sequence> sequence) {
  Value v(Kind::kSequence);
  v.object_ = std::move(sequence);
  return v;
}
Value Value::Of(std::shared_ptr<const Dict> dict) {
  Value v(Kind::kDict);
  v.object_ = std::move(dict);
  return v;
}
Value Value::Of(std::shared_ptr<Namespace> space) {
  Value v(Kind::kNamespace);
  v.object_ = std::move(space);
  return v;
}
Value Value::Of(std::shared_ptr<const Callable> callable) {
  Value v(Kind::kCallable);
  v.object_ = std::move(callable);
  return v;
}

const Sequence& Value::sequence() const { return *static_cast<const Sequence*>(object_.get()); }
const Dict& Value::dict() const { return *static_cast<const Dict*>(object_.get()); }
Namespace& Value::space() const { return *const_cast<Namespace*>(static_cast<const Namespace*>(object_.get())); }
const Callable& Value::callable() const { return *static_cast<const Callable*>(object_.get()); }

std::string Value::WhyUndefined() const { return text_.empty() ? "the value is undefined" : std::string(text_.bytes()); }

bool Value::SameObject(const Value& other) const {
  if (kind_ != other.kind_) return false;
  if (kind_ == Kind::kUndefined) return false;
  if (kind_ == Kind::kNone) return true;
  if (IsWhole()) return whole_ == other.whole_;
  if (IsFloat()) return real_ == other.real_;
  if (IsText() || IsLongInt()) return text_.bytes() == other.text_.bytes();
  return object_ == other.object_;
}

int Value::depth() const {
  switch (kind_) {
    case Kind::kSequence:
      return sequence().depth;
    case Kind::kDict:
      return dict().depth();
    case Kind::kCallable:
      return callable().depth();
    default:
      return 0;  // a namespace is taken apart by its render, not by who refers to it
  }
}

int CheckedDepth(int depth) {
  if (depth > kMaxValueDepth) throw ResourceExhausted("a value is nested deeper than ", kMaxValueDepth, " levels");
  return depth;
}

Sequence::Sequence(Flavor f, std::vector<Value> values) : flavor(f), items(std::move(values)), depth(1) {
  for (const Value& item : items) depth = std::max(depth, item.depth() + 1);
  CheckedDepth(depth);
}

Value MakeSequence(Sequence::Flavor flavor, std::vector<Value> values) {
  return Value::Of(std::make_shared<const Sequence>(flavor, std::move(values)));
}
Value MakeList(std::vector<Value> values) { return MakeSequence(Sequence::Flavor::kList, std::move(values)); }
Value MakeTuple(std::vector<Value> values) { return MakeSequence(Sequence::Flavor::kTuple, std::move(values)); }
Value MakeDict(Dict dict) { return Value::Of(std::make_shared<const Dict>(std::move(dict))); }

void Dict::Set(Value key, Value value) {
  depth_ = CheckedDepth(std::max({depth_, key.depth() + 1, value.depth() + 1}));
  const uint64_t hash = HashOf(key);
  if (const Value* known = Find(key)) {
    const_cast<Value&>(*known) = std::move(value);
    return;
  }
  entries_.emplace_back(std::move(key), std::move(value));
  if (entries_.size() == kIndexFrom) {
    for (size_t i = 0; i < entries_.size(); ++i) index_.emplace(HashOf(entries_[i].first), i);
  } else if (entries_.size() > kIndexFrom) {
    index_.emplace(hash, entries_.size() - 1);
  }
}

const Value* Dict::Find(const Value& key) const {
  const uint64_t hash = HashOf(key);
  if (index_.empty()) {
    for (const Entry& entry : entries_) {
      if (Equal(entry.first, key)) return &entry.second;
    }
    return nullptr;
  }
  const auto [begin, end] = index_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    if (Equal(entries_[at->second].first, key)) return &entries_[at->second].second;
  }
  return nullptr;
}

const Value* Dict::Find(std::string_view key) const {
  if (!index_.empty()) return Find(Value::String(std::string(key)));
  for (const Entry& entry : entries_) {
    if (entry.first.IsText() && entry.first.text().bytes() == key) return &entry.second;
  }
  return nullptr;
}

void Dict::Clear() {
  index_.clear();
  entries_.clear();
}

Value Callable::Attribute(Interpreter&, std::string_view name) const {
  return Value::Undefined(StrCat("'", TypeName(), " object' has no attribute '", name, "'"));
}

namespace {

// Short strings are not worth counting.
void ChargeText(size_t bytes) {
  if (bytes > 64) Budget::ChargeCurrent(bytes);
}

}  // namespace

uint64_t HashOf(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return 3;
    case Value::Kind::kNone:
      return 5;
    case Value::Kind::kBool:
    case Value::Kind::kInt:
      return std::hash<double>()(static_cast<double>(value.whole()));
    case Value::Kind::kFloat:
      return std::hash<double>()(value.real());
    case Value::Kind::kLongInt:
    case Value::Kind::kText:
      ChargeText(value.text().size());
      return std::hash<std::string_view>()(value.text().bytes());
    case Value::Kind::kSequence:
      if (value.sequence().IsTuple()) {
        Budget::ChargeCurrent(16 * value.sequence().items.size() + 16);
        uint64_t hash = 7;
        for (const Value& item : value.sequence().items) hash = hash * 1'000'003 + HashOf(item);
        return hash;
      }
      break;
    default:
      break;
  }
  throw InvalidArgument("unhashable type: '", TypeName(value), "'");
}

std::string TypeName(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return "Undefined";
    case Value::Kind::kNone:
      return "NoneType";
    case Value::Kind::kBool:
      return "bool";
    case Value::Kind::kInt:
    case Value::Kind::kLongInt:
      return "int";
    case Value::Kind::kFloat:
      return "float";
    case Value::Kind::kText:
      return value.text().safe() ? "Markup" : "str";
    case Value::Kind::kDict:
      return "dict";
    case Value::Kind::kNamespace:
      return "Namespace";
    case Value::Kind::kCallable:
      return value.callable().TypeName();
    case Value::Kind::kSequence:
      break;
  }
  switch (value.sequence().flavor) {
    case Sequence::Flavor::kList:
      return "list";
    case Sequence::Flavor::kTuple:
      return "tuple";
    case Sequence::Flavor::kKeys:
      return "dict_keys";
    case Sequence::Flavor::kValues:
      return "dict_values";
    case Sequence::Flavor::kItems:
      return "dict_items";
    case Sequence::Flavor::kRange:
      return "range";
    case Sequence::Flavor::kIterator:
      return "generator";
  }
  return "object";
}

namespace {

// A whole number and a double are equal where both are the same real number: above 2^53 a cast would lose the difference.
bool EqualNumbers(const Value& a, const Value& b) {
  if (a.IsWhole() && b.IsWhole()) return a.whole() == b.whole();
  if (a.IsFloat() && b.IsFloat()) return a.real() == b.real();
  const double real = a.IsFloat() ? a.real() : b.real();
  const int64_t whole = a.IsFloat() ? b.whole() : a.whole();
  if (!(real >= -9.3e18 && real <= 9.2e18) || std::floor(real) != real) return false;
  return static_cast<__int128>(real) == static_cast<__int128>(whole);
}

bool EqualItems(const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  Budget::ChargeCurrent(16 * a.size() + 16);
  for (size_t i = 0; i < a.size(); ++i) {
    if (!Equal(a[i], b[i])) return false;
  }
  return true;
}

bool EqualDicts(const Dict& a, const Dict& b) {
  if (a.size() != b.size()) return false;
  Budget::ChargeCurrent(64 * a.size() + 16);
  for (const auto& [key, value] : a.entries()) {
    const Value* other = b.Find(key);
    if (other == nullptr || !Equal(value, *other)) return false;
  }
  return true;
}

}  // namespace

bool Equal(const Value& a, const Value& b) {
  if (a.IsNumber() && b.IsNumber()) return EqualNumbers(a, b);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::kUndefined:
    case Value::Kind::kNone:
      return true;
    case Value::Kind::kText:
      if (a.text().size() != b.text().size()) return false;
      ChargeText(a.text().size());
      return a.text().bytes() == b.text().bytes();
    case Value::Kind::kDict:
      return a.SameObject(b) || EqualDicts(a.dict(), b.dict());
    case Value::Kind::kSequence: {
      if (a.SameObject(b)) return true;
      const Sequence &x = a.sequence(), &y = b.sequence();
      const bool by_items = x.IsList() || x.IsTuple() || x.flavor == Sequence::Flavor::kRange;
      return x.flavor == y.flavor && by_items && EqualItems(x.items, y.items);
    }
    default:
      return a.SameObject(b);
  }
}

bool Truth(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
    case Value::Kind::kNone:
      return false;
    case Value::Kind::kBool:
    case Value::Kind::kInt:
      return value.whole() != 0;
    case Value::Kind::kFloat:
      return value.real() != 0;
    case Value::Kind::kText:
      return !value.text().empty();
    case Value::Kind::kSequence:
      return value.sequence().IsIterator() || !value.sequence().items.empty();
    case Value::Kind::kDict:
      return value.dict().size() > 0;
    case Value::Kind::kLongInt:
    case Value::Kind::kNamespace:
    case Value::Kind::kCallable:
      return true;
  }
  return false;
}

}  // namespace hlm::jinja
