#include "core/text/template/tool_calls.h"

#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/template/json.h"

namespace hlm {

using jinja::Dict;
using jinja::Value;

namespace {

Value WithoutNulls(const Value& value, int64_t& nulls) {
  if (value.IsSequence()) {
    std::vector<Value> items;
    for (const Value& item : value.sequence().items) items.push_back(WithoutNulls(item, nulls));
    return jinja::MakeList(std::move(items));
  }
  if (!value.IsDict()) return value;
  Dict kept;
  for (const auto& [key, member] : value.dict().entries()) {
    nulls += member.IsNone();
    if (!member.IsNone()) kept.Set(key, WithoutNulls(member, nulls));
  }
  return jinja::MakeDict(std::move(kept));
}

// No text at all is what some APIs write of a call without arguments; a template would print no value where one must stand.
Value ParseArguments(std::string_view text, const Value& call, size_t index) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return jinja::MakeDict(Dict());
  const Value* name = call.dict().Find("name");
  const std::string named = name != nullptr && name->IsText() ? StrCat(" ", Printable(name->text().bytes(), 60)) : "";
  try {
    return jinja::ParseJsonValue(text, StrCat("message ", index, ": the arguments of the tool call", named));
  } catch (const Error& error) {
    throw Error(error.code(), StrCat(error.message(), "; tool_arguments \"keep\" takes them as they are"));
  }
}

// The members of a call or of its "function" that are not null. Arguments that are null stand for none.
Dict MembersOf(const Value& call, const ArgumentRules& rules, ArgumentRepairs& repairs) {
  if (!rules.drop_null) return call.dict();
  Dict kept;
  for (const auto& [key, member] : call.dict().entries()) {
    const bool dropped = member.IsNone() && !(key.IsText() && key.text().bytes() == "arguments");
    repairs.nulls += dropped;
    if (!dropped) kept.Set(key, member);
  }
  return kept;
}

// One call, or what is in its "function".
Value RepairCall(const Value& call, const ArgumentRules& rules, size_t index, ArgumentRepairs& repairs) {
  if (!call.IsDict()) return call;
  Dict own = MembersOf(call, rules, repairs);
  const Value* arguments = call.dict().Find("arguments");
  if (arguments == nullptr) return jinja::MakeDict(std::move(own));
  if (arguments->IsText()) {
    if (!rules.parse) return jinja::MakeDict(std::move(own));
    own.Set(std::string_view("arguments"), ParseArguments(arguments->text().bytes(), call, index));
    ++repairs.parsed;
  } else if (rules.drop_null) {
    own.Set(std::string_view("arguments"), WithoutNulls(*arguments, repairs.nulls));
  }
  return jinja::MakeDict(std::move(own));
}

}  // namespace

Value RepairCalls(const Value& calls, const ArgumentRules& rules, size_t index, ArgumentRepairs& repairs) {
  if (!rules.parse && !rules.drop_null) return calls;
  if (calls.IsSequence()) {
    std::vector<Value> items;
    for (const Value& call : calls.sequence().items) items.push_back(RepairCalls(call, rules, index, repairs));
    return jinja::MakeList(std::move(items));
  }
  const Value* function = calls.IsDict() ? calls.dict().Find("function") : nullptr;
  if (function == nullptr || !function->IsDict()) return RepairCall(calls, rules, index, repairs);
  Dict own = MembersOf(calls, rules, repairs);
  own.Set(std::string_view("function"), RepairCall(*function, rules, index, repairs));
  return jinja::MakeDict(std::move(own));
}

}  // namespace hlm
