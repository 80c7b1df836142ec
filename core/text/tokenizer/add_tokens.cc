// AddTokens of folder_settings.h.
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/tokenizer/folder_settings.h"

namespace hlm {
namespace {

// Roles and lists of tokens as the files together name them.
class Roles {
 public:
  Roles(const FolderSettings& settings, const ClassTokens& known) : settings_(settings) {
    const bool has_decoder = settings.tokenizer_config.Find("added_tokens_decoder") != nullptr;
    ReadFile(settings.tokenizer_config, "tokenizer_config.json", false);
    // Beside a list of added tokens the older file does not count.
    if (!has_decoder) ReadFile(settings.special_tokens_map, "special_tokens_map.json", true);
    for (const auto& [role, content] : known.defaults) roles_.SetDefault(role, content);
    list_ = has_extra_ ? extra_ : known.own_extra ? known.extra : older_;
  }

  const TokenRoles& roles() const { return roles_; }
  // The special tokens without a role of their own.
  const std::vector<NamedToken>& list() const { return list_; }
  // Those of them that are known before the vocabulary is read.
  const std::vector<NamedToken>& extra() const { return extra_; }

 private:
  void ReadFile(const JsonValue& json, const char* file, bool older) {
    if (!json.IsObject()) return;
    for (const JsonValue::Member& member : json.Members()) {
      if (member.name == "extra_special_tokens" || (member.name == "additional_special_tokens" && !older)) {
        ReadList(member.value, older, extra_, has_extra_);
      } else if (member.name == "additional_special_tokens") {
        bool unused = false;
        ReadList(member.value, older, older_, unused);
      } else if (IsCommonRole(member.name)) {
        const auto token = ReadToken(member.value, older);
        if (!token && !member.value.IsNull()) {
          throw InvalidArgument(settings_.where, "/", file, ": ", member.name, " is ", PrintableJson(member.value), ", no token");
        }
        roles_.Set(member.name, token);
      } else if (member.name.ends_with("_token")) {
        // A model's own, such as "image_token".
        if (const auto token = ReadToken(member.value, older)) roles_.Set(member.name, token);
      }
    }
  }
  void ReadList(const JsonValue& json, bool older, std::vector<NamedToken>& list, bool& has) {
    if (json.IsObject()) {
      for (const JsonValue::Member& member : json.Members()) {
        if (const auto token = ReadToken(member.value)) roles_.Set(member.name, token);
      }
      return;
    }
    has = true;
    if (!json.IsArray()) return;
    for (const JsonValue& value : json.Items()) {
      if (auto token = ReadToken(value, older)) list.push_back(std::move(*token));
    }
  }

  const FolderSettings& settings_;
  TokenRoles roles_;
  std::vector<NamedToken> extra_, older_, list_;
  bool has_extra_ = false;
};

// Tokens in order, without those that are there already.
class TokenList {
 public:
  // From now on a text that is there keeps every other form of it out.
  void Close() { closed_ = tokens_.size(); }
  void Append(const NamedToken& token) {
    std::vector<size_t>& same = by_content_[token.content];
    for (const size_t i : same) {
      if (i < closed_ || tokens_[i] == token) return;
    }
    same.push_back(tokens_.size());
    tokens_.push_back(token);
  }
  const std::vector<NamedToken>& tokens() const { return tokens_; }

 private:
  std::vector<NamedToken> tokens_;
  size_t closed_ = 0;
  std::map<std::string, std::vector<size_t>> by_content_;
};

class Adder {
 public:
  Adder(const FolderSettings& settings, const ClassTokens& known, const std::function<int32_t(std::string_view)>& find,
        size_t size)
      : settings_(settings), known_(known), roles_(settings, known), find_(find), size_(static_cast<int32_t>(size)) {}

  AddedVocabulary Run() {
    const auto decoder = DecoderTokens(settings_);
    TokenList list;
    for (const auto& [id, token] : decoder) {
      list.Append(token);
    }
    list.Close();
    std::vector<NamedToken> named;
    for (auto& one : roles_.roles().InOrder()) named.push_back(std::move(one.second));
    std::set<std::string_view> has_role;
    for (const NamedToken& token : named) has_role.insert(token.content);
    for (const NamedToken& token : named) list.Append(token);
    for (const NamedToken& token : roles_.list()) list.Append(token);
    for (size_t i = 0; i < list.tokens().size(); ++i) {
      NamedToken token = list.tokens()[i];
      if (i < decoder.size() && known_.raw) token.normalized = false;
      if (token.plain) token = {.content = token.content, .plain = false, .normalized = false, .special = true};
      if (has_role.count(token.content) != 0) token.special = true;
      Add(token);
    }
    if (known_.plain_specials) {
      for (const std::vector<NamedToken>& more : {named, roles_.list()}) {
        for (const NamedToken& token : more) {
          Add({.content = token.content, .plain = false, .normalized = false, .special = true});
        }
      }
    }
    CheckIds(decoder);
    NameRoles();
    return std::move(out_);
  }

 private:
  // As the tokenizers library numbers what is added; a token that is there already gets the new rules.
  void Add(const NamedToken& token) {
    if (token.content.empty()) return;
    const auto known = by_content_.find(token.content);
    if (known != by_content_.end()) {
      out_.tokens[known->second].token = token;
      return;
    }
    int32_t id = find_(token.content);
    if (id < 0) id = largest_ < size_ ? size_ : largest_ + 1;
    largest_ = std::max(largest_, id);
    by_content_.emplace(token.content, out_.tokens.size());
    out_.tokens.push_back({id, token});
  }

