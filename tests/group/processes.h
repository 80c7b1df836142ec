// Real processes on one machine, as ranks of a group.
#ifndef HORIZON_LM_TESTS_GROUP_PROCESSES_H_
#define HORIZON_LM_TESTS_GROUP_PROCESSES_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/group/group.h"

namespace hlm {

// A port that is free now.
int FreePort();

// What a process has to say at its end: the text that its work returned, or the code and message of its error. Empty: it was killed.
using RankWork = std::function<std::string(int64_t rank)>;

class Processes {
 public:
  // Forks `count` processes, which run `work`, tell its result and end. The caller must have no threads.
  Processes(int64_t count, const RankWork& work);
  ~Processes();  // kills what is left
  pid_t pid(int64_t rank) const { return pids_[static_cast<size_t>(rank)]; }
  // Waits until a process has said `text` in Say; for as long as a minute.
  void Await(int64_t rank, const std::string& text);
  // Waits for a process's end. Its result, or "" where a signal ended it.
  std::string Result(int64_t rank);
  std::vector<std::string> Results();
  // In a process: tells the parent.
  static void Say(const std::string& text);

 private:
  bool Read(int64_t rank, double seconds);
  std::vector<pid_t> pids_;
  std::vector<int> pipes_;
  std::vector<std::string> said_;
};

// Rank `rank` of a group of `size` on this machine.
RankAddress LocalPlace(int64_t rank, int64_t size, int port);
// Times that suit a test: a rank is missed within seconds.
GroupOptions QuickOptions(double timeout = 60, double silence = 10);

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_GROUP_PROCESSES_H_
