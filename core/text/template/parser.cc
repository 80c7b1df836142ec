#include "core/text/template/parser.h"

#include <algorithm>
#include <initializer_list>
#include <unordered_map>
#include <utility>

#include "core/base/error.h"
#include "core/text/template/builtins.h"
#include "core/text/template/expression_parser.h"
#include "core/text/template/lexer.h"
#include "core/text/template/unset_names.h"

namespace hlm::jinja {
namespace {

using Kind = Token::Kind;

class Parser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Program Run() {
    program_.body = Statements({});
    if (!unknown_.empty()) throw Unimplemented(unknown_.front());
    return std::move(program_);
  }

 private:
  std::unique_ptr<Stmt> Make(Stmt::Kind kind) const {
    auto stmt = std::make_unique<Stmt>();
    stmt->kind = kind;
    stmt->line = Current().line;
    return stmt;
  }

  // Up to a block that begins with one of `ends`, whose name is then the current token; up to the end of the template for none.
  Body Statements(std::initializer_list<const char*> ends) {
    const Nested nested(*this);
    Body body;
    while (true) {
      switch (Current().kind) {
        case Kind::kEnd:
          if (ends.size() == 0) return body;
          Fail("the template ends where ", *(ends.end() - 1), " is missing");
        case Kind::kText: {
          auto text = Make(Stmt::Kind::kText);
          text->constant = Value::String(Current().text);
          Next();
          body.push_back(std::move(text));
          break;
        }
        case Kind::kOutputBegin: {
          auto output = Make(Stmt::Kind::kOutput);
          Next();
          output->expr = TupleOrExpression(true);
          Expect(Kind::kOutputEnd);
          body.push_back(std::move(output));
          break;
        }
        default: {
          Expect(Kind::kBlockBegin);
          for (const char* end : ends) {
            if (IsName(end)) return body;
          }
          body.push_back(Statement());
          Expect(Kind::kBlockEnd);
          break;
        }
      }
    }
  }

  // What `parse` makes, within a condition or not.
  template <class Parse>
  auto Within(bool conditional, const Parse& parse) {
    const bool around = std::exchange(conditional_, conditional);
    auto made = parse();
    conditional_ = around;
    return made;
  }
  // A body behind the head of its tag; the end's name is taken.
  Body BodyUntil(const char* end) {
    EndHead();
    Body body = Within(false, [&] { return Statements({end}); });
    Next();
    return body;
  }
  void EndHead() {
    SkipOperator(":");
    Expect(Kind::kBlockEnd);
  }

  std::unique_ptr<Stmt> Statement() {
    if (Current().kind != Kind::kName) Fail("a tag begins with ", Describe(Current()), " instead of a name");
    const std::string& name = Current().text;
    if (name == "if") return Within(true, [&] { return If(); });
    if (name == "for") return For();
    if (name == "set") return Set();
    if (name == "macro") return Macro();
    if (name == "call") return Call();
    if (name == "filter") return FilterBlock();
    if (name == "with") return With();
    if (name == "generation") return Generation();
    if (name == "break" || name == "continue") {
      if (loops_ == 0) Fail(name, " outside a loop");
      auto stmt = Make(name == "break" ? Stmt::Kind::kBreak : Stmt::Kind::kContinue);
      Next();
      return stmt;
    }
    if (name.starts_with("end") || name == "else" || name == "elif") Fail("unexpected tag ", name);
    throw Unimplemented("line ", Current().line, ": the statement ", name, " is not known to this engine");
  }

  std::unique_ptr<Stmt> If() {
    auto stmt = Make(Stmt::Kind::kIf);
    while (true) {
      Next();  // if, elif
      ExprPointer condition = TupleOrExpression(false);
      EndHead();
      stmt->branches.emplace_back(std::move(condition), Statements({"elif", "else", "endif"}));
      if (IsName("elif")) continue;
      if (IsName("else")) {
        Next();
        EndHead();
        stmt->else_body = Statements({"endif"});
      }
      Next();
      return stmt;
    }
  }

