#include "core/group/control.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/error.h"

namespace hlm {
namespace {

Error Unavailable(const std::string& why) { return Error(Code::kUnavailable, why); }

void WaitReadable(const Socket& socket, double seconds) {
  pollfd wait{socket.fd(), POLLIN, 0};
  poll(&wait, 1, std::max(1, static_cast<int>(seconds * 1000)));
}

}  // namespace

Control::Control(Socket to_hub, const Hello& hello, GroupTimes times, const std::string& where, double deadline)
    : socket_(std::move(to_hub)), rank_(hello.rank), size_(hello.size), times_(times) {
  Greet(hello, where, deadline);
  thread_ = std::thread([this] { Run(); });
}

Control::~Control() {
  if (!said_goodbye_) Send(Say::kBye, Number(begun_));
  stop_ = true;
  thread_.join();
}

void Control::Leave() {
  said_goodbye_ = true;
  if (!Send(Say::kBye, Number(begun_))) return;
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::duration<double>(times_.timeout), [&] { return dismissed_ || failure_; });
}

void Control::Begin() {
  std::lock_guard lock(mutex_);
  if (++begun_ > last_with_leaver_ && leaver_ >= 0) Send(Say::kMissed, Number(leaver_));
}

void Control::End() {
  ++ended_;
  if (someone_leaves_) Beat();
}

void Control::Beat() { Send(Say::kBeat, Number(begun_) + Number(ended_)); }

void Control::Greet(const Hello& hello, const std::string& where, double deadline) {
  if (!Send(Say::kHello, PackHello(hello))) throw Unavailable(StrCat("rank 0 at ", where, " closed the connection"));
  while (true) {
    Frame frame;
    while (Unpack(inbox_, frame)) {
      switch (static_cast<Say>(frame.kind)) {
        case Say::kStart:
          return;
        case Say::kRefused:
          throw Unavailable(frame.bytes);
        case Say::kBeat:
          break;
        default:
          throw Unavailable(StrCat("what listens at ", where, " is no rank 0 of a group"));
      }
    }
    const double left = deadline - SteadySeconds();
    if (left <= 0) {
      throw Unavailable(
          StrCat("rank ", rank_, " waited at ", where, " for ", times_.timeout, " s and not all of the ", size_, " ranks came"));
    }
    WaitReadable(socket_, std::min(left, 0.5));
    if (ReadArrived(socket_, inbox_) == ReadResult::kClosed) {
      throw Unavailable(StrCat("rank 0 at ", where, " closed the connection before all of the ", size_, " ranks had come"));
    }
  }
}

void Control::OnFailure(std::function<void()> stop) {
  std::unique_lock lock(mutex_);
  on_failure_ = std::move(stop);
  if (failure_ && on_failure_) on_failure_();
}

void Control::Run() {
  double heard = SteadySeconds(), last_beat = 0;
  while (!stop_) {
    const double now = SteadySeconds();
    if (now - last_beat >= times_.Beat()) {
      last_beat = now;
      Beat();
    }
    WaitReadable(socket_, std::clamp(times_.Beat() / 2, 0.005, 0.05));
    const ReadResult result = ReadArrived(socket_, inbox_);
    if (result == ReadResult::kSome) heard = SteadySeconds();
    try {
      Frame frame;
      while (Unpack(inbox_, frame)) Handle(frame);
    } catch (const Error& error) {
      return Fail(error.message());
    }
    if (result == ReadResult::kClosed) return Fail("rank 0 died: its connections were closed");
    // A process that was stopped itself finds what it has missed before it blames another.
    if (now - heard > times_.silence) return Fail(StrCat("rank 0 hangs: nothing was heard of it for ", times_.silence, " s"));
  }
}

void Control::Handle(const Frame& frame) {
  switch (static_cast<Say>(frame.kind)) {
    case Say::kVerdict:
      return Fail(frame.bytes);
    case Say::kAsk:
      Beat();
      return;
    case Say::kLeaving: {
      std::lock_guard lock(mutex_);
      const int64_t rank = ReadNumber(frame.bytes, 0), exchanges = ReadNumber(frame.bytes, 8);
      if (exchanges < 0 || rank == rank_) return;
      if (leaver_ < 0) leaver_ = rank, last_with_leaver_ = exchanges;
      someone_leaves_ = true;
      if (begun_ > last_with_leaver_) Send(Say::kMissed, Number(leaver_));
      Beat();
      return;
    }
    case Say::kFarewell: {
      std::lock_guard lock(mutex_);
      dismissed_ = true;
      changed_.notify_all();
      return;
    }
    case Say::kGathered: {
      std::vector<std::string> all;
      for (size_t at = 8; at + 8 <= frame.bytes.size();) {
        const auto length = static_cast<size_t>(ReadNumber(frame.bytes, at));
        all.push_back(frame.bytes.substr(at + 8, length));
        at += 8 + length;
      }
      std::lock_guard lock(mutex_);
      gathered_ = std::move(all);
      changed_.notify_all();
      return;
    }
    default:
      return;
  }
}

void Control::Fail(const std::string& why) {
  std::lock_guard lock(mutex_);
  if (failure_) return;
  failure_ = why;
  if (on_failure_) on_failure_();
  changed_.notify_all();
}

bool Control::Send(Say kind, const std::string& bytes) {
  std::lock_guard lock(send_mutex_);
  return SendAll(socket_, Pack(static_cast<uint8_t>(kind), bytes));
}

std::vector<std::string> Control::AllGather(const std::string& own) {
  Check();
  if (own.size() > kMostFrameBytes / static_cast<size_t>(size_) - 64) {
    throw ResourceExhausted(own.size(), " bytes to gather; ", size_, " ranks may have ",
                            kMostFrameBytes / static_cast<size_t>(size_) - 64, " each");
  }
  Begin();
  Send(Say::kGather, Number(next_gather_++) + own);
  std::unique_lock lock(mutex_);
  const bool came = changed_.wait_for(lock, std::chrono::duration<double>(times_.timeout), [&] { return gathered_ || failure_; });
  if (gathered_ && !failure_) {
    std::vector<std::string> all = std::move(*gathered_);
    gathered_.reset();
    lock.unlock();
    End();
    return all;
  }
  lock.unlock();
  if (!came) Late(rank_ == 0 ? size_ - 1 : 0, StrCat("a rank kept this one waiting for ", times_.timeout, " s"));
  ThrowVerdict("");
}

void Control::Late(int64_t rank, const std::string& fallback) {
  Send(Say::kLate, Number(rank));
  ThrowVerdict(fallback);
}

void Control::Lost(int64_t rank, const std::string& why) {
  Send(Say::kLost, Number(rank) + why);
  ThrowVerdict(StrCat("rank ", rank, " cannot be reached: ", why));
}

void Control::ThrowVerdict(const std::string& fallback) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::duration<double>(std::min(5.0, 4 * times_.Beat()) + 0.5),
                    [&] { return failure_.has_value(); });
  throw Unavailable(failure_ ? *failure_ : fallback);
}

void Control::GiveUp(const std::string& why) noexcept {
  try {
    {
      std::lock_guard lock(mutex_);
      if (failure_) return;
    }
    Send(Say::kGaveUp, why);
    std::unique_lock lock(mutex_);  // so that a process that ends now has told
    changed_.wait_for(lock, std::chrono::duration<double>(1), [&] { return failure_.has_value(); });
  } catch (...) {  // no memory to say it: the connection's end says it, or the time-out
  }
}

void Control::Check() {
  std::lock_guard lock(mutex_);
  if (failure_) throw Unavailable(*failure_);
}

}  // namespace hlm
