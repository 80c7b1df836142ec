// Python's operators on values. What Python raises is INVALID_ARGUMENT; a whole number beyond 64 bits OUT_OF_RANGE.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_OPERATORS_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_OPERATORS_H_

#include <optional>
#include <vector>

#include "core/text/template/ast.h"
#include "core/text/template/value.h"

namespace hlm::jinja {

Value Arithmetic(Op op, const Value& a, const Value& b, Budget& budget);
bool CompareValues(Op op, const Value& a, const Value& b, Budget& budget);
bool Less(const Value& a, const Value& b);
bool Contains(const Value& container, const Value& item, Budget& budget);
Value Negative(const Value& value);

// "%s" % value.
Text PercentFormat(const Text& format, const Value& arguments, Budget& budget);

// Throws what a use of an undefined value is: INVALID_ARGUMENT "'x' is undefined". OUT_OF_RANGE for a whole number of more than 64
// bits, with which nothing can be computed.
void NotUndefined(const Value& value);

// What a loop over the value gives: characters, keys, items; what is left of an iterator, which is then used up.
std::vector<Value> Items(const Value& value, Budget& budget);

// value[start:stop:step].
Value Slice(const Value& value, const Value& start, const Value& stop, const Value& step, Budget& budget);
// value[index]; undefined where it is out of range or cannot be indexed by it.
std::optional<Value> Index(const Value& value, const Value& index, Budget& budget);

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_OPERATORS_H_
