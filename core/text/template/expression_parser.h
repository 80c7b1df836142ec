// The expressions of a template, by precedence: condition, or, and, not, comparisons, + -, ~, * / // %, **, unary, postfix and
// filters.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_EXPRESSION_PARSER_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_EXPRESSION_PARSER_H_

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/text/template/ast.h"
#include "core/text/template/lexer.h"

namespace hlm::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

 protected:
  // Deeper by one while it lives.
  class Nested {
   public:
    explicit Nested(ExpressionParser& parser) : parser_(parser) {
      if (++parser_.nesting_ > kMaxNesting) {
        throw ResourceExhausted("line ", parser_.Current().line, ": nested deeper than ", kMaxNesting, " levels");
      }
    }
    ~Nested() { --parser_.nesting_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    ExpressionParser& parser_;
  };
  // Names that make a macro take what it has no parameter for.
  struct NamesUsed {
    bool caller = false, varargs = false, kwargs = false;
  };

  const Token& Current() const { return tokens_[at_]; }
  const Token& Ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  void Next() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  bool IsName(std::string_view name) const { return Current().kind == Token::Kind::kName && Current().text == name; }
  bool IsOperator(std::string_view op) const { return Current().kind == Token::Kind::kOperator && Current().text == op; }
  bool SkipName(std::string_view name) { return Skip(IsName(name)); }
  bool SkipOperator(std::string_view op) { return Skip(IsOperator(op)); }
  void ExpectName(std::string_view name);
  void ExpectOperator(std::string_view op);
  void Expect(Token::Kind kind);
  std::string TakeName();
  int Intern(const std::string& name);
  static std::string Describe(const Token& token);
  template <class... Parts>
  [[noreturn]] void Fail(const Parts&... parts) const {
    throw InvalidArgument("line ", Current().line, ": ", parts...);
  }

  ExprPointer Expression();  // with conditions
  // Expressions with commas between them are a tuple.
  ExprPointer TupleOrExpression(bool with_condition, bool parenthesized = false);
  // What can be assigned to: a name, a tuple of names, an attribute of a namespace where `namespaces`.
  ExprPointer Target(bool namespaces);
  // The filters that follow; `input` may be null.
  ExprPointer FilterChain(ExprPointer input);
  ExprPointer OneFilter(ExprPointer input);

  Program program_;
  NamesUsed names_used_;
  // As in Jinja2, a filter or test that nobody knows is an error of the template but within a condition (`if` and its bodies, down to
  // the next body of another kind), where it is one when it is reached.
  bool conditional_ = false;
  std::vector<std::string> unknown_;  // outside of conditions: the errors

 private:
  void NoteUnknown(int line, const Error& error);
  bool Skip(bool yes) {
    if (yes) Next();
    return yes;
  }
  ExprPointer Make(Expr::Kind kind) const;
  static void Add(Expr& parent, ExprPointer child);
  ExprPointer Finish(ExprPointer expr) const;  // checks how deep it is

  ExprPointer Or();
  ExprPointer And();
  ExprPointer Not();
  ExprPointer Compare();
  ExprPointer Sum();
  ExprPointer Concat();
  ExprPointer Product();
  ExprPointer Power();
  ExprPointer Unary(bool with_filters);
  ExprPointer Primary();
  ExprPointer Postfix(ExprPointer expr);
  ExprPointer PostfixAndFilters(ExprPointer expr);
  ExprPointer Subscript(ExprPointer expr);
  ExprPointer Subscribed(ExprPointer expr);
  ExprPointer Slice(ExprPointer item, ExprPointer start);
  ExprPointer Call(ExprPointer callee);
  ExprPointer IsTest(ExprPointer input);
  ExprPointer DictLiteral();
  ExprPointer ListLiteral();
  void CallArguments(Expr& call);
  bool AtTupleEnd() const;
  ExprPointer Binary(Op op, ExprPointer left, ExprPointer right);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int nesting_ = 0;
  std::unordered_map<std::string, int> interned_;
};

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_EXPRESSION_PARSER_H_
