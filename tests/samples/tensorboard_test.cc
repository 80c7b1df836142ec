// Event files against a reader written from the format alone.
#include "samples/horizon/run/tensorboard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "samples/horizon/base/error.h"
#include "tests/samples/event_file.h"

namespace horizon {
namespace {

using horizon_test::Event;
using horizon_test::ReadEvents;

class TensorBoard : public testing::Test {
 protected:
  TensorBoard() {
    std::string name = testing::TempDir() + "/events-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~TensorBoard() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(TensorBoard, TheChecksumIsCastagnolis) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);            // the check value of CRC-32C
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720, B.4
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c(""), 0u);
}

TEST_F(TensorBoard, WhatIsWrittenIsRead) {
  const std::string folder = folder_ + "/a/b";  // made
  EventWriter writer(folder);
  writer.AddScalars(1, {{"loss", 2.5}, {"rewards/chosen", -0.1}}, 1700000000.25);
  writer.AddScalars(int64_t{1} << 40, {{"loss", std::numeric_limits<double>::quiet_NaN()}, {"lr", 1e-300}});
  writer.AddScalars(3, {});
  const std::vector<Event> events = ReadEvents(writer.path());
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].version, "brain.Event:2");
  EXPECT_EQ(events[1].wall_time, 1700000000.25);
  EXPECT_EQ(events[1].step, 1);
  EXPECT_EQ(events[1].values, (std::vector<std::pair<std::string, float>>{{"loss", 2.5f}, {"rewards/chosen", -0.1f}}));
  EXPECT_EQ(events[2].step, int64_t{1} << 40);
  EXPECT_TRUE(std::isnan(events[2].values[0].second));
  EXPECT_EQ(events[2].values[1].second, 0.0f);
  EXPECT_GT(events[2].wall_time, 1.7e9);
  EXPECT_EQ(writer.path().substr(folder.size(), 22), "/events.out.tfevents.1");
}

TEST_F(TensorBoard, BarsAreHistograms) {
  EventWriter writer(folder_);
  writer.AddBars(7, {{"experts/0", {3, 0, 1}}, {"experts/1", {4}}}, 1700000000);
  writer.AddBars(8, {});
  const std::vector<Event> events = ReadEvents(writer.path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].step, 7);
  ASSERT_EQ(events[1].histograms.size(), 2u);
  EXPECT_EQ(events[1].histograms[0].first, "experts/0");
  const horizon_test::Histogram& first = events[1].histograms[0].second;
  EXPECT_EQ(first.ends, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(first.held, (std::vector<double>{3, 0, 1}));
  EXPECT_EQ(first.min, 0);
  EXPECT_EQ(first.max, 3);
  EXPECT_EQ(first.number, 4);
  EXPECT_EQ(first.sum, 3 * 0.5 + 2.5);
  EXPECT_EQ(first.squares, 3 * 0.25 + 6.25);
  EXPECT_EQ(events[1].histograms[1].second.held, std::vector<double>{4});
}

TEST_F(TensorBoard, TwoWritersHaveTwoFiles) {
  const EventWriter a(folder_), b(folder_);
  EXPECT_NE(a.path(), b.path());
}

TEST_F(TensorBoard, AFolderThatCannotBeIsAnError) {
  std::ofstream(folder_ + "/file") << "x";
  EXPECT_THROW(EventWriter(folder_ + "/file/events"), Error);
}

}  // namespace
}  // namespace horizon
