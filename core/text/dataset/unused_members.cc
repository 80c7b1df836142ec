#include "core/text/dataset/unused_members.h"

#include <algorithm>
#include <cctype>

#include "core/base/ascii.h"
#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/dataset/content_parts.h"
#include "core/text/dataset/media_members.h"
#include "core/text/dataset/member_name.h"

namespace hlm::dataset {
namespace {

// What people call the parts of a conversation that come before an answer.
constexpr std::string_view kParts[] = {"system",         "system_prompt",
                                       "system_message", "system_instruction",
                                       "instruction",    "instructions",
                                       "prompt",         "question",
                                       "question_text",  "problem",
                                       "query",          "queries",
                                       "input",          "inputs",
                                       "request",        "utterance",
                                       "context",        "background",
                                       "history",        "chat_history",
                                       "tools",          "functions",
                                       "messages",       "conversation",
                                       "conversations",  "dialog",
                                       "dialogue",       "documents",
                                       "document",       "passage",
                                       "user_prompt",    "user_input",
                                       "user_message",   "reasoning_content",
                                       "thinking",       "options",
                                       "choices",        "initial_reason_steps"};
// These as well where they have several words: one is a switch, a name or a kind ("reasoning": "on").
constexpr std::string_view kPartsOfWords[] = {"reasoning", "cot", "user", "human", "post", "article", "src"};
// What a model thought before its answer ends in one of these (deepseek_reasoning, Complex_CoT).
constexpr std::string_view kThoughts[] = {"reasoning", "cot", "thinking", "trajectory", "trajectories"};

// Lists of messages under a name with one of these words were made on the way to the record.
constexpr std::string_view kOfMaking[] = {"labelling", "labeling",   "labeler",     "judge",    "judgement",  "judgment",
                                          "judging",   "generation", "generations", "critique", "evaluation", "feedback"};

bool IsLetter(char c) { return static_cast<unsigned char>(c) >= 0x80 || std::isalpha(static_cast<unsigned char>(c)) != 0; }

bool HasWords(const JsonValue& value) {
  if (value.IsString()) return std::any_of(value.String().begin(), value.String().end(), IsLetter);
  if (value.IsArray()) return std::any_of(value.Items().begin(), value.Items().end(), HasWords);
  if (value.IsObject()) {
    return std::any_of(value.Members().begin(), value.Members().end(),
                       [](const JsonValue::Member& member) { return HasWords(member.value); });
  }
  // A string that could not be read.
  return value.IsLiteral() && value.Literal().text.front() == '"';
}

// Numbers are words of a question as well: {"input": [5, 3, 4]}.
bool HasWordsOrNumbers(const JsonValue& value) {
  if (value.IsNumber()) return true;
  if (value.IsString()) return !IsBlank(value.String());
  if (value.IsArray()) return std::any_of(value.Items().begin(), value.Items().end(), HasWordsOrNumbers);
  if (value.IsObject()) {
    return std::any_of(value.Members().begin(), value.Members().end(),
                       [](const JsonValue::Member& member) { return HasWordsOrNumbers(member.value); });
  }
  return value.IsLiteral();
}

// White space between them, or characters of scripts that need none.
bool HasSeveralWords(const JsonValue& value) {
  if (!HasWords(value)) return false;
  if (!value.IsString()) return true;
  const std::string& text = value.String();
  const size_t begin = text.find_first_not_of(" \t\r\n"), end = text.find_last_not_of(" \t\r\n");
  if (text.find_first_of(" \t\r\n", begin) < end) return true;
  return std::count_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0xe0; }) > 1;
}

bool IsListOfMessages(const JsonValue& value) {
  if (!value.IsArray() || value.IsEmpty()) return false;
  return std::all_of(value.Items().begin(), value.Items().end(), [](const JsonValue& item) {
    return (item.Find("role") != nullptr && item.Find("content") != nullptr) ||
           (item.Find("from") != nullptr && item.Find("value") != nullptr);
  });
}

