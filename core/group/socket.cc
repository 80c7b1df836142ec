#include "core/group/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <system_error>

#include "core/base/error.h"

namespace hlm {
namespace {

std::string Reason(int error) { return std::system_category().message(error); }

std::string HostOf(const sockaddr* address, socklen_t length) {
  char host[NI_MAXHOST];
  if (getnameinfo(address, length, host, sizeof(host), nullptr, 0, NI_NUMERICHOST) != 0) return "";
  return host;
}

void SetOption(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof(value)); }

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

// A socket that came about by connecting a free port to itself, as the loopback interface allows.
bool ToItself(int fd) {
  sockaddr_storage a{}, b{};
  socklen_t na = sizeof(a), nb = sizeof(b);
  return getsockname(fd, reinterpret_cast<sockaddr*>(&a), &na) == 0 &&
         getpeername(fd, reinterpret_cast<sockaddr*>(&b), &nb) == 0 && na == nb && std::memcmp(&a, &b, na) == 0;
}

}  // namespace

double SteadySeconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Socket::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

std::string Socket::LocalHost() const {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0) return "";
  if (address.ss_family == AF_INET6) {  // an IPv4 connection of a listener for both
    const in6_addr& six = reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&six)) {
      char text[INET_ADDRSTRLEN];
      return inet_ntop(AF_INET, six.s6_addr + 12, text, sizeof(text)) != nullptr ? text : "";
    }
  } else if (address.ss_family != AF_INET) {
    return "";
  }
  return HostOf(reinterpret_cast<sockaddr*>(&address), length);
}

int Socket::LocalPort() const {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  return address.ss_family == AF_INET ? ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port) : 0;
}

HostPort ParseHostPort(const std::string& text, const char* what) {
  HostPort out;
  const size_t colon = text.rfind(':');
  if (colon != std::string::npos && colon > 0) {
    out.host = text.substr(0, colon);
    if (out.host.size() > 2 && out.host.front() == '[' && out.host.back() == ']')
      out.host = out.host.substr(1, out.host.size() - 2);
    const char *begin = text.data() + colon + 1, *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(begin, end, out.port);
    if (error == std::errc() && stop == end && begin != end && out.port > 0 && out.port < 65536) return out;
  }
  throw InvalidArgument(what, " is \"", text, "\"; it must be HOST:PORT with a port in [1, 65535], or [ADDRESS]:PORT");
}

Socket Listen(int port) {
  std::string why;
  for (const int family : {AF_INET6, AF_INET}) {
    Socket made(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!made) {
      why = Reason(errno);
      continue;
    }
    SetOption(made.fd(), SOL_SOCKET, SO_REUSEADDR, 1);  // a run that starts again finds its port
    int bound;
    if (family == AF_INET6) {
      SetOption(made.fd(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
      sockaddr_in6 any{};
      any.sin6_family = AF_INET6;
      any.sin6_port = htons(static_cast<uint16_t>(port));
      bound = bind(made.fd(), reinterpret_cast<sockaddr*>(&any), sizeof(any));
    } else {
      sockaddr_in any{};
      any.sin_family = AF_INET;
      any.sin_port = htons(static_cast<uint16_t>(port));
      bound = bind(made.fd(), reinterpret_cast<sockaddr*>(&any), sizeof(any));
    }
    if (bound == 0 && listen(made.fd(), 1024) == 0) return made;
    why = Reason(errno);
    if (errno == EADDRINUSE) break;
  }
  throw Error(Code::kUnavailable, StrCat("rank 0 cannot listen on port ", port, ": ", why));
}

Socket Accept(const Socket& listener) {
  Socket made(accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (made) SetOption(made.fd(), IPPROTO_TCP, TCP_NODELAY, 1);
  return made;
}

Socket TryConnect(const HostPort& to, double seconds, std::string& why) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int error = getaddrinfo(to.host.c_str(), std::to_string(to.port).c_str(), &hints, &found); error != 0) {
    why = gai_strerror(error);
    return {};
  }
  const Addresses addresses(found, &freeaddrinfo);
  const double deadline = SteadySeconds() + seconds;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    Socket made(socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!made) continue;
    int error = connect(made.fd(), a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      pollfd wait{made.fd(), POLLOUT, 0};
      const double left = deadline - SteadySeconds();
      const int ready = poll(&wait, 1, left > 0 ? static_cast<int>(left * 1000) : 0);
      socklen_t length = sizeof(error);
      if (ready == 1) {
        getsockopt(made.fd(), SOL_SOCKET, SO_ERROR, &error, &length);
      } else {
        error = ETIMEDOUT;
      }
    }
    if (error == 0 && ToItself(made.fd())) error = ECONNREFUSED;
    if (error == 0) {
      SetOption(made.fd(), IPPROTO_TCP, TCP_NODELAY, 1);
      return made;
    }
    why = Reason(error);
  }
  return {};
}

