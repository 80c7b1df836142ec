#include "core/save/background_save.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <system_error>
#include <utility>

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/store/host_memory.h"

namespace hlm {
namespace {

constexpr int64_t kCopyItem = int64_t{4} << 20;  // bytes that one thread of the pool copies at a time

int64_t Bytes(const std::vector<CheckpointArray>& arrays) {
  int64_t bytes = 0;
  for (const CheckpointArray& array : arrays) bytes += static_cast<int64_t>(array.bytes);
  return bytes;
}

// In the order in which the pieces are updated: those of a backward pass, or forward.
std::vector<int64_t> UpdateOrder(const Plan& plan) {
  std::vector<int64_t> order(static_cast<size_t>(plan.pieces.size()));
  std::iota(order.begin(), order.end(), 0);
  if (plan.timing == Timing::kBackward) std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace

BackgroundSave::BackgroundSave(const Plan& plan, const ParameterStore& store, HostPool& pool, Trace& trace, RaceChecker* checker,
                               SaveRanks ranks)
    : plan_(plan),
      store_(store),
      pool_(pool),
      trace_(trace),
      checker_(checker),
      ranks_(std::move(ranks)),
      snapshot_(AllocatePages(static_cast<size_t>(plan.host.snapshot), "snapshots of pieces that are saved")),
      order_(UpdateOrder(plan)),
      places_(order_.size(), -1),
      safe_(order_.size(), true) {
  int64_t taken = 0;
  for (const int64_t piece : order_) {
    const int64_t bytes = RoundUp(Bytes(ArraysOf(piece)), 64);
    if (bytes > plan.host.snapshot - taken) break;  // all behind it are updated later: they are the ones to be written first
    places_[static_cast<size_t>(piece)] = taken;
    taken += bytes;
  }
  TouchPages(snapshot_, pool_);
}

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
  std::fill(safe_.begin(), safe_.end(), false);
  begun_.Give(checker_);
  phase_ = Phase::kRunning;
  changed_.notify_all();
}

void BackgroundSave::Fail(std::exception_ptr cause) {
  std::lock_guard lock(mutex_);
  writer_.reset();
  KeepError(cause);
  ++counters_.failures;
  phase_ = Phase::kIdle;
  changed_.notify_all();
}

void BackgroundSave::BeforeUpdate(int64_t piece) {
  std::unique_lock lock(mutex_);
  if (!safe_[static_cast<size_t>(piece)]) {
    const double begin = Trace::Now();
    changed_.wait(lock, [&] { return safe_[static_cast<size_t>(piece)]; });
    const double end = Trace::Now();
    counters_.stall_seconds += (end - begin) * 1e-6;
    if (trace_.on()) {
      trace_.Add(Trace::kOptimizer, StrCat("wait until ", plan_.pieces[piece].name, " is saved"), begin, end);
    }
  }
  made_safe_.Take(checker_);
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
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  return idle();
}

void BackgroundSave::WaitForThis() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return phase_ == Phase::kIdle; });
  if (waited_error_) std::rethrow_exception(std::exchange(waited_error_, nullptr));
}

void BackgroundSave::WaitUntilIdle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return phase_ == Phase::kIdle; });
}

void BackgroundSave::KeepError(std::exception_ptr error) { (request_.waited_for ? waited_error_ : error_) = std::move(error); }

BackgroundSave::Counters BackgroundSave::counters() {
  std::lock_guard lock(mutex_);
  return counters_;
}

void BackgroundSave::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    // What was prepared but has not begun waits for its Begin or Fail: the updater ends its queue before this object goes.
    changed_.wait(lock, [&] { return phase_ == Phase::kRunning || stop_; });
    if (phase_ != Phase::kRunning) return;
    begun_.Take(checker_);
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
    std::fill(safe_.begin(), safe_.end(), true);
    made_safe_.Give(checker_);
    counters_.write_seconds += (Trace::Now() - begin) * 1e-6;
    ++(error ? counters_.failures : counters_.saves);
    if (error) KeepError(error);
    phase_ = Phase::kIdle;
    changed_.notify_all();
  }
}

void BackgroundSave::MarkSafe(int64_t piece) {
  std::lock_guard lock(mutex_);
  safe_[static_cast<size_t>(piece)] = true;
  made_safe_.Give(checker_);
  changed_.notify_all();
}

void BackgroundSave::Save() {
  if (ranks_.size == 1) {
    WriteAll();
    writer_->Finish();
  } else {
    std::exception_ptr failed;
    try {
      WriteAll();
    } catch (...) {
      failed = std::current_exception();
    }
    FinishTogether(failed);
  }
  if (request_.keep > 0 && ranks_.rank == 0) RemoveOldCheckpoints(request_.directory, request_.info.step, request_.keep);
}

