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

void DeviceGroup::Gather(const Pass& pass, int64_t after_visit, const RoutedExperts& experts) {
  // Nothing is sent further ahead than the prefetch.
  const size_t end =
      static_cast<size_t>(std::min(static_cast<int64_t>(pass.visits.size()), after_visit + plan_.EachDevice().prefetch + 2));
  for (size_t v = static_cast<size_t>(after_visit + 1); v < end; ++v) {
    if (!experts.HasRows(pass.visits[v])) continue;
    for (const SlotUse& use : pass.visits[v].uses) {
      if (use.upload && use.upload_after == after_visit) Load(pass, use);
    }
  }
}

void DeviceGroup::GatherLate(const Pass& pass, const Visit& visit) {
  if (visit.stage.kind != Stage::kGroup) return;
  for (const SlotUse& use : visit.uses) {
    // All lanes hold the same.
    if (!lanes_.front()->ends().slots.Holds(use)) Load(pass, use);
  }
}

void DeviceGroup::Load(const Pass& pass, const SlotUse& use) {
  const double begin = Trace::Now();
  if (pass.weights == nullptr) updater_.MakeUp(use.piece);
  updater_.WaitUpdated(use.piece);
  const double waited = Trace::Now();
  update_wait_seconds_ += (waited - begin) * 1e-6;
  if (waited - begin > 10)
    trace_.Add(Trace::kHost, StrCat("wait for the update of ", plan_.pieces[use.piece].name), begin, waited);
  for (size_t lane = 0; lane < lanes_.size(); ++lane) {
    lanes_[lane]->Load(use, pass.weights != nullptr ? pass.weights->Weights(use.piece) : store_.Weights(use.piece),
                       exchange_ == nullptr ? Shard{} : Shard{static_cast<int64_t>(lane), static_cast<int64_t>(lanes_.size())});
  }
  if (exchange_ != nullptr) exchange_->Gather(use.piece);
}

GradientPath::Take DeviceGroup::Taking(int64_t piece, const Updater::Sweep& sweep, int64_t term) {
  return [this, piece, &sweep, term](GradientRing& ring, const PartPlan& part, RingTicket ticket) {
    updater_.TakeGradient(ring, piece, part, sweep, term, std::move(ticket));
  };
}

void DeviceGroup::Reduce(int64_t piece, const Updater::Sweep& sweep) {
  if (!plan_.pieces[piece].trains()) return;
  if (exchange_ != nullptr) return exchange_->Reduce(piece, Taking(piece, sweep, sweep.turn));
  int64_t group = sweep.turn * static_cast<int64_t>(lanes_.size());
  for (const auto& lane : lanes_) lane->SendDown(piece, Taking(piece, sweep, group++));
}

void DeviceGroup::ReduceZero(int64_t piece, Updater::Sweep sweep) {
  if (!plan_.pieces[piece].trains()) return;
  sweep.zero = true;
  if (exchange_ != nullptr) return exchange_->ReduceZero(piece, Taking(piece, sweep, sweep.turn));
  int64_t group = sweep.turn * static_cast<int64_t>(lanes_.size());
  for (const auto& lane : lanes_) lane->SendZero(piece, Taking(piece, sweep, group++));
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
