// What somebody may have meant: slips of the hand are found, other words are not.
#include "samples/horizon/base/nearest.h"

#include <gtest/gtest.h>

#include <string>

#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

TEST(NearestTest, DistanceCountsLettersAndSwaps) {
  EXPECT_EQ(Distance("", "abc"), 3);
  EXPECT_EQ(Distance("train", "train"), 0);
  EXPECT_EQ(Distance("tarin", "train"), 1);
  EXPECT_EQ(Distance("trin", "train"), 1);
  EXPECT_EQ(Distance("trains", "train"), 1);
  EXPECT_EQ(Distance("TRAIN", "train"), 0);
  EXPECT_EQ(Distance("batch_size", "batch-size"), 0);
  EXPECT_EQ(Distance("plan", "bench"), Distance("bench", "plan"));
}

TEST(NearestTest, OnlyWhatIsNear) {
  EXPECT_EQ(Nearest("cosin", {"constant", "linear", "cosine"}), "cosine");
  EXPECT_EQ(Nearest("zebra", {"constant", "linear", "cosine"}), "");
  EXPECT_EQ(Nearest("const", {"constant", "linear"}), "constant") << "its beginning";
  EXPECT_EQ(Nearest("--lrr", {"--lr", "--ring", "--labels"}), "--lr");
  EXPECT_EQ(Nearest("--x", {"--lr", "--ring"}), "");
  EXPECT_EQ(Nearest("", {"a"}), "");
  EXPECT_EQ(Nearest("--", {"-o", "--lr"}), "");
  EXPECT_EQ(Nearest("fsh", {"bash", "zsh", "fish"}), "fish") << "as near as zsh, but begins alike";
  EXPECT_EQ(Nearest(std::string(5000, 'x'), {"xx", std::string(5000, 'y')}), "");
  EXPECT_EQ(DidYouMean("dop", {"sft", "dpo"}), " (did you mean dpo?)");
  EXPECT_EQ(DidYouMean("qqq", {"sft", "dpo"}), "");
}

TEST(NearestTest, SizesAreNamedOnceAndSmallNumbersNot) {
  EXPECT_EQ(WithSizes("needs 91268055040 bytes of host memory and 2147483648 may be used (weights 5242880, rows 7)"),
            "needs 91268055040 bytes (85.00 GiB) of host memory and 2147483648 may be used (2.00 GiB) (weights 5242880 (5.00 "
            "MiB), rows 7)");
  EXPECT_EQ(WithSizes("step-000002097152 x2097152 2097152x 1.2097152"), "step-000002097152 x2097152 2097152x 1.2097152");
  EXPECT_EQ(WithSizes("99999999999999999999999 bytes"), "99999999999999999999999 bytes");
  EXPECT_EQ(WithSizes(""), "");
}

}  // namespace
}  // namespace horizon
