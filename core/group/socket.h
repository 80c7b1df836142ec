// TCP sockets of the control connections: host bytes to agree on things and to see who has gone. Gradients do not travel here.
#ifndef HORIZON_LM_CORE_GROUP_SOCKET_H_
#define HORIZON_LM_CORE_GROUP_SOCKET_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hlm {

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { Close(); }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void Close();

  // Of this end; empty where the socket has none.
  std::string LocalHost() const;
  int LocalPort() const;

 private:
  int fd_ = -1;
};

struct HostPort {
  std::string host;
  int port = 0;
};
// "host:port", "[address]:port". INVALID_ARGUMENT naming `what` and the text.
HostPort ParseHostPort(const std::string& text, const char* what);

// Listens on every address of this machine; port 0: any that is free. UNAVAILABLE naming the port and the reason.
Socket Listen(int port);
// The next connection that waits, or none.
Socket Accept(const Socket& listener);
// One try. On failure an empty socket and the reason.
Socket TryConnect(const HostPort& to, double seconds, std::string& why);
// Two ends of one process.
std::pair<Socket, Socket> MakePair();
// Addresses of this machine that others may reach, the loopback ones last.
std::vector<std::string> OwnAddresses();
bool IsLoopback(const std::string& address);

// A message on a control connection: its length, its kind, its bytes.
struct Frame {
  uint8_t kind = 0;
  std::string bytes;
};
inline constexpr size_t kMostFrameBytes = size_t{1} << 28;
std::string Pack(uint8_t kind, const std::string& bytes);
// Takes one whole frame off the front of `inbox`. False: there is none yet. UNAVAILABLE for a length that no frame has.
bool Unpack(std::string& inbox, Frame& frame);

enum class ReadResult { kSome, kNothing, kClosed };
// Appends what has arrived, without waiting.
ReadResult ReadArrived(const Socket& socket, std::string& inbox);
// False where the connection is gone. Never raises a signal.
bool SendAll(const Socket& socket, const std::string& bytes);
// As much of `outbox` as the connection takes now. False where it is gone.
bool SendSome(const Socket& socket, std::string& outbox);

double SteadySeconds();

}  // namespace hlm

#endif  // HORIZON_LM_CORE_GROUP_SOCKET_H_
