#include "core/text/template/interpreter.h"

#include <algorithm>
#include <optional>

#include "core/base/error.h"
#include "core/text/template/builtins.h"
#include "core/text/template/format.h"
#include "core/text/template/operators.h"

namespace hlm::jinja {

const Value* Scope::Find(int name) const {
  for (const auto& variable : variables) {
    if (variable.first == name) return &variable.second;
  }
  return nullptr;
}

void Scope::Set(int name, Value value) {
  for (auto& variable : variables) {
    if (variable.first != name) continue;
    variable.second = std::move(value);
    return;
  }
  variables.emplace_back(name, std::move(value));
}

class Interpreter::Block {
 public:
  // For a body with these names unset; nullptr: for an expression.
  Block(Interpreter& interpreter, Scope* outer, const std::vector<int>* unset)
      : interpreter_(interpreter), unset_(unset), scope_(std::make_unique<Scope>(outer)) {
    if (unset_ != nullptr) interpreter_.Hide(*unset_, scope_.get());
  }
  ~Block() {
    if (!scope_->kept) return;
    try {
      interpreter_.kept_.Add(scope_);
    } catch (...) {  // no memory to keep it: it must not go either
      static_cast<void>(scope_.release());
    }
  }
  Scope* get() const { return scope_.get(); }
  // Ready for the next turn of a loop.
  void Renew() {
    if (scope_->kept) {
      auto next = std::make_unique<Scope>(scope_->parent);
      interpreter_.kept_.Add(scope_);
      scope_ = std::move(next);
    }
    scope_->variables.clear();
    if (unset_ != nullptr) interpreter_.Hide(*unset_, scope_.get());
  }

 private:
  Interpreter& interpreter_;
  const std::vector<int>* unset_;
  std::unique_ptr<Scope> scope_;
};

namespace {

// A macro, or the caller of a call block.
class Macro final : public Callable {
 public:
  Macro(const Stmt& stmt, Scope* scope, std::string name) : stmt_(stmt), scope_(scope), name_(std::move(name)) {}
  Value Call(Interpreter& interpreter, Arguments arguments) const override {
    return Value::String(interpreter.RunMacro(stmt_, scope_, name_, std::move(arguments)));
  }
  Value Attribute(Interpreter& interpreter, std::string_view name) const override {
    if (name == "name") return Value::String(name_);
    if (name == "caller") return Value::Bool(stmt_.uses_caller);
    if (name == "catch_varargs") return Value::Bool(stmt_.uses_arguments);
    if (name == "catch_kwargs") return Value::Bool(stmt_.uses_named);
    return Callable::Attribute(interpreter, name);
  }
  std::string TypeName() const override { return "Macro"; }

 private:
  const Stmt& stmt_;
  Scope* scope_;  // the render keeps it
  std::string name_;
};

// Directs output into a text of its own while it lives.
class Capture {
 public:
  Capture(TextBuilder*& out, Budget& budget) : out_(out), outer_(out), builder_(budget) { out_ = &builder_; }
  ~Capture() { out_ = outer_; }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  TextBuilder& builder() { return builder_; }
  Text Take() { return builder_.Take(); }

