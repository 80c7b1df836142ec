// The interpreter's expressions.
#include <algorithm>

#include "core/base/error.h"
#include "core/text/template/builtins.h"
#include "core/text/template/format.h"
#include "core/text/template/interpreter.h"
#include "core/text/template/operators.h"

namespace hlm::jinja {

Value Interpreter::Evaluate(const Expr& expr, Scope* scope) {
  if (expr.kind == Expr::Kind::kConstant) return expr.constant;
  if (expr.kind == Expr::Kind::kName) return Lookup(expr.name, scope);
  const Budget::Level level(budget_);
  budget_.Step();
  const int line = line_;
  line_ = expr.line;
  Value value = EvaluateOne(expr, scope);
  line_ = line;  // an error leaves it where it was
  return value;
}

Value Interpreter::Lookup(int name, const Scope* scope) {
  constexpr size_t kNamesAStep = 32;
  for (; scope != nullptr; scope = scope->parent) {
    if (scope->variables.size() > kNamesAStep) [[unlikely]]
      budget_.Step(scope->variables.size() / kNamesAStep);
    if (const Value* value = scope->Find(name)) return *value;
  }
  const auto index = static_cast<size_t>(name);
  if (context_[index] != nullptr) return *context_[index];
  return Undefined(name);
}

Value Interpreter::Undefined(int name) const {
  return Value::Undefined(StrCat("'", program_.names[static_cast<size_t>(name)], "' is undefined"));
}

Value Interpreter::EvaluateOne(const Expr& expr, Scope* scope) {
  const auto child = [&](size_t i) { return Evaluate(*expr.children[i], scope); };
  switch (expr.kind) {
    case Expr::Kind::kConstant:
      return expr.constant;
    case Expr::Kind::kName:
      return Lookup(expr.name, scope);
    case Expr::Kind::kAttribute:
      return Attribute(child(0), expr.text);
    case Expr::Kind::kItem: {
      const Value of = child(0);
      return Item(of, child(1));
    }
    case Expr::Kind::kSlice:
      return EvaluateSlice(expr, scope);
    case Expr::Kind::kCall:
      return EvaluateCall(expr, scope, nullptr);
    case Expr::Kind::kFilter:
      return EvaluateFilter(expr, scope, nullptr);
    case Expr::Kind::kTest: {
      const Value input = child(0);
      Arguments arguments = EvaluateArguments(expr, scope);
      if (expr.test == nullptr) throw UnknownTest(expr.text);
      return Value::Bool(expr.test(*this, input, arguments));
    }
    case Expr::Kind::kNot:
      return Value::Bool(!Truth(child(0)));
    case Expr::Kind::kNegative:
      return Negative(child(0));
    case Expr::Kind::kPositive: {
      const Value value = child(0);
      NotUndefined(value);
      if (!value.IsNumber()) throw InvalidArgument("bad operand type for unary +: '", TypeName(value), "'");
      return value.IsBool() ? Value::Int(value.whole()) : value;
    }
    case Expr::Kind::kAnd: {
      Value left = child(0);
      return Truth(left) ? child(1) : left;
    }
    case Expr::Kind::kOr: {
      Value left = child(0);
      return Truth(left) ? left : child(1);
    }
    case Expr::Kind::kBinary: {
      const Value left = child(0);
      return Arithmetic(expr.op, left, child(1), budget_);
    }
    case Expr::Kind::kCompare:
      return EvaluateCompare(expr, scope);
    case Expr::Kind::kConcat:
      return EvaluateConcat(expr, scope);
    case Expr::Kind::kCondition:
      if (Truth(child(0))) return child(1);
      if (expr.children[2] != nullptr) return child(2);
      return Value::Undefined(
          StrCat("the inline if-expression on line ", expr.line, " evaluated to false and no else section was defined."));
    case Expr::Kind::kList:
    case Expr::Kind::kTuple:
      return EvaluateItems(expr, scope);
    case Expr::Kind::kDict:
      return EvaluateDict(expr, scope);
    case Expr::Kind::kNamespaceAttribute:
      break;
  }
  throw Internal("an expression of an unknown kind");
}

Value Interpreter::EvaluateItems(const Expr& expr, Scope* scope) {
  std::vector<Value> items;
  for (const ExprPointer& child : expr.children) items.push_back(Evaluate(*child, scope));
  budget_.Charge(items.size() * sizeof(Value));
  return expr.kind == Expr::Kind::kList ? MakeList(std::move(items)) : MakeTuple(std::move(items));
}

Value Interpreter::EvaluateDict(const Expr& expr, Scope* scope) {
  Dict dict;
  for (size_t i = 0; i + 1 < expr.children.size(); i += 2) {
    Value key = Evaluate(*expr.children[i], scope);
    dict.Set(std::move(key), Evaluate(*expr.children[i + 1], scope));
  }
  budget_.Charge(dict.size() * sizeof(Dict::Entry));
  return MakeDict(std::move(dict));
}

Value Interpreter::EvaluateConcat(const Expr& expr, Scope* scope) {
  TextBuilder out(budget_);
  for (const ExprPointer& child : expr.children) AppendStr(Evaluate(*child, scope), out, budget_);
  return Value::String(out.Take());
}

Value Interpreter::EvaluateCompare(const Expr& expr, Scope* scope) {
  Value left = Evaluate(*expr.children[0], scope);
  for (size_t i = 0; i < expr.ops.size(); ++i) {
    Value right = Evaluate(*expr.children[i + 1], scope);
    if (!CompareValues(expr.ops[i], left, right, budget_)) return Value::Bool(false);
    left = std::move(right);
  }
  return Value::Bool(true);
}

Value Interpreter::EvaluateSlice(const Expr& expr, Scope* scope) {
  const Value of = Evaluate(*expr.children[0], scope);
  const auto bound = [&](size_t i) { return expr.children[i] == nullptr ? Value::None() : Evaluate(*expr.children[i], scope); };
  const Value start = bound(1), stop = bound(2), step = bound(3);
  return Slice(of, start, stop, step, budget_);
}

Arguments Interpreter::EvaluateArguments(const Expr& expr, Scope* scope) {
  Arguments arguments;
  for (const ExprPointer& argument : expr.arguments) arguments.positional.push_back(Evaluate(*argument, scope));
  for (const auto& [name, argument] : expr.named) arguments.named.emplace_back(name, Evaluate(*argument, scope));
  if (expr.more_arguments != nullptr) {
    for (Value& item : Items(Evaluate(*expr.more_arguments, scope), budget_)) arguments.positional.push_back(std::move(item));
  }
  if (expr.more_named != nullptr) {
    const Value more = Evaluate(*expr.more_named, scope);
    if (!more.IsDict()) throw InvalidArgument("argument after ** must be a mapping, not ", TypeName(more));
    for (const auto& [key, value] : more.dict().entries()) {
      if (!key.IsText()) throw InvalidArgument("keywords must be strings");
      arguments.named.emplace_back(std::string(key.text().bytes()), value);
    }
  }
  return arguments;
}

Value Interpreter::EvaluateCall(const Expr& expr, Scope* scope, const Value* caller) {
  const Expr& callee = *expr.children[0];
  if (callee.kind == Expr::Kind::kAttribute) {
    // A method is called without making a value of it.
    const Value self = Evaluate(*callee.children[0], scope);
    NotUndefined(self);
    if (const Method method = FindMethod(self, callee.text)) {
      Arguments arguments = EvaluateArguments(expr, scope);
      return method(*this, self, arguments);
    }
    const Value function = Attribute(self, callee.text);
    Arguments arguments = EvaluateArguments(expr, scope);
    if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
    return Call(function, std::move(arguments));
  }
  const Value function = Evaluate(callee, scope);
  Arguments arguments = EvaluateArguments(expr, scope);
  if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
  return Call(function, std::move(arguments));
}

Value Interpreter::EvaluateFilter(const Expr& expr, Scope* scope, const Value* input) {
  // A chain of filters on a block begins with the block's text.
  Value value;
  if (expr.children[0] == nullptr) {
    value = *input;
  } else if (input != nullptr && expr.children[0]->kind == Expr::Kind::kFilter) {
    value = EvaluateFilter(*expr.children[0], scope, input);
  } else {
    value = Evaluate(*expr.children[0], scope);
  }
  Arguments arguments = EvaluateArguments(expr, scope);
  line_ = expr.line;
  if (expr.filter == nullptr) throw UnknownFilter(expr.text);
  return expr.filter(*this, value, arguments);
}

Value Interpreter::Call(const Value& callee, Arguments arguments) {
  NotUndefined(callee);
  if (callee.kind() != Value::Kind::kCallable) throw InvalidArgument("'", TypeName(callee), "' object is not callable");
  return callee.callable().Call(*this, std::move(arguments));
}

namespace {

// A method that was named and not called.
Value BindMethod(Method method, const Value& self) {
  const auto call = [method, self](Interpreter& interpreter, Arguments& arguments) {
    return method(interpreter, self, arguments);
  };
  return Value::Of(std::make_shared<const Function>(call, "builtin_function_or_method", CheckedDepth(self.depth() + 1)));
}

Value NoAttribute(const Value& of, std::string_view name) {
  const std::string what = of.IsNone() ? "None" : StrCat("'", TypeName(of), " object'");
  return Value::Undefined(StrCat(what, " has no attribute '", name, "'"));
}

}  // namespace

Value Interpreter::Attribute(const Value& of, std::string_view name) {
  NotUndefined(of);
  if (of.kind() == Value::Kind::kCallable) return of.callable().Attribute(*this, name);
  if (of.kind() == Value::Kind::kNamespace) {
    const Value* value = of.space().attributes.Find(name);
    return value != nullptr ? *value : NoAttribute(of, name);
  }
  if (const Method method = FindMethod(of, name)) return BindMethod(method, of);
  if (of.IsDict()) {
    if (const Value* value = of.dict().Find(name)) return *value;
  }
  if (of.IsSequence() && of.sequence().is_group && (name == "grouper" || name == "list")) {
    return of.sequence().items[name == "grouper" ? 0 : 1];
  }
  return NoAttribute(of, name);
}

Value Interpreter::Item(const Value& of, const Value& key) {
  NotUndefined(of);
  if (std::optional<Value> item = Index(of, key, budget_)) return std::move(*item);
  if (key.IsText()) {
    if (of.kind() == Value::Kind::kNamespace || of.kind() == Value::Kind::kCallable || of.IsSequence()) {
      return Attribute(of, key.text().bytes());
    }
    if (const Method method = FindMethod(of, key.text().bytes())) return BindMethod(method, of);
    return NoAttribute(of, key.text().bytes());
  }
  TextBuilder name(budget_);
  AppendRepr(key, name, budget_);
  return Value::Undefined(StrCat(of.IsNone() ? "None" : TypeName(of) + " object", " has no element ", name.bytes()));
}

}  // namespace hlm::jinja
