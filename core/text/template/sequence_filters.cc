// Filters that take, order or choose items.
#include <algorithm>
#include <charconv>
#include <functional>

#include "core/base/error.h"
#include "core/text/template/builtins.h"
#include "core/text/template/filters.h"
#include "core/text/template/format.h"
#include "core/text/template/interpreter.h"
#include "core/text/template/operators.h"
#include "core/text/template/text_ops.h"

namespace hlm::jinja {
namespace {

using Flavor = Sequence::Flavor;

Value Iterator(std::vector<Value> items) { return MakeSequence(Flavor::kIterator, std::move(items)); }

// As Python's generators, which fail where somebody asks for the item that cannot be made, and not where nobody does. What is too
// much work or unknown to this engine is told at once.
template <class Make>
Value Lazily(const Make& make) {
  std::vector<Value> items;
  std::exception_ptr failure;
  try {
    make(items);
  } catch (const Error& error) {
    if (error.code() != Code::kInvalidArgument) throw;
    failure = std::current_exception();
  }
  auto made = std::make_shared<Sequence>(Flavor::kIterator, std::move(items));
  made->failure = failure;
  return Value::Of(std::shared_ptr<const Sequence>(std::move(made)));
}

// The items of a generator's input: what fails behind them fails behind what is made of them.
class Taken {
 public:
  Taken(const Value& input, Budget& budget) {
    if (input.IsSequence()) behind_ = std::exchange(input.sequence().failure, nullptr);
    items_ = Items(input, budget);
  }
  std::vector<Value>::iterator begin() { return items_.begin(); }
  std::vector<Value>::iterator end() { return items_.end(); }
  void End() const {
    if (behind_ != nullptr) std::rethrow_exception(behind_);
  }

