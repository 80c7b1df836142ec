#include "core/text/template/expression_parser.h"

#include <algorithm>

namespace hlm::jinja {

using Kind = Token::Kind;

std::string ExpressionParser::Describe(const Token& token) {
  switch (token.kind) {
    case Kind::kText:
      return "text";
    case Kind::kOutputBegin:
      return "'{{'";
    case Kind::kOutputEnd:
      return "'}}'";
    case Kind::kBlockBegin:
      return "'{%'";
    case Kind::kBlockEnd:
      return "'%}'";
    case Kind::kString:
      return "a string";
    case Kind::kEnd:
      return "the end of the template";
    default:
      return "'" + token.text.substr(0, 40) + "'";
  }
}

void ExpressionParser::ExpectName(std::string_view name) {
  if (!SkipName(name)) Fail("expected '", name, "', not ", Describe(Current()));
}
void ExpressionParser::ExpectOperator(std::string_view op) {
  if (!SkipOperator(op)) Fail("expected '", op, "', not ", Describe(Current()));
}
void ExpressionParser::Expect(Kind kind) {
  if (Current().kind != kind) Fail("expected ", Describe({kind, 0, ""}), ", not ", Describe(Current()));
  Next();
}
std::string ExpressionParser::TakeName() {
  if (Current().kind != Kind::kName) Fail("expected a name, not ", Describe(Current()));
  std::string name = Current().text;
  Next();
  return name;
}
int ExpressionParser::Intern(const std::string& name) {
  const auto [at, fresh] = interned_.emplace(name, static_cast<int>(program_.names.size()));
  if (fresh) program_.names.push_back(name);
  return at->second;
}

ExprPointer ExpressionParser::Make(Expr::Kind kind) const {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->line = Current().line;
  return expr;
}
void ExpressionParser::Add(Expr& parent, ExprPointer child) {
  if (child != nullptr) parent.depth = std::max(parent.depth, child->depth + 1);
  parent.children.push_back(std::move(child));
}
ExprPointer ExpressionParser::Finish(ExprPointer expr) const {
  if (expr->depth > 2 * kMaxNesting) {
    throw ResourceExhausted("line ", expr->line, ": an expression nested deeper than ", 2 * kMaxNesting, " levels");
  }
  return expr;
}
ExprPointer ExpressionParser::Binary(Op op, ExprPointer left, ExprPointer right) {
  ExprPointer expr = Make(Expr::Kind::kBinary);
  expr->line = left->line;
  expr->op = op;
  Add(*expr, std::move(left));
  Add(*expr, std::move(right));
  return Finish(std::move(expr));
}

ExprPointer ExpressionParser::Expression() {
  const Nested nested(*this);
  const size_t unknown = unknown_.size();
  ExprPointer value = Or();
  while (SkipName("if")) {
    ExprPointer expr = Make(Expr::Kind::kCondition);
    expr->line = value->line;
    Add(*expr, Or());
    Add(*expr, std::move(value));
    Add(*expr, SkipName("else") ? Expression() : nullptr);
    value = Finish(std::move(expr));
    unknown_.resize(unknown);
  }
  return value;
}

ExprPointer ExpressionParser::Or() {
  ExprPointer left = And();
  while (SkipName("or")) {
    ExprPointer expr = Make(Expr::Kind::kOr);
    Add(*expr, std::move(left));
    Add(*expr, And());
    left = Finish(std::move(expr));
  }
  return left;
}

ExprPointer ExpressionParser::And() {
  ExprPointer left = Not();
  while (SkipName("and")) {
    ExprPointer expr = Make(Expr::Kind::kAnd);
    Add(*expr, std::move(left));
    Add(*expr, Not());
    left = Finish(std::move(expr));
  }
  return left;
}

ExprPointer ExpressionParser::Not() {
  if (!IsName("not")) return Compare();
  const Nested nested(*this);
  ExprPointer expr = Make(Expr::Kind::kNot);
  Next();
  Add(*expr, Not());
  return Finish(std::move(expr));
}

ExprPointer ExpressionParser::Compare() {
  static constexpr std::pair<std::string_view, Op> kOps[] = {{"==", Op::kEqual},  {"!=", Op::kNotEqual},
                                                             {"<", Op::kLess},    {"<=", Op::kLessEqual},
                                                             {">", Op::kGreater}, {">=", Op::kGreaterEqual}};
  ExprPointer left = Sum();
  ExprPointer expr;
  while (true) {
    const auto op = std::find_if(std::begin(kOps), std::end(kOps), [&](const auto& o) { return IsOperator(o.first); });
    Op found;
    if (op != std::end(kOps)) {
      found = op->second;
      Next();
    } else if (SkipName("in")) {
      found = Op::kIn;
    } else if (IsName("not") && Ahead().kind == Kind::kName && Ahead().text == "in") {
      found = Op::kNotIn;
      Next();
      Next();
    } else {
      break;
    }
    if (expr == nullptr) {
      expr = Make(Expr::Kind::kCompare);
      Add(*expr, std::move(left));
    }
    expr->ops.push_back(found);
    Add(*expr, Sum());
  }
  return expr == nullptr ? std::move(left) : Finish(std::move(expr));
}

ExprPointer ExpressionParser::Sum() {
  ExprPointer left = Concat();
  while (IsOperator("+") || IsOperator("-")) {
    const Op op = IsOperator("+") ? Op::kAdd : Op::kSubtract;
    Next();
    left = Binary(op, std::move(left), Concat());
  }
  return left;
}

ExprPointer ExpressionParser::Concat() {
  ExprPointer first = Product();
  if (!IsOperator("~")) return first;
  ExprPointer expr = Make(Expr::Kind::kConcat);
  Add(*expr, std::move(first));
  while (SkipOperator("~")) Add(*expr, Product());
  return Finish(std::move(expr));
}

ExprPointer ExpressionParser::Product() {
  ExprPointer left = Power();
  while (true) {
    Op op;
    if (IsOperator("*")) {
      op = Op::kMultiply;
    } else if (IsOperator("/")) {
      op = Op::kDivide;
    } else if (IsOperator("//")) {
      op = Op::kFloorDivide;
    } else if (IsOperator("%")) {
      op = Op::kModulo;
    } else {
      return left;
    }
    Next();
    left = Binary(op, std::move(left), Power());
  }
}

ExprPointer ExpressionParser::Power() {
  ExprPointer left = Unary(true);
  while (SkipOperator("**")) left = Binary(Op::kPower, std::move(left), Unary(true));
  return left;
}

ExprPointer ExpressionParser::Unary(bool with_filters) {
  const Nested nested(*this);
  ExprPointer expr;
  if (IsOperator("-") || IsOperator("+")) {
    expr = Make(IsOperator("-") ? Expr::Kind::kNegative : Expr::Kind::kPositive);
    Next();
    Add(*expr, Unary(false));
    expr = Finish(std::move(expr));
  } else {
    expr = Primary();
  }
  expr = Postfix(std::move(expr));
  return with_filters ? PostfixAndFilters(std::move(expr)) : std::move(expr);
}

ExprPointer ExpressionParser::Primary() {
  const Token& token = Current();
  ExprPointer expr = Make(Expr::Kind::kConstant);
  switch (token.kind) {
    case Kind::kName: {
      const std::string name = TakeName();
      if (name == "true" || name == "True" || name == "false" || name == "False") {
        expr->constant = Value::Bool(name == "true" || name == "True");
      } else if (name == "none" || name == "None") {
        expr->constant = Value::None();
      } else {
        expr->kind = Expr::Kind::kName;
        expr->name = Intern(name);
        names_used_.caller |= name == "caller";
        names_used_.varargs |= name == "varargs";
        names_used_.kwargs |= name == "kwargs";
      }
      return expr;
    }
    case Kind::kString: {
      std::string text;
      for (; Current().kind == Kind::kString; Next()) text += Current().text;
      expr->constant = Value::String(std::move(text));
      return expr;
    }
    case Kind::kInt:
      expr->constant = Value::Int(token.whole);
      break;
    case Kind::kFloat:
      expr->constant = Value::Float(token.real);
      break;
    default:
      if (SkipOperator("(")) {
        expr = TupleOrExpression(true, true);
        ExpectOperator(")");
        return expr;
      }
      if (IsOperator("[")) return ListLiteral();
      if (IsOperator("{")) return DictLiteral();
      Fail("expected an expression, not ", Describe(token));
  }
  Next();
  return expr;
}

// Not at "in" or "recursive": behind a comma Jinja takes them for names of their own.
bool ExpressionParser::AtTupleEnd() const {
  return Current().kind == Kind::kOutputEnd || Current().kind == Kind::kBlockEnd || IsOperator(")");
}

ExprPointer ExpressionParser::TupleOrExpression(bool with_condition, bool parenthesized) {
  ExprPointer tuple = Make(Expr::Kind::kTuple);
  bool is_tuple = false;
  while (!AtTupleEnd()) {
    Add(*tuple, with_condition ? Expression() : Or());
    if (!SkipOperator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!tuple->children.empty()) return std::move(tuple->children[0]);
    if (!parenthesized) Fail("expected an expression, not ", Describe(Current()));
  }
  return Finish(std::move(tuple));
}

ExprPointer ExpressionParser::Target(bool namespaces) {
  const Nested nested(*this);
  const auto one = [&]() -> ExprPointer {
    if (SkipOperator("(")) {
      ExprPointer inner = Target(namespaces);
      ExpectOperator(")");
      return inner;
    }
    ExprPointer expr = Make(Expr::Kind::kName);
    const std::string name = TakeName();
    static constexpr std::string_view kReserved[] = {"true", "True", "false", "False", "none", "None"};
    if (std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved)) Fail("cannot assign to ", name);
    expr->name = Intern(name);
    if (namespaces && SkipOperator(".")) {
      expr->kind = Expr::Kind::kNamespaceAttribute;
      expr->text = TakeName();
    }
    return expr;
  };
  ExprPointer tuple = Make(Expr::Kind::kTuple);
  bool is_tuple = false;
  while (true) {
    if (is_tuple && AtTupleEnd()) break;
    Add(*tuple, one());
    if (!SkipOperator(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return Finish(std::move(tuple));
  if (tuple->children.empty()) Fail("expected a name, not ", Describe(Current()));
  return std::move(tuple->children[0]);
}

ExprPointer ExpressionParser::ListLiteral() {
  ExprPointer list = Make(Expr::Kind::kList);
  ExpectOperator("[");
  while (!IsOperator("]")) {
    Add(*list, Expression());
    if (!SkipOperator(",")) break;
  }
  ExpectOperator("]");
  return Finish(std::move(list));
}

ExprPointer ExpressionParser::DictLiteral() {
  ExprPointer dict = Make(Expr::Kind::kDict);
  ExpectOperator("{");
  while (!IsOperator("}")) {
    Add(*dict, Expression());
    ExpectOperator(":");
    Add(*dict, Expression());
    if (!SkipOperator(",")) break;
  }
  ExpectOperator("}");
  return Finish(std::move(dict));
}

}  // namespace hlm::jinja
