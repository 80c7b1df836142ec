// TensorBoard's event files, scalars, histograms and texts: curves that people can look at, and that W&B's sync reads as well.
//
// A file is a list of records: length (u64), masked CRC32C of these 8 bytes, the bytes, masked CRC32C of the bytes,
// little-endian. Each record is an Event message in protobuf's encoding; the first says "brain.Event:2".
#ifndef HORIZON_LM_SAMPLES_HORIZON_RUN_TENSORBOARD_H_
#define HORIZON_LM_SAMPLES_HORIZON_RUN_TENSORBOARD_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace horizon {

// Castagnoli's polynomial, reflected, as in RFC 3720.
uint32_t Crc32c(std::string_view bytes);

class EventWriter {
 public:
  // A new file in `folder`, which is made where it is missing: events.out.tfevents.SECONDS.HOST.PID.COUNT, by which TensorBoard
  // knows it.
  explicit EventWriter(const std::string& folder);

  // Points of curves of one step, as one record. Values that are not finite are written as they are. `wall_time`: seconds since
  // 1970; below 0: now. Written through to the file at once, so that a run can be watched.
  void AddScalars(int64_t step, const std::vector<std::pair<std::string, double>>& values, double wall_time = -1);

  // How much of a step fell on each of 0, 1, 2 and so on, a histogram under each tag: bar i lies between i and i + 1.
  using Bars = std::vector<std::pair<std::string, std::vector<double>>>;
  void AddBars(int64_t step, const Bars& bars, double wall_time = -1);

  // Texts of one step under a tag, for the page of texts.
  void AddTexts(int64_t step, const std::string& tag, const std::vector<std::string>& texts, double wall_time = -1);

  const std::string& path() const { return path_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void WriteSummary(int64_t step, const std::string& summary, double wall_time);
  void WriteRecord(const std::string& event);

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_RUN_TENSORBOARD_H_
