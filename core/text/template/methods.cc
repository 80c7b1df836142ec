// Methods of dicts, lists and tuples, and those that would change them.
#include <algorithm>

#include "core/base/error.h"
#include "core/text/template/builtins.h"
#include "core/text/template/format.h"
#include "core/text/template/interpreter.h"
#include "core/text/template/operators.h"

namespace hlm::jinja {
namespace {

using Flavor = Sequence::Flavor;

Value View(Interpreter& interpreter, const Value& self, Arguments& arguments, Flavor flavor) {
  const Bound bound("items", arguments, {});
  std::vector<Value> items;
  for (const auto& [key, value] : self.dict().entries()) {
    items.push_back(flavor == Flavor::kKeys ? key : flavor == Flavor::kValues ? value : MakeTuple({key, value}));
  }
  interpreter.budget().Charge(items.size() * 2 * sizeof(Value));
  return MakeSequence(flavor, std::move(items));
}
Value Keys(Interpreter& i, const Value& self, Arguments& a) { return View(i, self, a, Flavor::kKeys); }
Value Values(Interpreter& i, const Value& self, Arguments& a) { return View(i, self, a, Flavor::kValues); }
Value DictItems(Interpreter& i, const Value& self, Arguments& a) { return View(i, self, a, Flavor::kItems); }

Value Get(Interpreter&, const Value& self, Arguments& arguments) {
  if (!arguments.named.empty()) throw InvalidArgument("dict.get() takes no keyword arguments");
  const Bound bound("get", arguments, {"key", "default"}, 1);
  if (const Value* value = self.dict().Find(bound[0])) return *value;
  return bound.Has(1) ? bound[1] : Value::None();
}
Value Copy(Interpreter&, const Value& self, Arguments& arguments) {
  const Bound bound("copy", arguments, {});
  return self;  // nothing can change it
}

Value SequenceIndex(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("index", arguments, {"value"}, 1);
  const auto& items = self.sequence().items;
  interpreter.budget().Charge(items.size() * 16);
  const auto at = std::find_if(items.begin(), items.end(), [&](const Value& item) { return Equal(item, bound[0]); });
  if (at == items.end()) throw InvalidArgument("the value is not in the list");
  return Value::Int(at - items.begin());
}
Value SequenceCount(Interpreter& interpreter, const Value& self, Arguments& arguments) {
  const Bound bound("count", arguments, {"value"}, 1);
  const auto& items = self.sequence().items;
  interpreter.budget().Charge(items.size() * 16);
  return Value::Int(std::count_if(items.begin(), items.end(), [&](const Value& item) { return Equal(item, bound[0]); }));
}

[[noreturn]] Value Changes(Interpreter&, const Value& self, Arguments&) {
  throw InvalidArgument("a template may not change a ", TypeName(self),
                        " (append, extend, insert, pop, remove, reverse, sort, clear, "
                        "setdefault, update, popitem are refused, as by Jinja's sandbox)");
}

bool OneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Method FindDictMethod(std::string_view name) {
  if (name == "items") return DictItems;
  if (name == "keys") return Keys;
  if (name == "values") return Values;
  if (name == "get") return Get;
  if (name == "copy") return Copy;
  if (OneOf(name, {"clear", "pop", "popitem", "setdefault", "update"})) return Changes;
  return nullptr;
}

Method FindMethod(const Value& self, std::string_view name) {
  if (self.IsText()) return FindTextMethod(name);
  if (self.IsDict()) return FindDictMethod(name);
  if (!self.IsSequence()) return nullptr;
  const Sequence& sequence = self.sequence();
  if (!sequence.IsList() && !sequence.IsTuple()) return nullptr;
  if (name == "index") return SequenceIndex;
  if (name == "count") return SequenceCount;
  if (!sequence.IsList()) return nullptr;
  if (name == "copy") return Copy;
  if (OneOf(name, {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"})) return Changes;
  return nullptr;
}

}  // namespace hlm::jinja