  int32_t IdOf(const std::string& content) const {
    const auto known = by_content_.find(content);
    return known == by_content_.end() ? find_(content) : out_.tokens[known->second].id;
  }

  void CheckIds(const std::vector<std::pair<int64_t, NamedToken>>& decoder) const {
    for (const auto& [id, token] : decoder) {
      const int32_t given = IdOf(token.content);
      if (given == id || token.content.empty()) continue;
      throw InvalidArgument(settings_.where, ": the added token \"", Printable(token.content), "\" is said to be ", id,
                            ", but behind a vocabulary of ", Counted(size_, "token"), " it is ", given,
                            "; transformers would number it so as well: a tokenizer.json can say what is meant");
    }
  }

  void NameRoles() {
    for (const auto& [role, token] : roles_.roles().InOrder()) out_.special.push_back({role, token.content});
    for (const NamedToken& token : roles_.list()) {
      if (token.plain || token.special) out_.special.push_back({"additional_special_tokens", token.content});
    }
    const auto around = [&](const char* role, const char* flag, bool missing, auto& list) {
      const auto token = roles_.roles().Token(role);
      if (!token || !settings_.Flag(flag, missing)) return;
      list.emplace_back(token->content, IdOf(token->content));
    };
    around("bos_token", "add_bos_token", known_.add_bos, out_.before);
    around("eos_token", "add_eos_token", false, out_.after);
  }

  const FolderSettings& settings_;
  const ClassTokens& known_;
  Roles roles_;
  const std::function<int32_t(std::string_view)>& find_;
  int32_t size_, largest_ = -1;
  std::map<std::string, size_t> by_content_;
  AddedVocabulary out_;
};

}  // namespace

std::vector<std::pair<int64_t, NamedToken>> DecoderTokens(const FolderSettings& settings) {
  std::vector<std::pair<int64_t, NamedToken>> tokens;
  if (const JsonValue* decoder = settings.tokenizer_config.Find("added_tokens_decoder")) {
    if (!decoder->IsObject()) {
      throw InvalidArgument(settings.where, "/tokenizer_config.json: added_tokens_decoder is ", decoder->KindName(),
                            ", not an object");
    }
    for (const JsonValue::Member& member : decoder->Members()) {
      int64_t id = -1;
      const char* end = member.name.data() + member.name.size();
      const auto [at, error] = std::from_chars(member.name.data(), end, id);
      auto token = ReadToken(member.value);
      if (error != std::errc() || at != end || id < 0 || !token || token->plain) {
        throw InvalidArgument(settings.where, "/tokenizer_config.json: added_tokens_decoder: \"", Printable(member.name),
                              "\": ", PrintableJson(member.value), " is no id with a token");
      }
      tokens.emplace_back(id, std::move(*token));
    }
  } else if (settings.added_tokens.IsObject()) {
    const Roles roles(settings, {});
    std::set<std::string> special;
    for (const NamedToken& token : roles.extra()) special.insert(token.content);
    for (const auto& [role, token] : roles.roles().InOrder()) {
      if (IsCommonRole(role)) special.insert(token.content);
    }
    for (const JsonValue::Member& member : settings.added_tokens.Members()) {
      const auto id = member.value.Int();
      if (!id || *id < 0) {
        throw InvalidArgument(settings.where, "/added_tokens.json: \"", Printable(member.name), "\" is ",
                              PrintableJson(member.value), ", no id");
      }
      const bool is_special = special.count(member.name) != 0;
      tokens.emplace_back(*id,
                          NamedToken{.content = member.name, .plain = false, .normalized = !is_special, .special = is_special});
    }
  }
  std::stable_sort(tokens.begin(), tokens.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return tokens;
}

AddedVocabulary AddTokens(const FolderSettings& settings, const ClassTokens& known,
                          const std::function<int32_t(std::string_view)>& find, size_t size) {
  return Adder(settings, known, find, size).Run();
}

void AddedVocabulary::Write(JsonWriter& json) const {
  json.Key("added_tokens").BeginArray();
  for (const Token& one : tokens) {
    json.BeginObject();
    json.Member("id", one.id);
    json.Member("content", one.token.content);
    json.Member("single_word", one.token.single_word);
    json.Member("lstrip", one.token.lstrip);
    json.Member("rstrip", one.token.rstrip);
    json.Member("normalized", one.token.normalized);
    json.Member("special", one.token.special);
    json.EndObject();
  }
  json.EndArray();
  json.Key("post_processor").BeginObject();
  json.Member("type", "TemplateProcessing");
  json.Key("single").BeginArray();
  const auto special = [&](const auto& list) {
    for (const auto& [content, id] : list) {
      json.BeginObject().Key("SpecialToken").BeginObject();
      json.Member("id", content).Member("type_id", 0);
      json.EndObject().EndObject();
    }
  };
  special(before);
  json.BeginObject().Key("Sequence").BeginObject();
  json.Member("id", "A").Member("type_id", 0);
  json.EndObject().EndObject();
  special(after);
  json.EndArray();
  json.Key("special_tokens").BeginObject();
  // bos and eos may be one token.
  std::map<std::string, int32_t> ids(before.begin(), before.end());
  ids.insert(after.begin(), after.end());
  for (const auto& [content, id] : ids) {
    json.Key(content).BeginObject();
    json.Member("id", content);
    json.Key("ids").BeginArray().Value(id).EndArray();
    json.Key("tokens").BeginArray().Value(content).EndArray();
    json.EndObject();
  }
  json.EndObject();
  json.EndObject();
}

}  // namespace hlm
