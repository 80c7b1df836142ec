// What held-out data decide of a run: the best state stays, and a run without progress ends; and samples on the way.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string Fresh(const std::string& name) {
  fs::remove_all(Scratch(name));
  return Scratch(name);
}

// Held-out rows of ids in another order than those trained on.
std::string HeldOut() {
  std::vector<int64_t> ids = SomeIds(16 * 6);
  std::reverse(ids.begin(), ids.end());
  return WriteRows("held-out.npy", 16, ids);
}

// A rate at which a small model learns twelve rows by heart: what it says of other rows gets better, then worse.
Words Arguments(const Words& more) {
  Words words = {"train",       "--config", SmallConfig(), "--data", WriteRows("train.npy", 16, SomeIds(16 * 12)),
                 "--eval-data", HeldOut(),  "--compute",   "f32",    "--batch-size",
                 "4",           "--lr",     "3e-2"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::vector<std::pair<int64_t, double>> Evaluations(const std::string& log) {
  std::vector<std::pair<int64_t, double>> found;
  for (const json& line : Curve(log)) {
    if (line.contains("eval_loss")) found.emplace_back(line["step"], line["eval_loss"]);
  }
  return found;
}

std::pair<int64_t, double> Lowest(const std::string& log) {
  const auto all = Evaluations(log);
  return *std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
}

TEST(HeldOutRunTest, TheBestStateStaysAndIsWhatIsSaved) {
  const std::string log = Scratch("best.jsonl"), folder = Fresh("best-checkpoints"), out = Fresh("best-out");
  const Words words = Arguments({"--steps", "40", "--eval-every", "2", "--checkpoint-dir", folder, "--keep-best"});
  Words run = words;
  run.insert(run.end(), {"--log-json", log, "--out", out});
  const Result result = Horizon(run);
  ASSERT_EQ(result.status, 0) << result.err;
  const auto [step, loss] = Lowest(log);
  ASSERT_GT(step, 2);
  ASSERT_LT(step, 40) << "the run must get worse for this test to say anything";
  EXPECT_NE(result.out.find("the weights after step " + std::to_string(step)), std::string::npos) << result.out;
  // The same run, ended at that step.
  const std::string direct = Fresh("direct-out");
  Words short_run = Arguments({"--steps", std::to_string(step), "--out", direct});
  ASSERT_EQ(Horizon(short_run).status, 0);
  EXPECT_EQ(ReadFile(out + "/model.safetensors"), ReadFile(direct + "/model.safetensors"));
  const Result eval = Horizon({"eval", "--model", out, "--data", HeldOut(), "--compute", "f32", "--batch-size", "4", "--json"});
  ASSERT_EQ(eval.status, 0) << eval.err;
  EXPECT_NEAR(json::parse(eval.out)["loss"].get<double>(), loss, 1e-5);
  int64_t kept = 0;
  for (const auto& entry : fs::directory_iterator(folder + "/best"))
    kept += entry.path().filename().string().starts_with("step-") ? 1 : 0;
  EXPECT_EQ(kept, 1);
  EXPECT_TRUE(fs::exists(folder + "/step-000000000040"));
}

TEST(HeldOutRunTest, ARunWithoutProgressEndsEarly) {
  const std::string log = Scratch("early.jsonl"), folder = Fresh("early-checkpoints"), report = Scratch("early.html");
  const Words words = Arguments({"--steps", "400", "--eval-every", "2", "--early-stop", "3", "--checkpoint-dir", folder,
                                 "--keep-best", "--resume", "--log-json", log, "--report", report});
  const Result result = Horizon(words);
  ASSERT_EQ(result.status, 0) << result.err;
  const auto all = Evaluations(log);
  const auto [step, loss] = Lowest(log);
  EXPECT_EQ(all.back().first, step + 6) << "three evaluations behind the best one";
  EXPECT_LT(all.back().first, 400);
  EXPECT_NE(result.out.find("stopped early after step " + std::to_string(step + 6) + " of 400"), std::string::npos) << result.out;
  EXPECT_NE(ReadFile(report).find("Stopped early"), std::string::npos);
  // Going on changes nothing: the count of evaluations is in the checkpoint.
  const std::string before = ReadFile(log);
  EXPECT_EQ(Horizon(words).status, 0);
  EXPECT_EQ(ReadFile(log), before);
}

TEST(HeldOutRunTest, WhatItNeedsIsAsked) {
  const Words train = {"train", "--preset", "tiny", "--data", "x.npy"};
  const auto expect = [&](const Words& more, const Words& parts) {
    Words words = train;
    words.insert(words.end(), more.begin(), more.end());
    const Result result = Horizon(words);
    EXPECT_EQ(result.status, 2);
    ExpectOneErrorLine(result, parts);
  };
  expect({"--keep-best"}, {"--keep-best", "--checkpoint-dir"});
  expect({"--keep-best", "--checkpoint-dir", "c"}, {"--keep-best", "--eval-data"});
  expect({"--early-stop", "2"}, {"--early-stop", "--eval-every"});
  expect({"--early-stop", "0"}, {"--early-stop"});
  expect({"--sample-every", "2"}, {"--sample-prompts"});
}

TEST(HeldOutRunTest, ResumeSaysWhetherItMustOrMay) {
  const std::string folder = Fresh("resume-checkpoints");
  const auto run = [&](const Words& more) {
    Words words = Arguments({"--steps", "4", "--checkpoint-dir", folder});
    words.insert(words.end(), more.begin(), more.end());
    return Horizon(words);
  };
  const Result must = run({"--resume", "must"});
  EXPECT_EQ(must.status, 1);
  ExpectOneErrorLine(must, {"holds no checkpoint"});
  EXPECT_EQ(run({"--resume", "auto"}).status, 0);
  EXPECT_NE(run({"--resume"}).out.find("resumed after step 4"), std::string::npos);
  EXPECT_NE(run({"--resume=must"}).out.find("resumed after step 4"), std::string::npos);
  EXPECT_EQ(run({"--resume", "never"}).status, 1);
  EXPECT_EQ(run({"--resume", "atuo"}).status, 2);
  for (const auto& step : fs::directory_iterator(folder)) WriteFile(step.path().string() + "/manifest.json", "{");
  for (const char* word : {"auto", "must"}) {
    const Result damaged = run({"--resume", word});
    EXPECT_EQ(damaged.status, 1) << word;
    ExpectOneErrorLine(damaged, {"every checkpoint is damaged", "manifest.json"});
  }
}

TEST(HeldOutRunTest, SamplesAreSeenAndChangeNothing) {
  const std::string prompts = Scratch("prompts.txt"), log = Scratch("samples.jsonl"), plain = Scratch("plain.jsonl"),
                    report = Scratch("samples.html");
  WriteFile(prompts, "ab\n\n<b>&\r\n");
  const std::string text = Scratch("text.txt");
  std::string many;
  while (many.size() < 2000) many += "abcabcab<b>&";
  WriteFile(text, many);
  const Words words = {"train", "--preset",     "tiny", "--init-seed", "1",    "--data",    text,  "--seq-len", "32", "--steps",
                       "12",    "--batch-size", "4",    "--lr",        "1e-2", "--compute", "f32", "--threads", "1"};
  Words with = words, without = words;
  with.insert(with.end(), {"--sample-prompts", prompts, "--sample-every", "5", "--sample-tokens", "6", "--log-json", log,
                           "--report", report, "--tensorboard", Fresh("sample-curves"), "--out", Fresh("sample-out")});
  without.insert(without.end(), {"--log-json", plain});
  const Result result = Horizon(with);
  ASSERT_EQ(result.status, 0) << result.err;
  ASSERT_EQ(Horizon(without).status, 0);
  std::vector<json> steps, samples;
  for (const json& line : Curve(log)) (line.contains("samples") ? samples : steps).push_back(line);
  EXPECT_EQ(steps, Curve(plain));
  ASSERT_EQ(samples.size(), 3u);
  EXPECT_EQ(samples[0]["step"], 5);
  EXPECT_EQ(samples[1]["step"], 10);
  EXPECT_EQ(samples[2]["step"], 12);
  EXPECT_EQ(samples[2]["samples"][0]["prompt"], "ab");
  EXPECT_EQ(samples[2]["samples"][1]["prompt"], "<b>&");
  // The last round is what the saved model says.
  const Result generated = Horizon(
      {"generate", "--model", Scratch("sample-out"), "--prompt", "ab", "--max-new-tokens", "6", "--compute", "f32", "--bytes"});
  ASSERT_EQ(generated.status, 0) << generated.err;
  EXPECT_EQ(generated.out, "ab" + samples[2]["samples"][0]["text"].get<std::string>() + "\n");
  EXPECT_NE(result.out.find("step 5 sample: ab => "), std::string::npos) << result.out;
  EXPECT_NE(ReadFile(report).find("&lt;b&gt;&amp;"), std::string::npos);
  std::string events;
  for (const auto& entry : fs::directory_iterator(Scratch("sample-curves"))) events = ReadFile(entry.path().string());
  EXPECT_NE(events.find("**ab** " + samples[2]["samples"][0]["text"].get<std::string>()), std::string::npos);
}

TEST(HeldOutRunTest, PromptsThatCannotBeContinuedAreRefusedAtOnce) {
  const std::string prompts = Scratch("long.txt");
  const auto expect = [&](const std::string& text, const Words& parts) {
    WriteFile(prompts, text);
    const Result result = Horizon(Arguments({"--steps", "1", "--sample-prompts", prompts}));
    EXPECT_EQ(result.status, 1);
    ExpectOneErrorLine(result, parts);
  };
  expect(std::string(16, 'a') + "\n", {"16 ids", "row of 16"});
  expect("\n", {"no prompt"});
  expect("\xc3\xa4\n", {"byte 195", "vocabulary"});
}

TEST(HeldOutRunTest, RecordsOfPromptsHoldNothingElse) {
  for (const std::string end : {"jsonl", "ndjson"}) {
    const std::string prompts = Scratch("prompts." + end);
    WriteFile(prompts, R"({"prompt": "ab", "system": null})"
                       "\n");
    EXPECT_EQ(Horizon(Arguments({"--steps", "1", "--sample-prompts", prompts})).status, 0) << end;
    for (const std::string record : {R"({"prompt": "ab", "system": "be brief"})", R"({"prompt": "ab", "tools": []})"}) {
      WriteFile(prompts, record + "\n");
      const Result result = Horizon(Arguments({"--steps", "1", "--sample-prompts", prompts}));
      EXPECT_EQ(result.status, 1);
      ExpectOneErrorLine(result, {"prompts." + end + ":1", "is not used"});
    }
  }
}

}  // namespace
}  // namespace horizon_test
