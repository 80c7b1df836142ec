#if __has_include(<nccl.h>)

#include "core/nccl/nccl_link.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/nccl/nccl_api.h"

namespace hlm {
namespace {

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

Error Unavailable(const std::string& why) { return Error(Code::kUnavailable, why); }

void Check(cudaError_t result, const char* what) {
  if (result != cudaSuccess) throw Unavailable(StrCat(what, ": ", cudaGetErrorString(result)));
}

std::string OneLine(std::string text) {
  for (char& c : text) c = c == '\n' ? ' ' : c;
  return text;
}

// With NCCL's last words, where it has some.
std::string Reason(ncclResult_t result, ncclComm_t communicator) {
  const char* more = Nccl().GetLastError(communicator);
  return OneLine(
      StrCat("NCCL: ", Nccl().GetErrorString(result), more != nullptr && *more != '\0' ? ": " : "", more != nullptr ? more : ""));
}

void Check(ncclResult_t result, ncclComm_t communicator) {
  if (result != ncclSuccess && result != ncclInProgress) throw Unavailable(Reason(result, communicator));
}

}  // namespace

NcclLink::NcclLink(const LinkOptions& options) : device_(options.device) {
  try {
    Connect(options);
  } catch (...) {
    Free();
    throw;
  }
}

NcclLink::~NcclLink() { Free(); }

void NcclLink::Allocate() {
  Check(cudaSetDevice(device_), "cudaSetDevice");
  // In front of whatever else waits for the GPU: others wait for what is sent.
  int least = 0, greatest = 0;
  Check(cudaDeviceGetStreamPriorityRange(&least, &greatest), "cudaDeviceGetStreamPriorityRange");
  for (cudaStream_t* stream : {&up_, &exchange_, &down_})
    Check(cudaStreamCreateWithPriority(stream, cudaStreamNonBlocking, greatest), "cudaStreamCreateWithPriority");
  size_t free = 0, all = 0;
  Check(cudaMemGetInfo(&free, &all), "cudaMemGetInfo");
  chunk_bytes_ = std::clamp(all / kShareOfGpu / (2 * kPlaces), kLeastChunkBytes, kMostChunkBytes);
  for (Place& place : places_) {
    for (std::byte** memory : {&place.send, &place.receive})
      Check(cudaMalloc(reinterpret_cast<void**>(memory), chunk_bytes_), "cudaMalloc");
    for (cudaEvent_t* event : {&place.up, &place.exchanged, &place.down})
      Check(cudaEventCreateWithFlags(event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
  }
}

void NcclLink::Connect(const LinkOptions& options) {
  // Every rank tells, also what it lacks, so that nobody waits for connections to one that makes none.
  constexpr char kFine = '+', kFailed = '-';
  ncclUniqueId id = {};
  std::string own(1, kFine);
  try {
    Allocate();
    Nccl();
    own.append(reinterpret_cast<const char*>(&chunk_bytes_), sizeof(chunk_bytes_));
    if (options.rank == 0) {
      Check(Nccl().GetUniqueId(&id), nullptr);
      own.append(id.internal, sizeof(id.internal));
    }
  } catch (const Error& error) {
    own = kFailed + error.message();
  }
  const std::vector<std::string> all = options.all_gather(own);
  for (size_t rank = 0; rank < all.size(); ++rank) {
    if (all[rank].empty() || all[rank][0] != kFine) {
      throw Unavailable(StrCat("rank ", rank, " has no link by NCCL", all[rank].empty() ? "" : ": " + all[rank].substr(1)));
    }
  }
  // Chunks are of one size everywhere: the smallest GPU's.
  for (size_t rank = 0; rank < all.size(); ++rank) {
    const size_t told = 1 + sizeof(chunk_bytes_) + (rank == 0 ? sizeof(id.internal) : 0);
    if (all[rank].size() != told)
      throw Unavailable(StrCat("rank ", rank, " has told ", all[rank].size(), " bytes of its link by NCCL, not ", told));
    size_t bytes = 0;
    std::memcpy(&bytes, all[rank].data() + 1, sizeof(bytes));
    chunk_bytes_ = std::min(chunk_bytes_, bytes);
  }
  std::memcpy(id.internal, all.front().data() + 1 + sizeof(chunk_bytes_), sizeof(id.internal));

  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  Check(Nccl().CommInitRankConfig(&communicator_, static_cast<int>(options.size), id, static_cast<int>(options.rank), &config),
        communicator_);
  const Result result = Await(
      [&] {
        options.check();
        return Ready();
      },
      Now() + options.timeout);
  if (result.outcome != Outcome::kDone) {
    throw Unavailable(result.outcome == Outcome::kLate ? StrCat("NCCL's connections were not made within ", options.timeout, " s")
                                                       : result.why);
  }
}

void NcclLink::Free() noexcept {
  if (cudaSetDevice(device_) != cudaSuccess) return;
  if (communicator_ != nullptr) Nccl().CommAbort(communicator_);
  for (Place& place : places_) {
    for (std::byte* memory : {place.send, place.receive}) cudaFree(memory);
    for (cudaEvent_t event : {place.up, place.exchanged, place.down}) {
      if (event != nullptr) cudaEventDestroy(event);
    }
  }
  for (cudaStream_t stream : {up_, exchange_, down_}) {
    if (stream != nullptr) cudaStreamDestroy(stream);
  }
}

bool NcclLink::Ready() {
  ncclResult_t state = ncclSuccess;
  Check(Nccl().CommGetAsyncError(communicator_, &state), communicator_);
  Check(state, communicator_);
  return state != ncclInProgress;
}

Link::Result NcclLink::GiveUp(Outcome outcome, const std::string& why) {
  aborted_ = true;
  if (communicator_ != nullptr) Nccl().CommAbort(std::exchange(communicator_, nullptr));
  return {outcome, why};
}

Link::Result NcclLink::Await(const std::function<bool()>& ended, double deadline) {
  for (int turn = 0;; ++turn) {
    try {
      if (ended()) return {};
    } catch (const Error& error) {
      return GiveUp(Outcome::kLost, error.message());
    }
    if (aborted_) return GiveUp(Outcome::kAborted, "");
    if (Now() > deadline) return GiveUp(Outcome::kLate, "");
    if (turn > 100) std::this_thread::sleep_for(std::chrono::microseconds(std::min(turn, 500) / 5));
  }
}

Link::Result NcclLink::AwaitEvent(cudaEvent_t event, double deadline) {
  return Await(
      [&] {
        const cudaError_t result = cudaEventQuery(event);
        if (result == cudaSuccess) return true;
        if (result != cudaErrorNotReady) Check(result, "an exchange between GPUs");
        Ready();  // throws where a connection is gone, whose kernels would wait for ever
        return false;
      },
      deadline);
}

Link::Result NcclLink::Exchange(const Transfer& t, const Chunk& chunk, Place& place, double deadline) {
  if (chunk.send_bytes > 0)
    Check(cudaMemcpyAsync(place.send, chunk.send, chunk.send_bytes, cudaMemcpyHostToDevice, up_), "a copy to the GPU");
  Check(cudaEventRecord(place.up, up_), "cudaEventRecord");
  Check(cudaStreamWaitEvent(exchange_, place.up, 0), "cudaStreamWaitEvent");
  Check(cudaStreamWaitEvent(exchange_, place.down, 0), "cudaStreamWaitEvent");  // what was received here before is taken
  Check(Nccl().GroupStart(), communicator_);
  if (chunk.send_bytes > 0)
    Check(Nccl().Send(place.send, chunk.send_bytes, ncclInt8, static_cast<int>(t.to), communicator_, exchange_), communicator_);
  if (chunk.receive_bytes > 0) {
    Check(Nccl().Recv(place.receive, chunk.receive_bytes, ncclInt8, static_cast<int>(t.from), communicator_, exchange_),
          communicator_);
  }
  Check(Nccl().GroupEnd(), communicator_);
  // The first transfer between two ranks connects them; behind it the kernels are in the stream.
  const Result result = Await([&] { return Ready(); }, deadline);
  if (result.outcome == Outcome::kDone) Check(cudaEventRecord(place.exchanged, exchange_), "cudaEventRecord");
  return result;
}

void NcclLink::TakeDown(const Chunk& chunk, const Place& place) {
  if (chunk.receive_bytes > 0)
    Check(cudaMemcpyAsync(chunk.receive, place.receive, chunk.receive_bytes, cudaMemcpyDeviceToHost, down_),
          "a copy from the GPU");
  Check(cudaEventRecord(place.down, down_), "cudaEventRecord");
}

// A copy of host memory that is not pinned waits for the stream in front of it: no copy is enqueued behind an exchange that has not ended.
Link::Result NcclLink::Move(const Transfer& t, double seconds) {
  if (aborted_ || communicator_ == nullptr) return {Outcome::kAborted, ""};
  const double deadline = Now() + seconds;
  const size_t count = (std::max(t.send_bytes, t.receive_bytes) + chunk_bytes_ - 1) / chunk_bytes_;
  if (count == 0) return {};
  const auto chunk = [&](size_t i) {
    const size_t at = i * chunk_bytes_;
    const auto bytes = [&](size_t all) { return all > at ? std::min(all - at, chunk_bytes_) : 0; };
    return Chunk{static_cast<const std::byte*>(t.send) + at, bytes(t.send_bytes), static_cast<std::byte*>(t.receive) + at,
                 bytes(t.receive_bytes)};
  };
  try {
    Check(cudaSetDevice(device_), "cudaSetDevice");
    for (size_t begun = 0, taken = 0; taken < count; ++taken) {
      for (; begun < count && begun - taken < kPlaces; ++begun) {
        const Result result = Exchange(t, chunk(begun), places_[begun % kPlaces], deadline);
        if (result.outcome != Outcome::kDone) return result;
      }
      const Place& place = places_[taken % kPlaces];
      const Result result = AwaitEvent(place.exchanged, deadline);
      if (result.outcome != Outcome::kDone) return result;
      TakeDown(chunk(taken), place);
    }
    return AwaitEvent(places_[(count - 1) % kPlaces].down, deadline);
  } catch (const Error& error) {
    return GiveUp(Outcome::kLost, error.message());
  }
}

}  // namespace hlm

#endif
