// Renders conversations for training, for tests against Jinja2: one JSON object a line, {"template", "messages", and optionally
// "tools", "variables", "train_on", "mask", "prompt_messages", "added", "stop", "parse", "drop_null"}, to one a line, as hlm_template_render_training
// says it, or {"error", "code"}.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/error.h"
#include "core/text/template/conversation.h"
#include "core/text/template/json.h"

namespace {

using Json = nlohmann::ordered_json;

class Folder {
 public:
  Folder() { std::filesystem::create_directories(path_); }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  void Write(const std::string& name, const std::string& text) const { std::ofstream(path_ + "/" + name) << text; }

 private:
  const std::string path_ = std::filesystem::temp_directory_path().string() + "/mask_lines." + std::to_string(getpid());
};

Json Spans(const std::vector<hlm::Span>& spans) {
  Json all = Json::array();
  for (const hlm::Span& span : spans) all.push_back({span.begin, span.end});
  return all;
}

Json Dropped(const hlm::Rendered& rendered) {
  Json all = Json::array();
  for (const hlm::DroppedWords& words : rendered.dropped) {
    all.push_back({{"message", words.message}, {"field", hlm::FieldName(words.field)}, {"characters", words.characters}});
  }
  return all;
}

Json LeftOut(const hlm::Rendered& rendered) {
  constexpr const char* kOf[] = {"role", "member", "tools"};
  Json all = Json::array();
  for (const hlm::LeftOut& words : rendered.left_out) {
    all.push_back({{"of", kOf[static_cast<size_t>(words.of)]}, {"name", words.name}, {"characters", words.characters}});
  }
  return all;
}

// A template with the tokens of a folder that has them.
std::shared_ptr<const hlm::ChatTemplate> MakeTemplate(const Json& input) {
  static const Folder folder;
  Json added = Json::object(), stop = Json::array();
  for (const char* key : {"added", "stop"}) {
    for (const Json& token : input.value(key, Json::array())) {
      if (std::string_view(key) == "stop") stop.push_back(added.size());
      added[std::to_string(added.size())] = {{"content", token}};
    }
  }
  folder.Write("tokenizer_config.json", Json{{"added_tokens_decoder", added}}.dump());
  folder.Write("generation_config.json", Json{{"eos_token_id", stop}}.dump());
  folder.Write("chat_template.jinja", input.at("template").get<std::string>());
  return hlm::ChatTemplate::Open(folder.path());
}

Json Render(const std::string& line) {
  const Json input = Json::parse(line);
  const auto value = [&](const char* key) {
    return input.contains(key) ? hlm::jinja::ParseJsonValue(input[key].dump(), key) : hlm::jinja::Value::None();
  };
  Json output;
  try {
    const auto chat = MakeTemplate(input);
    const hlm::Conversation conversation = hlm::MakeConversation(value("messages"), value("tools"), hlm::jinja::Value::None(),
                                                                 {input.value("parse", false), input.value("drop_null", false)});
    hlm::TrainingOptions options;
    options.variables = value("variables");
    options.train_on = static_cast<hlm::TrainOn>(input.value("train_on", 0));
    options.method = static_cast<hlm::MaskMethod>(input.value("mask", 0));
    options.prompt_messages = input.value("prompt_messages", int64_t{-1});
    options.date = "2026-03-01";
    output["sequences"] = Json::array();
    for (const hlm::Rendered& rendered : hlm::RenderForTraining(*chat, conversation, options)) {
      output["method"] = hlm::MaskMethodName(rendered.method);
      output["sequences"].push_back({{"text", rendered.text},
                                     {"trained", Spans(rendered.trained)},
                                     {"messages", rendered.trained_messages},
                                     {"input", Spans(rendered.input)},
                                     {"dropped", Dropped(rendered)},
                                     {"left_out", LeftOut(rendered)},
                                     {"unroll_keeps", rendered.unroll_keeps},
                                     {"without_stop", rendered.without_stop}});
    }
  } catch (const hlm::Error& error) {
    output = {{"error", error.message()}, {"code", hlm::CodeName(error.code())}};
  }
  return output;
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) std::cout << Render(line).dump(-1, ' ', true, Json::error_handler_t::replace) << "\n";
  return 0;
}
