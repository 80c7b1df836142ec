// Mixtures of experts with their own chat templates, tuned from the terminal, asked again by what was saved alone: answers come, by a
// tool's call or after some thought, and stop. tools/check_saved_folders.py asks transformers the same.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Answer {
  std::string question, text, stop;
};

struct Mixture {
  std::string name;
  std::vector<Answer> answers;
};

class TunedMixtures : public ::testing::TestWithParam<Mixture> {};

TEST_P(TunedMixtures, WhatWasSavedAnswersAndStops) {
  const std::string given = "tests/mixtures/" + GetParam().name, base = Scratch("base"), out = Scratch("tuned");
  for (const std::string& folder : {base, out}) fs::remove_all(folder);
  ASSERT_EQ(
      Horizon({"export", "--config", given + "/config.json", "--init-seed", "1", "--save-dtype", "f32", "--out", base}).status,
      0);
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"})
    WriteFile(base + "/" + name, ReadFile(given + "/" + name));
  const Result tuned = Horizon({"train",     "--model", base,        "--task", "sft",          "--data", given + "/sft.jsonl",
                                "--compute", "f32",     "--seq-len", "256",    "--batch-size", "2",      "--cache-dir",
                                "none",      "--steps", "80",        "--lr",   "5e-3",         "--out",  out});
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  EXPECT_EQ(ReadFile(out + "/chat_template.jinja"), ReadFile(given + "/chat_template.jinja"));
  EXPECT_EQ(json::parse(ReadFile(out + "/config.json"))["model_type"], GetParam().name);
  for (const Answer& wanted : GetParam().answers) {
    const Result asked = Horizon({"generate", "--model", out, "--compute", "f32", "--chat", "--prompt", wanted.question,
                                  "--max-new-tokens", "120", "--json"});
    ASSERT_EQ(asked.status, 0) << asked.err;
    const json answer = asked.Lines().back();
    EXPECT_EQ(answer["text"], wanted.text);
    const std::string last = std::to_string(answer["ids"].back().get<int64_t>());
    EXPECT_EQ(Horizon({"tokenize", "--model", out, "--ids", last}).out, wanted.stop + "\n") << answer;
  }
}

INSTANTIATE_TEST_SUITE_P(All, TunedMixtures,
                         ::testing::Values(Mixture{"gpt_oss",
                                                   {{"the sea?", R"( to=functions.lookcommentary{"place": "sea"})", "<|call|>"},
                                                    {"the land?", "analysisno saltassistantfinalit is dry", "<|return|>"}}},
                                           Mixture{"qwen3_moe",
                                                   {{"the sea?", "<think>\nwaves\n</think>\n\nit is salt", "<|im_end|>"},
                                                    {"the land?", "<think>\nsand\n</think>\n\nit is dry", "<|im_end|>"}}}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace horizon_test
