#include "samples/horizon/base/text.h"

#include <gtest/gtest.h>

#include <limits>

#include "samples/horizon/base/terminal.h"

namespace horizon {
namespace {

TEST(TextTest, CountsHaveSeparators) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(-1234567), "-1,234,567");
  EXPECT_EQ(FormatCount(-123), "-123");
  EXPECT_EQ(FormatCount(std::numeric_limits<int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(TextTest, OneIsNotSeveral) {
  EXPECT_EQ(FormatCount(0, "row"), "0 rows");
  EXPECT_EQ(FormatCount(1, "row"), "1 row");
  EXPECT_EQ(FormatCount(2000, "row"), "2,000 rows");
}

TEST(TextTest, BytesHaveBinaryUnits) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1024), "1.00 KiB");
  EXPECT_EQ(FormatBytes(1536), "1.50 KiB");
  EXPECT_EQ(FormatBytes((int64_t{1} << 30) - 1), "1.00 GiB");
  EXPECT_EQ(FormatBytes(int64_t{80} << 30), "80.00 GiB");
}

TEST(TextTest, TimesAreShort) {
  EXPECT_EQ(FormatSeconds(0.0123), "12.3 ms");
  EXPECT_EQ(FormatSeconds(1), "1.0 s");
  EXPECT_EQ(FormatSeconds(59.96), "1 min 00 s");
  EXPECT_EQ(FormatSeconds(185), "3 min 05 s");
  EXPECT_EQ(FormatSeconds(3599.6), "1 h 00 min");
  EXPECT_EQ(FormatSeconds(7500), "2 h 05 min");
  EXPECT_EQ(FormatSeconds(std::numeric_limits<double>::infinity()), "unknown");
}

TEST(TextTest, WhatAModelWritesDoesNotSteerTheTerminal) {
  EXPECT_EQ(Harmless("a\x1b[2J\tb\r\nc\x7f\xc2\x9b"
                     "2J \xc3\xa4 \xc2\xa0 \xe6\x97\xa5\xff\xc2"),
            "a?[2J\tb?\nc??2J \xc3\xa4 \xc2\xa0 \xe6\x97\xa5\xff\xc2");
  EXPECT_EQ(Harmless(std::string("\0x", 2)), "?x");
}

TEST(TextTest, MessagesStayOnOneLine) { EXPECT_EQ(OneLine("a\nb\tc\n"), "a b c"); }

}  // namespace
}  // namespace horizon
