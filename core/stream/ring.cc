#include "core/stream/ring.h"

#include <chrono>
#include <utility>

#include "core/base/checked.h"
#include "core/base/error.h"

namespace hlm {

GradientRing::GradientRing(Device& device, int64_t entries, int64_t entry_bytes) : checker_(device.race_checker()) {
  const int64_t stride = RoundUp(entry_bytes, 256);
  memory_ = device.AllocateHost(static_cast<size_t>(stride * entries));
  for (int64_t e = 0; e < entries; ++e) {
    entries_.emplace_back();
    entries_.back().data = memory_.data() + e * stride;
    entries_.back().filled = device.CreateEvent();
  }
}

RingTicket GradientRing::Acquire() {
  std::unique_lock lock(mutex_);
  const auto find = [&] {
    for (size_t e = 0; e < entries_.size(); ++e) {
      if (!entries_[e].taken) return e;
    }
    return entries_.size();
  };
  if (!closed_ && find() == entries_.size()) {
    ++waits_;
    const auto start = std::chrono::steady_clock::now();
    freed_.wait(lock, [&] { return closed_ || find() < entries_.size(); });
    wait_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  if (closed_) std::rethrow_exception(closed_);
  const size_t index = find();
  entries_[index].taken = true;
  entries_[index].freed.Take(checker_);
  RingTicket ticket;
  ticket.ring_ = this;
  ticket.index_ = index;
  return ticket;
}

void GradientRing::Close(std::exception_ptr cause) {
  std::lock_guard lock(mutex_);
  if (!closed_) closed_ = std::move(cause);
  freed_.notify_all();
}

void GradientRing::Open() {
  std::lock_guard lock(mutex_);
  closed_ = nullptr;
}

RingTicket& RingTicket::operator=(RingTicket&& other) noexcept {
  Release();
  ring_ = std::exchange(other.ring_, nullptr);
  index_ = other.index_;
  return *this;
}

std::byte* RingTicket::data() const { return ring_->entries_[index_].data; }
Event& RingTicket::filled() const { return *ring_->entries_[index_].filled; }

void RingTicket::Release() noexcept {
  if (ring_ == nullptr) return;
  std::lock_guard lock(ring_->mutex_);
  ring_->entries_[index_].freed.Give(ring_->checker_);
  ring_->entries_[index_].taken = false;
  ring_->freed_.notify_one();
  ring_ = nullptr;
}

}  // namespace hlm
