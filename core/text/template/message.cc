#include "core/text/template/message.h"

#include <algorithm>
#include <iterator>

#include "core/base/error.h"
#include "core/text/weight_members.h"

namespace hlm {

using jinja::Dict;
using jinja::Field;
using jinja::Value;

namespace {

constexpr std::string_view kReasoning[] = {"reasoning_content", "thinking", "reasoning"};

}  // namespace

Field FieldOf(std::string_view member) {
  if (member == "role") return Field::kRole;
  if (member == "content") return Field::kContent;
  if (std::find(std::begin(kReasoning), std::end(kReasoning), member) != std::end(kReasoning)) return Field::kReasoning;
  if (member == "tool_calls" || member == "function_call") return Field::kToolCalls;
  return Field::kOther;
}

bool HasRole(const Dict& message, std::string_view role) {
  const Value* value = message.Find("role");
  return value != nullptr && value->IsText() && value->text().bytes() == role;
}

Dict NormalMessage(const Dict& message) {
  const Value* reasoning = nullptr;
  for (const std::string_view name : kReasoning) {
    const Value* value = message.Find(name);
    if (reasoning == nullptr && value != nullptr && !value->IsNone()) reasoning = value;
  }
  Dict normal;
  // In the order that transformers makes, which a template that prints the whole message shows.
  if (reasoning != nullptr) normal.Set("thinking", *reasoning);
  for (const auto& [key, value] : message.entries()) {
    if (!value.IsNone()) normal.Set(key, value);
  }
  if (reasoning != nullptr) normal.Set("reasoning_content", *reasoning);
  return normal;
}

bool IsExcluded(const Dict& message, size_t index) {
  bool excluded = false;
  for (const std::string_view name : kWeightMembers) {
    const Value* weight = message.Find(name);
    if (weight == nullptr || weight->IsNone() || !IsWeight(name, weight->IsBool())) continue;
    if (!weight->IsNumber())
      throw InvalidArgument("message ", index, ": \"", name, "\" is a ", jinja::TypeName(*weight), ", neither 0 nor 1");
    if (weight->AsDouble() != 0 && weight->AsDouble() != 1) {
      throw InvalidArgument("message ", index, ": \"", name, "\" is ", weight->AsDouble(), ", neither 0 nor 1");
    }
    excluded |= weight->AsDouble() == 0;
  }
  return excluded;
}

}  // namespace hlm
