#include "core/save/background_save.h"

#include <chrono>
#include <system_error>
#include <utility>

#include "core/base/error.h"

namespace hlm {
namespace {

void Throw(std::exception_ptr& error) {
  if (error) std::rethrow_exception(std::exchange(error, nullptr));
}

}  // namespace

BackgroundSave::BackgroundSave(const Plan& plan, const ParameterStore& store, HostPool& pool, Trace& trace, RaceChecker* checker,
                               SaveRanks ranks)
    : ranks_(std::move(ranks)), state_(plan, store, pool, trace, checker, ranks_.rank) {}

BackgroundSave::~BackgroundSave() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BackgroundSave::Prepare(Request request) {
  WaitUntilIdle();
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread([this] { Run(); });
    } catch (const std::system_error& error) {
      throw ResourceExhausted("cannot start a thread that saves: ", error.what());
    }
  }
  // Files are made without the lock, which updates take.
  auto writer = request.begun.empty() ? std::make_unique<CheckpointWriter>(request.directory, request.info)
                                      : std::make_unique<CheckpointWriter>(request.begun, ranks_.rank);
  std::lock_guard lock(mutex_);
  writer_ = std::move(writer);
  request_ = std::move(request);
  phase_ = Phase::kPrepared;
}

std::string BackgroundSave::Begun() {
  std::lock_guard lock(mutex_);
  return writer_->path();
}

void BackgroundSave::Drop() {
  std::lock_guard lock(mutex_);
  writer_.reset();
  phase_ = Phase::kIdle;
  changed_.notify_all();
}

void BackgroundSave::Begin() {
  std::lock_guard lock(mutex_);
  HLM_CHECK(phase_ == Phase::kPrepared, "no save was prepared");
  state_.Begin();
  phase_ = Phase::kRunning;
  changed_.notify_all();
}

void BackgroundSave::Fail(const std::exception_ptr& cause) {
  std::lock_guard lock(mutex_);
  writer_.reset();
  errors_.Keep(cause, request_.waited_for);
  ++counters_.failures;
  phase_ = Phase::kIdle;
  changed_.notify_all();
}

bool BackgroundSave::Wait(double seconds) {
  std::unique_lock lock(mutex_);
  const auto idle = [&] { return phase_ == Phase::kIdle; };
  constexpr double kForEver = 1e9;  // and no overflow of the clock
  if (seconds < 0 || seconds > kForEver) {
    changed_.wait(lock, idle);
  } else {
    changed_.wait_for(lock, std::chrono::duration<double>(seconds), idle);
  }
  Throw(errors_.unseen);
  return idle();
}

void BackgroundSave::WaitForThis() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return phase_ == Phase::kIdle; });
  Throw(errors_.waited_for);
}

void BackgroundSave::WaitUntilIdle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return phase_ == Phase::kIdle; });
}

BackgroundSave::Counters BackgroundSave::counters() {
  std::lock_guard lock(mutex_);
  Counters all = counters_;
  all.stall_seconds = state_.stall_seconds();
  all.bytes = state_.written_bytes();
  return all;
}

void BackgroundSave::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    // What was prepared but has not begun waits for its Begin or Fail: the updater ends its queue before this object goes.
    changed_.wait(lock, [&] { return phase_ == Phase::kRunning || stop_; });
    if (phase_ != Phase::kRunning) return;
    lock.unlock();
    std::exception_ptr error;
    const double begin = Trace::Now();
    try {
      Save();
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    writer_.reset();  // removes what was not published
    state_.End();
    counters_.write_seconds += (Trace::Now() - begin) * 1e-6;
    ++(error ? counters_.failures : counters_.saves);
    if (error) errors_.Keep(error, request_.waited_for);
    phase_ = Phase::kIdle;
    changed_.notify_all();
  }
}

void BackgroundSave::Save() {
  if (ranks_.size == 1) {
    state_.Write(*writer_);
    writer_->Finish();
  } else {
    std::exception_ptr failed;
    try {
      state_.Write(*writer_);
    } catch (...) {
      failed = std::current_exception();
    }
    FinishTogether(ranks_, *writer_, failed);
  }
  if (request_.keep > 0 && ranks_.rank == 0) RemoveOldCheckpoints(request_.directory, request_.info.step, request_.keep);
}

}  // namespace hlm
