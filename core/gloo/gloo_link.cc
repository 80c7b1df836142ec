#include "core/gloo/gloo_link.h"

#include <gloo/common/error.h>
#include <gloo/rendezvous/store.h>
#include <gloo/transport/tcp/device.h>

#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/gloo/no_pipe_signal.h"

namespace hlm {
namespace {

// Gloo's ranks each put one value, their addresses, under their number, and read all others': an all-gather.
class GatherStore final : public gloo::rendezvous::Store {
 public:
  explicit GatherStore(const LinkOptions& options) : options_(options) {}
  void set(const std::string&, const std::vector<char>& data) override {
    all_ = options_.all_gather(std::string(data.begin(), data.end()));
  }
  std::vector<char> get(const std::string& key) override {
    size_t rank = 0;  // "rank_3", "3" of other versions
    const size_t begin = key.find_last_not_of("0123456789") + 1;
    const auto [stop, error] = std::from_chars(key.data() + begin, key.data() + key.size(), rank);
    HLM_CHECK(error == std::errc() && stop == key.data() + key.size() && rank < all_.size(), "Gloo asks for ", key);
    return {all_[rank].begin(), all_[rank].end()};
  }
  void wait(const std::vector<std::string>&) override {}
  void wait(const std::vector<std::string>&, const std::chrono::milliseconds&) override {}

 private:
  const LinkOptions& options_;
  std::vector<std::string> all_;
};

std::chrono::milliseconds Milliseconds(double seconds) { return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)); }

std::string OneLine(std::string text) {
  for (char& c : text) c = c == '\n' ? ' ' : c;
  return text;
}

}  // namespace

class GlooLink::Waiting {
 public:
  Waiting(GlooLink& link, void* data, size_t bytes) : link_(link), buffer_(link.context_->createUnboundBuffer(data, bytes)) {
    std::lock_guard lock(link_.mutex_);
    link_.waiting_.insert(buffer_.get());
    if (link_.aborted_) Wake(*buffer_);
  }
  ~Waiting() {
    std::lock_guard lock(link_.mutex_);
    link_.waiting_.erase(buffer_.get());
  }
  Buffer* operator->() { return buffer_.get(); }
  static void Wake(Buffer& buffer) {
    buffer.abortWaitRecv();
    buffer.abortWaitSend();
  }

 private:
  GlooLink& link_;
  std::unique_ptr<Buffer> buffer_;
};

GlooLink::GlooLink(const LinkOptions& options) {
  const NoPipeSignal quiet;  // Gloo's thread inherits it
  try {
    device_ = gloo::transport::tcp::CreateDevice(gloo::transport::tcp::attr(options.address.c_str()));
    context_ = std::make_shared<gloo::rendezvous::Context>(static_cast<int>(options.rank), static_cast<int>(options.size));
    context_->setTimeout(Milliseconds(options.timeout));
    GatherStore store(options);
    context_->connectFullMesh(store, device_);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(Code::kUnavailable, StrCat("rank ", options.rank, " cannot join the others by Gloo over ", options.address, ": ",
                                           OneLine(error.what())));
  }
}

GlooLink::~GlooLink() {
  const NoPipeSignal quiet;
  context_.reset();
  device_.reset();
}

Link::Result GlooLink::Move(const Transfer& t, double seconds) {
  const NoPipeSignal quiet;
  const auto deadline = std::chrono::steady_clock::now() + Milliseconds(seconds);
  const auto left = [&] {
    return std::max(std::chrono::milliseconds(1),
                    std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()));
  };
  {
    std::lock_guard lock(mutex_);
    if (aborted_) return {Outcome::kAborted, ""};
  }
  try {
    std::optional<Waiting> in, out;
    if (t.receive_bytes > 0) {
      in.emplace(*this, t.receive, t.receive_bytes);
      (*in)->recv(static_cast<int>(t.from), t.channel);
    }
    if (t.send_bytes > 0) {
      out.emplace(*this, const_cast<void*>(t.send), t.send_bytes);  // Gloo has one kind of buffer for both ways
      (*out)->send(static_cast<int>(t.to), t.channel);
    }
    if (in && !(*in)->waitRecv(nullptr, left())) return {Outcome::kAborted, ""};
    if (out && !(*out)->waitSend(nullptr, left())) return {Outcome::kAborted, ""};
  } catch (const std::exception& error) {
    if (std::chrono::steady_clock::now() >= deadline) return {Outcome::kLate, ""};
    return {Outcome::kLost, OneLine(error.what())};
  }
  return {};
}

void GlooLink::Abort() {
  std::lock_guard lock(mutex_);
  aborted_ = true;
  for (Buffer* buffer : waiting_) Waiting::Wake(*buffer);
}

}  // namespace hlm