  std::unique_ptr<Stmt> For() {
    auto stmt = Make(Stmt::Kind::kFor);
    Next();
    stmt->target = Target(false);
    ExpectName("in");
    stmt->expr = TupleOrExpression(false);
    if (SkipName("if")) stmt->condition = Within(false, [&] { return Expression(); });
    stmt->recursive = SkipName("recursive");
    EndHead();
    ++loops_;
    stmt->body = Within(false, [&] { return Statements({"else", "endfor"}); });
    --loops_;
    if (IsName("else")) {
      Next();
      stmt->else_body = BodyUntil("endfor");
    } else {
      Next();
    }
    return stmt;
  }

  std::unique_ptr<Stmt> Set() {
    auto stmt = Make(Stmt::Kind::kSet);
    Next();
    stmt->target = Target(true);
    if (SkipOperator("=")) {
      stmt->expr = TupleOrExpression(true);
      return stmt;
    }
    stmt->kind = Stmt::Kind::kSetBlock;
    if (IsOperator("|")) stmt->expr = Within(false, [&] { return FilterChain(nullptr); });
    stmt->body = BodyUntil("endset");
    return stmt;
  }

  Parameters Signature() {
    return Within(false, [&] { return ReadSignature(); });
  }
  Parameters ReadSignature() {
    Parameters parameters;
    ExpectOperator("(");
    while (!IsOperator(")")) {
      if (!parameters.names.empty()) ExpectOperator(",");
      const std::string name = TakeName();
      const int id = Intern(name);
      if (std::find(parameters.names.begin(), parameters.names.end(), id) != parameters.names.end())
        Fail("a second parameter '", name, "'");
      parameters.names.push_back(id);
      if (SkipOperator("=")) {
        parameters.defaults.push_back(Expression());
      } else if (!parameters.defaults.empty()) {
        Fail("a parameter without a default behind one that has it");
      }
    }
    ExpectOperator(")");
    return parameters;
  }

  // A body that is called from elsewhere: a loop around it is not its own.
  void CallableBody(Stmt& stmt, const char* end) {
    const int loops = loops_;
    const NamesUsed outer = names_used_;
    loops_ = 0;
    names_used_ = {};
    stmt.body = BodyUntil(end);
    stmt.uses_caller = names_used_.caller;
    stmt.uses_arguments = names_used_.varargs;
    stmt.uses_named = names_used_.kwargs;
    loops_ = loops;
    names_used_ = outer;
  }

  std::unique_ptr<Stmt> Macro() {
    auto stmt = Make(Stmt::Kind::kMacro);
    Next();
    stmt->name = Intern(TakeName());
    stmt->parameters = Signature();
    CallableBody(*stmt, "endmacro");
    return stmt;
  }

  std::unique_ptr<Stmt> Call() {
    auto stmt = Make(Stmt::Kind::kCall);
    Next();
    if (IsOperator("(")) stmt->parameters = Signature();
    stmt->expr = Expression();
    if (stmt->expr->kind != Expr::Kind::kCall) Fail("the tag call needs a call");
    CallableBody(*stmt, "endcall");
    return stmt;
  }

  std::unique_ptr<Stmt> FilterBlock() {
    auto stmt = Make(Stmt::Kind::kFilterBlock);
    Next();
    stmt->expr = Within(false, [&] { return FilterChain(OneFilter(nullptr)); });
    stmt->body = BodyUntil("endfilter");
    return stmt;
  }

  std::unique_ptr<Stmt> With() {
    auto stmt = Make(Stmt::Kind::kWith);
    Next();
    while (Current().kind != Kind::kBlockEnd) {
      if (!stmt->assignments.empty()) ExpectOperator(",");
      ExprPointer target = Target(false);
      ExpectOperator("=");
      stmt->assignments.emplace_back(std::move(target), Expression());
    }
    stmt->body = BodyUntil("endwith");
    return stmt;
  }

  std::unique_ptr<Stmt> Generation() {
    auto stmt = Make(Stmt::Kind::kGeneration);
    Next();
    program_.has_generation = true;
    const int loops = loops_;
    loops_ = 0;
    stmt->body = BodyUntil("endgeneration");
    loops_ = loops;
    return stmt;
  }

  int loops_ = 0;  // around the statement
};

}  // namespace

Program Parse(std::string_view source) {
  if (source.size() > kMaxTemplateBytes) {
    throw ResourceExhausted("the template has ", source.size(), " bytes; at most ", kMaxTemplateBytes, " are read");
  }
  Program program = Parser(Tokenize(source)).Run();
  FindUnsetNames(program);
  return program;
}

}  // namespace hlm::jinja
