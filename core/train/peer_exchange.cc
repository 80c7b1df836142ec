#include "core/train/peer_exchange.h"

#include <utility>

#include "core/base/error.h"
#include "core/device/ops.h"

namespace hlm {

PeerExchange::PeerExchange(const Plan& plan, Lanes& lanes, Trace& trace) : plan_(plan), trace_(trace) {
  places_ = static_cast<size_t>(plan.EachDevice().staging);
  for (const auto& lane : lanes) {
    Peer peer{lane->ends(), nullptr, {}, {}, {}, {}};
    Device& device = peer.ends.device;
    peer.stream = device.CreateStream(StrCat("peers ", peers_.size()));
    for (auto* events : {&peer.staged, &peer.taken, &peer.summed, &peer.sent}) {
      for (size_t place = 0; place < places_; ++place) events->push_back(device.CreateEvent());
    }
    pools_.push_back(&peer.ends.slots);
    peers_.push_back(std::move(peer));
  }
}

void PeerExchange::Gather(int64_t piece) {
  for (size_t lane = 0; lane < peers_.size(); ++lane) {
    Peer& peer = peers_[lane];
    const Trace::StreamSpan span(trace_, *peer.stream, Trace::OfLane(Trace::kPeers, static_cast<int64_t>(lane)),
                                 plan_.pieces[piece].name);
    peer.ends.counters.peer_bytes += peer.ends.slots.Gather(*peer.stream, plan_.pieces[piece], piece, pools_, ShardOf(lane));
  }
}

void PeerExchange::Reduce(int64_t piece, const GradientPath::Take& take) {
  for (const PartPlan& part : plan_.pieces[piece].trained) {
    const size_t place = next_;
    next_ = (place + 1) % places_;
    for (size_t lane = 0; lane < peers_.size(); ++lane) Stage(lane, piece, part, place);
    for (size_t lane = 0; lane < peers_.size(); ++lane) {
      const PartPlan shard = ShardOf(lane).Of(part);
      if (shard.begin < shard.end) Send(lane, shard, place, Sum(lane, part, place), take);
    }
  }
}

void PeerExchange::ReduceZero(int64_t piece, const GradientPath::Take& take) {
  for (const PartPlan& part : plan_.pieces[piece].trained) {
    for (size_t lane = 0; lane < peers_.size(); ++lane) {
      const PartPlan shard = ShardOf(lane).Of(part);
      GradientRing& ring = *peers_[lane].ends.ring;
      if (shard.begin < shard.end) take(ring, shard, ring.Acquire());
    }
  }
}

void PeerExchange::Stage(size_t lane, int64_t number, const PartPlan& part, size_t place) {
  const Peer& peer = peers_[lane];
  const PiecePlan& piece = plan_.pieces[number];
  Stream& compute = peer.ends.compute;
  compute.Wait(*peer.sent[place], "staging is free");
  for (size_t other = 0; other < peers_.size(); ++other) {
    if (other != lane) compute.Wait(*peers_[other].taken[place], "the shard is taken");
  }
  const Trace::StreamSpan span(trace_, compute, Trace::OfLane(Trace::kCompute, static_cast<int64_t>(lane)),
                               StrCat("round the gradient of ", piece.name));
  peer.ends.device.ops().Cast(compute, {.x_type = DType::kF32,
                                        .y_type = DType::kF32,
                                        .n = part.end - part.begin,
                                        .x = peer.ends.buffers.Accumulator(number) + (part.begin - piece.begin),
                                        .y = peer.ends.buffers.Staging(static_cast<int64_t>(place))});
  compute.Record(*peer.staged[place]);
}

float* PeerExchange::Sum(size_t lane, const PartPlan& part, size_t place) {
  Peer& peer = peers_[lane];
  Stream& stream = *peer.stream;
  const PartPlan shard = ShardOf(lane).Of(part);
  const int64_t n = shard.end - shard.begin, at = static_cast<int64_t>(place);
  const size_t bytes = static_cast<size_t>(n) * sizeof(float);
  const Trace::StreamSpan span(trace_, stream, Trace::OfLane(Trace::kPeers, static_cast<int64_t>(lane)), "gradients");

  // The own part last came into staging behind the end of what was received here before.
  for (const Peer& other : peers_) stream.Wait(*other.staged[place], "the gradient is staged");
  std::vector<float*> terms;
  int64_t received = 0;
  for (size_t other = 0; other < peers_.size(); ++other) {
    float* staging = reinterpret_cast<float*>(peers_[other].ends.buffers.Staging(at)) + (shard.begin - part.begin);
    if (other == lane) {
      terms.push_back(staging);
      continue;
    }
    float* here = reinterpret_cast<float*>(peer.ends.buffers.Received(at, received++));
    stream.Copy(here, staging, bytes);
    peer.ends.counters.peer_bytes += static_cast<int64_t>(bytes);
    terms.push_back(here);
  }
  stream.Record(*peer.taken[place]);
  for (size_t distance = 1; distance < terms.size(); distance *= 2) {
    for (size_t i = 0; i < terms.size(); i += 2 * distance) {
      peer.ends.device.ops().ScaleAdd(stream,
                                      {.type = DType::kF32, .n = n, .x = terms[i], .z = terms[i + distance], .y = terms[i]});
    }
  }
  stream.Record(*peer.summed[place]);
  return terms.front();
}

void PeerExchange::Send(size_t lane, const PartPlan& shard, size_t place, const float* sum, const GradientPath::Take& take) {
  const Peer& peer = peers_[lane];
  const size_t bytes = static_cast<size_t>(shard.end - shard.begin) * sizeof(float);
  Stream& down = peer.ends.down;
  RingTicket entry = peer.ends.ring->Acquire();
  down.Wait(*peer.summed[place], "the sum is made");
  const Trace::StreamSpan span(trace_, down, Trace::OfLane(Trace::kDown, static_cast<int64_t>(lane)), "gradients");
  down.Copy(entry.data(), sum, bytes);
  down.Record(*peer.sent[place]);
  down.Record(entry.filled());
  take(*peer.ends.ring, shard, std::move(entry));
  peer.ends.counters.down_bytes += static_cast<int64_t>(bytes);
}

void PeerExchange::Abandon() noexcept {
  for (Peer& peer : peers_) {
    try {
      peer.stream->Synchronize();
    } catch (...) {  // the error that led here is already on its way to the caller
    }
  }
}

}  // namespace hlm
