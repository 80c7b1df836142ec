// Which format the keys of a record speak for (example.h).
#include <initializer_list>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/dataset/example.h"
#include "core/text/dataset/offer_source.h"
#include "core/text/dataset/read_messages.h"

namespace hlm::dataset {
namespace {

// The first or the last message of a list has this member.
const JsonValue* Of(const JsonValue* list, bool last, const char* key) {
  if (list == nullptr || !list->IsArray() || list->Items().empty()) return nullptr;
  return (last ? list->Items().back() : list->Items().front()).Find(key);
}
bool IsTextOf(const JsonValue* value, std::initializer_list<std::string_view> words) {
  if (value == nullptr) return false;
  for (const std::string_view word : words) {
    if (value->IsText(word)) return true;
  }
  return false;
}

class Detector {
 public:
  // `nulls`: a member that is null counts as there. Tables have a column for every row where one row has it.
  Detector(const JsonValue& record, Task task, bool nulls) : record_(record), task_(task), nulls_(nulls) {}

  void Run() {
    if (Has("input_ids")) Add(Format::kIds);
    for (const char* key : {"messages", "conversations"}) Conversation(key);
    // Some sets have one of several of these, of which it is the least; others call something else so.
    JsonValue text;
    const JsonValue* one = Messages("conversation", text);
    const bool turns = Of(one, false, "input") != nullptr && Of(one, false, "output") != nullptr;
    if (candidates.empty() && (Of(one, false, "role") != nullptr || Of(one, false, "from") != nullptr || turns))
      Conversation("conversation");
    if (Has("chosen") && Has("rejected")) Ranked();
    if (Has("prompt") && Has("completion")) Completion();
    const bool alpaca = Has("instruction") && Has("output");
    if (alpaca) Labelled(Add(Format::kAlpaca));
    // The first sets of this form have all of it rendered in "text" as well.
    if (Has("text") && !alpaca) Add(Format::kText);
  }

  std::vector<FormatSpec> candidates;

 private:
  const JsonValue* Find(const char* key) const {
    const JsonValue* value = record_.Find(key);
    return value != nullptr && value->IsNull() && !nulls_ ? nullptr : value;
  }
  bool Has(const char* key) const { return Find(key) != nullptr; }
  // The records have a system prompt, whatever this one's is: what is chosen by it is chosen for all of them.
  bool HasSystem() const { return record_.Find("system") != nullptr; }
  bool HasString(const char* key) const { return Has(key) && Find(key)->IsString(); }
  FormatSpec& Add(Format format) {
    candidates.push_back(DefaultSpec(format));
    return candidates.back();
  }
  // For kto an answer of any format may have its label beside it.
  void Labelled(FormatSpec& spec) const {
    if (task_ != Task::kUnpaired) return;
    for (const char* key : {"label", "kto_tag"}) {
      if (Has(key) && !spec.columns.label) spec.columns.label = key;
    }
  }

  // A member's list of messages. One in a text of JSON is parsed into `text`, unless it is no such text, which its reader says better.
  const JsonValue* Messages(const char* key, JsonValue& text) const {
    if (!HasString(key)) return Find(key);
    try {
      text = ParseMessagesText(Find(key)->String(), key);
      return &text;
    } catch (const Error& error) {
      if (error.code() != Code::kInvalidArgument) throw;
      return Find(key);
    }
  }

  void Conversation(const char* key) {
    JsonValue text;
    const JsonValue* list = Messages(key, text);
    if (list == nullptr) return;
    // Some call OpenAI's messages "conversations", and others the other way round.
    const bool roles = Of(list, false, "from") == nullptr && (Of(list, false, "role") != nullptr || key[0] == 'm');
    FormatSpec& spec = Add(roles ? Format::kMessages : Format::kShareGpt);
    spec.columns.messages = key;
    Labelled(spec);
    const JsonValue *first = Of(list, false, roles ? "role" : "from"), *last = Of(list, true, roles ? "role" : "from");
    if (spec.columns.label && Has("prompt") && IsTextOf(first, {"assistant", "gpt"})) spec.columns.prompt = "prompt";
    // Where the answers stand beside it, a list without the last one is the prompt.
    spec.ranking = Has("chosen") && Has("rejected") && !Has("prompt") && last != nullptr && !IsTextOf(last, {"assistant", "gpt"});
  }

