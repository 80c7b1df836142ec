// TensorBoard's event files, read from the format alone: records, checksums bit by bit, protobuf fields.
#ifndef HORIZON_LM_TESTS_SAMPLES_EVENT_FILE_H_
#define HORIZON_LM_TESTS_SAMPLES_EVENT_FILE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace horizon_test {

struct Histogram {
  double min = -1, max = -1, number = -1, sum = -1, squares = -1;
  std::vector<double> ends, held;  // of each bar
};

struct Event {
  double wall_time = -1;
  int64_t step = -1;
  std::string version;
  std::vector<std::pair<std::string, float>> values;
  std::vector<std::pair<std::string, Histogram>> histograms;
};

// Checks every record's checksums as it reads; what is wrong fails the test.
std::vector<Event> ReadEvents(const std::string& path);

}  // namespace horizon_test

#endif  // HORIZON_LM_TESTS_SAMPLES_EVENT_FILE_H_
