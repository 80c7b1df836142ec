#include "core/text/template/loop.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/text/template/builtins.h"
#include "core/text/template/interpreter.h"
#include "core/text/template/operators.h"

namespace hlm::jinja {

LoopState::LoopState(Interpreter& interpreter, const Stmt& stmt, Scope* outer, const Value& iterable, int depth)
    : stmt_(&stmt),
      outer_(outer),
      depth_(depth),
      value_depth_(CheckedDepth(iterable.depth() + 1)),
      items_(interpreter, stmt, outer, iterable) {}

bool LoopState::Advance(Value& item) {
  if (!items_.Take(item)) return false;
  if (index_ >= 0) previous_ = std::move(current_);
  current_ = item;
  ++index_;
  return true;
}

void LoopState::Finish() {
  items_.Finish();
  current_ = Value();
  previous_.reset();
  changed_.reset();
}

Value LoopState::Call(Interpreter& interpreter, Arguments arguments) const {
  if (!stmt_->recursive) throw InvalidArgument("the loop is called, but it is not marked recursive");
  const Bound bound("loop", arguments, {"iterable"}, 1);
  return Value::String(interpreter.RunLoopAgain(*stmt_, outer_, bound[0], depth_ + 1));
}

Value LoopState::Attribute(Interpreter&, std::string_view name) const {
  if (name == "index") return Value::Int(index_ + 1);
  if (name == "index0") return Value::Int(index_);
  if (name == "first") return Value::Bool(index_ == 0);
  if (name == "last") return Value::Bool(items_.Peek() == nullptr);
  if (name == "length") return Value::Int(index_ + 1 + items_.Remaining());
  if (name == "revindex") return Value::Int(items_.Remaining() + 1);
  if (name == "revindex0") return Value::Int(items_.Remaining());
  if (name == "depth") return Value::Int(depth_ + 1);
  if (name == "depth0") return Value::Int(depth_);
  if (name == "previtem") return previous_ ? *previous_ : Value::Undefined("there is no previous item");
  if (name == "nextitem") {
    const Value* next = items_.Peek();
    return next != nullptr ? *next : Value::Undefined("there is no next item");
  }
  const std::shared_ptr<const LoopState> self = shared_from_this();
  if (name == "cycle") {
    const auto cycle = [self](Interpreter&, Arguments& arguments) {
      if (arguments.positional.empty()) throw InvalidArgument("no items for cycling given");
      return arguments.positional[static_cast<size_t>(std::max<int64_t>(self->index_, 0)) % arguments.positional.size()];
    };
    return Value::Of(std::make_shared<const Function>(cycle, "method", value_depth_ + 1));
  }
  if (name == "changed") {
    const auto changed = [self](Interpreter&, Arguments& arguments) {
      const auto& now = arguments.positional;
      const bool same = self->changed_ && self->changed_->size() == now.size() &&
                        std::equal(now.begin(), now.end(), self->changed_->begin(), Equal);
      if (!same && !self->items_.finished()) self->changed_ = now;
      return Value::Bool(!same);
    };
    return Value::Of(std::make_shared<const Function>(changed, "method", value_depth_ + 1));
  }
  return Value::Undefined(StrCat("'LoopContext object' has no attribute '", name, "'"));
}

}  // namespace hlm::jinja
