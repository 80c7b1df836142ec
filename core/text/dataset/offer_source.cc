#include "core/text/dataset/offer_source.h"

#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/ascii.h"
#include "core/base/error.h"
#include "core/io/json_writer.h"

namespace hlm::dataset {
namespace {

using Names = std::span<const std::string_view>;

// What a record may hold beside its answers; of two answers the worked one comes before the bare result.
constexpr std::string_view kQuestions[] = {"instruction", "prompt", "question", "query", "problem", "input", "inputs"};
constexpr std::string_view kAnswers[] = {"output", "response", "completion", "solution", "generated_solution",
                                         "answer", "target",   "targets"};
constexpr std::string_view kChosen[] = {"chosen", "chosen_response", "accepted", "response_j"};
constexpr std::string_view kRejected[] = {"rejected", "rejected_response", "response_k"};
constexpr std::string_view kTexts[] = {"text", "content", "raw_content", "code", "body"};

constexpr const char* kMayBe = "; a source may say how to read it: ";
constexpr const char* kAnySource = R"({"path", "format", "columns"})";

// The first of the names that the record has with a value, whatever their capitals.
std::string NameOf(const JsonValue& record, Names names) {
  for (const bool null : {false, true}) {
    for (const std::string_view name : names) {
      for (const JsonValue::Member& member : record.Members()) {
        if (SameWord(member.name, name) && member.value.IsNull() == null) return member.name;
      }
    }
  }
  return "";
}
std::string NameOf(const JsonValue& record, std::initializer_list<std::string_view> names) {
  return NameOf(record, Names(names.begin(), names.size()));
}
bool IsString(const JsonValue& record, const std::string& name) {
  const JsonValue* value = name.empty() ? nullptr : record.Find(name);
  return value != nullptr && value->IsString();
}

std::string Source(const char* format, bool ranking, const std::vector<std::pair<const char*, std::string>>& columns) {
  JsonWriter json;
  json.BeginObject().Member("path", "...").Member("format", format);
  if (ranking) json.Member("ranking", true);
  json.Key("columns").BeginObject();
  for (const auto& [column, name] : columns) {
    if (!name.empty()) json.Member(column, name);
  }
  json.EndObject().EndObject();
  return json.Take();
}

// One object around a list of records, under a name that says so.
std::string RecordsInside(const JsonValue& record) {
  const std::string name = NameOf(record, {"data", "rows", "records", "examples", "items", "samples", "entries", "train"});
  const JsonValue* list = name.empty() ? nullptr : record.Find(name);
  if (list == nullptr || !list->IsArray() || list->IsEmpty()) return "";
  if (list->Items().front().IsString()) return kMayBe + Source("sharegpt", false, {{"messages", name}});
  if (!list->Items().front().IsObject()) return "";
  return StrCat("; if the records are in \"", name, "\", that list must be the file");
}

std::string OfferPair(const JsonValue& record) {
  const std::string chosen = NameOf(record, kChosen), rejected = NameOf(record, kRejected);
  if (chosen.empty() || rejected.empty())
    return R"(; a pair has its two answers in columns of their own, as {"prompt", "chosen", "rejected"})";
  const std::string prompt = NameOf(record, kQuestions), system = NameOf(record, {"system", "system_prompt"});
  for (const char* key : {"messages", "conversations"}) {
    if (record.Find(key) == nullptr) continue;
    return kMayBe + Source(key[0] == 'm' ? "messages" : "sharegpt", true, {{"chosen", chosen}, {"rejected", rejected}});
  }
  const bool texts = IsString(record, prompt) && IsString(record, chosen);
  return kMayBe + Source(texts ? "alpaca" : "preference", texts,
                         {{"prompt", prompt}, {"chosen", chosen}, {"rejected", rejected}, {"system", system}});
}

// To train on the answer of a pair that was chosen, as on any.
std::string OfferChosen(const JsonValue& record) {
  const JsonValue* chosen = record.Find("chosen");
  const std::string prompt = NameOf(record, kQuestions), system = NameOf(record, {"system"});
  std::string source;
  if (chosen->IsString() && prompt.empty()) {
    source = Source("text", false, {{"text", "chosen"}});
  } else if (chosen->IsString()) {
    source = prompt == "prompt" && system.empty()
                 ? Source("prompt_completion", false, {{"prompt", prompt}, {"completion", "chosen"}})
                 : Source("alpaca", false, {{"prompt", prompt}, {"response", "chosen"}, {"system", system}});
  } else {
    const JsonValue* role = chosen->IsArray() && !chosen->IsEmpty() ? chosen->Items().front().Find("role") : nullptr;
    const bool alone = !prompt.empty() && role != nullptr && role->IsText("assistant");
    source = alone ? Source("prompt_completion", false, {{"prompt", prompt}, {"completion", "chosen"}})
                   : Source("messages", false, {{"messages", "chosen"}});
  }
  return "; to train on the chosen answers alone, as a source " + source;
}

}  // namespace

std::string OfferSource(const JsonValue& record, Task task) {
  const std::string inside = RecordsInside(record);
  if (!inside.empty()) return inside;
  if (task == Task::kPreference) return OfferPair(record);
  std::string prompt = NameOf(record, kQuestions);
  const std::string answer = NameOf(record, kAnswers);
  if (prompt.empty() || answer.empty()) {
    const std::string text = NameOf(record, kTexts);
    if (task == Task::kPretrain && IsString(record, text)) return kMayBe + Source("text", false, {{"text", text}});
    return kMayBe + std::string(kAnySource);
  }
  // A task that is said once for all of its inputs.
  const std::string task_text = SameWord(prompt, "inputs") ? NameOf(record, {"definition"}) : "";
  std::string context = task_text.empty() ? NameOf(record, {"context", "input"}) : prompt;
  if (!task_text.empty()) prompt = task_text;
  if (context == prompt) context.clear();
  const std::string label = task == Task::kUnpaired ? NameOf(record, {"label", "kto_tag"}) : "";
  const std::string system = NameOf(record, {"system", "system_prompt"});
  // A question that is a list of messages is a prompt as it stands.
  const JsonValue& asked = *record.Find(prompt);
  const bool turns = asked.IsArray();
  if (turns && !asked.IsEmpty() && !asked.Items().front().IsObject()) return kMayBe + std::string(kAnySource);
  return kMayBe + Source(!turns          ? "alpaca"
                         : label.empty() ? "prompt_completion"
                                         : "unpaired",
                         false,
                         {{"prompt", prompt},
                          {turns ? "completion" : "response", answer},
                          {"system", system},
                          {"label", label},
                          {"query", turns ? "" : context}});
}

std::string OfferForTask(const JsonValue& record, Task task) {
  if (task == Task::kPreference) return OfferPair(record);
  const JsonValue *chosen = record.Find("chosen"), *rejected = record.Find("rejected");
  const bool pair = chosen != nullptr && !chosen->IsNull() && rejected != nullptr;
  return task != Task::kUnpaired && pair ? OfferChosen(record) : "";
}

}  // namespace hlm::dataset
