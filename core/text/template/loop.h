// The state of a for loop, and what templates see of it: `loop`.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_LOOP_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_LOOP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/text/template/ast.h"
#include "core/text/template/loop_items.h"

namespace hlm::jinja {

struct Scope;

class LoopState final : public Callable, public std::enable_shared_from_this<LoopState> {
 public:
  LoopState(Interpreter& interpreter, const Stmt& stmt, Scope* outer, const Value& iterable, int depth);

  // The next turn's item; false at the end.
  bool Advance(Value& item);
  // Lets go of everything: a template may hold on to its `loop` longer than the loop runs.
  void Finish();
  const Value& current() const { return current_; }

  Value Call(Interpreter& interpreter, Arguments arguments) const override;
  Value Attribute(Interpreter& interpreter, std::string_view name) const override;
  std::string TypeName() const override { return "LoopContext"; }
  int depth() const override { return value_depth_; }

 private:
  const Stmt* stmt_;
  Scope* outer_;
  int depth_;
  int value_depth_;
  mutable LoopItems items_;  // what is asked of the loop may look ahead
  int64_t index_ = -1;
  Value current_;
  std::optional<Value> previous_;
  mutable std::optional<std::vector<Value>> changed_;
};

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_LOOP_H_
