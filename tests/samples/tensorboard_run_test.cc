// horizon train --tensorboard: the curves of a run, read back from the format's description alone.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/samples/event_file.h"
#include "tests/samples/support.h"

namespace horizon_test {
namespace {

std::string OnlyFileIn(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  EXPECT_EQ(files.size(), 1u);
  return files.empty() ? "" : files[0];
}

TEST(TensorBoardRunTest, EventFilesHoldTheLinesUnderTheTagsOfTrainers) {
  const std::string folder = Scratch("events");
  const Result result =
      Horizon({"train", "--config", SmallConfig(), "--compute", "f32", "--data", WriteRows("train.npy", 16, SomeIds(16 * 12)),
               "--steps", "4", "--batch-size", "4", "--eval-data", WriteRows("held.npy", 16, SomeIds(16 * 3)), "--eval-every",
               "2", "--json", "--tensorboard", folder});
  ASSERT_EQ(result.status, 0) << result.err;
  // What the file should hold, from the JSON lines and the rule of the tags written a second time.
  std::vector<std::pair<int64_t, std::map<std::string, float>>> expected;
  for (const auto& line : result.Lines()) {
    std::map<std::string, float> values;
    if (line.contains("eval_loss")) {
      values = {
          {"eval/loss", line["eval_loss"]}, {"eval/perplexity", line["eval_perplexity"]}, {"eval/tokens", line["eval_tokens"]}};
    } else {
      values = {{"train/loss", line["loss"]},
                {"train/grad_norm", line["grad_norm"]},
                {"train/learning_rate", line["lr"]},
                {"train/tokens", line["tokens"]},
                {"train/tokens_per_second", line["tokens_per_second"]}};
    }
    expected.emplace_back(line["step"].get<int64_t>(), values);
  }
  const std::vector<Event> events = ReadEvents(OnlyFileIn(folder));
  ASSERT_EQ(events.size(), expected.size() + 1);
  EXPECT_EQ(events[0].version, "brain.Event:2");
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(events[i + 1].step, expected[i].first);
    const std::map<std::string, float> values(events[i + 1].values.begin(), events[i + 1].values.end());
    EXPECT_EQ(values, expected[i].second);
  }
}

TEST(TensorBoardRunTest, ExpertsHaveAHistogramForEachRouter) {
  const std::string folder = Scratch("experts");
  const Result result = Horizon({"train", "--config", "tests/mixtures/qwen3_moe/config.json", "--compute", "f32", "--data",
                                 WriteRows("mixed.npy", 16, SomeIds(16 * 4)), "--steps", "1", "--batch-size", "4", "--json",
                                 "--tensorboard", folder});
  ASSERT_EQ(result.status, 0) << result.err;
  const nlohmann::json expected = result.Lines().at(0).at("expert_tokens");
  const std::vector<Event> events = ReadEvents(OnlyFileIn(folder));
  ASSERT_EQ(events.size(), 3u);
  ASSERT_EQ(events[2].histograms.size(), 2u);
  for (size_t router = 0; router < 2; ++router) {
    EXPECT_EQ(events[2].histograms[router].first, "train/expert_tokens/" + std::to_string(router));
    EXPECT_EQ(nlohmann::json(events[2].histograms[router].second.held), expected.at(router));
  }
}

TEST(TensorBoardRunTest, AFolderThatCannotBeMadeEndsTheRunBeforeItsFirstStep) {
  WriteFile(Scratch("plain-file"), "x");
  const Result result = Horizon({"train", "--config", SmallConfig(), "--data", WriteRows("train.npy", 16, SomeIds(16 * 4)),
                                 "--steps", "1", "--tensorboard", Scratch("plain-file") + "/events"});
  EXPECT_EQ(result.status, 1);
  ExpectOneErrorLine(result, {"plain-file/events"});
}

}  // namespace
}  // namespace horizon_test
