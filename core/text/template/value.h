// The values that templates compute with: Python's, as far as templates reach them.
//
// Values are immutable and share what they hold, apart from namespaces (and the places of iterators), which belong to one render.
// Containers know how deep they are nested: kMaxValueDepth bounds every recursion over them, their destructors included.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_VALUE_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_VALUE_H_

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/text/template/text.h"

namespace hlm::jinja {

struct Sequence;
class Dict;
struct Namespace;
class Callable;

class Value {
 public:
  enum class Kind : uint8_t { kUndefined, kNone, kBool, kInt, kLongInt, kFloat, kText, kSequence, kDict, kNamespace, kCallable };

  Value() = default;  // undefined, without a name
  static Value None() { return Value(Kind::kNone); }
  static Value Bool(bool value);
  static Value Int(int64_t value);
  // A whole number of more than 64 bits, by its digits: it can be printed and told from others; there is no arithmetic with it.
  static Value LongInt(std::string digits);
  static Value Float(double value);
  static Value String(Text text);
  static Value String(std::string text) { return String(Text(std::move(text))); }
  // `why` is what an error says about it: "'x' is undefined".
  static Value Undefined(std::string why);
  static Value Of(std::shared_ptr<const Sequence> sequence);
  static Value Of(std::shared_ptr<const Dict> dict);
  static Value Of(std::shared_ptr<Namespace> space);
  static Value Of(std::shared_ptr<const Callable> callable);

  Kind kind() const { return kind_; }
  bool IsUndefined() const { return kind_ == Kind::kUndefined; }
  bool IsNone() const { return kind_ == Kind::kNone; }
  bool IsBool() const { return kind_ == Kind::kBool; }
  bool IsInt() const { return kind_ == Kind::kInt; }  // no boolean
  bool IsLongInt() const { return kind_ == Kind::kLongInt; }
  bool IsWhole() const { return IsInt() || IsBool(); }
  bool IsFloat() const { return kind_ == Kind::kFloat; }
  bool IsNumber() const { return IsWhole() || IsFloat(); }
  bool IsText() const { return kind_ == Kind::kText; }
  bool IsSequence() const { return kind_ == Kind::kSequence; }
  bool IsDict() const { return kind_ == Kind::kDict; }

  // Each only where the value is of the kind.
  int64_t whole() const { return whole_; }  // of a boolean 0 or 1
  double real() const { return real_; }
  double AsDouble() const { return IsFloat() ? real_ : static_cast<double>(whole_); }
  const Text& text() const { return text_; }  // of a long whole number its digits
  const Sequence& sequence() const;
  const Dict& dict() const;
  Namespace& space() const;
  const Callable& callable() const;
  std::string WhyUndefined() const;

  bool SameObject(const Value& other) const;  // Python's `is`
  int depth() const;

 private:
  explicit Value(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::kUndefined;
  union {
    int64_t whole_ = 0;
    double real_;
  };
  Text text_;                           // of a string; digits; the reason of an undefined one
  std::shared_ptr<const void> object_;  // of the other kinds
};

struct Sequence {
  // kIterator: what Python's generators and iterators are: it can be gone through once.
  enum class Flavor : uint8_t { kList, kTuple, kKeys, kValues, kItems, kRange, kIterator };

  Sequence(Flavor f, std::vector<Value> values);

  const Flavor flavor;
  const std::vector<Value> items;
  int depth;
  bool is_group = false;                  // of `groupby`: a tuple whose items are also .grouper and .list
  mutable size_t place = 0;               // of an iterator
  mutable std::exception_ptr failure;     // of an iterator: what it raises behind its items, to whoever asks for more
  int64_t start = 0, stop = 0, step = 1;  // of a range, for its repr
  bool IsList() const { return flavor == Flavor::kList; }
  bool IsTuple() const { return flavor == Flavor::kTuple; }
  bool IsView() const { return flavor == Flavor::kKeys || flavor == Flavor::kValues || flavor == Flavor::kItems; }
  bool IsIterator() const { return flavor == Flavor::kIterator; }
  // Somebody has taken the last item and asked for another.
  void CheckEnd() const {
    if (failure != nullptr) std::rethrow_exception(std::exchange(failure, nullptr));
  }
};

Value MakeList(std::vector<Value> values);
Value MakeTuple(std::vector<Value> values);
Value MakeSequence(Sequence::Flavor flavor, std::vector<Value> values);

// Keeps the order of insertion. Keys are what Python can hash; equal numbers are the same key.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  Dict() = default;
  // Replaces the value of an equal key, which keeps its place.
  void Set(Value key, Value value);
  void Set(std::string_view key, Value value) { Set(Value::String(std::string(key)), std::move(value)); }
  const Value* Find(const Value& key) const;
  const Value* Find(std::string_view key) const;
  const std::vector<Entry>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  int depth() const { return depth_; }
  void Clear();

  int64_t message = -1;  // the index of the message that this is

 private:
  static constexpr size_t kIndexFrom = 12;  // fewer entries are searched in turn

  std::vector<Entry> entries_;
  std::unordered_multimap<uint64_t, size_t> index_;
  int depth_ = 1;
};

Value MakeDict(Dict dict);

struct Namespace {
  Dict attributes;
};

class Interpreter;

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// Macros, methods bound to their value, functions, and loops (which templates may call).
class Callable {
 public:
  virtual ~Callable() = default;
  virtual Value Call(Interpreter& interpreter, Arguments arguments) const = 0;
  // Undefined where there is none of this name.
  virtual Value Attribute(Interpreter& interpreter, std::string_view name) const;
  virtual std::string TypeName() const = 0;
  virtual int depth() const { return 1; }
};

// Throws INVALID_ARGUMENT (Python's TypeError) for a value that cannot be a key.
uint64_t HashOf(const Value& value);

// RESOURCE_EXHAUSTED beyond kMaxValueDepth.
int CheckedDepth(int depth);

// "str", "int", "list", "NoneType", "Undefined" ...
std::string TypeName(const Value& value);

// ==, as Python: numbers by value, sequences and dicts by what they hold.
bool Equal(const Value& a, const Value& b);
bool Truth(const Value& value);

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_VALUE_H_
