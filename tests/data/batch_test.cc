#include "core/data/batch.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/base/error.h"

namespace hlm {
namespace {

struct Owned {
  std::vector<int32_t> ids, labels;
  std::vector<int64_t> offsets;
  std::vector<float> weights;
  double denominator = 0;
  Batch view() const { return {ids, offsets, labels, weights, denominator}; }
};

std::string Refusal(const Owned& batch, Predictions predictions = Predictions::kRequired) {
  try {
    PrepareTokens(batch.view(), {.vocab = 10}, predictions);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kInvalidArgument);
    return error.message();
  }
  return "";
}

TEST(PrepareTokens, ShiftsLabelsAndWeightsToThePlaceThatPredicts) {
  const Owned batch{{1, 2, 3, 4, 5}, {9, 8, 7, 6, kIgnoredLabel}, {0, 3, 5}, {100, 2, 6, 100, 50}, 0};
  const Tokens tokens = PrepareTokens(batch.view(), {.vocab = 10}, Predictions::kRequired);
  EXPECT_EQ(tokens.targets, (std::vector<int32_t>{8, 7, -1, -1, -1}));
  EXPECT_EQ(tokens.positions, (std::vector<int32_t>{0, 1, 2, 0, 1}));
  EXPECT_EQ(tokens.predicted, 2);
  EXPECT_EQ(tokens.denominator, 8);
  EXPECT_EQ(tokens.weights, (std::vector<float>{0.25f, 0.75f, 0, 0, 0}));
}

TEST(PrepareTokens, TakesTheCallersDenominator) {
  const Owned batch{{1, 2, 3}, {}, {0, 3}, {}, 4};
  EXPECT_EQ(PrepareTokens(batch.view(), {.vocab = 10}, Predictions::kRequired).weights, (std::vector<float>{0.25f, 0.25f, 0}));
}

// GPT-2's table ends with its last position, and what lies behind it are other weights.
TEST(PrepareTokens, RefusesDocumentsBeyondTheLearntPositions) {
  const Owned batch{{1, 2, 3, 4, 5, 6, 7}, {}, {0, 3, 7}, {}, 0};
  for (const Predictions predictions : {Predictions::kRequired, Predictions::kUnused}) {
    EXPECT_EQ(PrepareTokens(batch.view(), {.vocab = 10, .positions = 4}, predictions).positions.back(), 3);
    try {
      PrepareTokens(batch.view(), {.vocab = 10, .positions = 3}, predictions);
      FAIL() << "a document of 4 tokens was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInvalidArgument);
      EXPECT_EQ(error.message(), "document 1 has 4 tokens; the model has learnt 3 positions and none beyond them");
    }
  }
}

TEST(PrepareTokens, RefusesWhatItCannotMeanAndSaysWhere) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(Refusal({{}, {}, {0}, {}, 0}).find("n_ids is 0"), std::string::npos);
  EXPECT_NE(Refusal({{1, 10}, {}, {0, 2}, {}, 0}).find("ids[1] is 10"), std::string::npos);
  EXPECT_NE(Refusal({{1, -1}, {}, {0, 2}, {}, 0}).find("ids[1] is -1"), std::string::npos);
  EXPECT_NE(Refusal({{1, 2}, {1, 10}, {0, 2}, {}, 0}).find("labels[1] is 10"), std::string::npos);
  EXPECT_NE(Refusal({{1, 2}, {1, -5}, {0, 2}, {}, 0}).find("labels[1] is -5"), std::string::npos);
  EXPECT_NE(Refusal({{1, 2}, {1}, {0, 2}, {}, 0}).find("n_labels is 1"), std::string::npos);
  EXPECT_NE(Refusal({{1, 2}, {}, {0, 2}, {1, nan}, 0}).find("weights[1]"), std::string::npos);
  EXPECT_NE(Refusal({{1, 2}, {}, {0, 1}, {}, 0}).find("offsets[1] is 1"), std::string::npos);
  EXPECT_NE(Refusal({{1, 2}, {}, {1, 2}, {}, 0}).find("offsets[0] is 1"), std::string::npos);
  EXPECT_NE(Refusal({{1, 2}, {}, {0, 2, 2}, {}, 0}).find("offsets[2] is 2"), std::string::npos);
  EXPECT_NE(Refusal({{1, 2}, {}, {0, 1, 2}, {}, 0}).find("nothing is predicted"), std::string::npos);
  EXPECT_NE(Refusal({{1, 2}, {}, {0, 2}, {1, -1}, 0}).find("denominator"), std::string::npos);
  EXPECT_NE(Refusal({{1, 2}, {}, {0, 2}, {}, -1}).find("denominator is -1"), std::string::npos);
  EXPECT_EQ(Refusal({{1}, {}, {0, 1}, {}, 0}, Predictions::kMayBeNone), "");
  EXPECT_NE(Refusal({{1, 2}, {}, {0, 2}, {1, -1}, 0}, Predictions::kMayBeNone).find("denominator"), std::string::npos);
  EXPECT_EQ(Refusal({{1}, {}, {0, 1}, {}, 0}, Predictions::kUnused), "");
}

TEST(CutMicroBatches, FillsThemInOrderWithWholeDocuments) {
  const auto cuts = CutMicroBatches({0, 3, 5, 9, 10, 18}, 8);
  ASSERT_EQ(cuts.size(), 3u);
  EXPECT_EQ(cuts[0].documents, 2);
  EXPECT_EQ(cuts[1].first_token, 5);
  EXPECT_EQ(cuts[1].tokens, 5);
  EXPECT_EQ(cuts[1].longest, 4);
  EXPECT_EQ(cuts[2].tokens, 8);
  EXPECT_THROW(CutMicroBatches({0, 9}, 8), Error);
}

TEST(CutSweeps, SpreadsEvenlyWithinTheirRoom) {
  const auto micro = CutMicroBatches({0, 4, 8, 12, 16, 20}, 4);
  EXPECT_EQ(CutSweeps(micro, 2, 12), (std::vector<int64_t>{0, 3, 5}));
  EXPECT_EQ(CutSweeps(micro, 3, 8), (std::vector<int64_t>{0, 2, 4, 5}));
  EXPECT_EQ(CutSweeps(micro, 9, 20), (std::vector<int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_THROW(CutSweeps(micro, 2, 8), Error);
}

}  // namespace
}  // namespace hlm