  void Ranked() {
    for (const FormatSpec& candidate : candidates) {
      if (candidate.ranking) return;
    }
    const char* prompt = nullptr;
    const auto take = [&](const char* key, bool there) {
      if (there && prompt == nullptr) prompt = key;
    };
    for (const char* key : {"prompt", "instruction", "question", "query", "input"}) take(key, Has(key));
    for (const char* key : {"prompt", "instruction", "question", "query", "input"}) take(key, record_.Find(key) != nullptr);
    const std::string_view name = prompt == nullptr ? "" : prompt;
    const bool strings = HasString("chosen") && prompt != nullptr && !record_.Find(prompt)->IsArray();
    // A plain text has no place for a system prompt, and a question is no beginning of its answer: those are turns.
    if (strings && (name != "prompt" || HasSystem())) {
      FormatSpec& spec = Add(Format::kAlpaca);
      spec.ranking = true;
      spec.columns.prompt = prompt;
      if (name != "instruction") spec.columns.query = std::nullopt;
      return;
    }
    FormatSpec& spec = Add(Format::kPreference);
    if (prompt != nullptr) spec.columns.prompt = prompt;
  }

  void Completion() {
    const bool label = task_ == Task::kUnpaired && (Has("label") || Has("kto_tag"));
    if (HasString("prompt") && HasString("completion") && HasSystem()) {
      FormatSpec& spec = Add(Format::kAlpaca);
      spec.columns.prompt = "prompt";
      spec.columns.query = std::nullopt;
      spec.columns.response = "completion";
      Labelled(spec);
      return;
    }
    FormatSpec& spec = Add(label ? Format::kUnpaired : Format::kPromptCompletion);
    if (label && !Has("label")) spec.columns.label = "kto_tag";
  }

  const JsonValue& record_;
  const Task task_;
  const bool nulls_;
};

bool IsOfUse(const FormatSpec& spec, Task task) {
  const bool pair = spec.ranking || spec.format == Format::kPreference;
  switch (task) {
    case Task::kPretrain:
    case Task::kSft:
      return !pair && spec.format != Format::kUnpaired;
    case Task::kPreference:
      return pair;
    case Task::kUnpaired:
      return pair || spec.columns.label.has_value();
  }
  return false;
}

std::string Keys(const JsonValue& record) {
  std::string keys;
  for (const JsonValue::Member& member : record.Members()) {
    keys += StrCat(keys.empty() ? "" : ", ", Printable(member.name, 40));
    if (keys.size() > 400) return keys + ", ...";
  }
  return keys.empty() ? "none" : keys;
}

}  // namespace

FormatSpec DetectFormat(const JsonValue& record, Task task, const std::string& where) {
  if (!record.IsObject()) throw InvalidArgument(where, ": a record is ", record.KindInWords(), "; it must be an object");
  std::vector<FormatSpec> candidates;
  std::vector<const FormatSpec*> usable;
  // Where what is null leaves nothing, it is among what the error tells.
  for (const bool nulls : {false, true}) {
    if (!usable.empty()) break;
    Detector detector(record, task, nulls);
    detector.Run();
    candidates = std::move(detector.candidates);
    for (const FormatSpec& candidate : candidates) {
      if (IsOfUse(candidate, task)) usable.push_back(&candidate);
    }
  }
  if (usable.size() == 1) return *usable.front();
  std::string found;
  for (const FormatSpec& candidate : candidates) found += StrCat(found.empty() ? "" : " and ", Name(candidate.format));
  if (candidates.empty()) {
    throw InvalidArgument(where, ": no known format has the keys of this record: ", Keys(record), OfferSource(record, task));
  }
  if (usable.empty()) {
    throw InvalidArgument(where, ": the keys of this record speak for the format ", found,
                          ", which is of no use for this task; the keys are: ", Keys(record), OfferForTask(record, task));
  }
  throw InvalidArgument(where, ": the keys of this record speak for the formats ", found,
                        "; say which is meant, as a source {\"path\": ..., \"format\": \"", Name(usable.front()->format),
                        "\"}; the keys are: ", Keys(record));
}

}  // namespace hlm::dataset
