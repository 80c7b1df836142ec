#include "core/group/heard.h"

#include <chrono>
#include <utility>

#include "core/base/error.h"

namespace hlm {

void Heard::OnFailure(std::function<void()> stop) {
  std::lock_guard lock(mutex_);
  on_failure_ = std::move(stop);
  if (failure_ && on_failure_) on_failure_();
}

void Heard::Fail(const std::string& why) {
  std::lock_guard lock(mutex_);
  if (failure_) return;
  failure_ = why;
  if (on_failure_) on_failure_();
  changed_.notify_all();
}

void Heard::Gather(std::vector<std::string> all) {
  std::lock_guard lock(mutex_);
  if (failure_) return;
  gathered_ = std::move(all);
  changed_.notify_all();
}

void Heard::Dismiss() {
  std::lock_guard lock(mutex_);
  dismissed_ = true;
  changed_.notify_all();
}

bool Heard::failed() {
  std::lock_guard lock(mutex_);
  return failure_.has_value();
}

void Heard::Check() {
  std::lock_guard lock(mutex_);
  if (failure_) throw Error(Code::kUnavailable, *failure_);
}

template <class Come>
void Heard::Await(std::unique_lock<std::mutex>& lock, double seconds, const Come& come) {
  changed_.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return failure_ || come(); });
}

std::optional<std::vector<std::string>> Heard::AwaitGathered(double seconds) {
  std::unique_lock lock(mutex_);
  Await(lock, seconds, [&] { return gathered_.has_value(); });
  return std::exchange(gathered_, std::nullopt);  // also where the group has failed behind it: the next call says so
}

void Heard::AwaitDismissal(double seconds) {
  std::unique_lock lock(mutex_);
  Await(lock, seconds, [&] { return dismissed_; });
}

std::optional<std::string> Heard::AwaitFailure(double seconds) {
  std::unique_lock lock(mutex_);
  Await(lock, seconds, [] { return false; });
  return failure_;
}

}  // namespace hlm
