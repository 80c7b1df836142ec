// A template as a tree. Immutable once parsed; any number of threads render from it.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_AST_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_AST_H_

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/template/value.h"

namespace hlm::jinja {

using Filter = Value (*)(Interpreter& interpreter, const Value& input, Arguments& arguments);
using Test = bool (*)(Interpreter& interpreter, const Value& input, Arguments& arguments);

enum class Op : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

struct Expr;
using ExprPointer = std::unique_ptr<Expr>;

struct Expr {
  enum class Kind : uint8_t {
    kConstant,   // constant
    kName,       // name
    kAttribute,  // of children[0]: text
    kItem,       // children[0][children[1]]
    kSlice,      // children: start, stop, step, each may be null
    kCall,       // children[0](arguments)
    kFilter,     // children[0] (null in a filter block: the block's text) | filter(arguments)
    kTest,       // children[0] is test(arguments)
    kNot,
    kNegative,
    kPositive,  // children[0]
    kAnd,
    kOr,         // children[0], [1]
    kBinary,     // children[0] op children[1]
    kCompare,    // children[0] ops[0] children[1] ops[1] children[2] ...
    kConcat,     // children joined by ~
    kCondition,  // children[1] if children[0] else children[2], which may be null
    kList,
    kTuple,               // children
    kDict,                // children: key, value, key, value ...
    kNamespaceAttribute,  // as a target: name, text
  };

  Kind kind;
  int line = 0;
  int depth = 1;
  int name = -1;  // into Program::names
  Op op = Op::kAdd;
  std::vector<Op> ops;
  Value constant;
  std::string text;
  Filter filter = nullptr;
  Test test = nullptr;
  std::vector<ExprPointer> children;
  // Of calls, filters and tests.
  std::vector<ExprPointer> arguments;
  std::vector<std::pair<std::string, ExprPointer>> named;
  ExprPointer more_arguments, more_named;  // *x, **x
};

struct Stmt;
using Body = std::vector<std::unique_ptr<Stmt>>;

struct Parameters {
  std::vector<int> names;
  std::vector<ExprPointer> defaults;  // of the last names
};

struct Stmt {
  enum class Kind : uint8_t {
    kText,         // constant
    kOutput,       // expr
    kIf,           // branches: condition and body; else_body
    kFor,          // target in expr if condition: body; else_body
    kSet,          // target = expr
    kSetBlock,     // target = body, through the filters of expr (may be null)
    kFilterBlock,  // body through the filters of expr
    kMacro,        // name, parameters, body
    kCall,         // expr is the call; parameters, body: its caller
    kWith,         // targets = values: body
    kGeneration,   // body
    kBreak,
    kContinue,
  };

  Kind kind;
  int line = 0;
  int name = -1;
  Value constant;
  ExprPointer expr, target, condition;
  std::vector<std::pair<ExprPointer, Body>> branches;
  std::vector<std::pair<ExprPointer, ExprPointer>> assignments;
  Parameters parameters;
  Body body, else_body;
  std::vector<int> unset, else_unset;  // of each body (unset_names.h)
  bool recursive = false;
  bool uses_caller = false, uses_arguments = false, uses_named = false;  // a macro names `caller`, `varargs`, `kwargs`
};

struct Program {
  Body body;
  std::vector<std::string> names;  // each once
  std::vector<int> unset;          // of the body (unset_names.h)
  bool has_generation = false;

  // Of a name; -1: the template does not use it.
  int Index(std::string_view name) const {
    const auto at = std::find(names.begin(), names.end(), name);
    return at == names.end() ? -1 : static_cast<int>(at - names.begin());
  }
};

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_AST_H_
