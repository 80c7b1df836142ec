#include "core/text/template/unset_names.h"

#include <unordered_set>

namespace hlm::jinja {
namespace {

// The names of a body that has a scope of its own, found in the order in which Jinja2 looks at them (its idtracking.py): what is in
// bodies with scopes of their own is not looked at, and what is set in a branch is set or not, so that it is looked up as ever.
class BodyNames {
 public:
  explicit BodyNames(const BodyNames* outer) : outer_(outer) {}

  void Define(int name) { known_.insert(name); }
  void DefineTarget(const Expr& target) {
    if (target.kind == Expr::Kind::kName) Define(target.name);
    for (const ExprPointer& child : target.children) DefineTarget(*child);
  }

  void Look(const Body& body, bool branch = false) {
    for (const auto& stmt : body) LookAt(*stmt, branch);
  }

  void Read(const Expr* expr) {
    if (expr == nullptr) return;
    if (expr->kind == Expr::Kind::kName) Load(expr->name);
    for (const auto* list : {&expr->children, &expr->arguments}) {
      for (const ExprPointer& child : *list) Read(child.get());
    }
    for (const auto& [name, value] : expr->named) Read(value.get());
    Read(expr->more_arguments.get());
    Read(expr->more_named.get());
  }

  std::vector<int> Unset() { return std::move(unset_); }

 private:
  void LookAt(const Stmt& stmt, bool branch) {
    switch (stmt.kind) {
      case Stmt::Kind::kIf:
        for (const auto& [condition, body] : stmt.branches) {
          Read(condition.get());
          Look(body, true);
        }
        return Look(stmt.else_body, true);
      case Stmt::Kind::kSet:
        Read(stmt.expr.get());
        return Store(*stmt.target, branch);
      case Stmt::Kind::kSetBlock:
        return Store(*stmt.target, branch);
      case Stmt::Kind::kMacro:
        return Store(stmt.name, branch);
      case Stmt::Kind::kWith:
        for (const auto& assignment : stmt.assignments) Read(assignment.second.get());
        return;
      default:  // what is printed, looped over, called, or the filters of a block
        return Read(stmt.expr.get());
    }
  }

  void Load(int name) {
    if (!IsKnown(name)) known_.insert(name);
  }
  void Store(const Expr& target, bool branch) {
    if (target.kind == Expr::Kind::kName) return Store(target.name, branch);
    if (target.kind == Expr::Kind::kNamespaceAttribute) return Load(target.name);
    for (const ExprPointer& child : target.children) Store(*child, branch);
  }
  void Store(int name, bool branch) {
    if (IsKnown(name)) return;
    known_.insert(name);
    if (!branch) unset_.push_back(name);
  }
  bool IsKnown(int name) const { return known_.contains(name) || (outer_ != nullptr && outer_->IsKnown(name)); }

  const BodyNames* outer_;
  std::unordered_set<int> known_;  // those that outer bodies do not have
  std::vector<int> unset_;
};

class Finder {
 public:
  explicit Finder(Program& program)
      : program_(program),
        loop_(program.Index("loop")),
        caller_(program.Index("caller")),
        varargs_(program.Index("varargs")),
        kwargs_(program.Index("kwargs")) {}

  void Run() {
    BodyNames names(nullptr);
    program_.unset = In(program_.body, names);
  }

 private:
  // The bodies within are looked at behind the whole of this one: they see what it sets further down.
  std::vector<int> In(Body& body, BodyNames& names) {
    names.Look(body);
    Within(body, names);
    return names.Unset();
  }

  void Within(Body& body, const BodyNames& outer) {
    for (const auto& stmt : body) {
      if (stmt->kind == Stmt::Kind::kIf) {
        for (auto& branch : stmt->branches) Within(branch.second, outer);
        Within(stmt->else_body, outer);
      } else {
        Bodies(*stmt, outer);
      }
    }
  }

  void Bodies(Stmt& stmt, const BodyNames& outer) {
    BodyNames names(&outer);
    if (stmt.kind == Stmt::Kind::kFor) {
      names.DefineTarget(*stmt.target);
      names.Define(loop_);
      BodyNames other(&outer);
      stmt.else_unset = In(stmt.else_body, other);
    }
    for (const int parameter : stmt.parameters.names) names.Define(parameter);
    for (const ExprPointer& value : stmt.parameters.defaults) names.Read(value.get());
    if (stmt.uses_caller) names.Define(caller_);
    if (stmt.uses_arguments) names.Define(varargs_);
    if (stmt.uses_named) names.Define(kwargs_);
    for (const auto& assignment : stmt.assignments) names.DefineTarget(*assignment.first);
    stmt.unset = In(stmt.body, names);
  }

  Program& program_;
  int loop_, caller_, varargs_, kwargs_;
};

}  // namespace

void FindUnsetNames(Program& program) { Finder(program).Run(); }

}  // namespace hlm::jinja
