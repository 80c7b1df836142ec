#include "core/train/update_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/stream/trace.h"

namespace hlm {

UpdateQueue::UpdateQueue(int64_t pieces, RaceChecker* checker, std::function<void(const std::exception_ptr& error)> update_failed)
    : checker_(checker), update_failed_(std::move(update_failed)), pending_(static_cast<size_t>(pieces), 0) {
  thread_ = std::thread([this] { Run(); });
}

UpdateQueue::~UpdateQueue() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void UpdateQueue::Add(Job job) {
  job.handed.Give(checker_);
  std::lock_guard lock(mutex_);
  const int64_t piece = job.piece;
  jobs_.push_back(std::move(job));
  if (piece >= 0) ++pending_[piece];
  changed_.notify_all();
}

void UpdateQueue::AddAll(std::vector<Job> jobs) {
  for (Job& job : jobs) job.handed.Give(checker_);
  std::lock_guard lock(mutex_);
  const auto first = static_cast<std::ptrdiff_t>(jobs_.size());
  jobs_.insert(jobs_.end(), std::make_move_iterator(jobs.begin()), std::make_move_iterator(jobs.end()));
  for (auto job = jobs_.begin() + first; job != jobs_.end(); ++job) {
    if (job->piece >= 0) ++pending_[job->piece];
  }
  changed_.notify_all();
}

void UpdateQueue::AddBehindOwn(Job job) {
  job.handed.Give(checker_);
  std::lock_guard lock(mutex_);
  const int64_t piece = job.piece;
  const auto last = std::find_if(jobs_.rbegin(), jobs_.rend(), [&](const Job& other) { return other.piece == piece; });
  jobs_.insert(last.base(), std::move(job));
  ++pending_[piece];
  changed_.notify_all();
}

void UpdateQueue::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    busy_ = true;
    const int64_t piece = job.piece;
    const bool is_update = job.is_update;
    // Gradients behind a failed one are of no use.
    const bool skip = !job.always && (is_update ? update_error_ : error_) != nullptr;
    lock.unlock();
    const double begin = Trace::Now();
    const std::exception_ptr error = End(std::move(job), skip);
    if (error && is_update) update_failed_(error);
    lock.lock();
    busy_seconds_ += (Trace::Now() - begin) * 1e-6;
    if (error) {
      if (!error_) error_ = error;
      if (is_update && !update_error_) update_error_ = error;
    }
    if (piece >= 0) --pending_[piece];
    busy_ = false;
    done_.Give(checker_);
    changed_.notify_all();
  }
}

// Takes the job by value: ring entries that it holds, done or skipped, are free before anybody hears of it.
std::exception_ptr UpdateQueue::End(Job job, bool skip) {  // NOLINT(performance-unnecessary-value-param)
  try {
    if (!skip) {
      job.handed.Take(checker_);
      job.work();
    }
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

void UpdateQueue::WaitForPiece(int64_t piece) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return pending_[piece] == 0; });
  done_.Take(checker_);
  if (update_error_) std::rethrow_exception(update_error_);
}

void UpdateQueue::WaitIdle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return jobs_.empty() && !busy_; });
  done_.Take(checker_);
  if (error_) std::rethrow_exception(error_);
}

void UpdateQueue::Forget() {
  std::lock_guard lock(mutex_);
  error_ = update_error_;
}

void UpdateQueue::KeepUpdateError(const std::exception_ptr& error) {
  std::lock_guard lock(mutex_);
  update_error_ = error;
}

std::exception_ptr UpdateQueue::update_error() const {
  std::lock_guard lock(mutex_);
  return update_error_;
}

double UpdateQueue::busy_seconds() const {
  std::lock_guard lock(mutex_);
  return busy_seconds_;
}

}  // namespace hlm
