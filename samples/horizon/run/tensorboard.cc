#include "samples/horizon/run/tensorboard.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "samples/horizon/base/error.h"

namespace horizon {
namespace {

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = MakeTable();

// A checksum that may stand inside other data with checksums.
uint32_t Masked(uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8u; }

void AppendFixed(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 255);
}

void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 128; value >>= 7) out += static_cast<char>((value & 127) | 128);
  out += static_cast<char>(value);
}

// Protobuf's wire types: 0 a varint, 1 eight bytes, 2 a length and bytes, 5 four bytes.
void AppendKey(std::string& out, int field, int wire_type) { AppendVarint(out, static_cast<uint64_t>(field << 3 | wire_type)); }

void AppendDouble(std::string& out, int field, double value) {
  AppendKey(out, field, 1);
  AppendFixed(out, std::bit_cast<uint64_t>(value), 8);
}

void AppendBytes(std::string& out, int field, std::string_view bytes) {
  AppendKey(out, field, 2);
  AppendVarint(out, bytes.size());
  out += bytes;
}

// Event: 1 wall_time (double), 2 step (int64), 3 file_version (string), 5 summary. Summary: 1 value, repeated. Value: 1 tag
// (string), 2 simple_value (float).
std::string BeginEvent(double wall_time) {
  std::string event;
  AppendDouble(event, 1, wall_time);
  return event;
}

double Now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::string HostName() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

}  // namespace

uint32_t Crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char byte : bytes) crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 255] ^ (crc >> 8);
  return ~crc;
}

EventWriter::EventWriter(const std::string& folder) {
  static std::atomic<int> count{0};
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error("cannot make the folder " + folder + ": " + error.message());
  const double now = Now();
  path_ = folder + "/events.out.tfevents." + std::to_string(static_cast<int64_t>(now)) + "." + HostName() + "." +
          std::to_string(getpid()) + "." + std::to_string(count.fetch_add(1));
  file_.reset(std::fopen(path_.c_str(), "wbx"));
  if (file_ == nullptr) throw Error("cannot create " + path_ + ": " + std::strerror(errno));
  std::string event = BeginEvent(now);
  AppendBytes(event, 3, "brain.Event:2");
  WriteRecord(event);
}

void EventWriter::AddScalars(int64_t step, const std::vector<std::pair<std::string, double>>& values, double wall_time) {
  if (values.empty()) return;
  std::string summary;
  for (const auto& [tag, value] : values) {
    std::string one;
    AppendBytes(one, 1, tag);
    AppendKey(one, 2, 5);
    AppendFixed(one, std::bit_cast<uint32_t>(static_cast<float>(value)), 4);
    AppendBytes(summary, 1, one);
  }
  WriteSummary(step, summary, wall_time);
}

// A value: 1 tag, 5 histogram. A histogram: 1 min, 2 max, 3 count, 4 sum, 5 sum of squares, 6 the right end of each bar and 7 what it
// holds, both packed.
void EventWriter::AddBars(int64_t step, const Bars& bars, double wall_time) {
  if (bars.empty()) return;
  std::string summary;
  for (const auto& [tag, counts] : bars) {
    std::string ends, held, histogram, value;
    double number = 0, sum = 0, squares = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
      const double middle = static_cast<double>(i) + 0.5;
      number += counts[i];
      sum += counts[i] * middle;
      squares += counts[i] * middle * middle;
      AppendFixed(ends, std::bit_cast<uint64_t>(static_cast<double>(i + 1)), 8);
      AppendFixed(held, std::bit_cast<uint64_t>(counts[i]), 8);
    }
    AppendDouble(histogram, 1, 0);
    AppendDouble(histogram, 2, static_cast<double>(counts.size()));
    AppendDouble(histogram, 3, number);
    AppendDouble(histogram, 4, sum);
    AppendDouble(histogram, 5, squares);
    AppendBytes(histogram, 6, ends);
    AppendBytes(histogram, 7, held);
    AppendBytes(value, 1, tag);
    AppendBytes(value, 5, histogram);
    AppendBytes(summary, 1, value);
  }
  WriteSummary(step, summary, wall_time);
}

// A value: 1 tag, 8 tensor, 9 metadata. A tensor: 1 its type, of which 7 is a string, 2 its shape, 8 its strings. A shape: 2 a dimension,
// with 1 its size. Metadata: 1 of a plugin, with 1 its name.
void EventWriter::AddTexts(int64_t step, const std::string& tag, const std::vector<std::string>& texts, double wall_time) {
  if (texts.empty()) return;
  std::string dimension, shape, tensor, plugin, metadata, value, summary;
  AppendKey(dimension, 1, 0);
  AppendVarint(dimension, texts.size());
  AppendBytes(shape, 2, dimension);
  AppendKey(tensor, 1, 0);
  AppendVarint(tensor, 7);
  AppendBytes(tensor, 2, shape);
  for (const std::string& text : texts) AppendBytes(tensor, 8, text);
  AppendBytes(plugin, 1, "text");
  AppendBytes(metadata, 1, plugin);
  AppendBytes(value, 1, tag);
  AppendBytes(value, 8, tensor);
  AppendBytes(value, 9, metadata);
  AppendBytes(summary, 1, value);
  WriteSummary(step, summary, wall_time);
}

void EventWriter::WriteSummary(int64_t step, const std::string& summary, double wall_time) {
  std::string event = BeginEvent(wall_time < 0 ? Now() : wall_time);
  AppendKey(event, 2, 0);
  AppendVarint(event, static_cast<uint64_t>(step));
  AppendBytes(event, 5, summary);
  WriteRecord(event);
}

void EventWriter::WriteRecord(const std::string& event) {
  std::string record;
  AppendFixed(record, event.size(), 8);
  AppendFixed(record, Masked(Crc32c(record)), 4);
  record += event;
  AppendFixed(record, Masked(Crc32c(event)), 4);
  if (std::fwrite(record.data(), 1, record.size(), file_.get()) != record.size() || std::fflush(file_.get()) != 0) {
    throw Error("cannot write " + path_ + ": " + std::strerror(errno));
  }
}

}  // namespace horizon
