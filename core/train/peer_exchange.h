// PeerExchange: weights and gradients of several lanes by copies among their devices.
//
//   gather   each lane's own shard has come up; the others' come out of their slots
//   reduce   accumulators --> staging of each lane --copies of a shard--> its owner, who adds them --> its ring --> whoever takes them
//
// Sums are those of the balanced tree of reduction groups, as the host would add them. What moves is ordered by events alone.
#ifndef HORIZON_LM_CORE_TRAIN_PEER_EXCHANGE_H_
#define HORIZON_LM_CORE_TRAIN_PEER_EXCHANGE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "core/train/gradient_path.h"
#include "core/train/lane.h"

namespace hlm {

class PeerExchange {
 public:
  using Lanes = std::vector<std::unique_ptr<Lane>>;
  PeerExchange(const Plan& plan, Lanes& lanes, Trace& trace);

  // Behind every lane's load of its shard of the piece.
  void Gather(int64_t piece);
  // A piece's gradient of all lanes, part by part; take(ring, shard, ring entry) for each owner's shard, lane by lane.
  void Reduce(int64_t piece, const GradientPath::Take& take);
  // Of a gradient that is zero on every lane.
  void ReduceZero(int64_t piece, const GradientPath::Take& take);

  // Waits for the streams; throws nothing.
  void Abandon() noexcept;

 private:
  struct Peer {
    LaneEnds ends;
    std::unique_ptr<Stream> stream;
    // By place in staging.
    std::vector<std::unique_ptr<Event>> staged;  // on compute: the part is in staging
    std::vector<std::unique_ptr<Event>> taken;   // on this stream: the other lanes' shards are here
    std::vector<std::unique_ptr<Event>> summed;  // on this stream
    std::vector<std::unique_ptr<Event>> sent;    // on down: the sum is in the ring
  };
  Shard ShardOf(size_t lane) const { return {static_cast<int64_t>(lane), static_cast<int64_t>(peers_.size())}; }
  void Stage(size_t lane, int64_t piece, const PartPlan& part, size_t place);
  float* Sum(size_t lane, const PartPlan& part, size_t place);  // where it is made
  void Send(size_t lane, const PartPlan& shard, size_t place, const float* sum, const GradientPath::Take& take);

  const Plan& plan_;
  Trace& trace_;
  std::vector<SlotPool*> pools_;
  std::vector<Peer> peers_;  // [lanes]
  size_t places_ = 0, next_ = 0;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_PEER_EXCHANGE_H_
