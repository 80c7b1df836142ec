// ProcessGroup: the processes of one run, one a machine, each with its rank. It joins them by two ways: control connections, a star around
// rank 0, agree on small things and see who is gone; a link between each two ranks carries arrays.
//
// A group that has lost a rank is of no more use: every call of every rank throws UNAVAILABLE with the same verdict from then on.
#ifndef HORIZON_LM_CORE_GROUP_GROUP_H_
#define HORIZON_LM_CORE_GROUP_GROUP_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/group/control.h"
#include "core/group/hub.h"
#include "core/group/link.h"

namespace hlm {

// What carries arrays. NCCL takes gradients and updated weights of ranks with GPUs; the rest of such a group goes by Gloo.
enum class Carrier { kAuto, kGloo, kNccl, kMpi };
const char* Name(Carrier carrier);  // "auto", "gloo", "nccl", "mpi"

struct GroupOptions {
  GroupTimes times;
  bool several_per_machine = false;
  Carrier carrier = Carrier::kAuto;  // NCCL between GPUs where every rank has it, else Gloo
};

// Who a process is in its group.
struct RankAddress {
  int64_t rank = 0, size = 1;
  int64_t local_size = 1;     // processes on this machine: as told, and once they are connected as counted
  std::string launcher = {};  // "torchrun"; how the place was found
  std::string address = {};   // HOST:PORT where rank 0 listens; empty where it is yet to be told
  std::string token = {};     // of the run
  bool at_store = false;      // torchrun's store is at the address: rank 0 listens elsewhere and says so there
};

// Host bytes of every rank, in the order of ranks; all of one length.
using AllGatherBytes = std::function<void(const void* own, void* all, size_t bytes)>;

class ProcessGroup {
 public:
  static constexpr int64_t kMostRanks = 1024;

  // Waits until all are there: rank 0 listens at the place's address. UNAVAILABLE where they do not come in time.
  static std::unique_ptr<ProcessGroup> Connect(const RankAddress& place, const GroupOptions& options);
  // Rank 0 listens where it can, and tells the others through `all_gather`.
  static std::unique_ptr<ProcessGroup> Connect(RankAddress place, const GroupOptions& options, const AllGatherBytes& all_gather);
  ~ProcessGroup();

  const RankAddress& place() const { return place_; }
  int64_t rank() const { return place_.rank; }
  int64_t size() const { return place_.size; }

  // Threads of a rank that move arrays at the same time use channels of their own, in the same order on every rank.
  enum Channel : uint64_t { kCalls = 0, kGradients = 1, kSaves = 2 };

  // Everybody's bytes, in the order of ranks.
  std::vector<std::string> AllGather(Channel channel, std::string_view own);
  // Of an array of which each rank has a run of bytes: all of it. starts: [size + 1].
  void AllGatherInPlace(Channel channel, std::byte* array, const std::vector<size_t>& starts);
  // values += those of all other ranks, by a binary tree over ranks in fp32 (the left side of each of its sums is the largest power of two
  // of ranks that leaves some for the right one): the same bits everywhere. `room`: the others' terms of a rank's run of ceil(n /
  // size) values. `add(to, from, n)`: to += from.
  using Add = std::function<void(float* to, const float* from, size_t n)>;
  void SumByTree(Channel channel, float* values, float* room, size_t n, const Add& add);
  // The same sum of this rank's run of the values alone: where it lies, in `values` or in `room`, which has so many elements of the run as
  // there are other ranks. starts: [size + 1]. All of `values` may be changed.
  float* SumOwnByTree(Channel channel, float* values, const std::vector<size_t>& starts, float* room, const Add& add);
  void Barrier();

  // Every rank calls it, with the first device of a trainer ("cuda:0", "cpu"): between GPUs the arrays of kGradients go by NCCL from now on,
  // where the options let them. Throws, on every rank, where they ask for NCCL and a rank cannot: UNAVAILABLE naming the rank and
  // what it lacks.
  void UseDevice(const std::string& device);
  // By what arrays of kGradients go now: "gloo", "nccl", "mpi"; "" alone.
  const char* carrier() const;

  // This rank stops inside a call that all take part in: the others must not wait for it.
  void GiveUp(const std::string& why) noexcept;
  void Check();

 private:
  ProcessGroup(RankAddress place, GroupOptions options);
  using Candidates = std::function<std::vector<HostPort>()>;  // where rank 0 may listen, as known now
  void Open(Socket listener, const Candidates& candidates, double deadline);
  void OpenAtStore(double deadline);
  Socket Reach(const Candidates& candidates, double deadline, std::string& where) const;
  std::string Invite(const Socket& listener);
  std::vector<HostPort> Accept(const std::string& invitation);
  std::string AddressForLink();
  void Move(const Link::Transfer& transfer);
  Link& LinkOf(uint64_t channel);

  RankAddress place_;
  GroupOptions options_;
  std::unique_ptr<Hub> hub_;  // rank 0's
  std::unique_ptr<Control> control_;
  std::unique_ptr<Link> link_, between_devices_;  // the latter for kGradients where there is one
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_GROUP_GROUP_H_
