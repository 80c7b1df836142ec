// Lists of messages of any format, as the list that chat templates take: [{"role", "content", ...}].
#ifndef HORIZON_LM_CORE_TEXT_DATASET_READ_MESSAGES_H_
#define HORIZON_LM_CORE_TEXT_DATASET_READ_MESSAGES_H_

#include <cstdint>
#include <string>

#include "core/text/dataset/example.h"

namespace hlm::dataset {

// {"role": role, "content": content}
JsonValue MakeMessage(std::string role, std::string content);

// A list of messages, or one message alone. Other members of a message are kept as they are. OpenAI's older form of calls becomes the
// present one, which is noted: an assistant's "function_call" its "tool_calls", and in a list with one the role function the role tool.
JsonValue ReadMessages(const JsonValue& list, const FormatSpec& spec, const ReadOptions& options, const std::string& where,
                       Notes& notes);

// What a text holds that stands where a list of messages must, as in the cells of a table: the list, or one message, as JSON. Of what is
// in it as much is legal as of a record. INVALID_ARGUMENT for a text that is no JSON.
JsonValue ParseMessagesText(const std::string& text, const std::string& where);

// A conversation whose turns are bare, as that format writes it: two or more texts, of which a user's is the first and every other one an
// assistant's, or objects {"input", "output"}, a user's turn and an assistant's. False where the list is neither.
bool WriteBareTurns(JsonValue& list, const FormatSpec& spec);

// A list of objects, or JSON text of one; null where it is null or empty. With `drop_null` members of a list's objects that are null,
// at any depth, which Arrow puts where another row has one, are left out and counted in `nulls`; those of a text are its writer's.
JsonValue ReadTools(const JsonValue* value, bool drop_null, const std::string& where, int64_t& nulls);

// OpenAI's older form of tools, "functions": a list of functions alone. Null for what is none, a list of other things.
JsonValue ReadFunctions(const JsonValue& functions, bool drop_null, const std::string& where, int64_t& nulls);

// A user's or a tool's turn stands at each odd place and an assistant's at each even one, counted from 1 behind the system's.
bool TurnsAlternate(const JsonValue& messages);

// The role of a message that ReadMessages made.
const std::string& RoleOf(const JsonValue& message);
// As JSON, by which two messages are compared.
std::string JsonOf(const JsonValue& message);
// A message says something: text, a tool call, or reasoning.
bool SaysSomething(const JsonValue& message);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_READ_MESSAGES_H_
