// Tool calls and their arguments, as records have them and as templates take them.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_TOOL_CALLS_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_TOOL_CALLS_H_

#include <cstddef>
#include <cstdint>

#include "core/text/template/value.h"

namespace hlm {

struct ArgumentRules {
  // A string of JSON, as OpenAI's API has them, becomes its value: templates write JSON themselves, and would write a string
  // again. An empty one is no arguments: {}.
  bool parse = false;
  // Members that are null of calls and of arguments, which Arrow puts where other rows have one, are as not there. Those of a string
  // are its writer's.
  bool drop_null = false;
};

// How many arguments were parsed, and members dropped.
struct ArgumentRepairs {
  int64_t parsed = 0, nulls = 0;
};

// The value of a message's "tool_calls" (a list) or "function_call" (one). INVALID_ARGUMENT naming message `index` and the call
// for a string that is not JSON.
jinja::Value RepairCalls(const jinja::Value& calls, const ArgumentRules& rules, size_t index, ArgumentRepairs& repairs);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_TOOL_CALLS_H_
