#include "core/text/template/chat_template.h"

#include <algorithm>
#include <charconv>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/text/template/added_tokens.h"
#include "core/text/template/json.h"
#include "core/text/tokenizer/tokenizer_folder.h"

namespace hlm {

using jinja::Dict;
using jinja::Value;

namespace {

constexpr int64_t kMaxFileBytes = int64_t{256} << 20;
constexpr const char* kSpecialNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                         "pad_token", "cls_token", "mask_token"};

std::string TextOf(const Value& value) { return std::string(value.text().bytes()); }

// A token is its text, or an object with "content".
const Value* TokenText(const Value* token) {
  if (token != nullptr && token->IsDict()) token = token->dict().Find("content");
  return token != nullptr && token->IsText() ? token : nullptr;
}

Value ReadJsonObject(const std::string& path) {
  Value value = jinja::ParseJsonValue(ReadSmallFile(path, kMaxFileBytes), PrintablePath(path));
  if (!value.IsDict()) throw InvalidArgument(PrintablePath(path), ": is no JSON object");
  return value;
}

void AddSpecialTokens(const Dict& from, Dict& to) {
  for (const char* name : kSpecialNames) {
    const Value* token = TokenText(from.Find(name));
    if (token != nullptr && to.Find(name) == nullptr) to.Set(std::string_view(name), *token);
  }
}

}  // namespace

std::shared_ptr<const ChatTemplate> ChatTemplate::Create(std::string_view text, std::string name) {
  auto chat = std::make_shared<ChatTemplate>();
  chat->Add("default", text, std::move(name));
  return chat;
}

std::shared_ptr<const ChatTemplate> ChatTemplate::Open(const std::string& path) {
  auto chat = std::make_shared<ChatTemplate>();
  if (!IsRegularFile(path)) {
    chat->ReadFolder(path);
  } else if (path.ends_with(".json")) {
    chat->ReadTokenizerConfig(path);
  } else {
    chat->Add("default", ReadSmallFile(path, kMaxFileBytes), PrintablePath(path));
  }
  if (chat->templates_.empty()) {
    throw NotFound(PrintablePath(path), ": no chat template (chat_template.jinja, or chat_template in tokenizer_config.json)");
  }
  chat->SetTokens(std::move(chat->added_tokens_), std::move(chat->stop_tokens_));
  for (const auto& [name, token] : chat->special_tokens_.entries()) {
    std::vector<Value> tokens = {token};
    if (token.IsSequence()) tokens = token.sequence().items;
    for (const Value& one : tokens) {
      if (const Value* text = TokenText(&one)) chat->contents_ += StrCat(TextOf(name), "=", TextOf(*text), ";");
    }
  }
  return chat;
}

void ChatTemplate::Add(std::string name, std::string_view text, std::string where) {
  auto made = std::make_shared<const jinja::Template>(text, std::move(where));
  contents_ += StrCat(name.size(), ":", name, text.size(), ":", text);
  texts_[name] = text;
  for (auto& known : templates_) {
    if (known.first != name) continue;
    known.second = std::move(made);
    return;
  }
  templates_.emplace_back(std::move(name), std::move(made));
}

