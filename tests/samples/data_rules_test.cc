// The rules of the data, seen through losses and token counts: whichever way the same predictions are written down, the numbers
// are the same. `eval` computes in f32 here, and equal inputs give equal bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {
namespace {

nlohmann::json Eval(const Words& more) {
  const Result result = Horizon(With({"eval", "--config", SmallConfig(), "--compute", "f32", "--json"}, more));
  EXPECT_EQ(result.status, 0) << result.err;
  return result.status == 0 ? result.Lines().back() : nlohmann::json();
}

std::vector<int64_t> Slice(const std::vector<int64_t>& values, int64_t begin, int64_t end) {
  return {values.begin() + begin, values.begin() + end};
}

TEST(DataRulesTest, AStreamIsRowsThatOverlapByOne) {
  const std::vector<int64_t> ids = SomeIds(33);
  std::vector<int64_t> rows;
  for (int64_t r = 0; r < 4; ++r) {
    const std::vector<int64_t> row = Slice(ids, 8 * r, 8 * r + 9);
    rows.insert(rows.end(), row.begin(), row.end());
  }
  const auto stream = Eval({"--data", WriteStream("stream.npy", ids), "--seq-len", "8", "--batch-size", "4"});
  const auto table = Eval({"--data", WriteRows("rows.npy", 9, rows), "--batch-size", "4"});
  EXPECT_EQ(stream["tokens"], 32);
  EXPECT_EQ(stream, table);
  // The 32 ids that lack the last target lose its row; what is behind a whole row is dropped.
  const auto shorter = Eval({"--data", WriteStream("shorter.npy", Slice(ids, 0, 32)), "--seq-len", "8", "--batch-size", "4"});
  EXPECT_EQ(shorter["tokens"], 24);
  const auto whole = Eval({"--data", WriteStream("whole.npy", Slice(ids, 0, 25)), "--seq-len", "8", "--batch-size", "4"});
  EXPECT_EQ(shorter, whole);
}

TEST(DataRulesTest, ElementTypesAndTextMeanTheSame) {
  const std::vector<int64_t> ids = SomeIds(41);
  const auto expected = Eval({"--data", WriteStream("t.npy", ids), "--seq-len", "10"});
  for (const char* type : {"<u2", "<u4", "<i8"}) {
    EXPECT_EQ(Eval({"--data", WriteStream("t.npy", ids, type), "--seq-len", "10"}), expected) << type;
  }
  WriteFile(Scratch("t.txt"), std::string(ids.begin(), ids.end()));
  EXPECT_EQ(Eval({"--data", Scratch("t.txt"), "--seq-len", "10"}), expected);
}

TEST(DataRulesTest, LabelsEqualToTheIdsChangeNothing) {
  const std::vector<int64_t> ids = SomeIds(40);
  const std::string data = WriteRows("ids.npy", 10, ids);
  const auto expected = Eval({"--data", data});
  EXPECT_EQ(Eval({"--data", data, "--labels", WriteRows("l.npy", 10, ids, "<i8")}), expected);
  std::vector<int64_t> labels = ids;
  for (size_t row = 0; row < 4; ++row) labels[10 * row] = row % 2 == 0 ? -100 : -9999;  // never used
  EXPECT_EQ(Eval({"--data", data, "--labels", WriteRows("l.npy", 10, labels)}), expected);
}

// labels[t] is what position t - 1 predicts: with the labels from column 6 on masked, what is left are the rows' first 6 ids.
TEST(DataRulesTest, MaskedLabelsAreNotPredictedAndTheShiftIsInside) {
  const std::vector<int64_t> ids = SomeIds(40);
  std::vector<int64_t> labels = ids, prefixes;
  for (int64_t i = 0; i < 40; ++i) {
    if (i % 10 >= 6) {
      labels[static_cast<size_t>(i)] = -100;
    } else {
      prefixes.push_back(ids[static_cast<size_t>(i)]);
    }
  }
  const auto masked = Eval({"--data", WriteRows("ids.npy", 10, ids), "--labels", WriteRows("l.npy", 10, labels)});
  const auto cut = Eval({"--data", WriteRows("cut.npy", 6, prefixes)});
  EXPECT_EQ(masked["tokens"], 20);
  EXPECT_EQ(cut["tokens"], 20);
  EXPECT_NEAR(masked["loss"].get<double>(), cut["loss"].get<double>(), 1e-5);
  // Labels that are not the ids are what is predicted: with one label each, the mean of two runs is the run of both.
  std::vector<int64_t> first(40, -100), second(40, -100), both(40, -100);
  first[3] = both[3] = 77;
  second[28] = both[28] = 5;
  const auto loss = [&](const std::vector<int64_t>& of) {
    return Eval({"--data", Scratch("ids.npy"), "--labels", WriteRows("one.npy", 10, of)})["loss"].get<double>();
  };
  const double first_loss = loss(first), second_loss = loss(second);
  EXPECT_NE(first_loss, second_loss);
  EXPECT_NEAR(loss(both), (first_loss + second_loss) / 2, 1e-6);
}

// In a stream the label at a row's border belongs to the last prediction of the row before it, and to that alone.
TEST(DataRulesTest, AStreamsBorderLabelIsPredictedOnce) {
  const std::vector<int64_t> ids = SomeIds(17);
  std::vector<int64_t> labels(17, -100);
  labels[8] = ids[8];
  const auto border = Eval({"--data", WriteStream("ids.npy", ids), "--labels", WriteStream("l.npy", labels), "--seq-len", "8"});
  EXPECT_EQ(border["tokens"], 1);
  std::vector<int64_t> row_labels(9, -100);
  row_labels[8] = ids[8];
  const auto row =
      Eval({"--data", WriteRows("row.npy", 9, Slice(ids, 0, 9)), "--labels", WriteRows("row_labels.npy", 9, row_labels)});
  EXPECT_NEAR(border["loss"].get<double>(), row["loss"].get<double>(), 1e-6);
}

// Rows are cut into batches of any size; the mean is over tokens, not over batches.
TEST(DataRulesTest, TheEvaluatedLossIsTheMeanOverTokens) {
  const std::vector<int64_t> ids = SomeIds(50);
  std::vector<int64_t> labels = ids;
  for (int64_t i = 1; i < 29; ++i) labels[static_cast<size_t>(i)] = -100;  // the first rows count for less
  const Words data = {"--data", WriteRows("ids.npy", 10, ids), "--labels", WriteRows("l.npy", 10, labels)};
  const auto at_once = Eval(With(data, {"--batch-size", "5"}));
  for (const char* batch_size : {"1", "2", "3", "8"}) {
    const auto cut = Eval(With(data, {"--batch-size", batch_size}));
    EXPECT_EQ(cut["tokens"], at_once["tokens"]) << batch_size;
    EXPECT_NEAR(cut["loss"].get<double>(), at_once["loss"].get<double>(), 1e-5) << batch_size;
  }
}

// At a rate of 0 weights stay, so that a step's loss is a fingerprint of its rows.
std::vector<nlohmann::json> FrozenRun(const Words& more) {
  const Result result =
      Horizon(With({"train", "--config", SmallConfig(), "--compute", "f32", "--lr", "0", "--weight-decay", "0", "--json"}, more));
  EXPECT_EQ(result.status, 0) << result.err;
  return result.Lines();
}

std::vector<double> Losses(const std::vector<nlohmann::json>& lines) {
  std::vector<double> losses;
  for (const auto& line : lines) losses.push_back(line["loss"]);
  return losses;
}

TEST(DataRulesTest, EpochsUseEveryRowOnceAndTheIncompleteLastBatch) {
  const Words data = {"--data", WriteRows("five.npy", 8, SomeIds(40)), "--batch-size", "2"};
  const auto lines = FrozenRun(With(data, {"--epochs", "2", "--no-shuffle"}));
  ASSERT_EQ(lines.size(), 6u);
  const std::vector<int64_t> tokens = {14, 14, 7, 14, 14, 7};
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(lines[i]["tokens"], tokens[i]) << i;
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(lines[i]["loss"], lines[i + 3]["loss"]) << i;
  EXPECT_EQ(FrozenRun(data).size(), 3u) << "one epoch is the default";
  EXPECT_EQ(Losses(FrozenRun(With(data, {"--steps", "5", "--no-shuffle"}))),
            (std::vector<double>{lines[0]["loss"], lines[1]["loss"], lines[2]["loss"], lines[0]["loss"], lines[1]["loss"]}))
      << "data start again where a run needs more";
}

TEST(DataRulesTest, EachEpochIsShuffledAnewFromTheSeed) {
  const Words data = {"--data", WriteRows("twelve.npy", 6, SomeIds(72)), "--batch-size", "1", "--epochs", "2"};
  const std::vector<double> in_order = Losses(FrozenRun(With(data, {"--no-shuffle"})));
  const std::vector<double> seed_0 = Losses(FrozenRun(data)), seed_0_again = Losses(FrozenRun(With(data, {"--seed", "0"})));
  const std::vector<double> seed_1 = Losses(FrozenRun(With(data, {"--seed", "1"})));
  EXPECT_EQ(seed_0, seed_0_again);
  EXPECT_NE(seed_0, seed_1);
  ASSERT_EQ(seed_0.size(), 24u);
  const std::vector<double> first(seed_0.begin(), seed_0.begin() + 12), second(seed_0.begin() + 12, seed_0.end());
  const std::vector<double> file(in_order.begin(), in_order.begin() + 12);
  EXPECT_NE(first, file);
  EXPECT_NE(first, second);
  EXPECT_TRUE(std::is_permutation(first.begin(), first.end(), file.begin()));
  EXPECT_TRUE(std::is_permutation(second.begin(), second.end(), file.begin()));
}

// A batch whose labels are all -100 teaches nothing and does not end the run.
TEST(DataRulesTest, AStepWithNothingToPredictIsSkipped) {
  std::vector<int64_t> labels = SomeIds(24);
  for (size_t i = 8; i < 16; ++i) labels[i] = -100;
  const auto lines = FrozenRun({"--data", WriteRows("ids.npy", 8, SomeIds(24)), "--labels", WriteRows("l.npy", 8, labels),
                                "--batch-size", "1", "--no-shuffle"});
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0]["skipped"], false);
  EXPECT_EQ(lines[1]["skipped"], true);
  EXPECT_EQ(lines[1]["tokens"], 0);
  EXPECT_TRUE(lines[1]["loss"].is_null());
  EXPECT_EQ(lines[2]["skipped"], false);
  EXPECT_EQ(lines[2]["tokens"], 7);
}

// ... and is a step all the same: the log, the library's count and the schedule stay together.
TEST(DataRulesTest, AStepWithNothingToPredictTakesItsPlaceInTheSchedule) {
  std::vector<int64_t> labels = SomeIds(32);
  for (size_t i = 8; i < 16; ++i) labels[i] = -100;
  const Result result = Horizon({"train", "--config", SmallConfig(), "--compute", "f32", "--data",
                                 WriteRows("ids.npy", 8, SomeIds(32)), "--labels", WriteRows("l.npy", 8, labels), "--batch-size",
                                 "1", "--no-shuffle", "--lr", "1", "--schedule", "linear", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto lines = result.Lines();
  ASSERT_EQ(lines.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(lines[i]["step"], i + 1);
    EXPECT_EQ(lines[i]["skipped"], i == 1);
    EXPECT_NEAR(lines[i]["lr"].get<double>(), 1 - 0.25 * static_cast<double>(i + 1), 1e-12)
        << "falls to 0 at the last of 4 steps";
  }
}

}  // namespace
}  // namespace horizon_test
