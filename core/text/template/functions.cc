// Arguments by name, and the global functions.
#include <algorithm>
#include <array>
#include <ctime>
#include <map>

#include "core/base/c_locale.h"
#include "core/base/error.h"
#include "core/text/template/builtins.h"
#include "core/text/template/format.h"
#include "core/text/template/interpreter.h"
#include "core/text/template/operators.h"

namespace hlm::jinja {

Bound::Bound(std::string_view what, Arguments& arguments, std::initializer_list<std::string_view> names, size_t needed)
    : what_(what), values_(names.size()) {
  if (arguments.positional.size() > names.size()) {
    throw InvalidArgument(what, "() takes at most ", names.size(), " argument(s), ", arguments.positional.size(), " were given");
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) throw InvalidArgument(what, "() got an unexpected keyword argument '", name, "'");
    const Value*& place = values_[static_cast<size_t>(at - names.begin())];
    if (place != nullptr) throw InvalidArgument(what, "() got multiple values for argument '", name, "'");
    place = &value;
  }
  for (size_t i = 0; i < needed; ++i) {
    if (values_[i] == nullptr) throw InvalidArgument(what, "() missing required argument '", names.begin()[i], "'");
  }
}

int64_t Bound::Int(size_t i, int64_t otherwise) const {
  if (values_[i] == nullptr || values_[i]->IsNone()) return otherwise;
  NotUndefined(*values_[i]);
  if (!values_[i]->IsWhole()) throw InvalidArgument(what_, "() needs a whole number, not '", TypeName(*values_[i]), "'");
  return values_[i]->whole();
}

bool Bound::Bool(size_t i, bool otherwise) const { return values_[i] == nullptr ? otherwise : Truth(*values_[i]); }

namespace {

Value Range(Interpreter& interpreter, Arguments& arguments) {
  const Bound bound("range", arguments, {"start", "stop", "step"}, 1);
  const auto whole = [&](size_t i) {
    NotUndefined(bound[i]);
    if (!bound[i].IsWhole()) throw InvalidArgument("'", TypeName(bound[i]), "' object cannot be interpreted as an integer");
    return bound[i].whole();
  };
  const int64_t start = bound.Has(1) ? whole(0) : 0, stop = bound.Has(1) ? whole(1) : whole(0),
                step = bound.Has(2) ? whole(2) : 1;
  if (step == 0) throw InvalidArgument("range() arg 3 must not be zero");
  const __int128 distance = step > 0 ? static_cast<__int128>(stop) - start : static_cast<__int128>(start) - stop;
  const __int128 by = step > 0 ? static_cast<__int128>(step) : -static_cast<__int128>(step);
  const __int128 count = distance <= 0 ? 0 : (distance + by - 1) / by;
  if (count > kMaxRange) throw ResourceExhausted("a range has more than ", kMaxRange, " items");
  interpreter.budget().Charge(static_cast<size_t>(count) * sizeof(Value));
  std::vector<Value> items;
  for (int64_t i = 0; i < static_cast<int64_t>(count); ++i) items.push_back(Value::Int(start + i * step));
  auto range = std::make_shared<Sequence>(Sequence::Flavor::kRange, std::move(items));
  range->start = start;
  range->stop = stop;
  range->step = step;
  return Value::Of(std::shared_ptr<const Sequence>(std::move(range)));
}

// dict(pairs or a dict, name=value ...); the attributes of a namespace likewise.
Dict DictOf(Interpreter& interpreter, Arguments& arguments, std::string_view what) {
  if (arguments.positional.size() > 1)
    throw InvalidArgument(what, " expected at most 1 argument, got ", arguments.positional.size());
  Dict dict;
  if (!arguments.positional.empty()) {
    const Value& from = arguments.positional[0];
    if (from.IsDict()) {
      for (const auto& [key, value] : from.dict().entries()) dict.Set(key, value);
    } else {
      for (const Value& pair : Items(from, interpreter.budget())) {
        std::vector<Value> two = Items(pair, interpreter.budget());
        if (two.size() != 2)
          throw InvalidArgument("dictionary update sequence element has length ", two.size(), "; 2 is required");
        dict.Set(two[0], two[1]);
      }
    }
  }
  for (auto& [name, value] : arguments.named) dict.Set(name, value);
  interpreter.budget().Charge(dict.size() * sizeof(Dict::Entry));
  return dict;
}

Value RaiseException(Interpreter& interpreter, Arguments& arguments) {
  const Bound bound("raise_exception", arguments, {"message"}, 1);
  throw InvalidArgument("the template refuses: ", Str(bound[0], interpreter.budget()).bytes());
}

Value StrftimeNow(Interpreter& interpreter, Arguments& arguments) {
  const Bound bound("strftime_now", arguments, {"format"}, 1);
  if (!bound[0].IsText()) throw InvalidArgument("strftime_now() needs a string, not '", TypeName(bound[0]), "'");
  const std::string format = std::string(bound[0].text().bytes()) + " ";  // never "", which strftime cannot tell from an error
  std::string text(format.size() * 8 + 256, '\0');
  std::tm now = interpreter.now();
  const CLocale english;
  text.resize(std::strftime(text.data(), text.size(), format.c_str(), &now));
  if (text.empty()) throw InvalidArgument("strftime_now: the format is too long");
  text.pop_back();
  return Value::String(std::move(text));
}

class Cycler final : public Callable, public std::enable_shared_from_this<Cycler> {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {
    for (const Value& item : items_) depth_ = std::max(depth_, CheckedDepth(item.depth() + 1));
  }
  Value Call(Interpreter&, Arguments) const override { throw InvalidArgument("'Cycler' object is not callable"); }
  Value Attribute(Interpreter& interpreter, std::string_view name) const override {
    if (name == "current") return items_[place_];
    if (name != "next" && name != "reset") return Callable::Attribute(interpreter, name);
    const bool next = name == "next";
    const auto call = [self = shared_from_this(), next](Interpreter&, Arguments&) {
      const Value now = self->items_[self->place_];
      self->place_ = next ? (self->place_ + 1) % self->items_.size() : 0;
      return next ? now : Value::None();
    };
    return Value::Of(std::make_shared<const Function>(call, "method", depth_ + 1));
  }
  std::string TypeName() const override { return "Cycler"; }
  int depth() const override { return depth_; }

