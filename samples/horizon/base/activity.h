// What a person at a terminal sees while something takes long that is no step: a line that comes after a moment, is rewritten, and goes
// away again. Elsewhere it is silent.
#ifndef HORIZON_LM_SAMPLES_HORIZON_BASE_ACTIVITY_H_
#define HORIZON_LM_SAMPLES_HORIZON_BASE_ACTIVITY_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "samples/horizon/base/reading.h"

namespace horizon {

class Activity {
 public:
  // "loading the weights", "evaluating". Of several at once the one that began last is shown. `to_read`: the bytes that it will
  // read, 0 where nobody knows; a second reading (to hash, then to tokenize) is told anew.
  explicit Activity(std::string what, int64_t to_read = 0, std::FILE* out = stderr);
  ~Activity();
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

  // From now on nothing is shown: another process of the run shows what goes on.
  static void Silence();

  // So many are done, of `all`, or of an unknown number (0). Without it, what the process has read meanwhile is shown, and of how
  // much.
  void Done(int64_t done, int64_t all);

 private:
  using Clock = Reading::Clock;

  void Run();
  std::string Line();

  const std::string what_;
  std::FILE* const out_;
  const Clock::time_point begin_;
  Reading reading_;
  Activity* outer_ = nullptr;
  int64_t done_ = -1, all_ = 0;
  bool ended_ = false, shown_ = false;
  std::mutex mutex_;
  std::condition_variable end_;
  std::thread thread_;  // none where nobody watches
};

// The bytes of a file, or of all files in a folder whose names end in one of `endings` (all names, where there are none); 0 where it
// cannot be told.
int64_t BytesIn(const std::string& path, std::initializer_list<std::string_view> endings = {});

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_BASE_ACTIVITY_H_
