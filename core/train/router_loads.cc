#include "core/train/router_loads.h"

#include <cstring>

#include "core/device/hand_over.h"

namespace hlm {

RouterLoads::RouterLoads(const LaneContext& context, Device& device, const DeviceBuffers& buffers, MoveCounters& counters)
    : context_(context),
      device_(device),
      buffers_(buffers),
      counters_(counters),
      places_(PlaceLoads(context.spec, context.plan)),
      memory_(device.AllocateHost(static_cast<size_t>(places_.total) * sizeof(float))),
      made_(device.CreateEvent()),
      down_(device.CreateEvent()) {}

void RouterLoads::SetForward(const Pass& pass, const BatchCut::Share& share, int64_t layer, int64_t m, BlockRun& run) const {
  const int64_t router = on() ? places_.router_of[static_cast<size_t>(layer)] : -1;
  if (router < 0) return;
  const LoadPlaces::Router& at = places_.routers[static_cast<size_t>(router)];
  run.router.load = buffers_.Loads(at.record);
  if (at.balanced != at.record) run.router.balanced = buffers_.Loads(at.balanced);
  run.router.add = m != share.begin;
  if (places_.documents < 0) return;
  const int64_t document = pass.cut.micro_batch(m).first_document - share.first_document;
  run.router.documents = buffers_.Loads(places_.documents + document * LoadRecord(at.experts));
  run.router.add_documents = router > 0;
}

void RouterLoads::SetBackward(const Pass& pass, const BatchCut::Share& share, int64_t layer, int64_t m, BlockRun& run) const {
  const int64_t router = on() ? places_.router_of[static_cast<size_t>(layer)] : -1;
  if (router < 0) return;
  const RouterPlan& plan = context_.plan.router;
  const double rows = static_cast<double>(places_.routers.size()) * static_cast<double>(pass.tokens.ids.size());
  run.router.z_scale = static_cast<float>(pass.tokens.share * plan.z / rows);
  if (places_.balance < 0) return;
  run.router.balance = buffers_.Loads(places_.balance);
  if (!plan.by_document()) return;
  run.router.balance_stride = places_.routers.front().experts;
  run.router.balance += (pass.cut.micro_batch(m).first_document - share.first_document) * run.router.balance_stride;
}

void RouterLoads::SendChoicesDown(int64_t layer, const BatchCut::Share& share, Stream& compute, Stream& down) {
  if (share.empty()) return;
  const LoadPlaces::Router& at = places_.Of(layer);
  const size_t bytes = static_cast<size_t>(at.experts) * sizeof(float);
  compute.Record(*made_);
  down.Wait(*made_, "the routers' loads are made");
  down.Copy(reinterpret_cast<float*>(memory_.data()) + at.record, buffers_.Loads(at.record), bytes);
  down.Record(*down_);
  counters_.down_bytes += static_cast<int64_t>(bytes);
}

const float* RouterLoads::AwaitChoices(int64_t layer) {
  down_->Synchronize();
  const LoadPlaces::Router& at = places_.Of(layer);
  const float* counts = reinterpret_cast<const float*>(memory_.data()) + at.record;
  DeclareAccess(device_.race_checker(), counts, static_cast<size_t>(at.experts) * sizeof(float), false,
                "a router's choices on the host");
  return counts;
}

void RouterLoads::SendDown(const BatchCut::Share& share, Stream& compute, Stream& down) {
  if (!on() || share.empty()) return;
  const int64_t documents = share.end_document - share.first_document;
  const int64_t floats = places_.documents < 0 ? places_.balance < 0 ? places_.total : places_.balance
                                               : places_.documents + documents * LoadRecord(places_.routers.front().experts);
  const size_t bytes = static_cast<size_t>(floats) * sizeof(float);
  compute.Record(*made_);
  down.Wait(*made_, "the routers' loads are made");
  down.Copy(memory_.data(), buffers_.Loads(0), bytes);
  down.Record(*down_);
  counters_.down_bytes += static_cast<int64_t>(bytes);
}

const float* RouterLoads::Await() {
  down_->Synchronize();
  const auto* loads = reinterpret_cast<const float*>(memory_.data());
  DeclareAccess(device_.race_checker(), loads, memory_.bytes(), false, "the routers' loads on the host");
  return loads;
}

void RouterLoads::SendCosts(std::span<const float> costs, Stream& compute) {
  auto* host = reinterpret_cast<float*>(memory_.data()) + places_.balance;
  DeclareAccess(device_.race_checker(), host, costs.size_bytes(), true, "what probabilities cost, on the host");
  std::memcpy(host, costs.data(), costs.size_bytes());
  compute.Copy(buffers_.Loads(places_.balance), host, costs.size_bytes());
  counters_.up_bytes += static_cast<int64_t>(costs.size_bytes());
}

}  // namespace hlm
