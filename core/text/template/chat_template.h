// The chat templates of a model: where its folder keeps them, and the tokens that they name.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_CHAT_TEMPLATE_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_CHAT_TEMPLATE_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/template/template.h"

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

  // The names and texts of all of them and the special tokens, as one text: the same one renders the same.
  const std::string& contents() const { return contents_; }
  // bos_token and so on: variables of every render.
  const jinja::Dict& special_tokens() const { return special_tokens_; }
  // The text of every added token, the longest first; those that end a generation. Empty where the tokenizer's files are not
  // there.
  const std::vector<std::string>& added_tokens() const { return added_tokens_; }
  const std::vector<std::string>& stop_tokens() const { return stop_tokens_; }
  // The same templates with the tokens of a tokenizer that is at hand.
  std::shared_ptr<const ChatTemplate> WithTokens(std::vector<std::string> added, std::vector<std::string> stop) const;

 private:
  void SetTokens(std::vector<std::string> added, std::vector<std::string> stop);
  void Add(std::string name, std::string_view text, std::string where);
  void ReadFolder(const std::string& folder);
  void ReadTokenizerConfig(const std::string& path);
  void ReadOtherTokenizer(const std::string& folder);
  void ReadStopTokens(const std::string& folder);

  std::vector<std::pair<std::string, std::shared_ptr<const jinja::Template>>> templates_;
  std::map<std::string, std::string> texts_;
  std::string contents_;
  jinja::Dict special_tokens_;
  std::vector<std::pair<int64_t, std::string>> token_ids_;
  std::vector<std::string> added_tokens_, stop_tokens_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_CHAT_TEMPLATE_H_
