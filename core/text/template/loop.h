// The state of a for loop, and what templates see of it: `loop`.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_LOOP_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_LOOP_H_

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "core/text/template/ast.h"

namespace hlm::jinja {

struct Scope;

// Takes items one by one, as Python does: a condition of the loop sees what the turns before have changed.
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
  bool Pull(Value& item) const;
  bool Peek() const;          // there is a next item
  int64_t Remaining() const;  // turns after this one; reads all of them

  Interpreter* interpreter_;
  const Stmt* stmt_;
  Scope* outer_;
  Value iterable_;
  std::vector<Value> own_;  // of what is no sequence
  mutable size_t place_ = 0;
  mutable std::deque<Value> ahead_;  // items taken before their turn
  int depth_;
  int value_depth_;
  int64_t index_ = -1;
  Value current_;
  std::optional<Value> previous_;
  mutable std::optional<std::vector<Value>> changed_;
};

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_LOOP_H_
