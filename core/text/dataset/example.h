// One record of a data set in the form that everything behind the readers works with, whatever format it came in.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_EXAMPLE_H_
#define HORIZON_LM_CORE_TEXT_DATASET_EXAMPLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/io/json_value.h"
#include "core/text/dataset/account.h"

namespace hlm::dataset {

// What a record looks like.
enum class Format {
  kAuto,              // found by the keys of a file's first record
  kText,              // {"text"}
  kMessages,          // {"messages": [{"role", "content", ...}], "tools"}
  kShareGpt,          // {"conversations": [{"from", "value"}], "system", "tools"}
  kAlpaca,            // {"instruction", "input", "output", "system", "history"}
  kPromptCompletion,  // {"prompt", "completion"}: strings, or lists of messages
  kPreference,        // {"prompt", "chosen", "rejected"}, or without the prompt: strings, or lists of messages
  kUnpaired,          // {"prompt", "completion", "label"}
  kIds,               // {"input_ids", "labels" | "completion_mask" | "assistant_masks"}
};

const char* Name(Format format);
// INVALID_ARGUMENT naming the legal ones; "openai" is "messages".
Format ReadFormat(const std::string& name, const std::string& where);

// What is trained, as far as it decides which formats are of use and what a document is.
enum class Task {
  kPretrain,    // every token
  kSft,         // answers
  kPreference,  // pairs of answers (dpo, orpo, simpo)
  kUnpaired,    // answers with a label (kto)
};

// A key of the records; nothing: the records have no such key.
using Column = std::optional<std::string>;

struct Columns {
  Column text, prompt, query, response, history, messages, system, tools, completion, chosen, rejected, label, input_ids, labels;
};
// Of the entries of a list of messages. Where user is nothing, roles are taken as they are written.
struct Tags {
  Column role, content, user, assistant, observation, function, system;
};

struct FormatSpec {
  Format format = Format::kAuto;
  Columns columns;
  Tags tags;
  bool ranking = false;     // alpaca and sharegpt: the answers are in chosen and rejected
  bool own_tags = false;    // tags were given: other words for a role are errors
  bool leaves_out = false;  // what the columns do not name is left out on purpose, and only counted
};

// The keys and tags that a format has where nothing else is said.
FormatSpec DefaultSpec(Format format);
// The columns with their names, each once.
std::vector<std::pair<std::string_view, Column*>> NamedColumns(Columns& columns);
// The column or tag of a name, as dataset_info.json writes it ("prompt", "kto_tag", "role_tag"); nullptr for a name that is none.
Column* FindColumn(Columns& columns, std::string_view name);
Column* FindTag(Tags& tags, std::string_view name);

// The format that the keys of a record speak for, where exactly one is of use for the task. INVALID_ARGUMENT listing the keys
// where none or several are.
FormatSpec DetectFormat(const JsonValue& record, Task task, const std::string& where);

enum class ExampleKind { kText, kMessages, kCompletion, kPair, kUnpaired, kIds };

struct Example {
  ExampleKind kind = ExampleKind::kText;
  std::string text;                    // kText
  JsonValue prompt, chosen, rejected;  // strings, or lists of messages; kMessages: `prompt` is the whole conversation; a
                                       // completion is `chosen`
  bool label = true;                   // kUnpaired: the completion is desirable
  std::vector<uint8_t> skipped_turns;  // of a conversation, or of a prompt's messages and then its completion's: 1 for an
                                       // answer that the record takes out of training ("weight": 0); or empty
  JsonValue tools;                     // a list, or null
  JsonValue template_arguments;        // "chat_template_kwargs" of the record: an object, or null
  std::vector<int32_t> ids;            // kIds
  std::vector<uint8_t> trained;        // kIds: one a token
  Notes notes;                         // what of the record is not used, or was repaired
};

// Why a record that is well formed is not used. Each is counted and reported.
enum class Dropped { kNot, kEmptyAnswer, kTurnOrder };

struct ReadOptions {
  Task task = Task::kSft;
  bool join_parts = true;  // content that is a list of texts becomes one string
  bool keep_empty_answers = false;
  bool drop_null = true;      // members of tools that are null (read_messages.h)
  bool count_unused = false;  // members that look like a part of the conversation and are not used are only counted
};

// Reads a record by its format. INVALID_ARGUMENT beginning with `where`: a key that is missing (listing those there), a value of
// the wrong kind, an unknown role, a tool call without a name. UNIMPLEMENTED for content that is no text.
Dropped ReadExample(const JsonValue& record, const FormatSpec& spec, const ReadOptions& options, const std::string& where,
                    Example* out);

// The prompt that two answers begin with, taken out of both: strings up to the first difference, less one space before it; lists
// up to the first message that differs. Where one is the beginning of the other, the last thing they share stays with the
// answers.
void ExtractPrompt(Example& example);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_EXAMPLE_H_
