// What templates can call by name.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_BUILTINS_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_BUILTINS_H_

#include <functional>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/text/template/ast.h"

namespace hlm::jinja {

using Method = Value (*)(Interpreter& interpreter, const Value& self, Arguments& arguments);

// nullptr for a name that is not known.
Filter FindFilter(std::string_view name);
Test FindTest(std::string_view name);
Error UnknownFilter(std::string_view name);
Error UnknownTest(std::string_view name);

// Throws where Python's type has the method and this engine does not, or where it would change the value.
Method FindMethod(const Value& self, std::string_view name);
Method FindTextMethod(std::string_view name);
Method FindDictMethod(std::string_view name);

// The globals: namespace, range, dict, raise_exception, strftime_now, cycler, joiner. nullptr: unknown.
const Value* FindGlobal(std::string_view name);

// A function of the engine as a value.
class Function final : public Callable {
 public:
  using Body = std::function<Value(Interpreter&, Arguments&)>;
  Function(Body body, const char* type, int depth = 1) : body_(std::move(body)), type_(type), depth_(depth) {}
  Value Call(Interpreter& interpreter, Arguments arguments) const override { return body_(interpreter, arguments); }
  std::string TypeName() const override { return type_; }
  int depth() const override { return depth_; }

 private:
  Body body_;
  const char* type_;
  int depth_;
};

// The arguments of a call by the names of its parameters, in their order; nullptr for one that was not given. Throws
// INVALID_ARGUMENT, as Python's TypeError, for too many, unknown or missing ones.
class Bound {
 public:
  Bound(std::string_view what, Arguments& arguments, std::initializer_list<std::string_view> names, size_t needed = 0);

  bool Has(size_t i) const { return values_[i] != nullptr; }
  const Value* Get(size_t i) const { return values_[i]; }
  // Nothing and none are the default.
  int64_t Int(size_t i, int64_t otherwise) const;
  bool Bool(size_t i, bool otherwise) const;
  const Value& operator[](size_t i) const { return *values_[i]; }

 private:
  std::string_view what_;
  std::vector<const Value*> values_;
};

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_BUILTINS_H_
