// What stands behind `is`.
#include <map>

#include "core/base/error.h"
#include "core/text/template/builtins.h"
#include "core/text/template/interpreter.h"
#include "core/text/template/operators.h"

namespace hlm::jinja {
namespace {

void NoArguments(Arguments& arguments) { const Bound bound("the test", arguments, {}); }

template <bool (*kIs)(const Value&)>
bool Simple(Interpreter&, const Value& value, Arguments& arguments) {
  NoArguments(arguments);
  return kIs(value);
}

bool Defined(const Value& v) { return !v.IsUndefined(); }
bool Undefined(const Value& v) { return v.IsUndefined(); }
bool IsNone(const Value& v) { return v.IsNone(); }
bool Boolean(const Value& v) { return v.IsBool(); }
bool True(const Value& v) { return v.IsBool() && v.whole() == 1; }
bool False(const Value& v) { return v.IsBool() && v.whole() == 0; }
bool Integer(const Value& v) { return v.IsInt() || v.IsLongInt(); }
bool Float(const Value& v) { return v.IsFloat(); }
bool Number(const Value& v) { return v.IsNumber() || v.IsLongInt(); }
bool String(const Value& v) { return v.IsText(); }
bool Mapping(const Value& v) { return v.IsDict(); }
bool Iterable(const Value& v) { return v.IsText() || v.IsSequence() || v.IsDict() || v.IsUndefined(); }
// What has a length and items: not generators. (An undefined value passes the original's check.)
bool IsSequence(const Value& v) {
  return v.IsText() || v.IsDict() || v.IsUndefined() || (v.IsSequence() && !v.sequence().IsIterator() && !v.sequence().IsView());
}
// What could be called, as Python asks the value's type: an undefined value, whose call is an error of its own, is one.
bool IsCallable(const Value& v) {
  return v.IsUndefined() || (v.kind() == Value::Kind::kCallable && v.callable().TypeName() != "Cycler");
}
bool Escaped(const Value& v) { return v.IsText() && v.text().safe(); }

template <bool kUpper>
bool Cased(Interpreter& interpreter, const Value& value, Arguments& arguments) {
  NoArguments(arguments);
  const Value text = value.IsText() ? value : Value::String(Text());
  Arguments none;
  if (!value.IsText()) {
    // The original asks the value as text.
    const Filter string = FindFilter("string");
    const Value made = string(interpreter, value, none);
    return Truth(FindTextMethod(kUpper ? "isupper" : "islower")(interpreter, made, none));
  }
  return Truth(FindTextMethod(kUpper ? "isupper" : "islower")(interpreter, text, none));
}

template <Op kOp>
bool Compare(Interpreter& interpreter, const Value& value, Arguments& arguments) {
  const Bound bound("the test", arguments, {"other"}, 1);
  return CompareValues(kOp, value, bound[0], interpreter.budget());
}

Value Remainder(Interpreter& interpreter, const Value& value, const Value& by) {
  return Arithmetic(Op::kModulo, value, by, interpreter.budget());
}
template <int kRest>
bool Parity(Interpreter& interpreter, const Value& value, Arguments& arguments) {
  NoArguments(arguments);
  return Equal(Remainder(interpreter, value, Value::Int(2)), Value::Int(kRest));
}
bool DivisibleBy(Interpreter& interpreter, const Value& value, Arguments& arguments) {
  const Bound bound("divisibleby", arguments, {"num"}, 1);
  return Equal(Remainder(interpreter, value, bound[0]), Value::Int(0));
}
bool SameAs(Interpreter&, const Value& value, Arguments& arguments) {
  const Bound bound("sameas", arguments, {"other"}, 1);
  return value.SameObject(bound[0]);
}
bool IsFilter(Interpreter&, const Value& value, Arguments& arguments) {
  NoArguments(arguments);
  return value.IsText() && FindFilter(value.text().bytes()) != nullptr;
}
bool IsTest(Interpreter&, const Value& value, Arguments& arguments) {
  NoArguments(arguments);
  return value.IsText() && FindTest(value.text().bytes()) != nullptr;
}

}  // namespace

Error UnknownTest(std::string_view name) { return Unimplemented("the test ", name, " is not known to this engine"); }

Test FindTest(std::string_view name) {
  static const std::map<std::string_view, Test> kTests = {
      {"defined", Simple<Defined>},
      {"undefined", Simple<Undefined>},
      {"none", Simple<IsNone>},
      {"boolean", Simple<Boolean>},
      {"true", Simple<True>},
      {"false", Simple<False>},
      {"integer", Simple<Integer>},
      {"float", Simple<Float>},
      {"number", Simple<Number>},
      {"string", Simple<String>},
      {"mapping", Simple<Mapping>},
      {"iterable", Simple<Iterable>},
      {"sequence", Simple<IsSequence>},
      {"callable", Simple<IsCallable>},
      {"escaped", Simple<Escaped>},
      {"upper", Cased<true>},
      {"lower", Cased<false>},
      {"odd", Parity<1>},
      {"even", Parity<0>},
      {"divisibleby", DivisibleBy},
      {"sameas", SameAs},
      {"filter", IsFilter},
      {"test", IsTest},
      {"in", Compare<Op::kIn>},
      {"==", Compare<Op::kEqual>},
      {"eq", Compare<Op::kEqual>},
      {"equalto", Compare<Op::kEqual>},
      {"!=", Compare<Op::kNotEqual>},
      {"ne", Compare<Op::kNotEqual>},
      {">", Compare<Op::kGreater>},
      {"gt", Compare<Op::kGreater>},
      {"greaterthan", Compare<Op::kGreater>},
      {"<", Compare<Op::kLess>},
      {"lt", Compare<Op::kLess>},
      {"lessthan", Compare<Op::kLess>},
      {">=", Compare<Op::kGreaterEqual>},
      {"ge", Compare<Op::kGreaterEqual>},
      {"<=", Compare<Op::kLessEqual>},
      {"le", Compare<Op::kLessEqual>},
  };
  const auto at = kTests.find(name);
  return at == kTests.end() ? nullptr : at->second;
}

}  // namespace hlm::jinja
