// What this process reads of files from now on, where the system tells it (/proc/self/io): how much, and since when.
#ifndef HORIZON_LM_SAMPLES_HORIZON_BASE_READING_H_
#define HORIZON_LM_SAMPLES_HORIZON_BASE_READING_H_

#include <chrono>
#include <cstdint>
#include <optional>

namespace horizon {

class Reading {
 public:
  using Clock = std::chrono::steady_clock;

  // `expected`: the bytes that will be read, 0 where nobody knows; it may happen again (to hash, then to tokenize).
  explicit Reading(int64_t expected);

  int64_t expected() const { return expected_; }
  Clock::time_point since() const { return since_; }  // of the reading that goes on
  // Of the reading that goes on, never more than expected; none where that is too little to tell.
  std::optional<int64_t> Bytes();

 private:
  int64_t expected_;
  int64_t before_;  // what had been read when it began
  Clock::time_point since_;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_BASE_READING_H_
