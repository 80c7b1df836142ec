#include "core/group/hub.h"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/error.h"

namespace hlm {
namespace {

constexpr char kMagic[] = "horizon-lm group 3";
constexpr double kHelloSeconds = 10;  // a connection that does not say who it is by then is a stranger's
constexpr double kGoodbyeSeconds = 10;

}  // namespace

std::string Number(int64_t value) {
  std::string out(sizeof(value), '\0');
  std::memcpy(out.data(), &value, sizeof(value));
  return out;
}

int64_t ReadNumber(const std::string& bytes, size_t at) {
  int64_t out = -1;
  if (bytes.size() >= at + sizeof(out)) std::memcpy(&out, bytes.data() + at, sizeof(out));
  return out;
}

std::string PackHello(const Hello& hello) { return std::string(kMagic) + Number(hello.rank) + Number(hello.size) + hello.token; }

std::optional<Hello> UnpackHello(const std::string& bytes) {
  const size_t magic = sizeof(kMagic) - 1;
  if (!bytes.starts_with(kMagic) || bytes.size() < magic + 16) return std::nullopt;
  return Hello{ReadNumber(bytes, magic), ReadNumber(bytes, magic + 8), bytes.substr(magic + 16)};
}

Hub::Hub(Socket listener, Socket own, int64_t size, std::string token, GroupTimes times)
    : listener_(std::move(listener)), size_(size), token_(std::move(token)), times_(times) {
  connections_.emplace_back();
  connections_.back().socket = std::move(own);
  connections_.back().heard = SteadySeconds();
  thread_ = std::thread([this] { Run(); });
}

Hub::~Hub() {
  stop_ = true;
  thread_.join();
}

void Hub::HostName::See(const std::string& host) {
  std::lock_guard lock(mutex_);
  if (!host.empty() && (host_.empty() || (IsLoopback(host_) && !IsLoopback(host)))) host_ = host;
}

std::string Hub::HostName::Get() {
  std::lock_guard lock(mutex_);
  return host_;
}

void Hub::Run() {
  double stop_by = 0;
  while (true) {
    if (stop_) {
      if (stop_by == 0) stop_by = SteadySeconds() + kGoodbyeSeconds;
      if (verdict_.passed || !started_ || AllSaidGoodbye() || SteadySeconds() > stop_by) break;
    }
    std::vector<pollfd> waits = {{listener_.fd(), POLLIN, 0}};
    for (const Connection& c : connections_) {
      if (!c.gone) waits.push_back({c.socket.fd(), static_cast<int16_t>(c.outbox.empty() ? POLLIN : POLLIN | POLLOUT), 0});
    }
    poll(waits.data(), waits.size(), static_cast<int>(std::clamp(times_.Beat() / 2, 0.005, 0.1) * 1000));
    TakeNew();
    for (Connection& c : connections_) {
      if (!c.gone) Read(c);
    }
    Watch();
    std::erase_if(connections_, [](const Connection& c) { return c.gone && c.rank < 0; });
  }
  if (!verdict_.passed && started_ && !AllSaidGoodbye()) Judge("rank 0 has left the group");
  for (Connection& c : connections_) {
    if (!c.gone) SendSome(c.socket, c.outbox);
  }
}

void Hub::TakeNew() {
  while (Socket made = Accept(listener_)) {
    Connection c;
    c.socket = std::move(made);
    c.heard = SteadySeconds();
    connections_.push_back(std::move(c));
  }
}

void Hub::Read(Connection& c) {
  const ReadResult result = ReadArrived(c.socket, c.inbox);
  try {
    Frame frame;
    while (!c.gone && Unpack(c.inbox, frame)) Handle(c, frame);
  } catch (const Error&) {  // no rank of ours writes such a thing
    return Lose(c);
  }
  if (result == ReadResult::kClosed || !SendSome(c.socket, c.outbox)) Lose(c);
}

void Hub::Handle(Connection& c, const Frame& frame) {
  c.heard = SteadySeconds();
  const Say say = static_cast<Say>(frame.kind);
  if (say == Say::kHello) return Greet(c, frame.bytes);
  if (c.rank < 0) return Lose(c);
  switch (say) {
    case Say::kGather:
      return Gather(c, frame.bytes);
    case Say::kBeat:
      c.begun = ReadNumber(frame.bytes, 0);
      c.ended = ReadNumber(frame.bytes, 8);
      return Dismiss();
    case Say::kGaveUp:
      return Judge(StrCat("rank ", c.rank, " gave up: ", frame.bytes));
    case Say::kLate:
      return JudgeLater(StrCat("rank ", ReadNumber(frame.bytes, 0), " kept rank ", c.rank, " waiting for ", times_.timeout, " s"),
                        true);
    case Say::kLost:
      return JudgeLater(StrCat("rank ", c.rank, " cannot reach rank ", ReadNumber(frame.bytes, 0), ": ", frame.bytes.substr(8)),
                        false);
    case Say::kBye:
      c.bye = true;
      c.begun = c.ended = ReadNumber(frame.bytes, 0);
      SendToAll(Say::kLeaving, Number(c.rank) + Number(c.begun));
      return Dismiss();
    case Say::kMissed:
      return Judge(StrCat("rank ", ReadNumber(frame.bytes, 0), " has left the group"));
    default:
      return Lose(c);
  }
}

void Hub::Greet(Connection& c, const std::string& bytes) {
  const std::optional<Hello> hello = UnpackHello(bytes);
  if (!hello) return Lose(c);
  std::string why;
  if (hello->size != size_) {
    why = StrCat("rank ", hello->rank, " was started for a group of ", hello->size, ", rank 0 for one of ", size_);
  } else if (hello->rank < 0 || hello->rank >= size_) {
    why = StrCat("rank ", hello->rank, " is outside a group of ", size_);
  } else if (hello->token != token_) {
    why = StrCat("rank 0 at this address belongs to another run (", token_, ", this one is ", hello->token, ")");
  } else if (started_ || Of(hello->rank) != nullptr) {
    why = StrCat("rank ", hello->rank, " is in the group already");
  }
  if (!why.empty()) {
    c.outbox += Pack(static_cast<uint8_t>(Say::kRefused), why);
    SendSome(c.socket, c.outbox);
    c.gone = true;
    constexpr size_t kMostSaid = 256;
    refused_ = why.substr(0, kMostSaid);
    if (!started_) SendToAll(Say::kWaiting, WhoCame());
    return;
  }
  c.rank = hello->rank;
  local_host_.See(c.socket.LocalHost());
  for (int64_t rank = 0; rank < size_; ++rank) {
    if (Of(rank) == nullptr) return SendToAll(Say::kWaiting, WhoCame());
  }
  started_ = true;
  SendToAll(Say::kStart, "");
}

std::string Hub::WhoCame() {
  constexpr size_t kMostNamed = 16;
  std::string came, missing;
  size_t named = 0;
  for (int64_t rank = 0; rank < size_; ++rank) {
    const bool here = Of(rank) != nullptr;
    if (!here && ++named > kMostNamed) continue;
    std::string& list = here ? came : missing;
    list += StrCat(list.empty() ? "" : ", ", rank);
  }
  if (named > kMostNamed) missing += StrCat(" and ", named - kMostNamed, " more");
  return StrCat("rank ", came, " came, rank ", missing, " did not", refused_.empty() ? "" : "; sent away: ", refused_);
}

Hub::Connection* Hub::Of(int64_t rank) {
  const auto found = std::find_if(connections_.begin(), connections_.end(), [&](const Connection& c) { return c.rank == rank; });
  return found == connections_.end() ? nullptr : &*found;
}

void Hub::Gather(Connection& c, const std::string& bytes) {
  const int64_t number = ReadNumber(bytes, 0);
  auto& gathered = gathers_[number];
  gathered[c.rank] = bytes.substr(std::min<size_t>(8, bytes.size()));
  if (static_cast<int64_t>(gathered.size()) < size_) return;
  std::string all = Number(number);
  for (const auto& [rank, own] : gathered) all += Number(static_cast<int64_t>(own.size())) + own;
  gathers_.erase(number);
  SendToAll(Say::kGathered, all);
}

void Hub::Lose(Connection& c) {
  c.gone = true;
  c.socket.Close();
  if (c.rank < 0) return;
  if (!started_) {  // it may be started again
    c.rank = -1;
    SendToAll(Say::kWaiting, WhoCame());
  } else if (!c.bye) {
    Judge(StrCat("rank ", c.rank, " died: its connection to rank 0 was closed"));
  }
}

// A rank that closed its connections while another is still within their last exchange would break that.
void Hub::Dismiss() {
  for (Connection& leaving : connections_) {
    if (!leaving.bye || leaving.dismissed || leaving.gone) continue;
    leaving.dismissed = std::all_of(connections_.begin(), connections_.end(),
                                    [&](const Connection& c) { return c.rank < 0 || c.gone || c.ended >= leaving.begun; });
    if (!leaving.dismissed) continue;
    leaving.outbox += Pack(static_cast<uint8_t>(Say::kFarewell), "");
    SendSome(leaving.socket, leaving.outbox);
  }
}

void Hub::Watch() {
  const double now = SteadySeconds();
  for (Connection& c : connections_) {
    if (c.gone) continue;
    if (c.rank < 0 && now - c.heard > kHelloSeconds) Lose(c);
    if (c.rank > 0 && started_ && !c.bye && now - c.heard > times_.silence) {
      Judge(StrCat("rank ", c.rank, " hangs: nothing was heard of it for ", times_.silence, " s"));
    }
  }
  // Who said goodbye is missed only by a gather that waits for it.
  for (const auto& [number, gathered] : gathers_) {
    for (const Connection& c : connections_) {
      if (c.bye && !gathered.contains(c.rank)) return Judge(StrCat("rank ", c.rank, " has left the group"));
    }
  }
  if (verdict_.pending && now >= verdict_.pending->at) {
    std::string text = verdict_.pending->text;
    if (verdict_.pending->late) {  // who keeps everybody waiting is who has come least far
      const Connection* least = nullptr;
      for (const Connection& c : connections_) {
        if (c.rank >= 0 && (least == nullptr || c.begun < least->begun)) least = &c;
      }
      if (least != nullptr)
        text = StrCat("rank ", least->rank, " does not take part: the others waited for ", times_.timeout, " s");
    }
    for (const Connection& c : connections_) {
      if (c.bye) text = StrCat("rank ", c.rank, " has left the group");
    }
    Judge(text);
  }
  if (started_ && now - last_beat_ >= times_.Beat()) {
    last_beat_ = now;
    SendToAll(Say::kBeat, "");
  }
}

// A connection between two ranks breaks where one of them dies, too: its death is told first where the hub hears of it in a moment.
void Hub::JudgeLater(std::string text, bool late) {
  if (verdict_.pending || verdict_.passed) return;
  verdict_.pending = {SteadySeconds() + std::min(2.0, 2 * times_.Beat()), std::move(text), late};
  if (late) SendToAll(Say::kAsk, "");
}

void Hub::Judge(const std::string& text) {
  if (verdict_.passed) return;
  verdict_.passed = text;
  SendToAll(Say::kVerdict, text);
}

void Hub::SendToAll(Say kind, const std::string& bytes) {
  const std::string frame = Pack(static_cast<uint8_t>(kind), bytes);
  for (Connection& c : connections_) {
    if (c.rank < 0 || c.gone) continue;
    c.outbox += frame;
    SendSome(c.socket, c.outbox);  // what fails is seen at the next read
  }
}

bool Hub::AllSaidGoodbye() const {
  return std::all_of(connections_.begin(), connections_.end(), [](const Connection& c) { return c.rank < 0 || c.bye || c.gone; });
}

}  // namespace hlm