std::pair<Socket, Socket> MakePair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    throw Error(Code::kUnavailable, StrCat("a pair of sockets cannot be made: ", Reason(errno)));
  }
  return {Socket(ends[0]), Socket(ends[1])};
}

bool IsLoopback(const std::string& address) { return address.empty() || address.starts_with("127.") || address == "::1"; }

std::vector<std::string> OwnAddresses() {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return {"127.0.0.1"};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> held(all, &freeifaddrs);
  std::vector<std::string> out[3];  // IPv4, IPv6, loopback
  for (const ifaddrs* a = all; a != nullptr; a = a->ifa_next) {
    if (a->ifa_addr == nullptr) continue;
    const int family = a->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<sockaddr_in6*>(a->ifa_addr)->sin6_addr)) continue;
    const std::string host = HostOf(a->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    if (!host.empty()) out[IsLoopback(host) ? 2 : family == AF_INET ? 0 : 1].push_back(host);
  }
  std::vector<std::string> sorted;
  for (const auto& some : out) sorted.insert(sorted.end(), some.begin(), some.end());
  return sorted;
}

std::string Pack(uint8_t kind, const std::string& bytes) {
  const uint32_t length = static_cast<uint32_t>(bytes.size());
  std::string out(sizeof(length), '\0');
  std::memcpy(out.data(), &length, sizeof(length));
  out += static_cast<char>(kind);
  return out + bytes;
}

bool Unpack(std::string& inbox, Frame& frame) {
  uint32_t length;
  if (inbox.size() < sizeof(length) + 1) return false;
  std::memcpy(&length, inbox.data(), sizeof(length));
  if (length > kMostFrameBytes)
    throw Error(Code::kUnavailable, StrCat("a message of ", length, " bytes on a control connection"));
  if (inbox.size() < sizeof(length) + 1 + length) return false;
  frame.kind = static_cast<uint8_t>(inbox[sizeof(length)]);
  frame.bytes = inbox.substr(sizeof(length) + 1, length);
  inbox.erase(0, sizeof(length) + 1 + length);
  return true;
}

ReadResult ReadArrived(const Socket& socket, std::string& inbox) {
  bool some = false;
  while (true) {
    char buffer[16384];
    const ssize_t n = recv(socket.fd(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (n > 0) {
      inbox.append(buffer, static_cast<size_t>(n));
      some = true;
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return some ? ReadResult::kSome : ReadResult::kNothing;
    return some ? ReadResult::kSome : ReadResult::kClosed;  // what came before the end is read first
  }
}

bool SendSome(const Socket& socket, std::string& outbox) {
  while (!outbox.empty()) {
    const ssize_t n = send(socket.fd(), outbox.data(), outbox.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      outbox.erase(0, static_cast<size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return true;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

bool SendAll(const Socket& socket, const std::string& bytes) {
  std::string outbox = bytes;
  while (true) {
    if (!SendSome(socket, outbox)) return false;
    if (outbox.empty()) return true;
    pollfd wait{socket.fd(), POLLOUT, 0};
    if (poll(&wait, 1, 10000) == 0) return false;  // nobody reads at the other end
  }
}

}  // namespace hlm
