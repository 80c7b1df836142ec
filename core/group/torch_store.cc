#include "core/group/torch_store.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <thread>

#include "core/base/error.h"

namespace hlm {
namespace {

// Requests of PyTorch's TCPStore: a byte, then strings as a length in 8 bytes and their bytes.
constexpr char kValidate = 0, kSet = 1, kGet = 3, kWait = 6;
constexpr uint32_t kValidationNumber = 0x3C85F7CE;
constexpr size_t kLongestValue = 1 << 20;

template <class T>
std::string Bytes(T value) {
  std::string out(sizeof(value), '\0');
  std::memcpy(out.data(), &value, sizeof(value));
  return out;
}

std::string Text(const std::string& text) { return Bytes(static_cast<uint64_t>(text.size())) + text; }

}  // namespace

TorchStore::TorchStore(const HostPort& at, double deadline) : where_(StrCat(at.host, ":", at.port)), deadline_(deadline) {
  std::string why;
  while (!(socket_ = TryConnect(at, 5, why))) {
    if (SteadySeconds() > deadline_)
      throw Error(Code::kUnavailable, StrCat("torchrun's store at ", where_, " cannot be reached: ", why));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  Send(std::string(1, kValidate) + Bytes(kValidationNumber));
}

void TorchStore::Set(const std::string& key, const std::string& value) { Send(std::string(1, kSet) + Text(key) + Text(value)); }

std::string TorchStore::Get(const std::string& key) {
  Send(std::string(1, kWait) + Bytes(uint64_t{1}) + Text(key));
  if (Receive(1)[0] != 0) throw Error(Code::kUnavailable, StrCat("torchrun's store at ", where_, " gave up waiting for ", key));
  Send(std::string(1, kGet) + Text(key));
  uint64_t length;
  std::memcpy(&length, Receive(sizeof(length)).data(), sizeof(length));
  if (length > kLongestValue) throw Error(Code::kUnavailable, StrCat("what listens at ", where_, " is no store of torchrun's"));
  return Receive(length);
}

void TorchStore::Send(const std::string& bytes) {
  if (!SendAll(socket_, bytes)) throw Error(Code::kUnavailable, StrCat("torchrun's store at ", where_, " closed the connection"));
}

std::string TorchStore::Receive(size_t bytes) {
  while (inbox_.size() < bytes) {
    const double left = deadline_ - SteadySeconds();
    if (left <= 0)
      throw Error(Code::kUnavailable, StrCat("torchrun's store at ", where_, " has no answer in time: rank 0 has not come"));
    pollfd wait{socket_.fd(), POLLIN, 0};
    poll(&wait, 1, std::max(1, static_cast<int>(std::min(left, 1.0) * 1000)));
    if (ReadArrived(socket_, inbox_) == ReadResult::kClosed) {
      throw Error(Code::kUnavailable, StrCat("torchrun's store at ", where_, " closed the connection"));
    }
  }
  std::string out = inbox_.substr(0, bytes);
  inbox_.erase(0, bytes);
  return out;
}

}  // namespace hlm
