#include "tests/dataset/support.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/error.h"
#include "core/io/json_value.h"
#include "core/text/dataset/record_reader.h"

namespace hlm::dataset {

TestFiles::TestFiles() {
  std::string name = testing::TempDir() + "/dataset-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw Internal("no folder for the test");
  folder_ = name;
}

TestFiles::~TestFiles() { std::filesystem::remove_all(folder_); }

std::string TestFiles::Write(const std::string& name, std::string_view text) const {
  const std::string path = Path(name);
  std::ofstream file(path, std::ios::binary);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  return path;
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> ReadRecords(const std::string& path, int64_t most_bytes) {
  std::vector<std::string> records;
  try {
    RecordReader reader(path, most_bytes);
    Record record;
    while (reader.Next(&record)) {
      records.push_back(StrCat(record.line, ":", record.text));
      CheckRecordText(record.text, reader.Where(record.line));
    }
  } catch (const Error& error) {
    std::string message = error.message();
    const size_t folder = path.rfind('/') + 1;
    for (size_t at; (at = message.find(path)) != std::string::npos;) message.erase(at, folder);
    records.push_back("error: " + message);
  }
  return records;
}

std::string Show(const Example& example) {
  constexpr const char* kKinds[] = {"text", "messages", "completion", "pair", "unpaired", "ids"};
  JsonWriter json;
  json.BeginObject().Member("kind", kKinds[static_cast<int>(example.kind)]);
  if (!example.text.empty()) json.Member("text", example.text);
  const auto value = [&](const char* key, const JsonValue& held) {
    if (held.IsNull()) return;
    json.Key(key);
    held.Write(json);
  };
  value("prompt", example.prompt);
  value("chosen", example.chosen);
  value("rejected", example.rejected);
  value("tools", example.tools);
  value("arguments", example.template_arguments);
  if (example.kind == ExampleKind::kUnpaired) json.Member("label", example.label);
  if (!example.ids.empty())
    json.Member("ids", example.ids).Member("trained", std::vector<int>(example.trained.begin(), example.trained.end()));
  json.EndObject();
  return json.Take();
}

namespace {

std::string ContentOf(const JsonValue& message) {
  const JsonValue* content = message.Find("content");
  std::string text = content != nullptr && content->IsString() ? content->String() : "";
  if (const JsonValue* calls = message.Find("tool_calls")) {
    JsonWriter json;
    calls->Write(json);
    text += json.text();
  }
  return text;
}

std::vector<RenderedText> RenderPlainly(const RenderRequest& request) {
  RenderedText rendered;
  const JsonValue::Array& messages = request.messages->Items();
  std::vector<TextSpan> answers;
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string& role = messages[i].Find("role")->String();
    if (role == "raises") throw InvalidArgument("the template raised: no such role");
    rendered.text += "<" + role + ">";
    if (i == 0 && !request.tools->IsNull()) {
      for (const JsonValue& tool : request.tools->Items()) {
        const JsonValue* name = tool.Find("name");
        if (name == nullptr || !name->IsString()) throw InvalidArgument("the template raised: a tool without a name");
        rendered.text += "{" + name->String() + "}";
      }
    }
    const auto begin = static_cast<int64_t>(rendered.text.size());
    rendered.text += ContentOf(messages[i]) + ";";
    const JsonValue* train = messages[i].Find("train");
    const bool behind = request.train_on != TrainOn::kCompletion || static_cast<int64_t>(i) >= request.prompt_messages;
    if (role == "assistant" && behind && (train == nullptr || !train->IsBool() || train->Bool())) {
      answers.push_back({begin, static_cast<int64_t>(rendered.text.size())});
    }
  }
  if (request.train_on == TrainOn::kLast && answers.size() > 1) answers.erase(answers.begin(), answers.end() - 1);
  if (answers.empty() && request.train_on != TrainOn::kAll) throw InvalidArgument("nothing to train");
  rendered.trained = answers;
  return {rendered};
}

}  // namespace

TextPipeline PlainPipeline() {
  TextPipeline pipeline;
  pipeline.encode = [](std::string_view text, bool add_special_tokens, std::span<const TextSpan>) {
    EncodedText encoded;
    if (add_special_tokens) {
      encoded.ids.push_back(256);
      encoded.offsets.push_back({0, 0});
    }
    for (size_t i = 0; i < text.size(); ++i) {
      encoded.ids.push_back(static_cast<unsigned char>(text[i]));
      encoded.offsets.push_back({static_cast<int64_t>(i), static_cast<int64_t>(i) + 1});
    }
    return encoded;
  };
  pipeline.render = RenderPlainly;
  pipeline.eos = 257;
  pipeline.vocab_size = 258;
  pipeline.tokenizer_key = "bytes";
  pipeline.template_key = "plain";
  return pipeline;
}

std::string ShowTokens(const std::vector<int32_t>& ids, const std::vector<uint8_t>& trained) {
  std::string text, mask;
  for (size_t t = 0; t < ids.size(); ++t) {
    text += ids[t] == 256 ? '^' : ids[t] == 257 ? '$' : static_cast<char>(ids[t]);
    mask += trained[t] ? 'x' : '.';
  }
  return text + "\n" + mask;
}

}  // namespace hlm::dataset
