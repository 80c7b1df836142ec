// How the threads of OpenMP teams wait for each other: spinning where each has a processor of its own, asleep where other
// programs run.
#ifndef HORIZON_LM_CORE_CPU_TEAM_WAITS_H_
#define HORIZON_LM_CORE_CPU_TEAM_WAITS_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace hlm {

// Processor time used so far, in seconds: by everybody on the processors that this process may use, and by this process.
struct ProcessorTime {
  int processors = 0;  // that this process may use; 0: not known
  double everybody = 0, own = 0;
};
ProcessorTime ReadProcessorTime(const std::string& stat = "/proc/stat");

// libgomp's threads spin for milliseconds before they sleep. On an idle machine that is what makes short operations fast. Beside
// other programs a thread spins through its time slice while the one that it waits for is not running: steps took ten to fifty
// times as long. libgomp reads its policy once, when it is loaded, which is before any code of a library that needs it. But it
// spins for a moment only (100 turns) while it has more threads than processors, as its manual says (GOMP_SPINCOUNT). So this
// looks, ten times a second, at what others use, and where the team's threads have no processors of their own, a team of idle
// threads is kept that makes them too many. How a thread waits changes no result. A user's OMP_WAIT_POLICY or GOMP_SPINCOUNT
// stays in force, and nothing is done here.
class TeamWaits {
 public:
  static std::shared_ptr<TeamWaits> OfThisProcess();  // one while anybody holds it
  TeamWaits();
  ~TeamWaits();
  TeamWaits(const TeamWaits&) = delete;
  TeamWaits& operator=(const TeamWaits&) = delete;

  // To be called between operations, from any thread: where a tenth of a second has passed since the last look, looks again.
  void Look(int team_threads);
  // What a look does, with the times given.
  void Decide(int team_threads, const ProcessorTime& now, double seconds);
  bool asleep() const { return asleep_.load(); }

 private:
  void SetAsleep(bool asleep);
  void HoldIdleTeam();

  const bool policy_is_the_users_;
  std::atomic<int64_t> next_look_{0};  // nanoseconds of the steady clock
  std::atomic<bool> asleep_{false};

  std::mutex mutex_;  // guards what follows
  std::chrono::steady_clock::time_point last_look_;
  ProcessorTime last_;
  int calm_looks_ = 0;  // in a row
  std::thread idle_team_;

  std::mutex release_mutex_;  // guards release_
  bool release_ = false;
  std::condition_variable released_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_CPU_TEAM_WAITS_H_