 private:
  std::vector<Value> items_;
  std::exception_ptr behind_;
};

// A value by "a.b.0", or by a whole number.
// An undefined value on the way is `otherwise`, where that is given.
Value ByPath(Interpreter& interpreter, Value value, const Value& path, const Value* otherwise = nullptr) {
  const auto item = [&](const Value& key) {
    value = interpreter.Item(value, key);
    if (value.IsUndefined() && otherwise != nullptr && !otherwise->IsNone()) value = *otherwise;
  };
  if (!path.IsText()) {
    item(path);
    return value;
  }
  std::string_view rest = path.text().bytes();
  while (true) {
    const size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    int64_t index = 0;
    const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool number = failure == std::errc() && end == part.data() + part.size() && part[0] != '-';
    item(number ? Value::Int(index) : Value::String(std::string(part)));
    if (dot == std::string_view::npos) return value;
    rest.remove_prefix(dot + 1);
  }
}

Value IgnoreCase(Interpreter& interpreter, const Value& value) {
  return value.IsText() ? Value::String(ChangeCase(value.text(), Case::kLower, interpreter.budget())) : value;
}

Value Length(Interpreter&, const Value& input, Arguments& arguments) {
  const Bound bound("length", arguments, {});
  if (input.IsUndefined()) return Value::Int(0);
  if (input.IsText()) return Value::Int(static_cast<int64_t>(input.text().chars()));
  if (input.IsDict()) return Value::Int(static_cast<int64_t>(input.dict().size()));
  if (input.IsSequence() && !input.sequence().IsIterator())
    return Value::Int(static_cast<int64_t>(input.sequence().items.size()));
  throw InvalidArgument("object of type '", TypeName(input), "' has no len()");
}

Value List(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("list", arguments, {});
  return MakeList(Items(input, interpreter.budget()));
}

Value First(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("first", arguments, {});
  if (input.IsSequence()) {
    const Sequence& sequence = input.sequence();
    const size_t at = sequence.IsIterator() ? sequence.place : 0;
    if (at < sequence.items.size()) {
      if (sequence.IsIterator()) ++sequence.place;
      return sequence.items[at];
    }
    sequence.CheckEnd();
  } else {
    const std::vector<Value> items = Items(input, interpreter.budget());
    if (!items.empty()) return items.front();
  }
  return Value::Undefined("No first item, sequence was empty.");
}

Value Last(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("last", arguments, {});
  if (input.IsSequence() && input.sequence().IsIterator()) throw InvalidArgument("'generator' object is not reversible");
  const std::vector<Value> items = Items(input, interpreter.budget());
  if (items.empty()) return Value::Undefined("No last item, sequence was empty.");
  // Found by index, where a safe string's characters are safe.
  return input.IsText() ? Value::String(WithSafe(items.back().text(), input.text().safe(), interpreter.budget())) : items.back();
}

Value Reverse(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("reverse", arguments, {});
  const bool one_way = input.IsSequence() && input.sequence().IsIterator();  // which Python's reversed() takes no more than ours
  std::vector<Value> items = Items(input, interpreter.budget());
  std::reverse(items.begin(), items.end());
  if (!input.IsText()) return one_way ? MakeList(std::move(items)) : Iterator(std::move(items));
  TextBuilder out(interpreter.budget());
  for (const Value& item : items) out.Append(item.text());
  return Value::String(out.Take(input.text().safe()));
}

Value Join(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("join", arguments, {"d", "attribute"});
  Budget& budget = interpreter.budget();
  const Text separator = bound.Has(0) ? Str(bound[0], budget) : Text();
  const bool by_path = bound.Has(1) && !bound[1].IsNone();
  TextBuilder out(budget);
  bool first = true;
  for (const Value& item : Items(input, budget)) {
    if (!first) out.Append(separator);
    first = false;
    AppendStr(by_path ? ByPath(interpreter, item, bound[1]) : item, out, budget);
  }
  return Value::String(out.Take());
}

Value DictItems(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("items", arguments, {});
  if (input.IsUndefined()) return Iterator({});
  return Lazily([&](std::vector<Value>& items) {
    if (!input.IsDict()) throw InvalidArgument("Can only get item pairs from a mapping.");
    for (const auto& [key, value] : input.dict().entries()) items.push_back(MakeTuple({key, value}));
    interpreter.budget().Charge(items.size() * 2 * sizeof(Value));
  });
}

// Stable, and compared as Python does: `less` may throw.
void SortBy(std::vector<Value>& items, bool reverse, Budget& budget, const std::function<Value(const Value&)>& key) {
  std::vector<std::pair<Value, Value>> keyed;
  keyed.reserve(items.size());
  for (Value& item : items) keyed.emplace_back(key(item), item);
  budget.Charge(items.size() * 16 * 16);
  // Insertion by binary search would be quadratic, and std::stable_sort may not meet a comparison that contradicts itself (NaN):
  // a merge sort of our own takes any answers.
  std::vector<std::pair<Value, Value>> other(keyed.size());
  for (size_t width = 1; width < keyed.size(); width *= 2) {
    for (size_t begin = 0; begin < keyed.size(); begin += 2 * width) {
      size_t a = begin, b = std::min(begin + width, keyed.size());
      const size_t a_end = b, b_end = std::min(begin + 2 * width, keyed.size());
      for (size_t out = begin; out < b_end; ++out) {
        const bool second =
            a == a_end || (b < b_end && (reverse ? Less(keyed[a].first, keyed[b].first) : Less(keyed[b].first, keyed[a].first)));
        other[out] = std::move(second ? keyed[b++] : keyed[a++]);
      }
    }
    keyed.swap(other);
  }
  for (size_t i = 0; i < items.size(); ++i) items[i] = std::move(keyed[i].second);
}

Value DictSort(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  NotUndefined(input);
  if (!input.IsDict()) throw InvalidArgument("dictsort needs a mapping, not '", TypeName(input), "'");
  const std::string by = bound.Has(1) && bound[1].IsText() ? std::string(bound[1].text().bytes()) : bound.Has(1) ? "" : "key";
  if (by != "key" && by != "value") throw InvalidArgument("You can only sort by either \"key\" or \"value\"");
  std::vector<Value> items;
  for (const auto& [key, value] : input.dict().entries()) items.push_back(MakeTuple({key, value}));
  const bool sensitive = bound.Bool(0, false);
  SortBy(items, bound.Bool(2, false), interpreter.budget(), [&](const Value& item) {
    const Value& key = item.sequence().items[by == "key" ? 0 : 1];
    return sensitive ? key : IgnoreCase(interpreter, key);
  });
  return MakeList(std::move(items));
}

Value Sort(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  std::vector<Value> items = Items(input, interpreter.budget());
  const bool sensitive = bound.Bool(1, false);
  const Value attribute = bound.Has(2) ? bound[2] : Value::None();
  SortBy(items, bound.Bool(0, false), interpreter.budget(), [&](const Value& item) {
    const auto key = [&](const Value& path) {
      const Value value = path.IsNone() ? item : ByPath(interpreter, item, path);
      return sensitive ? value : IgnoreCase(interpreter, value);
    };
    // A list, of one path as of several: of lists only items that differ are compared, so that undefined values, which are equal,
    // are sorted where nothing else is among them.
    if (!attribute.IsText()) return MakeList({key(attribute)});
    const Text comma(std::string(","));
    std::vector<Value> keys;
    for (Text& path : SplitText(attribute.text(), &comma, -1, false, interpreter.budget()))
      keys.push_back(key(Value::String(path)));
    return MakeList(std::move(keys));
  });
  return MakeList(std::move(items));
}

Value Unique(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("unique", arguments, {"case_sensitive", "attribute"});
  return Lazily([&](std::vector<Value>& kept) {
    Dict seen;
    Taken taken(input, interpreter.budget());
    for (const Value& item : taken) {
      Value key = bound.Has(1) && !bound[1].IsNone() ? ByPath(interpreter, item, bound[1]) : item;
      if (!bound.Bool(0, false)) key = IgnoreCase(interpreter, key);
      if (seen.Find(key) != nullptr) continue;
      seen.Set(key, Value::None());
      kept.push_back(item);
    }
    taken.End();
  });
}

template <bool kMax>
Value MinMax(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("min", arguments, {"case_sensitive", "attribute"});
  const std::vector<Value> items = Items(input, interpreter.budget());
  if (items.empty()) return Value::Undefined("No aggregated item, sequence was empty.");
  const auto key = [&](const Value& item) {
    const Value value = bound.Has(1) && !bound[1].IsNone() ? ByPath(interpreter, item, bound[1]) : item;
    return bound.Bool(0, false) ? value : IgnoreCase(interpreter, value);
  };
  size_t best = 0;
  Value best_key = key(items[0]);
  for (size_t i = 1; i < items.size(); ++i) {
    Value other = key(items[i]);
    if (kMax ? !CompareValues(Op::kGreater, other, best_key, interpreter.budget()) : !Less(other, best_key)) continue;
    best = i;
    best_key = std::move(other);
  }
  return items[best];
}

Value Sum(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("sum", arguments, {"attribute", "start"});
  Value sum = bound.Has(1) ? bound[1] : Value::Int(0);
  if (sum.IsText()) throw InvalidArgument("sum() can't sum strings [use ''.join(seq) instead]");
  for (const Value& item : Items(input, interpreter.budget())) {
    const Value value = bound.Has(0) && !bound[0].IsNone() ? ByPath(interpreter, item, bound[0]) : item;
    sum = Arithmetic(Op::kAdd, sum, value, interpreter.budget());
  }
  return sum;
}

std::string NameArgument(const Value& value, const char* what) {
  NotUndefined(value);
  if (!value.IsText()) throw InvalidArgument(what, ": the name is no string but '", TypeName(value), "'");
  return std::string(value.text().bytes());
}

void MapInto(Interpreter& interpreter, const Value& input, Arguments& arguments, std::vector<Value>& out) {
  if (arguments.positional.empty()) {
    const Bound bound("map", arguments, {"attribute", "default"});
    if (!bound.Has(0)) throw InvalidArgument("map requires a filter argument");
    Taken taken(input, interpreter.budget());
    for (const Value& item : taken) out.push_back(ByPath(interpreter, item, bound[0], bound.Get(1)));
    return taken.End();
  }
  const std::string name = NameArgument(arguments.positional[0], "map");
  const Filter filter = FindFilter(name);
  if (filter == nullptr) throw UnknownFilter(name);
  const Arguments rest{{arguments.positional.begin() + 1, arguments.positional.end()}, arguments.named};
  Taken taken(input, interpreter.budget());
  for (const Value& item : taken) {
    interpreter.budget().Iterate();
    Arguments own = rest;
    out.push_back(filter(interpreter, item, own));
  }
  taken.End();
}
Value Map(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  if (!Truth(input)) return Iterator({});
  return Lazily([&](std::vector<Value>& out) { MapInto(interpreter, input, arguments, out); });
}

// select, reject, selectattr and rejectattr.
template <bool kAttribute, bool kKeep>
void SelectInto(Interpreter& interpreter, const Value& input, const Arguments& arguments, std::vector<Value>& out) {
  const size_t skip = kAttribute ? 1 : 0;
  if (arguments.positional.size() < skip) throw InvalidArgument("Missing parameter for attribute name");
  Test test = nullptr;
  Arguments rest{{}, arguments.named};
  if (arguments.positional.size() > skip) {
    const std::string name = NameArgument(arguments.positional[skip], "select");
    test = FindTest(name);
    if (test == nullptr) throw UnknownTest(name);
    rest.positional.assign(arguments.positional.begin() + static_cast<int64_t>(skip) + 1, arguments.positional.end());
  }
  Taken taken(input, interpreter.budget());
  for (const Value& item : taken) {
    interpreter.budget().Iterate();
    const Value value = kAttribute ? ByPath(interpreter, item, arguments.positional[0]) : item;
    Arguments own = rest;
    if ((test == nullptr ? Truth(value) : test(interpreter, value, own)) == kKeep) out.push_back(item);
  }
  taken.End();
}
template <bool kAttribute, bool kKeep>
Value Select(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  if (!Truth(input)) return Iterator({});
  return Lazily([&](std::vector<Value>& out) { SelectInto<kAttribute, kKeep>(interpreter, input, arguments, out); });
}

Value GroupBy(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
  std::vector<Value> items = Items(input, interpreter.budget());
  const bool sensitive = bound.Bool(2, false);
  const auto raw = [&](const Value& item) { return ByPath(interpreter, item, bound[0], bound.Get(1)); };
  const auto key = [&](const Value& item) { return sensitive ? raw(item) : IgnoreCase(interpreter, raw(item)); };
  SortBy(items, false, interpreter.budget(), key);
  std::vector<Value> groups;
  for (size_t begin = 0; begin < items.size();) {
    size_t end = begin + 1;
    while (end < items.size() && Equal(key(items[end]), key(items[begin]))) ++end;
    std::vector<Value> members(items.begin() + static_cast<int64_t>(begin), items.begin() + static_cast<int64_t>(end));
    auto group = std::make_shared<Sequence>(Flavor::kTuple, std::vector<Value>{raw(items[begin]), MakeList(std::move(members))});
    group->is_group = true;
    groups.push_back(Value::Of(std::shared_ptr<const Sequence>(std::move(group))));
    begin = end;
  }
  return MakeList(std::move(groups));
}

Value Batch(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("batch", arguments, {"linecount", "fill_with"}, 1);
  const int64_t size = bound.Int(0, 1);
  return Lazily([&](std::vector<Value>& batches) {
    std::vector<Value> batch;
    Taken taken(input, interpreter.budget());
    for (Value& item : taken) {
      if (static_cast<int64_t>(batch.size()) == size) batches.push_back(MakeList(std::exchange(batch, {})));
      batch.push_back(std::move(item));
    }
    taken.End();
    if (batch.empty()) return;
    interpreter.budget().CheckSize(static_cast<size_t>(std::max<int64_t>(size, 0)));
    while (bound.Has(1) && !bound[1].IsNone() && static_cast<int64_t>(batch.size()) < size) batch.push_back(bound[1]);
    batches.push_back(MakeList(std::move(batch)));
  });
}

Value SliceFilter(Interpreter& interpreter, const Value& input, Arguments& arguments) {
  const Bound bound("slice", arguments, {"slices", "fill_with"}, 1);
  const int64_t slices = bound.Int(0, 1);
  if (slices < 1) throw InvalidArgument("slice: slices is ", slices, "; it must be at least 1");
  interpreter.budget().CheckSize(static_cast<size_t>(slices));
  const std::vector<Value> items = Items(input, interpreter.budget());
  const auto length = static_cast<int64_t>(items.size());
  const int64_t each = length / slices, longer = length % slices;
  std::vector<Value> out;
  int64_t begin = 0;
  for (int64_t i = 0; i < slices; ++i) {
    interpreter.budget().Charge(sizeof(Value) * 2);
    const int64_t end = begin + each + (i < longer ? 1 : 0);
    std::vector<Value> part(items.begin() + begin, items.begin() + end);
    if (bound.Has(1) && !bound[1].IsNone() && i >= longer) part.push_back(bound[1]);
    out.push_back(MakeList(std::move(part)));
    begin = end;
  }
  return Iterator(std::move(out));
}

}  // namespace

const FilterTable& SequenceFilters() {
  static const FilterTable kFilters = {
      {"length", Length},
      {"count", Length},
      {"list", List},
      {"first", First},
      {"last", Last},
      {"reverse", Reverse},
      {"join", Join},
      {"items", DictItems},
      {"dictsort", DictSort},
      {"sort", Sort},
      {"unique", Unique},
      {"min", MinMax<false>},
      {"max", MinMax<true>},
      {"sum", Sum},
      {"map", Map},
      {"select", Select<false, true>},
      {"reject", Select<false, false>},
      {"selectattr", Select<true, true>},
      {"rejectattr", Select<true, false>},
      {"groupby", GroupBy},
      {"batch", Batch},
      {"slice", SliceFilter},
  };
  return kFilters;
}

}  // namespace hlm::jinja
