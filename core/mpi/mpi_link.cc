#include "core/mpi/mpi_link.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "core/base/error.h"

namespace hlm {
namespace {

constexpr size_t kMessageBytes = size_t{1} << 30;  // a count is an int

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::mutex& Calls() {
  static std::mutex mutex;
  return mutex;
}

class MpiPluginImpl final : public LinkPlugin {
 public:
  std::unique_ptr<Link> Connect(const LinkOptions& options) override { return std::make_unique<MpiLink>(options); }
};

}  // namespace

LinkPlugin& MpiPlugin() {
  MpiApi::Get();  // throws where there is none
  static MpiPluginImpl plugin;
  return plugin;
}

MpiLink::MpiLink(const LinkOptions& options) : mpi_(MpiApi::Get()), calls_(Calls()) {
  int own = -1;
  {
    std::lock_guard lock(calls_);
    if (const int code = mpi_.Rank(&own); code != 0) throw Error(Code::kUnavailable, StrCat("MPI: ", mpi_.Text(code)));
  }
  // Processes that MPI has not started together have the same rank in worlds of their own.
  for (const std::string& rank : options.all_gather(std::to_string(own))) ranks_.push_back(std::stoi(rank));
  std::vector<int> sorted = ranks_;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    throw Error(Code::kUnavailable,
                StrCat("rank ", options.rank, " of the group is rank ", own, " of MPI, and so is another: start them by mpirun"));
  }
  std::lock_guard lock(calls_);
  if (const int code = mpi_.Duplicate(&communicator_); code != 0)
    throw Error(Code::kUnavailable, StrCat("MPI: ", mpi_.Text(code)));
}

Link::Result MpiLink::Move(const Transfer& t, double seconds) {
  const double deadline = Now() + seconds;
  for (size_t at = 0; at < std::max(t.send_bytes, t.receive_bytes); at += kMessageBytes) {
    if (aborted_) return {Outcome::kAborted, ""};
    const int tag = static_cast<int>(t.channel);
    Request receive, send;
    {
      std::lock_guard lock(calls_);
      int code = 0;
      if (t.receive_bytes > at) {
        code = mpi_.Receive(static_cast<std::byte*>(t.receive) + at, std::min(t.receive_bytes - at, kMessageBytes),
                            ranks_[static_cast<size_t>(t.from)], tag, communicator_, &receive.handle);
        receive.done = code != 0;
      }
      if (code == 0 && t.send_bytes > at) {
        code = mpi_.Send(static_cast<const std::byte*>(t.send) + at, std::min(t.send_bytes - at, kMessageBytes),
                         ranks_[static_cast<size_t>(t.to)], tag, communicator_, &send.handle);
        send.done = code != 0;
      }
      if (code != 0) return {Outcome::kLost, StrCat("MPI: ", mpi_.Text(code))};
    }
    Result result = Wait(receive, send, deadline);
    if (result.outcome != Outcome::kDone) {
      aborted_ = true;
      std::lock_guard lock(calls_);
      for (Request* request : {&receive, &send}) {
        if (!request->done) mpi_.Drop(&request->handle);
      }
      return result;
    }
  }
  return {};
}

Link::Result MpiLink::Wait(Request& receive, Request& send, double deadline) {
  for (int turn = 0; !receive.done || !send.done; ++turn) {
    {
      std::lock_guard lock(calls_);
      for (Request* request : {&receive, &send}) {
        if (request->done) continue;
        if (const int code = mpi_.Test(&request->handle, &request->done); code != 0)
          return {Outcome::kLost, StrCat("MPI: ", mpi_.Text(code))};
      }
    }
    if (receive.done && send.done) break;
    if (aborted_) return {Outcome::kAborted, ""};
    if (Now() > deadline) return {Outcome::kLate, ""};
    // MPI moves on only while it is called: not for long.
    if (turn > 1000) {
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    } else {
      std::this_thread::yield();
    }
  }
  return {};
}

}  // namespace hlm
