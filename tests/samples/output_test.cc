#include "samples/horizon/base/output.h"

#include <gtest/gtest.h>

#include <limits>

#include "samples/horizon/base/error.h"
#include "tests/samples/support.h"

namespace horizon {
namespace {

using horizon_test::Scratch;
using horizon_test::WriteFile;

TEST(OutputTest, AFileOrAMissingParentIsRefusedAlways) {
  WriteFile(Scratch("file"), "x");
  EXPECT_THROW(CheckFolder(Scratch("file")), Error);
  EXPECT_THROW(CheckFolder(Scratch("missing/out")), Error);
  CheckFolder(Scratch(""));
  CheckFolder(Scratch("new-folder"));
  EXPECT_THROW(CheckOutputFile(Scratch("missing/log")), Error);
  EXPECT_THROW(CheckOutputFile(Scratch("")), Error);
  CheckOutputFile(Scratch("file"));
  CheckOutputFile(Scratch("new-file"));
}

TEST(OutputTest, ALogIsTruncatedAndWrittenThroughLineByLine) {
  WriteFile(Scratch("log"), "old");
  JsonLog log(Scratch("log"));
  log.Write({{"b", 1}, {"a", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_EQ(horizon_test::ReadFile(Scratch("log")), "{\"b\":1,\"a\":null}\n") << "in the order given, before the log is closed";
  log.Write({{"c", 0.1}});
  log.Close();
  EXPECT_EQ(horizon_test::ReadFile(Scratch("log")), "{\"b\":1,\"a\":null}\n{\"c\":0.1}\n");
}

TEST(OutputTest, AFullDiskIsReportedAtTheEnd) {
  JsonLog log("/dev/full");
  log.Write({{"a", 1}});
  log.Write({{"a", 2}});
  EXPECT_THROW(log.Close(), Error);
  EXPECT_THROW(JsonLog(Scratch("missing/log")), Error);
}

TEST(OutputTest, NoNameIsNoLog) {
  JsonLog log("");
  log.Write({{"a", 1}});
  log.Close();
}

}  // namespace
}  // namespace horizon
