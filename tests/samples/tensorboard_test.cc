// Event files against a reader written from the format alone: records, checksums bit by bit, protobuf fields.
#include "samples/horizon/tensorboard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "samples/horizon/error.h"

namespace horizon {
namespace {

// The checksum as its polynomial division, without a table.
uint32_t SlowCrc32c(const std::string& bytes) {
  uint32_t crc = 0xffffffffu;
  for (const unsigned char byte : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      const bool out = ((crc ^ (byte >> bit)) & 1) != 0;
      crc >>= 1;
      if (out) crc ^= 0x82f63b78u;
    }
  }
  return crc ^ 0xffffffffu;
}

template <class T>
T Take(const std::string& bytes, size_t& at) {
  T value;
  EXPECT_LE(at + sizeof(T), bytes.size());
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  at += sizeof(T);
  return value;
}

uint64_t TakeVarint(const std::string& bytes, size_t& at) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = Take<unsigned char>(bytes, at);
    value |= uint64_t{byte & 127u} << shift;
    if (byte < 128) return value;
  }
}

std::string TakeBytes(const std::string& bytes, size_t& at) {
  const size_t length = TakeVarint(bytes, at);
  const std::string taken = bytes.substr(at, length);
  EXPECT_EQ(taken.size(), length);
  at += length;
  return taken;
}

struct Event {
  double wall_time = -1;
  int64_t step = -1;
  std::string version;
  std::vector<std::pair<std::string, float>> values;
};

std::pair<std::string, float> ReadValue(const std::string& bytes) {
  std::pair<std::string, float> value;
  for (size_t at = 0; at < bytes.size();) {
    const uint64_t key = TakeVarint(bytes, at);
    if (key == (1 << 3 | 2)) {
      value.first = TakeBytes(bytes, at);
    } else if (key == (2 << 3 | 5)) {
      value.second = Take<float>(bytes, at);
    } else {
      ADD_FAILURE() << "key " << key;
      break;
    }
  }
  return value;
}

Event ReadEvent(const std::string& bytes) {
  Event event;
  for (size_t at = 0; at < bytes.size();) {
    const uint64_t key = TakeVarint(bytes, at);
    if (key == (1 << 3 | 1)) {
      event.wall_time = Take<double>(bytes, at);
    } else if (key == (2 << 3 | 0)) {
      event.step = static_cast<int64_t>(TakeVarint(bytes, at));
    } else if (key == (3 << 3 | 2)) {
      event.version = TakeBytes(bytes, at);
    } else if (key == (5 << 3 | 2)) {
      const std::string summary = TakeBytes(bytes, at);
      for (size_t in = 0; in < summary.size();) {
        EXPECT_EQ(TakeVarint(summary, in), uint64_t{1 << 3 | 2});
        event.values.push_back(ReadValue(TakeBytes(summary, in)));
      }
    } else {
      ADD_FAILURE() << "key " << key;
      break;
    }
  }
  return event;
}

std::vector<Event> ReadEvents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  const std::string bytes = text.str();
  std::vector<Event> events;
  const auto unmask = [](uint32_t masked) {
    const uint32_t rotated = masked - 0xa282ead8u;
    return rotated << 15 | rotated >> 17;
  };
  for (size_t at = 0; at < bytes.size();) {
    const std::string header = bytes.substr(at, 8);
    const auto length = Take<uint64_t>(bytes, at);
    EXPECT_EQ(unmask(Take<uint32_t>(bytes, at)), SlowCrc32c(header));
    const std::string event = bytes.substr(at, length);
    at += length;
    EXPECT_EQ(unmask(Take<uint32_t>(bytes, at)), SlowCrc32c(event));
    events.push_back(ReadEvent(event));
  }
  return events;
}

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
