// Control: one rank's connection to the hub, with a thread that tells it that this rank lives and hears what it says.
#ifndef HORIZON_LM_CORE_GROUP_CONTROL_H_
#define HORIZON_LM_CORE_GROUP_CONTROL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/group/exchanges.h"
#include "core/group/heard.h"
#include "core/group/hub.h"
#include "core/group/socket.h"

namespace hlm {

// The connection itself: frames out, from any thread, and in, by one.
class ControlWire {
 public:
  explicit ControlWire(Socket to_hub) : socket_(std::move(to_hub)) {}

  bool Send(Say kind, const std::string& bytes);
  ReadResult Read(double seconds);  // what comes within so many seconds
  bool Next(Frame& frame) { return Unpack(inbox_, frame); }
  std::string LocalHost() const { return socket_.LocalHost(); }

 private:
  Socket socket_;
  std::mutex send_mutex_;
  std::string inbox_;
};

class Control {
 public:
  // Says who comes and waits until all have: UNAVAILABLE naming `where` and the time, or what the hub has against it.
  Control(Socket to_hub, const Hello& hello, GroupTimes times, const std::string& where, double deadline);
  ~Control();

  // Before the link is closed: waits until no other rank is within an exchange that this one took part in, or the group has failed.
  void Leave();

  // See Heard.
  void OnFailure(std::function<void()> stop) { heard_.OnFailure(std::move(stop)); }

  // Everybody's bytes, in the order of ranks: what is small and seldom. One thread at a time.
  std::vector<std::string> AllGather(const std::string& own);

  // Around each exchange. Every rank has as many of them in the same calls.
  void Begin();
  void End();
  // Reports, then throws UNAVAILABLE with the group's verdict; with `fallback` where none comes in time.
  [[noreturn]] void Late(int64_t rank, const std::string& fallback);
  [[noreturn]] void Lost(int64_t rank, const std::string& why);
  // This rank stopped inside a call that the others are in.
  void GiveUp(const std::string& why) noexcept;
  // Throws UNAVAILABLE where the group has failed.
  void Check() { heard_.Check(); }
  [[noreturn]] void ThrowVerdict(const std::string& fallback);

  std::string LocalHost() const { return wire_.LocalHost(); }

 private:
  void Greet(const Hello& hello, const std::string& where, double deadline);
  void Run();
  void Handle(const Frame& frame);
  void Miss(std::optional<int64_t> rank);
  void Beat();

  ControlWire wire_;
  const int64_t rank_, size_;
  const GroupTimes times_;
  Exchanges exchanges_;
  Heard heard_;
  int64_t gathers_ = 0;  // this rank's
  bool said_goodbye_ = false;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_GROUP_CONTROL_H_
