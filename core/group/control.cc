#include "core/group/control.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "core/base/error.h"

namespace hlm {
namespace {

Error Unavailable(const std::string& why) { return Error(Code::kUnavailable, why); }

}  // namespace

bool ControlWire::Send(Say kind, const std::string& bytes) {
  std::lock_guard lock(send_mutex_);
  return SendAll(socket_, Pack(static_cast<uint8_t>(kind), bytes));
}

ReadResult ControlWire::Read(double seconds) {
  pollfd wait{socket_.fd(), POLLIN, 0};
  poll(&wait, 1, std::max(1, static_cast<int>(seconds * 1000)));
  return ReadArrived(socket_, inbox_);
}

Control::Control(Socket to_hub, const Hello& hello, GroupTimes times, const std::string& where, double deadline)
    : wire_(std::move(to_hub)), rank_(hello.rank), size_(hello.size), times_(times) {
  Greet(hello, where, deadline);
  thread_ = std::thread([this] { Run(); });
}

Control::~Control() {
  if (!said_goodbye_) wire_.Send(Say::kBye, Number(exchanges_.begun()));
  stop_ = true;
  thread_.join();
}

void Control::Leave() {
  said_goodbye_ = true;
  if (wire_.Send(Say::kBye, Number(exchanges_.begun()))) heard_.AwaitDismissal(times_.timeout);
}

void Control::Begin() { Miss(exchanges_.Begin()); }

void Control::End() {
  if (exchanges_.End()) Beat();
}

void Control::Miss(std::optional<int64_t> rank) {
  if (rank) wire_.Send(Say::kMissed, Number(*rank));
}

void Control::Beat() { wire_.Send(Say::kBeat, Number(exchanges_.begun()) + Number(exchanges_.ended())); }

void Control::Greet(const Hello& hello, const std::string& where, double deadline) {
  if (!wire_.Send(Say::kHello, PackHello(hello))) throw Unavailable(StrCat("rank 0 at ", where, " closed the connection"));
  std::string who;
  while (true) {
    Frame frame;
    while (wire_.Next(frame)) {
      switch (static_cast<Say>(frame.kind)) {
        case Say::kStart:
          return;
        case Say::kRefused:
          throw Unavailable(frame.bytes);
        case Say::kWaiting:
          who = ": " + frame.bytes;
          break;
        case Say::kBeat:
          break;
        default:
          throw Unavailable(StrCat("what listens at ", where, " is no rank 0 of a group"));
      }
    }
    const double left = deadline - SteadySeconds();
    if (left <= 0) {
      throw Unavailable(StrCat("rank ", rank_, " waited at ", where, " for ", times_.timeout, " s and not all of the ", size_,
                               " ranks came", who));
    }
    if (wire_.Read(std::min(left, 0.5)) == ReadResult::kClosed) {
      throw Unavailable(StrCat("rank 0 at ", where, " closed the connection before all of the ", size_, " ranks had come", who));
    }
  }
}

void Control::Run() {
  double heard = SteadySeconds(), last_beat = 0;
  while (!stop_) {
    const double now = SteadySeconds();
    if (now - last_beat >= times_.Beat()) {
      last_beat = now;
      Beat();
    }
    const ReadResult result = wire_.Read(std::clamp(times_.Beat() / 2, 0.005, 0.05));
    if (result == ReadResult::kSome) heard = SteadySeconds();
    try {
      Frame frame;
      while (wire_.Next(frame)) Handle(frame);
    } catch (const Error& error) {
      return heard_.Fail(error.message());
    }
    if (result == ReadResult::kClosed) return heard_.Fail("rank 0 died: its connections were closed");
    // A process that was stopped itself finds what it has missed before it blames another.
    if (now - heard > times_.silence)
      return heard_.Fail(StrCat("rank 0 hangs: nothing was heard of it for ", times_.silence, " s"));
  }
}

void Control::Handle(const Frame& frame) {
  switch (static_cast<Say>(frame.kind)) {
    case Say::kVerdict:
      return heard_.Fail(frame.bytes);
    case Say::kAsk:
      Beat();
      return;
    case Say::kLeaving: {
      const int64_t rank = ReadNumber(frame.bytes, 0), exchanges = ReadNumber(frame.bytes, 8);
      if (exchanges < 0 || rank == rank_) return;
      Miss(exchanges_.Leave(rank, exchanges));
      Beat();
      return;
    }
    case Say::kFarewell:
      return heard_.Dismiss();
    case Say::kGathered: {
      std::vector<std::string> all;
      for (size_t at = 8; at + 8 <= frame.bytes.size();) {
        const auto length = static_cast<size_t>(ReadNumber(frame.bytes, at));
        all.push_back(frame.bytes.substr(at + 8, length));
        at += 8 + length;
      }
      return heard_.Gather(std::move(all));
    }
    default:
      return;
  }
}

std::vector<std::string> Control::AllGather(const std::string& own) {
  Check();
  if (own.size() > kMostFrameBytes / static_cast<size_t>(size_) - 64) {
    throw ResourceExhausted(own.size(), " bytes to gather; ", size_, " ranks may have ",
                            kMostFrameBytes / static_cast<size_t>(size_) - 64, " each");
  }
  Begin();
  wire_.Send(Say::kGather, Number(gathers_++) + own);
  if (std::optional<std::vector<std::string>> all = heard_.AwaitGathered(times_.timeout)) {
    End();
    return *std::move(all);
  }
  if (!heard_.failed()) Late(rank_ == 0 ? size_ - 1 : 0, StrCat("a rank kept this one waiting for ", times_.timeout, " s"));
  ThrowVerdict("");
}

void Control::Late(int64_t rank, const std::string& fallback) {
  wire_.Send(Say::kLate, Number(rank));
  ThrowVerdict(fallback);
}

void Control::Lost(int64_t rank, const std::string& why) {
  wire_.Send(Say::kLost, Number(rank) + why);
  ThrowVerdict(StrCat("rank ", rank, " cannot be reached: ", why));
}

void Control::ThrowVerdict(const std::string& fallback) {
  throw Unavailable(heard_.AwaitFailure(std::min(5.0, 4 * times_.Beat()) + 0.5).value_or(fallback));
}

void Control::GiveUp(const std::string& why) noexcept {
  try {
    if (heard_.failed()) return;
    wire_.Send(Say::kGaveUp, why);
    heard_.AwaitFailure(1);  // so that a process that ends now has told
  } catch (...) {            // no memory to say it: the connection's end says it, or the time-out
  }
}

}  // namespace hlm
