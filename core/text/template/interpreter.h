// One render of a template.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_INTERPRETER_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_INTERPRETER_H_

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/template/ast.h"
#include "core/text/template/loop.h"

namespace hlm::jinja {

// The names of one block, loop or macro. A macro keeps the scope that it was defined in.
struct Scope {
  explicit Scope(Scope* outer) : parent(outer) {}

  Scope* parent;
  std::vector<std::pair<int, Value>> variables;
  bool kept = false;  // a macro refers to it

  const Value* Find(int name) const;
  void Set(int name, Value value);
};

// What outlives its block: it goes when the render ends.
class Kept {
 public:
  Kept() = default;
  // Namespaces may refer to themselves, and to each other in long chains: each is emptied by itself.
  ~Kept() {
    for (const auto& space : namespaces_) space->attributes.Clear();
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

  void Add(std::unique_ptr<Scope>& scope) { scopes_.push_back(std::move(scope)); }  // that a macro refers to
  void Add(const std::shared_ptr<Namespace>& space) { namespaces_.push_back(space); }

 private:
  std::vector<std::unique_ptr<Scope>> scopes_;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
};

// Names that statements give values to by themselves; -1: the template does not use it.
struct SpecialNames {
  explicit SpecialNames(const Program& program);
  int loop, caller, kwargs, varargs;
};

struct RenderSettings {
  Limits limits;
  std::tm now{};  // what strftime_now formats
};

class Interpreter {
 public:
  Interpreter(const Program& program, const RenderSettings& settings, const Dict& variables);
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  Text Render();
  // For each {% generation %} block that was printed: the index of the message that the loops around it were at, or -1.
  const std::vector<int64_t>& generations() const { return generations_; }
  // Where it is; after an error, where that was.
  int line() const { return line_; }

  // For functions, filters and macros.
  Budget& budget() { return budget_; }
  const std::tm& now() const { return settings_.now; }
  Value Attribute(const Value& of, std::string_view name);
  Value Item(const Value& of, const Value& key);
  Value Call(const Value& callee, Arguments arguments);
  Value MakeNamespace(Dict attributes);
  Text RunMacro(const Stmt& macro, Scope* defined_in, std::string_view name, Arguments arguments);
  // The body of a loop over `iterable` as a text: what loop(...) of a recursive loop prints.
  Text RunLoopAgain(const Stmt& loop, Scope* outer, const Value& iterable, int depth);
  bool LoopTest(const Stmt& loop, Scope* outer, const Value& item);

 private:
  enum class Flow { kNormal, kBreak, kContinue };

  Flow Execute(const Body& body, Scope* scope);
  Flow ExecuteOne(const Stmt& stmt, Scope* scope);
  Flow If(const Stmt& stmt, Scope* scope);
  Flow For(const Stmt& stmt, Scope* scope, const Value& iterable, int depth);
  // The body in a scope of its own; text: what it printed, through the filters of expr (may be null), which see that scope.
  Flow CaptureBody(const Stmt& stmt, Scope* scope, Value& text);
  Flow SetBlock(const Stmt& stmt, Scope* scope);
  Flow FilterBlock(const Stmt& stmt, Scope* scope);
  Flow With(const Stmt& stmt, Scope* scope);
  void CallBlock(const Stmt& stmt, Scope* scope);
  void Generation(const Stmt& stmt, Scope* scope);
  void Assign(const Expr& target, Value value, Scope* scope);

  Value Evaluate(const Expr& expr, Scope* scope);
  Value EvaluateOne(const Expr& expr, Scope* scope);
  Value Lookup(int name, const Scope* scope);
  Value Undefined(int name) const;
  Value EvaluateCall(const Expr& expr, Scope* scope, const Value* caller);
  Value EvaluateFilter(const Expr& expr, Scope* scope, const Value* input);
  Value EvaluateCompare(const Expr& expr, Scope* scope);
  Value EvaluateSlice(const Expr& expr, Scope* scope);
  Value EvaluateItems(const Expr& expr, Scope* scope);
  Value EvaluateDict(const Expr& expr, Scope* scope);
  Value EvaluateConcat(const Expr& expr, Scope* scope);
  Arguments EvaluateArguments(const Expr& expr, Scope* scope);

  // A scope that lives as long as this, or as long as the render where a macro keeps it.
  class Block;
  // Before a body begins: the names that it is the first to set hide what the render has under them.
  void Hide(const std::vector<int>& unset, Scope* scope);

  const Program& program_;
  const RenderSettings& settings_;
  Budget budget_;
  Scope root_{nullptr};
  std::vector<const Value*> context_;  // by name: the variables of the render
  const SpecialNames names_;
  Kept kept_;
  std::vector<LoopState*> loops_;  // that run now, the innermost last
  std::vector<int64_t> generations_;
  TextBuilder* out_ = nullptr;
  int line_ = 0;
};

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_INTERPRETER_H_