void ChatTemplate::ReadFolder(const std::string& folder) {
  const std::vector<std::string> names = ListFolder(folder);
  const auto has = [&](const char* name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  if (has("tokenizer_config.json")) ReadTokenizerConfig(folder + "/tokenizer_config.json");
  if (has("special_tokens_map.json"))
    AddSpecialTokens(ReadJsonObject(folder + "/special_tokens_map.json").dict(), special_tokens_);
  if (has("chat_template.jinja")) {
    const std::string path = folder + "/chat_template.jinja";
    Add("default", ReadSmallFile(path, kMaxFileBytes), PrintablePath(path));
  }
  // What processors of pictures and text have beside the tokenizer's files.
  if (templates_.empty() && has("chat_template.json")) ReadTokenizerConfig(folder + "/chat_template.json");
  if (has("additional_chat_templates")) {
    for (const std::string& file : ListFolder(folder + "/additional_chat_templates")) {
      if (!file.ends_with(".jinja")) continue;
      const std::string path = folder + "/additional_chat_templates/" + file;
      Add(file.substr(0, file.size() - 6), ReadSmallFile(path, kMaxFileBytes), PrintablePath(path));
    }
  }
  if (has("tokenizer.json")) {
    // The file that makes the ids; added_tokens_decoder of tokenizer_config.json may name some of its tokens only.
    const std::string path = folder + "/tokenizer.json";
    for (auto& token : ReadAddedTokens(ReadSmallFile(path, kMaxFileBytes), PrintablePath(path))) {
      if (std::find(added_tokens_.begin(), added_tokens_.end(), token.second) != added_tokens_.end()) continue;
      added_tokens_.push_back(token.second);
      token_ids_.push_back(std::move(token));
    }
  } else if (!has("tokenizer.json") && HasTokenizer(folder)) {
    ReadOtherTokenizer(folder);
  }
  if (has("generation_config.json")) ReadStopTokens(folder);
}

void ChatTemplate::ReadTokenizerConfig(const std::string& path) {
  const Value config = ReadJsonObject(path);
  AddSpecialTokens(config.dict(), special_tokens_);
  if (const Value* eos = TokenText(config.dict().Find("eos_token"))) stop_tokens_.push_back(TextOf(*eos));
  const Value* more = config.dict().Find("additional_special_tokens");
  if (more != nullptr && more->IsSequence()) special_tokens_.Set(std::string_view("additional_special_tokens"), *more);
  if (const Value* decoder = config.dict().Find("added_tokens_decoder"); decoder != nullptr && decoder->IsDict()) {
    for (const auto& [id, token] : decoder->dict().entries()) {
      const Value* text = TokenText(&token);
      if (text == nullptr || !id.IsText()) continue;
      int64_t number = -1;
      const std::string digits = TextOf(id);
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
      token_ids_.emplace_back(number, TextOf(*text));
      added_tokens_.push_back(TextOf(*text));
    }
  }
  const Value* found = config.dict().Find("chat_template");
  if (found == nullptr || found->IsNone()) return;
  const std::string where = PrintablePath(path);
  if (found->IsText()) return Add("default", found->text().bytes(), where + ": chat_template");
  if (found->IsDict()) {
    for (const auto& [name, text] : found->dict().entries()) {
      if (!text.IsText()) throw InvalidArgument(where, ": a chat_template is no string");
      Add(TextOf(name), text.text().bytes(), StrCat(where, ": chat_template ", TextOf(name)));
    }
    return;
  }
  if (!found->IsSequence()) throw InvalidArgument(where, ": chat_template is neither a string nor a list of them");
  for (const Value& one : found->sequence().items) {
    const Value* name = one.IsDict() ? one.dict().Find("name") : nullptr;
    const Value* text = one.IsDict() ? one.dict().Find("template") : nullptr;
    if (name == nullptr || !name->IsText() || text == nullptr || !text->IsText()) {
      throw InvalidArgument(where, ": chat_template has an item without \"name\" and \"template\"");
    }
    Add(TextOf(*name), text->text().bytes(), StrCat(where, ": chat_template ", TextOf(*name)));
  }
}

// Older files: what they make of the folder has tokens that tokenizer_config.json may not name.
void ChatTemplate::ReadOtherTokenizer(const std::string& folder) {
  const auto tokenizer = Tokenizer::Open(folder);
  for (const SpecialToken& token : tokenizer->special_tokens()) {
    const std::string_view role = token.role;
    if (role == "additional_special_tokens" || special_tokens_.Find(role) != nullptr) continue;
    special_tokens_.Set(role, Value::String(token.content));
    if (role == "eos_token") stop_tokens_.push_back(token.content);
  }
  if (!added_tokens_.empty()) return;
  for (auto& [id, text] : tokenizer->ListAddedTokens()) {
    added_tokens_.push_back(text);
    token_ids_.emplace_back(id, std::move(text));
  }
}

// The ids that end a generation, as text.
void ChatTemplate::ReadStopTokens(const std::string& folder) {
  const std::string path = folder + "/generation_config.json", where = PrintablePath(path);
  const JsonValue config = ParseJson(ReadSmallFile(path, kMaxFileBytes), where);
  if (!config.IsObject()) throw InvalidArgument(where, ": is no JSON object");
  const JsonValue* ids = config.Find("eos_token_id");
  if (ids == nullptr || ids->IsNull()) return;
  const auto add = [&](const JsonValue& id) {
    if (!id.Int()) {
      throw InvalidArgument(where, ": eos_token_id ", ids->IsArray() ? "has " : "is ", PrintableJson(id),
                            "; it must be a whole number or a list of them");
    }
    for (const auto& token : token_ids_) {
      const bool known = std::find(stop_tokens_.begin(), stop_tokens_.end(), token.second) != stop_tokens_.end();
      if (token.first == *id.Int() && !known) stop_tokens_.push_back(token.second);
    }
  };
  if (!ids->IsArray()) return add(*ids);
  for (const JsonValue& id : ids->Items()) add(id);
}

std::shared_ptr<const ChatTemplate> ChatTemplate::WithTokens(std::vector<std::string> added,
                                                             std::vector<std::string> stop) const {
  auto chat = std::make_shared<ChatTemplate>(*this);
  chat->SetTokens(std::move(added), std::move(stop));
  return chat;
}

void ChatTemplate::SetTokens(std::vector<std::string> added, std::vector<std::string> stop) {
  std::erase_if(added, [](const std::string& token) { return token.empty(); });
  std::erase_if(stop, [](const std::string& token) { return token.empty(); });
  // A token that ends generation is one that the tokenizer knows.
  for (const std::string& token : stop) {
    if (std::find(added.begin(), added.end(), token) == added.end()) added.push_back(token);
  }
  std::stable_sort(added.begin(), added.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
  added_tokens_ = std::move(added);
  stop_tokens_ = std::move(stop);
}

std::vector<std::string> ChatTemplate::names() const {
  std::vector<std::string> names;
  for (const auto& one : templates_) names.push_back(one.first);
  return names;
}

const jinja::Template& ChatTemplate::Select(const std::string& wanted, bool tools) const {
  const auto find = [&](const std::string& name) -> const jinja::Template* {
    for (const auto& one : templates_) {
      if (one.first == name) return one.second.get();
    }
    return nullptr;
  };
  std::string known;
  for (const auto& one : templates_) known += (known.empty() ? "" : ", ") + one.first;
  if (!wanted.empty()) {
    const jinja::Template* found = find(wanted);
    if (found == nullptr) throw NotFound("no chat template is called ", Printable(wanted), "; there are ", Printable(known));
    return *found;
  }
  if (templates_.size() == 1) return *templates_[0].second;
  const jinja::Template* found = tools ? find("tool_use") : nullptr;
  if (found == nullptr) found = find("default");
  if (found == nullptr)
    throw InvalidArgument("one of several chat templates is to be named, as none is \"default\": ", Printable(known));
  return *found;
}

}  // namespace hlm
