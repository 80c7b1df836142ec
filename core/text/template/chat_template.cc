#include "core/text/template/chat_template.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_set>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/json_text.h"
#include "core/text/template/added_tokens.h"
#include "core/text/tokenizer/special_tokens.h"
#include "core/text/tokenizer/tokenizer_folder.h"

namespace hlm {

using jinja::Value;

namespace {

constexpr int64_t kMaxFileBytes = int64_t{256} << 20;

JsonValue ReadObject(const std::string& path) { return ParseJsonObject(ReadSmallFile(path, kMaxFileBytes), PrintablePath(path)); }

// Those that tokenizer_config.json lists, by their ids.
std::vector<std::pair<int64_t, std::string>> AddedTokensOf(const JsonValue& config) {
  std::vector<std::pair<int64_t, std::string>> tokens;
  const JsonValue* decoder = config.Find("added_tokens_decoder");
  if (decoder == nullptr || !decoder->IsObject()) return tokens;
  for (const JsonValue::Member& member : decoder->Members()) {
    const std::optional<NamedToken> token = ReadToken(member.value);
    if (!token) continue;
    int64_t id = -1;
    std::from_chars(member.name.data(), member.name.data() + member.name.size(), id);
    tokens.emplace_back(id, token->content);
  }
  return tokens;
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
    FolderSettings settings;
    settings.tokenizer_config = ReadObject(path);
    chat->ReadTemplates(settings.tokenizer_config, PrintablePath(path));
    chat->TakeTokens(ReadSpecialTokens(settings, [](const std::string&) { return false; }),
                     AddedTokensOf(settings.tokenizer_config));
  } else {
    chat->Add("default", ReadSmallFile(path, kMaxFileBytes), PrintablePath(path));
  }
  if (chat->templates_.empty()) {
    throw NotFound(PrintablePath(path), ": no chat template (chat_template.jinja, or chat_template in tokenizer_config.json)");
  }
  return chat;
}

std::shared_ptr<const ChatTemplate> ChatTemplate::WithTokenizer(const Tokenizer& tokenizer) const {
  auto chat = std::make_shared<ChatTemplate>(*this);
  const auto tokens = tokenizer.ListAddedTokens();
  const TokenIds added(tokens.begin(), tokens.end());
  chat->TakeTokens(tokenizer.special_tokens(), added);
  if (!tokenizer.generation_json().empty())
    chat->AddStopTokens(tokenizer.generation_json(), PrintablePath(tokenizer.folder() + "/generation_config.json"), added);
  return chat;
}

void ChatTemplate::Add(std::string name, std::string_view text, std::string where) {
  auto made = std::make_shared<const jinja::Template>(text, std::move(where));
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
  const auto path_of = [&](const std::string& name) { return folder + "/" + name; };
  const FolderSettings settings = FolderSettings::ReadBesideJson(folder);
  ReadTemplates(settings.tokenizer_config, PrintablePath(path_of("tokenizer_config.json")));
  if (has("chat_template.jinja")) {
    const std::string path = path_of("chat_template.jinja");
    Add("default", ReadSmallFile(path, kMaxFileBytes), PrintablePath(path));
  }
  // What processors of pictures and text have beside the tokenizer's files.
  if (templates_.empty() && has("chat_template.json")) {
    const std::string path = path_of("chat_template.json");
    ReadTemplates(ReadObject(path), PrintablePath(path));
  }
  if (has("additional_chat_templates")) {
    for (const std::string& file : ListFolder(path_of("additional_chat_templates"))) {
      if (!file.ends_with(".jinja")) continue;
      const std::string path = path_of("additional_chat_templates/" + file);
      Add(file.substr(0, file.size() - 6), ReadSmallFile(path, kMaxFileBytes), PrintablePath(path));
    }
  }
  TokenIds added = AddedTokensOf(settings.tokenizer_config);
  std::vector<SpecialToken> special;
  if (!has("tokenizer.json") && HasTokenizer(folder)) {
    // Older files: what they make of the folder has tokens that tokenizer_config.json may not name.
    const auto tokenizer = Tokenizer::Open(folder);
    special = tokenizer->special_tokens();
    const auto tokens = tokenizer->ListAddedTokens();
    added.insert(added.end(), tokens.begin(), tokens.end());
  } else {
    // The file that makes the ids; added_tokens_decoder of tokenizer_config.json may name some of its tokens only.
    const std::string path = path_of("tokenizer.json");
    if (has("tokenizer.json")) {
      const TokenIds tokens = ReadAddedTokens(ReadSmallFile(path, kMaxFileBytes), PrintablePath(path));
      added.insert(added.end(), tokens.begin(), tokens.end());
    }
    special = ReadSpecialTokens(settings, [&](const std::string& token) {
      return std::any_of(added.begin(), added.end(), [&](const auto& one) { return one.second == token; });
    });
  }
  TakeTokens(special, added);
  if (const std::string path = path_of("generation_config.json"); has("generation_config.json"))
    AddStopTokens(ReadSmallFile(path, kMaxFileBytes), PrintablePath(path), added);
}

void ChatTemplate::ReadTemplates(const JsonValue& config, const std::string& where) {
  const JsonValue* found = config.Find("chat_template");
  if (found == nullptr || found->IsNull()) return;
  if (found->IsString()) return Add("default", found->String(), where + ": chat_template");
  if (found->IsObject()) {
    for (const JsonValue::Member& one : found->Members()) {
      if (!one.value.IsString()) throw InvalidArgument(where, ": a chat_template is no string");
      Add(one.name, one.value.String(), StrCat(where, ": chat_template ", one.name));
    }
    return;
  }
  if (!found->IsArray()) throw InvalidArgument(where, ": chat_template is neither a string nor a list of them");
  for (const JsonValue& one : found->Items()) {
    const JsonValue *name = one.Find("name"), *text = one.Find("template");
    if (name == nullptr || !name->IsString() || text == nullptr || !text->IsString()) {
      throw InvalidArgument(where, ": chat_template has an item without \"name\" and \"template\"");
    }
    Add(name->String(), text->String(), StrCat(where, ": chat_template ", name->String()));
  }
}

void ChatTemplate::TakeTokens(const std::vector<SpecialToken>& special, const TokenIds& added) {
  for (const auto& token : added) added_tokens_.push_back(token.second);
  for (const SpecialToken& token : special) {
    if (token.role == "additional_special_tokens") continue;
    special_tokens_.Set(std::string_view(token.role), Value::String(token.content));
    if (token.role == "eos_token") AddStopToken(token.content);
  }
  SortTokens();
}

// The ids that end a generation, as text.
void ChatTemplate::AddStopTokens(std::string_view generation_config, const std::string& where, const TokenIds& added) {
  const JsonValue config = ParseJsonObject(generation_config, where);
  const JsonValue* ids = config.Find("eos_token_id");
  if (ids == nullptr || ids->IsNull()) return;
  const auto add = [&](const JsonValue& id) {
    if (!id.Int()) {
      throw InvalidArgument(where, ": eos_token_id ", ids->IsArray() ? "has " : "is ", PrintableJson(id),
                            "; it must be a whole number or a list of them");
    }
    for (const auto& token : added) {
      if (token.first == *id.Int()) AddStopToken(token.second);
    }
  };
  if (ids->IsArray()) {
    for (const JsonValue& id : ids->Items()) add(id);
  } else {
    add(*ids);
  }
  SortTokens();
}

void ChatTemplate::AddStopToken(const std::string& token) {
  if (token.empty() || std::find(stop_tokens_.begin(), stop_tokens_.end(), token) != stop_tokens_.end()) return;
  stop_tokens_.push_back(token);
  added_tokens_.push_back(token);  // one that ends a generation is one that the tokenizer knows
}

void ChatTemplate::SortTokens() {
  std::unordered_set<std::string> known = {""};
  std::erase_if(added_tokens_, [&](const std::string& token) { return !known.insert(token).second; });
  std::stable_sort(added_tokens_.begin(), added_tokens_.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string ChatTemplate::contents() const {
  std::string all;
  const auto add = [&](std::string_view text) { all += StrCat(text.size(), ":", text); };
  const auto add_list = [&](const std::vector<std::string>& texts) {
    all += StrCat(texts.size(), ";");
    for (const std::string& text : texts) add(text);
  };
  for (const auto& [name, text] : texts_) {
    add(name);
    add(text);
  }
  for (const auto& [name, token] : special_tokens_.entries()) {
    add(name.text().bytes());
    add(token.text().bytes());
  }
  add_list(added_tokens_);
  add_list(stop_tokens_);
  return all;
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
