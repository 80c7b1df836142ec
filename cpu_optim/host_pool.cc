#include "cpu_optim/host_pool.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cfenv>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "core/base/error.h"

namespace hlm {
namespace {

constexpr int kMaxThreads = 4096;  // far above any machine; a larger number is a mistake of the caller

// The pool whose thread this is, to refuse a ParallelFor that would wait for itself.
thread_local const void* current_pool = nullptr;

void PinThisThread(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  const int status = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
  if (status != 0) {
    throw InvalidArgument("optimizer thread cannot be pinned to core ", core, ": ", std::generic_category().message(status));
  }
}

// What a caller wants done. A worker takes an open place, then items until none is left; so at most as many workers wake as there are items.
struct Job {
  const std::function<void(int64_t)>* work = nullptr;
  int64_t items = 0, next_item = 0;
  int64_t open_places = 0, busy = 0;
  std::exception_ptr error = nullptr;  // the first

  bool over() const { return busy == 0 && next_item == items; }
  int64_t Take() {
    const int64_t item = next_item++;
    if (next_item == items) open_places = 0;  // a worker that wakes late finds nothing to do and need not be waited for
    return item;
  }
  void Fail(const std::exception_ptr& failure) {
    if (!error) error = failure;
    next_item = items;
    open_places = 0;
  }
};

}  // namespace

struct HostPool::State {
  std::mutex mutex;               // guards everything below
  std::condition_variable wake;   // workers: a job has room, or stop
  std::condition_variable done;   // the caller whose job runs: it is over
  std::condition_variable turns;  // callers: `serving` has moved, or a worker has started

  Job job;  // that runs
  uint64_t next_ticket = 0, serving = 0;
  size_t started = 0;
  bool stop = false;
  std::exception_ptr start_error;
  std::vector<std::thread> threads;

  void Run(int core);
  void RunItems(std::unique_lock<std::mutex>& lock);
  void Stop();
};

void HostPool::State::Run(int core) {
  std::exception_ptr failure;
  try {
    if (core >= 0) PinThisThread(core);
  } catch (...) {
    failure = std::current_exception();
  }
  pthread_setname_np(pthread_self(), "hlm-optimizer");
  std::fesetenv(FE_DFL_ENV);
  omp_set_num_threads(1);
  current_pool = this;

  std::unique_lock lock(mutex);
  if (failure && !start_error) start_error = failure;
  ++started;
  turns.notify_all();
  while (true) {
    wake.wait(lock, [this] { return stop || job.open_places > 0; });
    if (stop) return;
    --job.open_places;
    ++job.busy;
    RunItems(lock);
    if (--job.busy == 0) done.notify_one();
  }
}

void HostPool::State::RunItems(std::unique_lock<std::mutex>& lock) {
  while (job.next_item < job.items) {
    const int64_t item = job.Take();
    lock.unlock();
    std::exception_ptr failure;
    try {
      (*job.work)(item);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure) job.Fail(failure);
  }
}

void HostPool::State::Stop() {
  {
    std::lock_guard lock(mutex);
    stop = true;
  }
  wake.notify_all();
  for (std::thread& thread : threads) thread.join();
  threads.clear();
}

HostPool::HostPool(int threads, const std::vector<int>& cores) : state_(std::make_unique<State>()) {
  if (threads < 1 || threads > kMaxThreads) {
    throw InvalidArgument("optimizer threads: ", threads, " is not in [1, ", kMaxThreads, "]");
  }
  for (const int core : cores) {
    if (core < 0 || core >= CPU_SETSIZE) throw InvalidArgument("core ", core, " is not in [0, ", CPU_SETSIZE, ")");
  }
  state_->threads.reserve(threads);
  try {
    for (int i = 0; i < threads; ++i) {
      const int core = cores.empty() ? -1 : cores[i % cores.size()];
      state_->threads.emplace_back([state = state_.get(), core] { state->Run(core); });
    }
  } catch (const std::system_error& e) {
    const size_t begun = state_->threads.size();
    state_->Stop();
    throw ResourceExhausted("cannot start optimizer thread ", begun + 1, " of ", threads, ": ", e.what());
  } catch (...) {  // no memory for a thread's start record: those already begun must end before the vector does
    state_->Stop();
    throw;
  }
  std::exception_ptr failure;
  {
    std::unique_lock lock(state_->mutex);
    state_->turns.wait(lock, [&] { return state_->started == static_cast<size_t>(threads); });
    failure = state_->start_error;
  }
  if (failure) {
    state_->Stop();
    std::rethrow_exception(failure);
  }
}

HostPool::~HostPool() { state_->Stop(); }

int HostPool::threads() const { return static_cast<int>(state_->threads.size()); }

void HostPool::ParallelFor(int64_t items, const std::function<void(int64_t)>& work) {
  if (current_pool == state_.get()) throw FailedPrecondition("ParallelFor called from a thread of the same pool");
  if (items <= 0) return;
  State& s = *state_;
  std::exception_ptr failure;
  {
    std::unique_lock lock(s.mutex);
    const uint64_t ticket = s.next_ticket++;
    s.turns.wait(lock, [&] { return s.serving == ticket; });
    const int64_t places = std::min<int64_t>(items, static_cast<int64_t>(s.threads.size()));
    s.job = {.work = &work, .items = items, .open_places = places};
    if (places == 1) {
      s.wake.notify_one();
    } else {
      s.wake.notify_all();
    }
    s.done.wait(lock, [&] { return s.job.over(); });
    failure = s.job.error;
    s.job = {};
    ++s.serving;
    s.turns.notify_all();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace hlm
