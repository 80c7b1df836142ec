#include "tests/samples/examples_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace horizon_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string Question(int64_t i) { return "What is " + std::to_string(i % 7) + " plus " + std::to_string(i % 5) + "?"; }
std::string Answer(int64_t i) {
  std::string answer = "It is " + std::to_string(i % 7 + i % 5) + ".";
  for (int64_t word = 0; word < i % 6; ++word) answer += " Or so I was told on day " + std::to_string(word) + ".";
  return answer;
}
json Turn(const std::string& role, const std::string& content) { return {{"role", role}, {"content", content}}; }

template <class Record>
std::string WriteRecords(const std::string& name, int64_t first, int64_t count, Record record) {
  std::string text;
  for (int64_t i = first; i < first + count; ++i) text += record(i).dump() + "\n";
  WriteFile(Scratch(name), text);
  return Scratch(name);
}

}  // namespace

Words WithDefaults(Words words, const Words& defaults) {
  for (size_t i = 0; i + 1 < defaults.size(); i += 2) {
    if (std::find(words.begin(), words.end(), defaults[i]) == words.end())
      words.insert(words.end(), {defaults[i], defaults[i + 1]});
  }
  return words;
}

std::string ExampleModel() {
  const std::string folder = Scratch("example-model");
  fs::create_directories(folder);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"}) {
    WriteFile(folder + "/" + file, ReadFile(std::string("samples/posttraining/") + file));
  }
  json config = json::parse(ReadFile(SmallConfig()));
  config["vocab_size"] = 1024;
  WriteFile(folder + "/config.json", config.dump());
  return folder;
}

std::string WriteConversations(const std::string& name, int64_t count, int64_t first) {
  return WriteRecords(name, first, count, [](int64_t i) {
    return json{{"messages", {Turn("user", Question(i)), Turn("assistant", Answer(i))}}};
  });
}

std::string WritePairs(const std::string& name, int64_t count, int64_t first) {
  return WriteRecords(name, first, count, [](int64_t i) {
    return json{{"prompt", {Turn("user", Question(i))}},
                {"chosen", {Turn("assistant", Answer(i))}},
                {"rejected", {Turn("assistant", "No idea, number " + std::to_string(i) + ".")}}};
  });
}

std::string WriteLabelled(const std::string& name, int64_t count, int64_t first) {
  return WriteRecords(name, first, count, [](int64_t i) {
    return json{{"prompt", {Turn("user", Question(i))}}, {"completion", {Turn("assistant", Answer(i))}}, {"label", i % 3 != 0}};
  });
}

Result TrainTask(const std::string& task, const Words& more) {
  const std::string model = ExampleModel();
  const Words words = With({"train", "--config", model + "/config.json", "--tokenizer", model, "--task", task, "--json"}, more);
  return Horizon(WithDefaults(words, {"--compute", "f32", "--seq-len", "96", "--cache-dir", Scratch("cache"), "--threads", "1",
                                      "--optimizer-threads", "1"}));
}

std::vector<json> TaskLines(const std::string& task, const Words& more) {
  const Result result = TrainTask(task, more);
  EXPECT_EQ(result.status, 0) << result.err;
  return result.status == 0 ? result.Lines() : std::vector<json>(1);
}

std::string FreshFolder(const std::string& name) {
  fs::remove_all(Scratch(name));
  return Scratch(name);
}

}  // namespace horizon_test
