#include "core/text/dataset/unused_members.h"

#include <algorithm>
#include <cctype>

#include "core/base/ascii.h"
#include "core/base/error.h"
#include "core/io/json_text.h"

namespace hlm::dataset {
namespace {

// A column of pictures, sound or films is called one of these, alone or with one of the others before or behind it (image_path,
// input_audio), but not what is written about them (image_caption).
constexpr std::string_view kMedia[] = {"image",  "images", "img",    "imgs",  "picture", "pictures", "photo",
                                       "photos", "audio",  "audios", "video", "videos",  "pixel"};
constexpr std::string_view kOfMedia[] = {"input", "url",   "urls",     "path",      "paths",  "file",    "files",
                                         "name",  "names", "filename", "filenames", "base64", "b64",     "bytes",
                                         "data",  "list",  "values",   "uri",       "uris",   "features"};

// What people call the parts of a conversation that come before an answer.
constexpr std::string_view kParts[] = {"system",   "system_prompt", "system_message",    "instruction", "prompt",   "question",
                                       "query",    "input",         "context",           "history",     "tools",    "functions",
                                       "messages", "conversation",  "conversations",     "dialog",      "dialogue", "documents",
                                       "passage",  "user_prompt",   "reasoning_content", "thinking"};

template <size_t n>
bool IsOneOf(std::string_view name, const std::string_view (&known)[n]) {
  const std::string lower = AsciiLower(name);
  return std::find(std::begin(known), std::end(known), lower) != std::end(known);
}

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

// Something is there: a path, bytes, a list or an object of them.
bool HoldsSomething(const JsonValue& value) {
  if (value.IsString()) return !value.String().empty();
  const auto holds = [](const JsonValue& item) { return item.IsNumber() || HoldsSomething(item); };
  if (value.IsArray()) return std::any_of(value.Items().begin(), value.Items().end(), holds);
  return value.IsObject() && std::any_of(value.Members().begin(), value.Members().end(),
                                         [&](const JsonValue::Member& member) { return holds(member.value); });
}

bool IsListOfMessages(const JsonValue& value) {
  if (!value.IsArray() || value.IsEmpty()) return false;
  return std::all_of(value.Items().begin(), value.Items().end(), [](const JsonValue& item) {
    return (item.Find("role") != nullptr && item.Find("content") != nullptr) ||
           (item.Find("from") != nullptr && item.Find("value") != nullptr);
  });
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string_view::npos ? "" : text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
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
  for (const JsonValue* part : {&example.prompt, &example.chosen, &example.rejected, &example.tools}) AddTexts(*part, texts);
  if (IsListOfMessages(value)) {
    for (const JsonValue& message : value.Items()) {
      for (const char* key : {"content", "value"}) {
        if (const JsonValue* said = message.Find(key)) AddTexts(*said, own);
      }
    }
  } else {
    AddTexts(value, own);
  }
  if (std::all_of(own.begin(), own.end(), [&](std::string_view text) { return IsIn(text, texts); })) return true;
  const std::vector<std::string_view> questions = Questions(example);
  return name == "prompt" && value.IsString() && !questions.empty() &&
         std::all_of(questions.begin(), questions.end(),
                     [&](std::string_view question) { return Has(value.String(), question); });
}

// A text and a list of ids are all that there is of their record.
bool IsConversation(const Example& example) { return example.kind != ExampleKind::kText && example.kind != ExampleKind::kIds; }

}  // namespace

bool IsMediaName(std::string_view name) {
  bool media = false;
  while (!name.empty()) {
    const size_t end = std::min(name.find_first_of("_- "), name.size());
    const std::string_view word = name.substr(0, end);
    if (!IsOneOf(word, kMedia) && !IsOneOf(word, kOfMedia)) return false;
    media = media || IsOneOf(word, kMedia);
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return media;
}

void RefuseMedia(const JsonValue::Member& member, const std::string& where) {
  if (!IsMediaName(member.name) || !HoldsSomething(member.value)) return;
  throw Unimplemented(where, ": \"", Printable(member.name, 60), "\" is ", PrintableJson(member.value),
                      "; only text is trained on");
}

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
    if (!HasWords(member.value)) continue;
    if (!options.count_unused && !spec.leaves_out && IsConversation(example) &&
        (IsOneOf(member.name, kParts) || IsListOfMessages(member.value)) && !Repeats(member.name, member.value, example)) {
      throw InvalidArgument(where, ": \"", name, "\" looks like a part of the conversation, and the format ", Name(spec.format),
                            " does not use it: name it in columns, or leave it out with \"unused_members\": \"count\"");
    }
    Note note;
    note.did = Did::kUnused;
    note.what = "member";
    note.name = member.name;
    example.notes.push_back(std::move(note));
  }
}

}  // namespace hlm::dataset
