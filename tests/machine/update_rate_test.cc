#include "core/machine/update_rate.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "core/base/error.h"

namespace hlm {
namespace {

std::string Key(bool split, int threads) {
  return StrCat("update|", split ? "split" : "f32", "|", threads, " threads|", OptimizerPath(UpdatePath::kFused), "|",
                OptimizerPath(UpdatePath::kOneDnn));
}

TEST(UpdateRate, TheFasterOneByAFileIsTaken) {
  const std::string path = testing::TempDir() + "/calibration.txt";
  setenv("HORIZON_LM_CALIBRATION", path.c_str(), 1);
  std::ofstream(path) << Key(true, 3) << "\t100 200\n" << Key(false, 3) << "\t100 102\n" << Key(true, 4) << "\t100 90\n";
  EXPECT_EQ(FasterUpdate(true, 3), UpdatePath::kOneDnn);
  EXPECT_EQ(FasterUpdate(false, 3), UpdatePath::kFused) << "two hundredths are noise";
  EXPECT_EQ(FasterUpdate(true, 4), UpdatePath::kFused);
}

TEST(UpdateRate, IsMeasuredOnceAndKept) {
  const std::string path = testing::TempDir() + "/measured.txt";
  setenv("HORIZON_LM_CALIBRATION", path.c_str(), 1);
  const UpdatePath first = FasterUpdate(true, 1);
  std::ifstream file(path);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  ASSERT_EQ(line.substr(0, line.find('\t')), Key(true, 1));
  double fused = 0, onednn = 0;
  ASSERT_EQ(std::sscanf(line.c_str() + line.find('\t'), "%lg %lg", &fused, &onednn), 2);
  EXPECT_GT(fused, 1e6);  // weights a second: a thousandth of what any processor of the last ten years does
  EXPECT_GT(onednn, 1e6);
  EXPECT_EQ(FasterUpdate(true, 1), first);
  EXPECT_FALSE(std::getline(file, line)) << line;
}

TEST(UpdateRate, IsNotMeasuredWhereItCannotBeKept) {
  setenv("HORIZON_LM_CALIBRATION", "", 1);
  EXPECT_EQ(FasterUpdate(true, 1), UpdatePath::kFused);
}

}  // namespace
}  // namespace hlm