// All have written, or none has: rank 0 gets what each has to say of its files, and says whether the checkpoint has its name.
void BackgroundSave::FinishTogether(std::exception_ptr failed) {
  const auto said = [](const std::exception_ptr& error) -> std::string {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& what) {
      return what.what();
    }
  };
  constexpr char kFine = '+', kFailed = '-';
  std::string own;
  try {
    if (!failed) own = kFine + writer_->Written();
  } catch (...) {
    failed = std::current_exception();
  }
  if (failed) own = kFailed + said(failed);
  std::vector<std::string> all = ranks_.all_gather(own);
  if (failed) std::rethrow_exception(failed);
  for (size_t r = 0; r < all.size(); ++r) {
    if (all[r].front() == kFailed)
      throw Error(Code::kUnavailable, StrCat("rank ", r, " did not write its share: ", all[r].substr(1)));
    all[r].erase(0, 1);
  }
  if (ranks_.rank == 0) {
    try {
      writer_->Finish({all.begin() + 1, all.end()});
    } catch (...) {
      failed = std::current_exception();
    }
  }
  const std::string finished = ranks_.all_gather(failed ? said(failed) : "").front();
  if (failed) std::rethrow_exception(failed);
  if (!finished.empty()) throw Error(Code::kUnavailable, StrCat("rank 0 did not finish the checkpoint: ", finished));
}

void BackgroundSave::WriteAll() {
  for (const int64_t piece : order_) {
    if (!Copied(piece)) continue;
    CopyPiece(piece);
    MarkSafe(piece);
  }
  // Units with bytes at risk first; a unit is one file, whatever its pieces come from.
  std::vector<bool> written(plan_.units.size(), false);
  const auto write = [&](int64_t unit) {
    if (written[static_cast<size_t>(unit)]) return;
    written[static_cast<size_t>(unit)] = true;
    WriteUnit(unit);
  };
  for (const int64_t piece : order_) {
    if (!Copied(piece)) write(plan_.pieces[piece].unit);
  }
  for (const int64_t piece : order_) write(plan_.pieces[piece].unit);
}

std::vector<CheckpointArray> BackgroundSave::CopiedArrays(int64_t piece) const {
  std::vector<CheckpointArray> arrays = ArraysOf(piece);
  const std::byte* at = snapshot_.data() + places_[static_cast<size_t>(piece)];
  for (CheckpointArray& array : arrays) {
    array.data = at;
    at += array.bytes;
  }
  return arrays;
}

void BackgroundSave::CopyPiece(int64_t piece) {
  const double begin = Trace::Now();
  const StateLease lease = store_.States(piece, LeaseKind::kRead);
  std::vector<CheckpointArray> from = ArraysOf(piece);
  PointInto(lease, from);
  const std::vector<CheckpointArray> to = CopiedArrays(piece);
  struct Item {
    std::byte* to;
    const std::byte* from;
    size_t bytes;
  };
  std::vector<Item> items;
  for (size_t a = 0; a < from.size(); ++a) {
    const int64_t bytes = static_cast<int64_t>(from[a].bytes);
    DeclareAccess(checker_, from[a].data, from[a].bytes, false, "state that is copied to be saved");
    for (int64_t done = 0; done < bytes; done += kCopyItem) {
      std::byte* target = snapshot_.data() + (static_cast<const std::byte*>(to[a].data) - snapshot_.data()) + done;
      items.push_back(
          {target, static_cast<const std::byte*>(from[a].data) + done, static_cast<size_t>(std::min(kCopyItem, bytes - done))});
    }
  }
  pool_.ParallelFor(static_cast<int64_t>(items.size()), [&](int64_t i) {
    const Item& item = items[static_cast<size_t>(i)];
    std::memcpy(item.to, item.from, item.bytes);
  });
  trace_.Add(Trace::kSave, StrCat("copy ", plan_.pieces[piece].name), begin, Trace::Now());
}

void BackgroundSave::WriteUnit(int64_t unit) {
  const double begin = Trace::Now();
  const std::string& name = plan_.units[static_cast<size_t>(unit)].name;
  std::vector<CheckpointArray> arrays;
  std::vector<StateLease> leases;
  const int64_t first = plan_.pieces.First(unit), end = plan_.pieces.First(unit + 1);
  for (int64_t piece = first; piece < end; ++piece) {
    std::vector<CheckpointArray> more = Copied(piece) ? CopiedArrays(piece) : ArraysOf(piece);
    if (!Copied(piece)) PointInto(leases.emplace_back(store_, piece, LeaseKind::kRead), more);
    arrays.insert(arrays.end(), more.begin(), more.end());
  }
  for (const CheckpointArray& array : arrays)
    DeclareAccess(checker_, array.data, array.bytes, false, "state that is being saved");
  // Of a unit of which a rank owns nothing the first writes a file all the same.
  if (!arrays.empty() || ranks_.rank == 0) writer_->WriteUnit(name, arrays);
  leases.clear();
  for (int64_t piece = first; piece < end; ++piece) {
    if (!Copied(piece)) MarkSafe(piece);
  }
  {
    std::lock_guard lock(mutex_);
    counters_.bytes += Bytes(arrays);
  }
  trace_.Add(Trace::kSave, StrCat("write ", name), begin, Trace::Now());
}

}  // namespace hlm