// Descriptions of functions: a name, and a schema of what it takes.
bool IsListOfTools(const JsonValue& value) {
  if (value.IsString()) return value.String().starts_with("[{") && IsListOfTools(ParseJsonOrNull(value.String()));
  if (!value.IsArray() || value.IsEmpty()) return false;
  return std::all_of(value.Items().begin(), value.Items().end(), [](const JsonValue& item) {
    const JsonValue* inner = item.Find("function");
    const JsonValue& tool = inner != nullptr ? *inner : item;
    const JsonValue* name = tool.Find("name");
    const auto has = [&](const char* schema) { return tool.Find(schema) != nullptr && tool.Find(schema)->IsObject(); };
    return name != nullptr && name->IsString() && (has("parameters") || has("input_schema") || has("inputSchema"));
  });
}

// Every string in the value but roles.
void AddTexts(const JsonValue& value, std::vector<std::string_view>& texts) {
  if (value.IsString()) texts.push_back(value.String());
  if (value.IsArray()) {
    for (const JsonValue& item : value.Items()) AddTexts(item, texts);
  }
  if (value.IsObject()) {
    for (const JsonValue::Member& member : value.Members()) {
      if (member.name != "role") AddTexts(member.value, texts);
    }
  }
}

// The words stand in the text, and are not the middle of others.
bool Has(std::string_view text, std::string_view words) {
  const auto goes_on = [&](size_t at) { return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) != 0; };
  for (size_t at = text.find(words); at != std::string_view::npos; at = text.find(words, at + 1)) {
    const bool begins = at == 0 || words.empty() || !goes_on(at - 1) || !std::isalnum(static_cast<unsigned char>(words.front()));
    const size_t end = at + words.size();
    const bool ends = !goes_on(end) || words.empty() || !std::isalnum(static_cast<unsigned char>(words.back()));
    if (begins && ends) return true;
  }
  return false;
}

bool IsIn(std::string_view text, const std::vector<std::string_view>& texts) {
  text = Trimmed(text);
  return std::any_of(texts.begin(), texts.end(), [&](std::string_view of) { return Has(of, text); });
}

// Every number in the value, and what could not be read, as it is written.
void AddNumbers(const JsonValue& value, std::vector<std::string>& numbers) {
  if (value.IsNumber() || value.IsLiteral()) numbers.push_back(PrintableJson(value));
  if (value.IsArray()) {
    for (const JsonValue& item : value.Items()) AddNumbers(item, numbers);
  }
  if (value.IsObject()) {
    for (const JsonValue::Member& member : value.Members()) AddNumbers(member.value, numbers);
  }
}

// What is asked in a prompt that is a list of messages, or all of one that is a string.
std::vector<std::string_view> Questions(const Example& example) {
  std::vector<std::string_view> questions;
  if (example.prompt.IsString()) questions.push_back(Trimmed(example.prompt.String()));
  if (example.prompt.IsArray()) {
    for (const JsonValue& message : example.prompt.Items()) {
      const JsonValue *role = message.Find("role"), *content = message.Find("content");
      if (role == nullptr || content == nullptr || role->IsText("assistant") || !content->IsString()) continue;
      questions.push_back(Trimmed(content->String()));
    }
  }
  questions.erase(std::remove(questions.begin(), questions.end(), ""), questions.end());
  return questions;
}

// The words of the value are in the example already, or it is the prompt as somebody rendered it.
bool Repeats(const std::string& name, const JsonValue& value, const Example& example) {
  std::vector<std::string_view> own, texts;
  std::vector<std::string> numbers;
  for (const JsonValue* part : {&example.prompt, &example.chosen, &example.rejected, &example.tools}) AddTexts(*part, texts);
  if (IsListOfMessages(value)) {
    for (const JsonValue& message : value.Items()) {
      for (const char* key : {"content", "value"}) {
        if (const JsonValue* said = message.Find(key)) AddTexts(*said, own);
      }
    }
  } else {
    AddTexts(value, own);
    AddNumbers(value, numbers);
    own.insert(own.end(), numbers.begin(), numbers.end());
  }
  if (std::all_of(own.begin(), own.end(), [&](std::string_view text) { return IsIn(text, texts); })) return true;
  const std::vector<std::string_view> questions = Questions(example);
  return name == "prompt" && value.IsString() && !questions.empty() &&
         std::all_of(questions.begin(), questions.end(),
                     [&](std::string_view question) { return Has(value.String(), question); });
}

