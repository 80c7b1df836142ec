// DeviceGroup: the devices of a run as one. Two arrows stand around a slot:
//
//   gather(piece)   host memory -> a slot of each lane        each takes the whole piece, or a shard and the others' (peer_exchange.h)
//   reduce(piece)   gradients of all lanes -> the optimizer   the host adds them, or the devices, by the tree of reduction groups
//
// For one device both are the identity: a copy up, a copy down.
#ifndef HORIZON_LM_CORE_TRAIN_DEVICE_GROUP_H_
#define HORIZON_LM_CORE_TRAIN_DEVICE_GROUP_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "core/store/store.h"
#include "core/train/lane.h"
#include "core/train/peer_exchange.h"
#include "core/train/routed_experts.h"
#include "core/train/updater.h"

namespace hlm {

class DeviceGroup {
 public:
  using Lanes = std::vector<std::unique_ptr<Lane>>;
  DeviceGroup(const Plan& plan, Lanes& lanes, ParameterStore& store, Updater& updater, Trace& trace);

  // Once all lanes are there.
  void Connect();

  // The weights that may go up once the visit's work is enqueued, each as soon as its update is done; not of experts without rows.
  void Gather(const Pass& pass, int64_t after_visit, const RoutedExperts& experts);
  // Experts that the visit reads and that an earlier visit which the plan had bring them up left below, having no rows for them.
  void GatherLate(const Pass& pass, const Visit& visit);
  // A piece's gradient, behind the visit that made it. Each lane's share is a reduction group.
  void Reduce(int64_t piece, const Updater::Sweep& sweep);
  // The same where no lane has made it: it is zero.
  void ReduceZero(int64_t piece, Updater::Sweep sweep);

  // Waits for what moves among the lanes; throws nothing.
  void Abandon() noexcept;

  // Of the weights that a visit reads.
  std::vector<int64_t> Versions(const Pass& pass, const Visit& visit) const;
  double update_wait_seconds() const {
    return update_wait_seconds_;
  }  // the host waited for an update before it could send weights

 private:
  void Load(const Pass& pass, const SlotUse& use);
  // Gives a piece's gradient to the updater, as a term of the tree in which the host adds them. `sweep` must outlive it.
  GradientPath::Take Taking(int64_t piece, const Updater::Sweep& sweep, int64_t term);

  const Plan& plan_;
  Lanes& lanes_;
  ParameterStore& store_;
  Updater& updater_;
  Trace& trace_;
  std::unique_ptr<PeerExchange> exchange_;  // route peer
  double update_wait_seconds_ = 0;
};

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_DEVICE_GROUP_H_
