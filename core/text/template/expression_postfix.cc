// What stands behind an operand: attributes, items, slices, calls, filters and tests.
#include "core/text/template/builtins.h"
#include "core/text/template/expression_parser.h"

namespace hlm::jinja {

using Kind = Token::Kind;

ExprPointer ExpressionParser::Postfix(ExprPointer expr) {
  while (true) {
    if (IsOperator(".") || IsOperator("[")) {
      expr = Subscript(std::move(expr));
    } else if (IsOperator("(")) {
      expr = Call(std::move(expr));
    } else {
      return expr;
    }
  }
}

ExprPointer ExpressionParser::PostfixAndFilters(ExprPointer expr) {
  while (true) {
    if (IsOperator("|")) {
      expr = FilterChain(std::move(expr));
    } else if (IsName("is")) {
      expr = IsTest(std::move(expr));
    } else if (IsOperator("(")) {
      expr = Call(std::move(expr));
    } else {
      return expr;
    }
  }
}

ExprPointer ExpressionParser::Subscript(ExprPointer expr) {
  if (SkipOperator("[")) {
    ExprPointer item = Subscribed(std::move(expr));
    ExpectOperator("]");
    return Finish(std::move(item));
  }
  ExpectOperator(".");
  ExprPointer attribute = Make(Expr::Kind::kAttribute);
  Add(*attribute, std::move(expr));
  if (Current().kind == Kind::kInt) {
    attribute->kind = Expr::Kind::kItem;
    ExprPointer index = Make(Expr::Kind::kConstant);
    index->constant = Value::Int(Current().whole);
    Next();
    Add(*attribute, std::move(index));
  } else {
    attribute->text = TakeName();
  }
  return Finish(std::move(attribute));
}

ExprPointer ExpressionParser::Subscribed(ExprPointer expr) {
  ExprPointer item = Make(Expr::Kind::kItem);
  Add(*item, std::move(expr));
  if (IsOperator("]")) {  // an empty tuple, which Jinja lets stand here
    Add(*item, Make(Expr::Kind::kTuple));
    return item;
  }
  ExprPointer first;
  if (!IsOperator(":")) first = Expression();
  if (IsOperator(":")) return Slice(std::move(item), std::move(first));
  if (IsOperator(",")) {
    ExprPointer tuple = Make(Expr::Kind::kTuple);
    Add(*tuple, std::move(first));
    while (SkipOperator(",")) Add(*tuple, Expression());
    if (IsOperator(":")) Fail("a slice stands beside another index");
    first = Finish(std::move(tuple));
  }
  Add(*item, std::move(first));
  return item;
}

ExprPointer ExpressionParser::Slice(ExprPointer item, ExprPointer start) {
  item->kind = Expr::Kind::kSlice;
  Add(*item, std::move(start));
  ExpectOperator(":");
  const auto bound = [&] { return IsOperator(":") || IsOperator("]") || IsOperator(",") ? nullptr : Expression(); };
  Add(*item, bound());
  Add(*item, SkipOperator(":") ? bound() : nullptr);
  if (IsOperator(",")) Fail("a slice stands beside another index");
  return item;
}

ExprPointer ExpressionParser::Call(ExprPointer callee) {
  ExprPointer call = Make(Expr::Kind::kCall);
  Add(*call, std::move(callee));
  CallArguments(*call);
  return Finish(std::move(call));
}

void ExpressionParser::CallArguments(Expr& call) {
  const auto deepen = [&](const ExprPointer& argument) { call.depth = std::max(call.depth, argument->depth + 1); };
  ExpectOperator("(");
  while (!IsOperator(")")) {
    if (SkipOperator("*")) {
      if (call.more_arguments || call.more_named) Fail("a second *argument in a call");
      call.more_arguments = Expression();
      deepen(call.more_arguments);
    } else if (SkipOperator("**")) {
      if (call.more_named) Fail("a second **argument in a call");
      call.more_named = Expression();
      deepen(call.more_named);
    } else if (Current().kind == Kind::kName && Ahead().kind == Kind::kOperator && Ahead().text == "=") {
      std::string name = TakeName();
      Next();
      for (const auto& known : call.named) {
        if (known.first == name) Fail("the argument ", name, " appears twice in a call");
      }
      call.named.emplace_back(std::move(name), Expression());
      deepen(call.named.back().second);
    } else {
      if (call.more_arguments || call.more_named || !call.named.empty())
        Fail("an argument without a name behind one with a name");
      call.arguments.push_back(Expression());
      deepen(call.arguments.back());
    }
    if (!SkipOperator(",")) break;
  }
  ExpectOperator(")");
}

void ExpressionParser::NoteUnknown(int line, const Error& error) {
  if (!conditional_) unknown_.push_back(StrCat("line ", line, ": ", error.message()));
}

ExprPointer ExpressionParser::OneFilter(ExprPointer input) {
  ExprPointer expr = Make(Expr::Kind::kFilter);
  std::string name = TakeName();
  while (SkipOperator(".")) name += "." + TakeName();
  expr->text = name;
  expr->filter = FindFilter(name);
  if (expr->filter == nullptr) NoteUnknown(expr->line, UnknownFilter(name));
  Add(*expr, std::move(input));
  if (IsOperator("(")) CallArguments(*expr);
  return Finish(std::move(expr));
}

ExprPointer ExpressionParser::FilterChain(ExprPointer input) {
  while (SkipOperator("|")) input = OneFilter(std::move(input));
  return input;
}

ExprPointer ExpressionParser::IsTest(ExprPointer input) {
  ExprPointer expr = Make(Expr::Kind::kTest);
  Next();
  const bool negated = SkipName("not");
  std::string name = TakeName();
  while (SkipOperator(".")) name += "." + TakeName();
  expr->text = name;
  expr->test = FindTest(name);
  if (expr->test == nullptr) NoteUnknown(expr->line, UnknownTest(name));
  Add(*expr, std::move(input));
  const Kind kind = Current().kind;
  const bool literal = kind == Kind::kName || kind == Kind::kString || kind == Kind::kInt || kind == Kind::kFloat ||
                       IsOperator("[") || IsOperator("{");
  if (IsOperator("(")) {
    CallArguments(*expr);
  } else if (literal && !IsName("else") && !IsName("or") && !IsName("and")) {
    if (IsName("is")) Fail("tests with `is` cannot follow each other");
    expr->arguments.push_back(Postfix(Primary()));
    expr->depth = std::max(expr->depth, expr->arguments.back()->depth + 1);
  }
  if (!negated) return Finish(std::move(expr));
  ExprPointer inverse = Make(Expr::Kind::kNot);
  Add(*inverse, std::move(expr));
  return Finish(std::move(inverse));
}

}  // namespace hlm::jinja
