// The chat templates of a model: where its folder keeps them, and the tokens that they name.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_CHAT_TEMPLATE_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_CHAT_TEMPLATE_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/io/json_value.h"
#include "core/text/template/template.h"
#include "core/text/tokenizer/tokenizer.h"

namespace hlm {

// Immutable; any number of threads render from it.
class ChatTemplate {
 public:
  // A model's folder (tokenizer_config.json, chat_template.jinja, additional_chat_templates/*.jinja), a tokenizer_config.json or
  // a file with a template's text. Throws NOT_FOUND where there is no template, and what Template throws, naming the file.
  static std::shared_ptr<const ChatTemplate> Open(const std::string& path);
  static std::shared_ptr<const ChatTemplate> Create(std::string_view text, std::string name = "chat_template");

  // The one called `wanted`; for "": the only one, else "tool_use" where there are tools, else "default".
  const jinja::Template& Select(const std::string& wanted, bool tools) const;
  std::vector<std::string> names() const;
  // All of them as they were read, by name.
  const std::map<std::string, std::string>& texts() const { return texts_; }

  // The names and texts of all of them and the tokens, as one text: the same one renders and trains the same.
  std::string contents() const;
  // bos_token and so on, a model's own (image_token) too: variables of every render.
  const jinja::Dict& special_tokens() const { return special_tokens_; }
  // The text of every added token, the longest first; those that end a generation. Empty where the tokenizer's files are not
  // there.
  const std::vector<std::string>& added_tokens() const { return added_tokens_; }
  const std::vector<std::string>& stop_tokens() const { return stop_tokens_; }
  // The same templates with the tokens of a tokenizer, as a folder with both would have them: the special ones in place of those
  // of the same role, added and stop tokens beside those that there are. Throws INVALID_ARGUMENT where the tokenizer's
  // generation_config.json does not say what ends a generation.
  std::shared_ptr<const ChatTemplate> WithTokenizer(const Tokenizer& tokenizer) const;

 private:
  using TokenIds = std::vector<std::pair<int64_t, std::string>>;

  void Add(std::string name, std::string_view text, std::string where);
  void ReadFolder(const std::string& folder);
  void ReadTemplates(const JsonValue& config, const std::string& where);
  void TakeTokens(const std::vector<SpecialToken>& special, const TokenIds& added);
  void AddStopTokens(std::string_view generation_config, const std::string& where, const TokenIds& added);
  void AddStopToken(const std::string& token);
  void SortTokens();

  std::vector<std::pair<std::string, std::shared_ptr<const jinja::Template>>> templates_;
  std::map<std::string, std::string> texts_;
  jinja::Dict special_tokens_;
  std::vector<std::string> added_tokens_, stop_tokens_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_CHAT_TEMPLATE_H_
