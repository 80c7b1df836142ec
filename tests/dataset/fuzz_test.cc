// Nasty files and mutations of good ones: a data set is made of them, or an Error of one line says why not, naming the file.
// Seeds are fixed, so a failure repeats.
#include <gtest/gtest.h>

#include <random>

#include "core/base/error.h"
#include "core/text/dataset/dataset.h"
#include "tests/dataset/support.h"

namespace hlm::dataset {
namespace {

struct Outcome {
  int accepted = 0, refused = 0;

  void Try(const TestFiles& files, const std::string& bytes, const std::string& task) {
    const std::string path = files.Write("d.jsonl", bytes);
    try {
      auto set = Dataset::Open(
          ReadDatasetOptions(R"({"data": ")" + path +
                             R"(", "cache_dir": null, "threads": 1, "max_record_bytes": 100000, "task": ")" + task + "\"}"),
          PlainPipeline());
      const Step& step = set->Next(4);
      ASSERT_FALSE(step.documents.empty());
      ASSERT_GT(step.trained, 0);
      ++accepted;
    } catch (const Error& error) {
      ++refused;
      EXPECT_NE(error.code(), Code::kInternal) << error.message() << "\n" << bytes.substr(0, 300);
      EXPECT_EQ(error.message().find('\n'), std::string::npos) << bytes.substr(0, 300);
      EXPECT_NE(error.message().find("d.jsonl"), std::string::npos) << error.message();
      EXPECT_LT(error.message().size(), 3000u);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << " escaped for " << bytes.substr(0, 300);
    }
  }
};

const char* const kRecords[] = {
    R"({"text": "a text"})",
    R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": [{"type": "text", "text": "a"}], "weight": 1}], "tools": "[{\"name\": \"f\"}]"})",
    R"({"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": "{\"name\": \"f\"}"}]})",
    R"({"instruction": "i", "input": "x", "output": "o", "history": [["q", "a"]]})",
    R"({"prompt": "p", "completion": "c", "label": true})",
    R"({"chosen": "ab", "rejected": "ac"})",
    R"({"input_ids": [1, 2, 3], "labels": [-100, 2, 3], "attention_mask": [1, 1, 1]})",
};
const char* const kTasks[] = {"sft", "sft", "sft", "sft", "kto", "dpo", "pretrain"};

TEST(Fuzz, MutatedRecords) {
  const TestFiles files;
  std::mt19937 random(4);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  const std::string tokens[] = {
      "{",  "}",     "[",       "]",       "\"", ":",    ",",  "null", "true",         "0",
      "-1", "1e999", "\\u0000", "\\ud800", "\\", "\xff", "\n", "\r",   "\xef\xbb\xbf", std::string(1, '\0')};
  Outcome outcome;
  for (int i = 0; i < 4000; ++i) {
    std::string bytes = kRecords[i % 7];
    bytes += "\n" + bytes;
    if (i % 3 == 0) bytes = "[" + std::string(kRecords[i % 7]) + "," + kRecords[i % 7] + "]";
    for (size_t change = 1 + below(3); change > 0 && !bytes.empty(); --change) {
      const size_t at = below(bytes.size()), length = std::min(bytes.size() - at, 1 + below(16));
      switch (below(6)) {
        case 0:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
          break;
        case 1:
          bytes.erase(at, length);
          break;
        case 2:
          bytes.insert(at, bytes.substr(below(bytes.size()), length));
          break;
        case 3:
          bytes.resize(at);
          break;
        case 4:
          bytes.insert(at, tokens[below(std::size(tokens))]);
          break;
        default:
          bytes.replace(at, length, tokens[below(std::size(tokens))]);
          break;
      }
    }
    outcome.Try(files, bytes, kTasks[i % 7]);
  }
  EXPECT_GT(outcome.accepted, 100);
  EXPECT_GT(outcome.refused, 1500);
}

TEST(Fuzz, Corpus) {
  const TestFiles files;
  std::string nested, many = "{\"text\":\"a\"", numbers = "{\"input_ids\":[";
  for (int i = 0; i < 50'000; ++i) nested += "[";
  for (int i = 0; i < 5000; ++i) many += ",\"k" + std::to_string(i) + "\":0";
  for (int i = 0; i < 20'000; ++i) numbers += "1,";
  const std::string corpus[] = {"",
                                "\n",
                                std::string(1, '\0'),
                                std::string(1000, '\0'),
                                "\xef\xbb\xbf",
                                "\xef\xbb",
                                "[",
                                "]",
                                "[]",
                                "[[]]",
                                "[{}]",
                                "{}",
                                "{",
                                "}",
                                "null",
                                "[null]",
                                "\"",
                                "{\"text\"",
                                "{\"text\":\"\\",
                                "{\"text\":\"\\u12",
                                R"({"text":"\ud83d"})",
                                R"({"text":"\ud83d\ude00"})",
                                "{\"text\":\"\xed\xa0\x80\"}",
                                "{\"text\":\"\xf4\x90\x80\x80\"}",
                                "{\"text\":\"a\"}\r{\"text\":\"b\"}",
                                nested,
                                "{\"text\":\"a\",\"x\":" + nested,
                                many + "}",
                                numbers + "2]}",
                                "[{\"text\":\"a\"}",
                                "[{\"text\":\"a\"},]",
                                "[{\"text\":\"a\"}]]",
                                "[{\"text\":\"a\"} {\"text\":\"b\"}]",
                                "{\"text\":\"" + std::string(99'980, 'x') + "\"}",
                                "{\"text\":\"" + std::string(100'000, 'x') + "\"}",
                                "{\"text\":\"a\"}{\"text\":\"b\"}",
                                "{\"text\":\"a\"}\n\n\n",
                                "{'text':'a'}",
                                "{\"text\":NaN}",
                                "{\"text\":\"a\",\"n\":1e999}",
                                "{\"text\":\"a\",\"n\":99999999999999999999}",
                                "// {\"text\":\"a\"}",
                                "{\"text\":[]}",
                                R"({"messages":[]})",
                                R"({"messages":[[]]})",
                                R"({"messages":[{"role":"assistant","content":"","tool_calls":[]}]})",
                                R"({"messages":[{"role":"assistant","tool_calls":[5]}]})",
                                R"({"conversations":[{"from":"human"}]})",
                                R"({"input_ids":[]})",
                                R"({"input_ids":[1]})",
                                R"({"input_ids":[1,2],"labels":[-100,-100]})"};
  for (const char* task : {"pretrain", "sft", "dpo", "kto"}) {
    Outcome outcome;
    for (const std::string& bytes : corpus) outcome.Try(files, bytes, task);
    EXPECT_GT(outcome.refused, 30);
  }
}

}  // namespace
}  // namespace hlm::dataset
