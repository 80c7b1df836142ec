#include "tests/samples/event_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/samples/support.h"

namespace horizon_test {
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

std::vector<double> ReadDoubles(const std::string& bytes) {
  std::vector<double> values;
  for (size_t at = 0; at < bytes.size();) values.push_back(Take<double>(bytes, at));
  return values;
}

Histogram ReadHistogram(const std::string& bytes) {
  Histogram histogram;
  for (size_t at = 0; at < bytes.size();) {
    const uint64_t key = TakeVarint(bytes, at);
    double* const numbers[] = {&histogram.min, &histogram.max, &histogram.number, &histogram.sum, &histogram.squares};
    if ((key & 7) == 1 && key >> 3 >= 1 && key >> 3 <= 5) {
      *numbers[(key >> 3) - 1] = Take<double>(bytes, at);
    } else if (key == (6 << 3 | 2) || key == (7 << 3 | 2)) {
      (key >> 3 == 6 ? histogram.ends : histogram.held) = ReadDoubles(TakeBytes(bytes, at));
    } else {
      ADD_FAILURE() << "key " << key;
      break;
    }
  }
  return histogram;
}

void ReadValue(const std::string& bytes, Event& event) {
  std::string tag;
  for (size_t at = 0; at < bytes.size();) {
    const uint64_t key = TakeVarint(bytes, at);
    if (key == (1 << 3 | 2)) {
      tag = TakeBytes(bytes, at);
    } else if (key == (2 << 3 | 5)) {
      event.values.emplace_back(tag, Take<float>(bytes, at));
    } else if (key == (5 << 3 | 2)) {
      event.histograms.emplace_back(tag, ReadHistogram(TakeBytes(bytes, at)));
    } else {
      ADD_FAILURE() << "key " << key;
      break;
    }
  }
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
        ReadValue(TakeBytes(summary, in), event);
      }
    } else {
      ADD_FAILURE() << "key " << key;
      break;
    }
  }
  return event;
}

}  // namespace

std::vector<Event> ReadEvents(const std::string& path) {
  const std::string bytes = ReadFile(path);
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

}  // namespace horizon_test
