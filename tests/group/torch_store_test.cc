// What a rank hears where the port that MASTER_ADDR names is not torchrun's store, or the store has no answer.
#include "core/group/torch_store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "core/base/error.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

constexpr double kPatience = 0.5;  // seconds

// Whoever listens there: takes one connection, hears what is sent, and does as the test says.
class Peer {
 public:
  explicit Peer(const std::function<void(Socket&)>& answer)
      : listener_(Listen(0)), port_(listener_.LocalPort()), thread_([this, answer] {
          Socket socket;
          const double end = SteadySeconds() + 10;
          while (!(socket = Accept(listener_)) && SteadySeconds() < end)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          std::string heard;
          while (heard.empty() && SteadySeconds() < end && ReadArrived(socket, heard) != ReadResult::kClosed)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          answer(socket);
          while (SteadySeconds() < end && socket && ReadArrived(socket, heard) != ReadResult::kClosed)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }) {}
  ~Peer() { thread_.join(); }
  HostPort at() const { return {"127.0.0.1", port_}; }

 private:
  Socket listener_;
  const int port_;
  std::thread thread_;
};

void ExpectUnavailable(const std::function<void(Socket&)>& answer, const std::string& wanted) {
  const Peer peer(answer);
  std::string message;
  EXPECT_EQ(CodeOf([&] { TorchStore(peer.at(), SteadySeconds() + kPatience).Get("rank0"); }, &message), Code::kUnavailable);
  EXPECT_NE(message.find(wanted), std::string::npos) << message;
  EXPECT_NE(message.find("127.0.0.1:" + std::to_string(peer.at().port)), std::string::npos) << message;
}

std::string Number(uint64_t value) { return std::string(reinterpret_cast<const char*>(&value), sizeof(value)); }

TEST(TorchStore, GivesWhatTheServerSays) {
  const Peer peer([](Socket& socket) { SendAll(socket, std::string(1, '\0') + Number(9) + "host:1234"); });
  EXPECT_EQ(TorchStore(peer.at(), SteadySeconds() + 10).Get("rank0"), "host:1234");
}

TEST(TorchStore, NobodyListens) {
  Socket taken = Listen(0);
  const HostPort free{"127.0.0.1", taken.LocalPort()};
  taken.Close();
  std::string message;
  EXPECT_EQ(CodeOf([&] { TorchStore(free, SteadySeconds() + kPatience); }, &message), Code::kUnavailable);
  EXPECT_NE(message.find("cannot be reached: "), std::string::npos) << message;
}

TEST(TorchStore, TheServerGoes) {
  ExpectUnavailable([](Socket& socket) { socket.Close(); }, "closed the connection");
}

TEST(TorchStore, TheServerGivesUp) {
  ExpectUnavailable([](Socket& socket) { SendAll(socket, "\x01"); }, "gave up waiting for rank0");
}

TEST(TorchStore, Rank0DoesNotCome) {
  ExpectUnavailable([](Socket&) {}, "has no answer in time: rank 0 has not come");
}

// A length that no value has is not waited for, and no memory is taken for it.
TEST(TorchStore, AnotherServerListens) {
  ExpectUnavailable([](Socket& socket) { SendAll(socket, std::string(1, '\0') + "HTTP/1.1"); }, "is no store of torchrun's");
}

}  // namespace
}  // namespace hlm
