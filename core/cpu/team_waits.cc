#include "core/cpu/team_waits.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

#include "core/cpu/access.h"

namespace hlm {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{100};
// The kernel counts by ticks of a hundredth of a second, so that each processor's time is uncertain by a few hundredths over a
// look.
constexpr double kUncertain = 0.25, kUncertainOfEach = 0.03;
constexpr int kCalmLooks = 10;  // before threads spin again: programs come and go

double Seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec); }

}  // namespace

ProcessorTime ReadProcessorTime(const std::string& stat) {
  ProcessorTime time;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return time;
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  std::ifstream file(stat);
  std::string line;
  // cpuN user nice system idle iowait irq softirq steal ...
  while (std::getline(file, line) && line.rfind("cpu", 0) == 0) {
    std::istringstream words(line.substr(3));
    int processor = -1;
    double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
    if (line.size() < 4 || line[3] == ' ') continue;  // the sum of all
    if (!(words >> processor >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal)) return {};
    if (processor < 0 || processor >= CPU_SETSIZE || !CPU_ISSET(processor, &allowed)) continue;
    ++time.processors;
    time.everybody += (user + nice + system + irq + softirq + steal) / ticks;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  time.own = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  return time;
}

std::shared_ptr<TeamWaits> TeamWaits::OfThisProcess() {
  static std::mutex mutex;
  static std::weak_ptr<TeamWaits> current;
  std::lock_guard lock(mutex);
  std::shared_ptr<TeamWaits> waits = current.lock();
  if (waits == nullptr) current = waits = std::make_shared<TeamWaits>();
  return waits;
}

TeamWaits::TeamWaits()
    : policy_is_the_users_(std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr),
      last_look_(std::chrono::steady_clock::now()),
      last_(ReadProcessorTime()) {
  next_look_ = (last_look_ + kBetweenLooks).time_since_epoch().count();
}

TeamWaits::~TeamWaits() { SetAsleep(false); }

void TeamWaits::Look(int team_threads) {
  if (kThreadSanitizer || policy_is_the_users_ || team_threads <= 1) return;
  const auto now = std::chrono::steady_clock::now();
  int64_t due = next_look_.load(std::memory_order_relaxed);
  if (now.time_since_epoch().count() < due) return;
  if (!next_look_.compare_exchange_strong(due, (now + kBetweenLooks).time_since_epoch().count())) return;  // another looks
  std::lock_guard lock(mutex_);
  const double seconds = std::chrono::duration<double>(now - last_look_).count();
  last_look_ = now;
  Decide(team_threads, ReadProcessorTime(), seconds);
}

void TeamWaits::Decide(int team_threads, const ProcessorTime& now, double seconds) {
  const ProcessorTime before = last_;
  last_ = now;
  if (now.processors == 0 || now.processors != before.processors || seconds <= 0) return;
  const double others = ((now.everybody - before.everybody) - (now.own - before.own)) / seconds;
  const double processors = now.processors;
  if (others + team_threads > processors + kUncertain + kUncertainOfEach * processors) {
    calm_looks_ = 0;
    SetAsleep(true);
  } else if (++calm_looks_ >= kCalmLooks) {
    SetAsleep(false);
  }
}

void TeamWaits::SetAsleep(bool asleep) {
  if (asleep == asleep_.load()) return;
  if (asleep) {
    release_ = false;
    try {
      idle_team_ = std::thread([this] { HoldIdleTeam(); });
    } catch (const std::system_error&) {
      return;  // no thread to be had: they spin, as they would without all this
    }
  } else {
    {
      std::lock_guard lock(release_mutex_);
      release_ = true;
    }
    released_.notify_all();
    idle_team_.join();
  }
  asleep_ = asleep;
}

void TeamWaits::HoldIdleTeam() {
  pthread_setname_np(pthread_self(), "hlm-idle");
  // The team's threads stay, asleep, until the thread ends that made them.
#pragma omp parallel num_threads(omp_get_num_procs() + 1)
  { __asm__ volatile("" ::: "memory"); }
  std::unique_lock lock(release_mutex_);
  released_.wait(lock, [this] { return release_; });
}

}  // namespace hlm