 private:
  TextBuilder*& out_;
  TextBuilder* outer_;
  TextBuilder builder_;
};

}  // namespace

SpecialNames::SpecialNames(const Program& program)
    : loop(program.Index("loop")),
      caller(program.Index("caller")),
      kwargs(program.Index("kwargs")),
      varargs(program.Index("varargs")) {}

Interpreter::Interpreter(const Program& program, const RenderSettings& settings, const Dict& variables)
    : program_(program), settings_(settings), budget_(settings.limits), context_(program.names.size()), names_(program) {
  for (size_t i = 0; i < program.names.size(); ++i) {
    context_[i] = variables.Find(program.names[i]);
    if (context_[i] == nullptr) context_[i] = FindGlobal(program.names[i]);
  }
}

Text Interpreter::Render() {
  const Budget::Current current(budget_);
  Capture capture(out_, budget_);
  Hide(program_.unset, &root_);
  Execute(program_.body, &root_);
  return capture.Take();
}

Value Interpreter::MakeNamespace(Dict attributes) {
  auto space = std::make_shared<Namespace>();
  space->attributes = std::move(attributes);
  kept_.Add(space);
  return Value::Of(std::move(space));
}

// Those that the render has nothing under are undefined anyhow.
void Interpreter::Hide(const std::vector<int>& unset, Scope* scope) {
  constexpr size_t kNamesAStep = 32;
  if (unset.size() > kNamesAStep) budget_.Step(unset.size() / kNamesAStep);
  for (const int name : unset) {
    if (context_[static_cast<size_t>(name)] != nullptr) scope->Set(name, Undefined(name));
  }
}

// ---- Statements

Interpreter::Flow Interpreter::Execute(const Body& body, Scope* scope) {
  for (const auto& stmt : body) {
    const Flow flow = ExecuteOne(*stmt, scope);
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::ExecuteOne(const Stmt& stmt, Scope* scope) {
  const Budget::Level level(budget_);
  budget_.Step();
  line_ = stmt.line;
  switch (stmt.kind) {
    case Stmt::Kind::kText:
      out_->Append(stmt.constant.text());
      break;
    case Stmt::Kind::kOutput:
      AppendStr(Evaluate(*stmt.expr, scope), *out_, budget_);
      break;
    case Stmt::Kind::kIf:
      return If(stmt, scope);
    case Stmt::Kind::kFor:
      return For(stmt, scope, Evaluate(*stmt.expr, scope), 0);
    case Stmt::Kind::kSet:
      Assign(*stmt.target, Evaluate(*stmt.expr, scope), scope);
      break;
    case Stmt::Kind::kSetBlock:
      return SetBlock(stmt, scope);
    case Stmt::Kind::kFilterBlock:
      return FilterBlock(stmt, scope);
    case Stmt::Kind::kMacro:
      for (Scope* s = scope; s != nullptr; s = s->parent) s->kept = true;
      scope->Set(stmt.name,
                 Value::Of(std::make_shared<const Macro>(stmt, scope, program_.names[static_cast<size_t>(stmt.name)])));
      break;
    case Stmt::Kind::kCall:
      CallBlock(stmt, scope);
      break;
    case Stmt::Kind::kWith:
      return With(stmt, scope);
    case Stmt::Kind::kGeneration:
      Generation(stmt, scope);
      break;
    case Stmt::Kind::kBreak:
      return Flow::kBreak;
    case Stmt::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::If(const Stmt& stmt, Scope* scope) {
  for (const auto& [condition, body] : stmt.branches) {
    if (Truth(Evaluate(*condition, scope))) return Execute(body, scope);
  }
  return Execute(stmt.else_body, scope);
}

Interpreter::Flow Interpreter::For(const Stmt& stmt, Scope* scope, const Value& iterable, int depth) {
  if (iterable.kind() == Value::Kind::kCallable) throw InvalidArgument("'", TypeName(iterable), "' object is not iterable");
  const auto loop = std::make_shared<LoopState>(*this, stmt, scope, iterable, depth);
  struct Running {
    Interpreter& interpreter;
    LoopState& loop;
    Running(Interpreter& i, LoopState& l) : interpreter(i), loop(l) { interpreter.loops_.push_back(&loop); }
    ~Running() {
      interpreter.loops_.pop_back();
      loop.Finish();
    }
  };
  bool any = false;
  {
    const Running running(*this, *loop);
    Block block(*this, scope, &stmt.unset);
    Value item;
    while (loop->Advance(item)) {
      any = true;
      block.Renew();
      if (names_.loop >= 0) block.get()->Set(names_.loop, Value::Of(std::shared_ptr<const Callable>(loop)));
      line_ = stmt.line;
      Assign(*stmt.target, std::move(item), block.get());
      if (Execute(stmt.body, block.get()) == Flow::kBreak) break;
    }
  }
  if (any || stmt.else_body.empty()) return Flow::kNormal;
  const Block block(*this, scope, &stmt.else_unset);
  return Execute(stmt.else_body, block.get());
}

bool Interpreter::LoopTest(const Stmt& loop, Scope* outer, const Value& item) {
  const Block block(*this, outer, nullptr);
  Assign(*loop.target, item, block.get());
  return Truth(Evaluate(*loop.condition, block.get()));
}

Text Interpreter::RunLoopAgain(const Stmt& loop, Scope* outer, const Value& iterable, int depth) {
  budget_.Iterate();
  Capture capture(out_, budget_);
  For(loop, outer, iterable, depth);
  return capture.Take();
}

Interpreter::Flow Interpreter::CaptureBody(const Stmt& stmt, Scope* scope, Value& text) {
  const Block block(*this, scope, &stmt.unset);
  {
    Capture capture(out_, budget_);
    if (const Flow flow = Execute(stmt.body, block.get()); flow != Flow::kNormal) return flow;
    text = Value::String(capture.Take());
  }
  if (stmt.expr != nullptr) text = EvaluateFilter(*stmt.expr, block.get(), &text);
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::SetBlock(const Stmt& stmt, Scope* scope) {
  Value text;
  if (const Flow flow = CaptureBody(stmt, scope, text); flow != Flow::kNormal) return flow;
  Assign(*stmt.target, std::move(text), scope);
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::FilterBlock(const Stmt& stmt, Scope* scope) {
  Value text;
  if (const Flow flow = CaptureBody(stmt, scope, text); flow != Flow::kNormal) return flow;
  AppendStr(text, *out_, budget_);
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::With(const Stmt& stmt, Scope* scope) {
  std::vector<Value> values;
  for (const auto& assignment : stmt.assignments) values.push_back(Evaluate(*assignment.second, scope));
  const Block block(*this, scope, &stmt.unset);
  for (size_t i = 0; i < values.size(); ++i) Assign(*stmt.assignments[i].first, std::move(values[i]), block.get());
  return Execute(stmt.body, block.get());
}

void Interpreter::CallBlock(const Stmt& stmt, Scope* scope) {
  for (Scope* s = scope; s != nullptr; s = s->parent) s->kept = true;
  const Value caller = Value::Of(std::make_shared<const Macro>(stmt, scope, "caller"));
  AppendStr(EvaluateCall(*stmt.expr, scope, &caller), *out_, budget_);
}

// Its body sees what is around it, and what it sets ends with it, as a macro's (the original makes one of it).
void Interpreter::Generation(const Stmt& stmt, Scope* scope) {
  int64_t message = -1;
  for (auto loop = loops_.rbegin(); loop != loops_.rend() && message < 0; ++loop) {
    const Value& item = (*loop)->current();
    if (item.IsDict()) message = item.dict().message;
  }
  Text text;
  {
    Capture capture(out_, budget_);
    const Block block(*this, scope, &stmt.unset);
    Execute(stmt.body, block.get());
    generations_.push_back(message);
    capture.builder().MarkGeneration(static_cast<uint32_t>(generations_.size()));
    text = capture.Take();
  }
  out_->Append(text);
}

void Interpreter::Assign(const Expr& target, Value value, Scope* scope) {
  switch (target.kind) {
    case Expr::Kind::kName:
      return scope->Set(target.name, std::move(value));
    case Expr::Kind::kNamespaceAttribute: {
      const Value space = Lookup(target.name, scope);
      if (space.kind() != Value::Kind::kNamespace) throw InvalidArgument("cannot assign attribute on non-namespace object");
      return space.space().attributes.Set(target.text, std::move(value));
    }
    default:
      break;
  }
  std::vector<Value> items = Items(value, budget_);
  const size_t wanted = target.children.size();
  if (items.size() < wanted) throw InvalidArgument("not enough values to unpack (expected ", wanted, ", got ", items.size(), ")");
  if (items.size() > wanted) throw InvalidArgument("too many values to unpack (expected ", wanted, ")");
  for (size_t i = 0; i < wanted; ++i) Assign(*target.children[i], std::move(items[i]), scope);
}

Text Interpreter::RunMacro(const Stmt& macro, Scope* defined_in, std::string_view name, Arguments arguments) {
  budget_.Iterate();
  const Budget::Level level(budget_);
  const int line = line_;
  const Block block(*this, defined_in, &macro.unset);
  Scope* scope = block.get();
  const Parameters& parameters = macro.parameters;
  const auto take_named = [&](std::string_view wanted) {
    std::optional<Value> value;
    for (auto at = arguments.named.begin(); at != arguments.named.end(); ++at) {
      if (at->first != wanted) continue;
      value = std::move(at->second);
      arguments.named.erase(at);
      break;
    }
    return value;
  };
  const auto define = [&](int index, Value value) {
    if (index >= 0) scope->Set(index, std::move(value));
  };
  const size_t count = parameters.names.size(), positional = std::min(count, arguments.positional.size());
  std::vector<bool> given(count);
  for (size_t i = 0; i < count; ++i) {
    const std::string& parameter = program_.names[static_cast<size_t>(parameters.names[i])];
    std::optional<Value> value;
    if (i < positional) {
      value = std::move(arguments.positional[i]);
    } else {
      value = take_named(parameter);
    }
    given[i] = value.has_value();
    if (given[i]) scope->Set(parameters.names[i], std::move(*value));
  }
  if (macro.uses_caller) {
    std::optional<Value> caller = take_named("caller");
    define(names_.caller, caller ? std::move(*caller) : Value::Undefined("No caller defined"));
  }
  if (macro.uses_named) {
    Dict dict;
    for (auto& [key, value] : arguments.named) dict.Set(key, std::move(value));
    define(names_.kwargs, MakeDict(std::move(dict)));
  } else if (!arguments.named.empty()) {
    throw InvalidArgument("macro '", name, "' takes no keyword argument '", arguments.named[0].first, "'");
  }
  if (macro.uses_arguments) {
    std::vector<Value> rest(arguments.positional.begin() + static_cast<int64_t>(positional), arguments.positional.end());
    define(names_.varargs, MakeTuple(std::move(rest)));
  } else if (arguments.positional.size() > count) {
    throw InvalidArgument("macro '", name, "' takes not more than ", count, " argument(s)");
  }
  const size_t first_default = count - parameters.defaults.size();
  for (size_t i = 0; i < count; ++i) {
    if (given[i]) continue;
    scope->Set(parameters.names[i],
               i >= first_default
                   ? Evaluate(*parameters.defaults[i - first_default], scope)
                   : Value::Undefined(
                         StrCat("parameter '", program_.names[static_cast<size_t>(parameters.names[i])], "' was not provided")));
  }
  Capture capture(out_, budget_);
  Execute(macro.body, scope);
  line_ = line;
  return capture.Take();
}

}  // namespace hlm::jinja