// A text and a list of ids are all that there is of their record.
bool IsConversation(const Example& example) { return example.kind != ExampleKind::kText && example.kind != ExampleKind::kIds; }

// By its name or its form the member is a part of the conversation.
bool LooksLikeAPart(const JsonValue::Member& member, Task task) {
  if (IsOneOf(member.name, kParts)) return HasWordsOrNumbers(member.value);
  if (IsOneOf(member.name, kPartsOfWords)) return HasSeveralWords(member.value);
  if (IsListOfTools(member.value)) return true;
  const std::vector<std::string_view> words = WordsOfName(member.name);
  const bool of_making = std::any_of(words.begin(), words.end(), [](std::string_view word) { return IsOneOf(word, kOfMaking); });
  const std::string_view name = member.name, behind = name.substr(name.find_last_of("_- ") + 1);  // CoT is one word here
  const bool thought = IsOneOf(behind, kThoughts) || (!words.empty() && IsOneOf(words.back(), kThoughts));
  if (thought && !of_making) return HasSeveralWords(member.value);
  if (!IsListOfMessages(member.value)) return false;
  const bool pairs = task == Task::kPreference || task == Task::kUnpaired;
  // Sets of pairs are trained as conversations as well, of which one answer is chosen already.
  if (!pairs && (SameWord(member.name, "chosen") || SameWord(member.name, "rejected"))) return false;
  return !of_making;
}

// Two answers that begin with nothing in common, to no question.
bool LacksItsPrompt(const Example& example) {
  if (example.kind != ExampleKind::kPair) return false;
  if (example.prompt.IsString()) return Trimmed(example.prompt.String()).empty();
  return std::all_of(example.prompt.Items().begin(), example.prompt.Items().end(),
                     [](const JsonValue& message) { return message.Find("role")->IsText("system"); });
}

constexpr const char* kHowToGoOn = ": name it in columns, or leave it out with \"unused_members\": \"count\"";

}  // namespace

bool IsInPrompt(std::string_view text, const Example& example) {
  std::vector<std::string_view> texts;
  AddTexts(example.prompt, texts);
  return IsIn(text, texts);
}

void AccountForUnused(const JsonValue& record, const std::vector<std::string_view>& used, const FormatSpec& spec,
                      const ReadOptions& options, const std::string& where, Example& example) {
  for (const JsonValue::Member& member : record.Members()) {
    if (std::find(used.begin(), used.end(), member.name) != used.end()) continue;
    const std::string name = Printable(member.name, 60);
    if (!options.count_unused) RefuseMedia(member, where);
    const bool refuses = !options.count_unused && !spec.leaves_out && IsConversation(example);
    const bool part = LooksLikeAPart(member, options.task);
    if (refuses && part && !Repeats(member.name, member.value, example)) {
      throw InvalidArgument(where, ": \"", name, "\" looks like a part of the conversation, and the format ", Name(spec.format),
                            " does not use it", kHowToGoOn);
    }
    if (refuses && LacksItsPrompt(example) && HasSeveralWords(member.value) && !Repeats(member.name, member.value, example)) {
      throw InvalidArgument(where, ": \"", name, "\" may be the prompt of chosen and rejected, which have none and begin with ",
                            "nothing in common", kHowToGoOn);
    }
    if (!part && !HasWords(member.value)) continue;
    Note note;
    note.did = Did::kUnused;
    note.what = "member";
    note.name = member.name;
    example.notes.push_back(std::move(note));
  }
}

}  // namespace hlm::dataset
