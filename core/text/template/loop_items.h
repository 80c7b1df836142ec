// The items of a for loop that its condition lets through. They are taken one by one, as Python does: a condition sees what the turns
// before have changed. A template may look ahead.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_LOOP_ITEMS_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_LOOP_ITEMS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "core/text/template/ast.h"

namespace hlm::jinja {

struct Scope;

class LoopItems {
 public:
  LoopItems(Interpreter& interpreter, const Stmt& stmt, Scope* outer, const Value& iterable);

  bool Take(Value& item);  // the next one; false at the end
  const Value* Peek();     // the one that Take would give; null at the end
  int64_t Remaining();     // reads all of them
  void Finish();           // lets go of everything
  bool finished() const { return interpreter_ == nullptr; }

 private:
  bool Pull(Value& item);

  Interpreter* interpreter_;
  const Stmt* stmt_;
  Scope* outer_;
  Value iterable_;
  std::vector<Value> own_;  // of what is no sequence
  size_t place_ = 0;
  std::deque<Value> ahead_;  // items taken before their turn
};

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_LOOP_ITEMS_H_
