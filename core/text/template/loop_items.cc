#include "core/text/template/loop_items.h"

#include <utility>

#include "core/text/template/interpreter.h"
#include "core/text/template/operators.h"

namespace hlm::jinja {

LoopItems::LoopItems(Interpreter& interpreter, const Stmt& stmt, Scope* outer, const Value& iterable)
    : interpreter_(&interpreter), stmt_(&stmt), outer_(outer) {
  if (iterable.IsSequence()) {
    iterable_ = iterable;
  } else {
    own_ = Items(iterable, interpreter.budget());
  }
}

bool LoopItems::Pull(Value& item) {
  const bool sequence = iterable_.IsSequence();
  const std::vector<Value>& items = sequence ? iterable_.sequence().items : own_;
  size_t& place = sequence && iterable_.sequence().IsIterator() ? iterable_.sequence().place : place_;
  while (place < items.size()) {
    interpreter_->budget().Iterate();
    item = items[place++];
    if (stmt_->condition == nullptr || interpreter_->LoopTest(*stmt_, outer_, item)) return true;
  }
  if (sequence) iterable_.sequence().CheckEnd();
  return false;
}

const Value* LoopItems::Peek() {
  if (ahead_.empty()) {
    Value item;
    if (finished() || !Pull(item)) return nullptr;
    ahead_.push_back(std::move(item));
  }
  return &ahead_.front();
}

int64_t LoopItems::Remaining() {
  Value item;
  while (!finished() && Pull(item)) ahead_.push_back(item);
  return static_cast<int64_t>(ahead_.size());
}

bool LoopItems::Take(Value& item) {
  if (Peek() == nullptr) return false;
  item = std::move(ahead_.front());
  ahead_.pop_front();
  return true;
}

void LoopItems::Finish() {
  interpreter_ = nullptr;
  iterable_ = Value();
  own_.clear();
  ahead_.clear();
}

}  // namespace hlm::jinja
