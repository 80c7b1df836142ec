#include "core/base/counted.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace hlm {
namespace {

TEST(CountedTest, OneIsOne) {
  EXPECT_EQ(Counted(1, "record"), "1 record");
  EXPECT_EQ(Counted(0, "record"), "0 records");
  EXPECT_EQ(Counted(size_t{2}, "record"), "2 records");
  EXPECT_EQ(Counted(int64_t{1} << 40, "byte"), "1099511627776 bytes");
  EXPECT_EQ(Counted(-1, "row"), "-1 rows");
}

TEST(CountedTest, WordsThatHissTakeAnE) {
  EXPECT_EQ(Counted(1, "process"), "1 process");
  EXPECT_EQ(Counted(2, "process"), "2 processes");
  EXPECT_EQ(Counted(3, "micro-batch"), "3 micro-batches");
}

}  // namespace
}  // namespace hlm
