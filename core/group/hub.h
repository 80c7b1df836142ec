// Hub: rank 0's side of the control connections. Every rank, 0 as well, holds one connection to it. The hub gathers host bytes, and it
// sees who dies, falls silent or gives up: it passes one verdict, which all ranks get, so that all name the same rank.
#ifndef HORIZON_LM_CORE_GROUP_HUB_H_
#define HORIZON_LM_CORE_GROUP_HUB_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/group/socket.h"

namespace hlm {

struct GroupTimes {
  double timeout = 1800;  // seconds that a call waits for a rank that lives
  double silence = 60;    // seconds after which a rank that says nothing counts as hung
  double Beat() const { return silence / 6; }
};

// What control connections carry. Numbers are in the sender's byte order: the library runs on x86-64 only.
enum class Say : uint8_t {
  kHello = 1,  // to the hub: who comes
  kRefused,    // from the hub: why not
  kStart,      // from the hub: all have come
  kGather,     // to the hub: a number and bytes
  kGathered,   // from the hub: the number and everybody's bytes
  kBeat,       // both ways: I live; from a rank: how many exchanges it has begun and ended
  kGaveUp,     // to the hub: the rank stopped inside a call that all take part in, and why
  kLate,       // to the hub: whom the rank has waited for too long
  kLost,       // to the hub: whom the rank cannot reach, and why
  kVerdict,    // from the hub: the group is no more, and why
  kAsk,        // from the hub: how far is each? A beat is the answer
  kBye,        // to the hub: the rank needs the group no longer, and how many exchanges it took part in
  kLeaving,    // from the hub: who said goodbye, and that number
  kMissed,     // to the hub: a rank that said goodbye is missed in a later exchange
  kFarewell,   // from the hub: all others have ended what the rank took part in: it may go
  kWaiting,    // from the hub: who has come and who is missing, until all have come
};

std::string Number(int64_t value);
int64_t ReadNumber(const std::string& bytes, size_t at);  // -1 where there is none

struct Hello {
  int64_t rank = 0, size = 0;
  std::string token;  // of the run: processes of another one are not let in
};
std::string PackHello(const Hello& hello);
std::optional<Hello> UnpackHello(const std::string& bytes);

class Hub {
 public:
  // Own connection: the end that rank 0's own control connection is the other of.
  Hub(Socket listener, Socket own, int64_t size, std::string token, GroupTimes times);
  ~Hub();  // waits a moment for ranks that have not said goodbye

  int port() const { return listener_.LocalPort(); }
  // Where other ranks reach this machine, one that is no loopback address before one that is; empty before they have.
  std::string LocalHost() { return local_host_.Get(); }

 private:
  struct Connection {
    Socket socket;
    std::string inbox, outbox;
    int64_t rank = -1;             // none has said who it is
    double heard = 0;              // when
    int64_t begun = 0, ended = 0;  // exchanges; of one that said goodbye, all that there will be
    bool bye = false, dismissed = false, gone = false;
  };
  void Run();
  void TakeNew();
  void Read(Connection& connection);
  void Handle(Connection& connection, const Frame& frame);
  void Greet(Connection& connection, const std::string& bytes);
  void Gather(Connection& connection, const std::string& bytes);
  void Lose(Connection& connection);
  void Dismiss();
  void Watch();
  void JudgeLater(std::string text, bool late);
  void Judge(const std::string& text);
  void SendToAll(Say kind, const std::string& bytes);
  bool AllSaidGoodbye() const;
  std::string WhoCame();
  Connection* Of(int64_t rank);

  struct Pending {
    double at;
    std::string text;
    bool late;
  };
  struct Verdict {
    std::optional<std::string> passed;
    std::optional<Pending> pending;  // may be overtaken by one that explains it
  };
  class HostName {  // asked for by other threads
   public:
    void See(const std::string& host);
    std::string Get();

   private:
    std::mutex mutex_;
    std::string host_;
  };

  const Socket listener_;
  const int64_t size_;
  const std::string token_;
  const GroupTimes times_;
  std::vector<Connection> connections_;
  std::map<int64_t, std::map<int64_t, std::string>> gathers_;  // by number, by rank
  bool started_ = false;
  std::string refused_;  // why the last one that does not belong was sent away
  Verdict verdict_;
  double last_beat_ = 0;
  HostName local_host_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_GROUP_HUB_H_
