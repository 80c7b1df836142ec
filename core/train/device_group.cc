#include "core/train/device_group.h"

#include <algorithm>
#include <utility>

#include "core/base/error.h"

namespace hlm {

DeviceGroup::DeviceGroup(const Plan& plan, Lanes& lanes, ParameterStore& store, Updater& updater, Trace& trace)
    : plan_(plan), lanes_(lanes), store_(store), updater_(updater), trace_(trace) {}

void DeviceGroup::Connect() {
  if (plan_.route == Route::kPeer) exchange_ = std::make_unique<PeerExchange>(plan_, lanes_, trace_);
}

void DeviceGroup::Gather(const Pass& pass, int64_t after_visit) {
  // Nothing is sent further ahead than the prefetch.
  const size_t end =
      static_cast<size_t>(std::min(static_cast<int64_t>(pass.visits.size()), after_visit + plan_.devices.front().prefetch + 2));
  for (size_t v = static_cast<size_t>(after_visit + 1); v < end; ++v) {
    for (const SlotUse& use : pass.visits[v].uses) {
      if (!use.upload || use.upload_after != after_visit) continue;
      const double begin = Trace::Now();
      updater_.WaitUpdated(use.piece);
      const double waited = Trace::Now();
      update_wait_seconds_ += (waited - begin) * 1e-6;
      if (waited - begin > 10)
        trace_.Add(Trace::kHost, StrCat("wait for the update of ", plan_.pieces[use.piece].name), begin, waited);
      for (size_t lane = 0; lane < lanes_.size(); ++lane) {
        lanes_[lane]->Load(
            use, pass.weights != nullptr ? pass.weights->Weights(use.piece) : store_.Weights(use.piece),
            exchange_ == nullptr ? Shard{} : Shard{static_cast<int64_t>(lane), static_cast<int64_t>(lanes_.size())});
      }
      if (exchange_ != nullptr) exchange_->Gather(use.piece);
    }
  }
}

void DeviceGroup::Reduce(int64_t piece, const Updater::Sweep& sweep) {
  if (exchange_ != nullptr) {
    exchange_->Reduce(piece, [&](GradientRing& ring, const PartPlan& shard, RingTicket ticket) {
      updater_.TakeGradient(ring, piece, shard, sweep, sweep.turn, std::move(ticket));
    });
    return;
  }
  int64_t group = sweep.turn * static_cast<int64_t>(lanes_.size());
  for (const auto& lane : lanes_) {
    lane->SendDown(piece, [&](GradientRing& ring, const PartPlan& part, RingTicket ticket) {
      updater_.TakeGradient(ring, piece, part, sweep, group, std::move(ticket));
    });
    ++group;
  }
}

void DeviceGroup::Abandon() noexcept {
  if (exchange_ != nullptr) exchange_->Abandon();
}

std::vector<int64_t> DeviceGroup::Versions(const Pass& pass, const Visit& visit) const {
  std::vector<int64_t> versions;
  for (const SlotUse& use : visit.uses) {
    versions.push_back(pass.weights != nullptr ? pass.weights->version(use.piece) : store_.version(use.piece));
  }
  return versions;
}

}  // namespace hlm