 private:
  std::vector<Value> items_;
  mutable size_t place_ = 0;
  int depth_ = 1;
};

Value MakeCycler(Interpreter&, Arguments& arguments) {
  if (arguments.positional.empty()) throw InvalidArgument("at least one item has to be provided");
  return Value::Of(std::make_shared<const Cycler>(std::move(arguments.positional)));
}

Value MakeFunction(Function::Body body, const char* type = "function") {
  return Value::Of(std::make_shared<const Function>(std::move(body), type));
}

Value Joiner(Interpreter&, Arguments& arguments) {
  const Bound bound("joiner", arguments, {"sep"});
  Value separator = bound.Has(0) ? bound[0] : Value::String(std::string(", "));
  const auto used = std::make_shared<bool>(false);
  return MakeFunction(
      [separator, used](Interpreter&, Arguments&) {
        if (*used) return separator;
        *used = true;
        return Value::String(Text());
      },
      "Joiner");
}

const std::map<std::string_view, Value>& Globals() {
  static const std::map<std::string_view, Value> kGlobals = {
      {"range", MakeFunction(Range)},
      {"dict", MakeFunction([](Interpreter& i, Arguments& a) { return MakeDict(DictOf(i, a, "dict")); }, "type")},
      {"namespace",
       MakeFunction([](Interpreter& i, Arguments& a) { return i.MakeNamespace(DictOf(i, a, "namespace")); }, "type")},
      {"raise_exception", MakeFunction(RaiseException)},
      {"strftime_now", MakeFunction(StrftimeNow)},
      {"cycler", MakeFunction(MakeCycler, "type")},
      {"joiner", MakeFunction(Joiner, "type")},
      {"lipsum", MakeFunction([](Interpreter&, Arguments&) -> Value { throw Unimplemented("lipsum() is random text"); })},
  };
  return kGlobals;
}

}  // namespace

const Value* FindGlobal(std::string_view name) {
  const auto at = Globals().find(name);
  return at == Globals().end() ? nullptr : &at->second;
}

}  // namespace hlm::jinja
