#include "core/text/dataset/options.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/dataset/support.h"
#include "tests/support/code_of.h"

namespace hlm::dataset {
namespace {

TEST(Options, AreReadByKey) {
  const TestFiles files;
  const std::string a = files.Write("a.jsonl", "{}"), b = files.Write("sub_b.json", "[]");
  const DatasetOptions o = ReadDatasetOptions(R"({"data": [")" + a + R"(", {"path": ")" + b +
                                              R"(", "format": "openai", "weight": 2.5, "num_samples": 7,
      "columns": {"messages": "m"}}], "task": "simpo", "seq_len": 99, "packing": "off", "too_long": "drop", "shuffle": false, "seed": -3,
      "evaluation": 0.25, "part": "evaluation", "epochs": 2, "drop_last": true, "bad_records": "skip", "cache_dir": null, "threads": 3})");
  ASSERT_EQ(o.sources.size(), 2u);
  EXPECT_EQ(o.sources[1].spec.format, Format::kMessages);
  EXPECT_EQ(o.sources[1].spec.columns.messages, "m");
  EXPECT_EQ(o.sources[1].spec.columns.tools, "tools");  // what is not named keeps its name
  EXPECT_EQ(o.sources[1].weight, 2.5);
  EXPECT_EQ(o.sources[1].num_samples, 7);
  EXPECT_EQ(o.task, Task::kPreference);
  EXPECT_EQ(o.seq_len, 99);
  EXPECT_FALSE(o.packing || o.shuffle || o.keep_cache);
  EXPECT_TRUE(o.drop_last && o.skip_bad_records);
  EXPECT_EQ(o.too_long, TooLong::kDrop);
  EXPECT_EQ(o.seed, -3);
  EXPECT_EQ(o.eval_fraction, 0.25);
  EXPECT_EQ(o.part, Part::kEvaluation);
  EXPECT_EQ(ReadDatasetOptions(R"({"data": ")" + a + R"(", "task": "pretrain", "evaluation": 5})").too_long, TooLong::kSplit);
  EXPECT_EQ(ReadDatasetOptions(R"({"data": ")" + a + R"(", "evaluation": 5})").eval_count, 5);
  // A folder's files, by name.
  EXPECT_EQ(ReadDatasetOptions(R"({"data": ")" + files.folder() + R"("})").sources[0].files, (std::vector<std::string>{a, b}));
}

TEST(Options, WhatIsNotLegalIsNamed) {
  const TestFiles files;
  const std::string data = R"("data": ")" + files.Write("a.jsonl", "{}") + "\"";
  const auto message = [&](const std::string& config) {
    std::string text;
    EXPECT_NE(CodeOf([&] { ReadDatasetOptions(config); }, &text), Code::kOk) << config;
    return text;
  };
  EXPECT_EQ(message("{}"), "the data set's configuration has no data");
  EXPECT_EQ(message("[]"), "the data set's configuration is an array; it must be an object");
  EXPECT_NE(message("{" + data + R"(, "sed": 1})").find("has sed (did you mean seed?); known are data, task"), std::string::npos);
  EXPECT_NE(message("{" + data + R"(, "seqlen": 9})").find("has seqlen (did you mean seq_len?); known"), std::string::npos);
  EXPECT_NE(message("{" + data + R"(, "templte_date": 9})").find("has templte_date (did you mean template_date?); known"),
            std::string::npos);
  EXPECT_NE(message("{" + data + R"(, "zebra": 9})").find("has zebra; known"), std::string::npos);
  EXPECT_NE(message(R"({"data": [{"paths": "x"}]})").find("data[0] has paths (did you mean path?); known are path"),
            std::string::npos);
  EXPECT_EQ(message("{" + data + R"(, "task": "ppo"})"), R"(task is "ppo"; legal are pretrain, sft, dpo, orpo, simpo, kto)");
  EXPECT_EQ(message("{" + data + R"(, "seq_len": 1})"), "seq_len is 1; it must be a whole number in [2, 16777216]");
  EXPECT_NE(message("{" + data + R"(, "evaluation": 1.5})").find("evaluation is 1.5; it must be a fraction"), std::string::npos);
  EXPECT_NE(message("{" + data + R"(, "part": "evaluation"})").find("is 0"), std::string::npos);
  EXPECT_NE(message("{" + data + R"(, "task": "dpo", "too_long": "split"})").find("cannot be split"), std::string::npos);
  EXPECT_NE(message("{" + data + ", " + data + "}").find("appears twice"), std::string::npos);
  EXPECT_NE(message(R"({"data": []})").find("empty list"), std::string::npos);
  EXPECT_NE(message(R"({"data": {"path": "x", "dataset_info": "y"}})").find("needs either path or dataset_info"),
            std::string::npos);
  EXPECT_NE(message(R"({"data": [{"path": ")" + files.folder() + R"(", "weight": 0}]})").find("data[0]: weight is 0"),
            std::string::npos);
  EXPECT_NE(message(R"({"data": "/nowhere.jsonl"})").find("No such file"), std::string::npos);
}

TEST(Options, WhatASourceMayNotSayIsNamed) {
  const TestFiles files;
  const std::string path = R"("path": ")" + files.Write("a.jsonl", "{}") + "\"",
                    info = R"("dataset_info": ")" + files.Write("dataset_info.json", R"({"d": []})") + "\"";
  const auto expect = [&](const std::string& source, const std::string& wanted) {
    std::string text;
    EXPECT_NE(CodeOf([&] { ReadDatasetOptions(R"({"data": [{)" + source + "}]}"); }, &text), Code::kOk) << source;
    EXPECT_NE(text.find(wanted), std::string::npos) << text;
  };
  expect(path + R"(, "columns": {"text": "t"})", "data[0] has columns and no format that it belongs to");
  expect(path + R"(, "tags": {})", "data[0] has tags and no format that it belongs to");
  expect(path + R"(, "format": "alpaca", "columns": {"question": "q"})", "columns has question; known are text, prompt, query");
  expect(path + R"(, "format": "alpaca", "columns": [])", "columns is an array; it must be an object");
  expect(path + R"(, "format": "sharegpt", "tags": {"tool_tag": "t"})", "tags has tool_tag; known are role_tag, content_tag");
  expect(path + R"(, "format": "sharegpt", "tags": 3)", "tags is a number; it must be an object");
  expect(info, "data[0] has dataset_info, and no name of one of its data sets");
  expect(info + R"(, "name": "d", "format": "alpaca")", "data[0] has both dataset_info and format; that file says it");
  expect(info + R"(, "name": "e")", "has no data set e");
  expect(info + R"(, "name": "d")", "d is an array; it must be an object");
}

}  // namespace
}  // namespace hlm::dataset
