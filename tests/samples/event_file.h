// TensorBoard's event files, read from the format alone: records, checksums bit by bit, protobuf fields.
#ifndef HORIZON_LM_TESTS_SAMPLES_EVENT_FILE_H_
#define HORIZON_LM_TESTS_SAMPLES_EVENT_FILE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace horizon_test {

struct Event {
  double wall_time = -1;
  int64_t step = -1;
  std::string version;
  std::vector<std::pair<std::string, float>> values;
};

// Checks every record's checksums as it reads; what is wrong fails the test.
std::vector<Event> ReadEvents(const std::string& path);

}  // namespace horizon_test

#endif  // HORIZON_LM_TESTS_SAMPLES_EVENT_FILE_H_
