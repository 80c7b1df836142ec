// Every byte of host memory and of the device arena.
#include <algorithm>
#include <bit>

#include "core/base/checked.h"
#include "core/plan/batch_layout.h"
#include "core/plan/choose.h"
#include "core/plan/groups.h"
#include "core/plan/memory_fields.h"
#include "core/plan/owned.h"
#include "core/plan/places.h"
#include "core/plan/rehearse.h"
#include "cpu_optim/optimizer.h"

namespace hlm {
namespace {

class ArenaBuilder {
 public:
  explicit ArenaBuilder(int64_t red_zone_bytes) : red_zone_bytes_(red_zone_bytes) {}
  Range Take(int64_t bytes) {
    const Range range{total_, bytes};
    total_ = CheckedAdd(total_, RoundUp(bytes, 256));
    if (red_zone_bytes_ > 0) {
      red_zones_.push_back({total_, red_zone_bytes_});
      total_ = CheckedAdd(total_, red_zone_bytes_);
    }
    return range;
  }
  int64_t total() const { return total_; }
  const std::vector<Range>& red_zones() const { return red_zones_; }

 private:
  int64_t red_zone_bytes_, total_ = 0;
  std::vector<Range> red_zones_;
};

int64_t BlockInputBytes(const PlanInputs& in, const Plan& plan) {  // of one boundary between blocks, for a sweep
  return RoundUp(CheckedMul(plan.sweep_tokens, in.spec.hidden * static_cast<int64_t>(SizeOf(plan.numerics.compute))), 256);
}

// As many as the largest unit has, so that the next block does not wait for the link to take the head's gradient; two where
// memory is short or nothing is gained.
int64_t StagingParts(const PlanInputs& in, const Plan& plan) {
  constexpr int64_t kMost = 8, kShare = 32;  // of the device's memory, as a divisor
  const int64_t parts = MostParts(plan);
  const int64_t affordable = DeviceLimit(in, plan) / kShare / RoundUp(plan.part_bytes, 256);
  if (in.machine.device_is_host || affordable < 2) return 2;
  return std::clamp<int64_t>(std::min(parts, affordable), 2, kMost);
}

int64_t WorkspaceOf(const Rehearsal& rehearsal) {
  size_t most = 0;
  rehearsal.ForEach([&](const RecordedCall& call) { most = std::max(most, call.workspace_bytes); });
  return RoundUp(static_cast<int64_t>(most), 4096);
}

// Where the gradients of weights are added up, and what of them goes down.
void TakeGradients(const PlanInputs& in, const Plan& plan, ArenaBuilder& arena, DevicePlan& device) {
  DeviceArena& a = device.arena;
  a.accumulator = arena.Take(CheckedMul(plan.accumulators.elements, 4));
  a.tied_accumulator = arena.Take(CheckedMul(plan.accumulators.tied_elements, 4));
  a.shared_accumulators = arena.Take(CheckedMul(plan.accumulators.shared_elements, 4));
  device.staging = StagingParts(in, plan);
  a.staging = arena.Take(CheckedMul(RoundUp(plan.part_bytes, 256), device.staging));
  if (plan.route == Route::kPeer) {
    const int64_t devices = in.machine.device_count();
    a.received = arena.Take(CheckedMul(ShardBytes(plan, devices), (devices - 1) * device.staging));
  }
}

// What goes from block to block, and stays for their backward passes.
void TakeActivations(const PlanInputs& in, const Plan& plan, ArenaBuilder& arena, DeviceArena& a) {
  const int64_t layers = in.spec.layers();
  const bool backward = plan.purpose != Purpose::kForward;
  // Two boundaries are in use at once and a third one moves. Forward passes alone need no more than that.
  const bool all = backward && plan.block_inputs == BlockInputs::kDevice;
  a.block_inputs = arena.Take(CheckedMul(BlockInputBytes(in, plan), all ? layers + 1 : std::min<int64_t>(3, layers + 1)));
  int64_t stash = 0, between = 0;
  for (int64_t layer = 0; layer < layers; ++layer) {
    const bool stages = VisitsOf(in.layout, plan.pieces, layer) > 1;
    if (backward) stash = CheckedAdd(stash, StashOf(in.layout.block(layer), plan, layer, stages).total);
    if (stages) between = std::max(between, BetweenStagesOf(in.layout.block(layer), plan, layer).total);
  }
  if (backward) {
    a.gradient = arena.Take(BlockInputBytes(in, plan));
    a.stash = arena.Take(stash);
  }
  a.between_stages = arena.Take(between);
}

// What a block needs for a moment, as much as the largest kind; and the head.
void TakeMoments(const PlanInputs& in, const Plan& plan, ArenaBuilder& arena, DeviceArena& a) {
  // Blocks of one kind have the same pieces.
  std::vector<bool> in_stages(in.layout.kinds.size(), false);
  for (int64_t layer = 0; layer < in.spec.layers(); ++layer) {
    if (VisitsOf(in.layout, plan.pieces, layer) > 1)
      in_stages[static_cast<size_t>(in.layout.kind_of[static_cast<size_t>(layer)])] = true;
  }
  const Declaration& embedding = in.layout.embedding->declaration();
  int64_t scratch = ScratchOf(embedding, plan).total, temporaries = TemporariesOf(embedding, plan).total;
  for (size_t k = 0; k < in.layout.kinds.size(); ++k) {
    const Declaration& kind = in.layout.kinds[k]->declaration();
    scratch = std::max(scratch, ScratchOf(kind, plan, in_stages[k]).total);
    temporaries = std::max(temporaries, TemporariesOf(kind, plan).total);
  }
  a.temporaries = arena.Take(temporaries);
  a.scratch = arena.Take(scratch);
  const Declaration& head = in.layout.head->declaration();
  a.head = arena.Take(CheckedAdd(ScratchOf(head, plan).total, TemporariesOf(head, plan).total));
}

void FillDevice(const PlanInputs& in, Plan& plan) {
  const ModelSpec& spec = in.spec;
  const bool backward = plan.purpose != Purpose::kForward;

  DevicePlan device;
  device.slots = plan.options.slots;
  device.prefetch = plan.options.prefetch;

  DeviceArena& a = device.arena;
  ArenaBuilder arena(in.machine.red_zone_bytes);
  a.slots = arena.Take(SlotBytes(in.layout, plan.pieces, device.slots));
  if (backward) TakeGradients(in, plan, arena, device);
  TakeActivations(in, plan, arena, a);
  TakeMoments(in, plan, arena, a);
  a.batch = arena.Take(MakeBatchLayout(plan.step_tokens, plan.long_document > 0).total);
  a.loads = arena.Take(CheckedMul(PlaceLoads(spec, plan).total, 4));
  a.sides = arena.Take(PlaceSides(spec, plan).total);
  a.side_gradients = arena.Take(backward ? PlaceSides(spec, plan).total : 0);
  a.rotary = arena.Take(PlaceTables(spec, plan).total);
  a.workspace = arena.Take(WorkspaceOf(*plan.rehearsal));
  a.total = arena.total();
  a.red_zones = arena.red_zones();
  plan.devices.assign(in.machine.devices.size(), device);
  for (size_t d = 0; d < plan.devices.size(); ++d) plan.devices[d].name = in.machine.devices[d];
}

void FillHost(const PlanInputs& in, Plan& plan) {
  int64_t elements = 0, chunks = 0;
  for (const UnitSpec& unit : in.layout.units) {
    elements = CheckedAdd(elements, unit.elements);
    chunks += CeilDiv(unit.elements, kGradientChunk);
  }
  const bool train = plan.purpose == Purpose::kTrain, backward = plan.purpose != Purpose::kForward;
  // Straight from the ring into the update: only where an update needs no second look at the gradient.
  plan.gradient_store =
      backward && !(train && plan.timing == Timing::kBackward && plan.sweeps == 1 && plan.numerics.reduction_groups == 1);
  HostMemory& host = plan.host;
  host = {};
  host.weights = plan.pieces.Bytes();
  plan.state_bytes = plan.own_state_bytes = host.weights;
  const int64_t trained = plan.pieces.TrainedElements(), owned = plan.OwnsAll() ? elements : MostOwned(plan);
  if (train) {
    const StateType states = plan.numerics.states;
    const int64_t moments = MomentCount(plan.numerics.algorithm);
    host.remainders = plan.numerics.remainder ? 2 * owned : 0;
    host.first_moments = StateBytes(states, owned);
    host.second_moments = moments == 2 ? host.first_moments : 0;
    host.scales = moments * 4 * StateScales(states, owned);
    const int64_t own = CheckedAdd(host.remainders + host.first_moments + host.second_moments, host.scales);
    // Frozen weights have no owner: each rank saves a share of them.
    const int64_t saved = plan.sharded ? owned + CeilDiv(elements - trained, plan.options.processes) : elements;
    plan.own_state_bytes = CheckedAdd(saved * static_cast<int64_t>(plan.WeightBytes()), own);
    plan.state_bytes = CheckedAdd(host.weights, (plan.numerics.remainder ? 2 * trained : 0) +
                                                    moments * (StateBytes(states, trained) + 4 * StateScales(states, trained)));
  }
  if (plan.gradient_store) host.gradients = CheckedMul(owned, static_cast<int64_t>(SizeOf(plan.numerics.grad_dtype)));
  if (backward) {
    host.norms = chunks * 8;
    const int64_t devices = static_cast<int64_t>(plan.devices.size());
    host.ring = CheckedMul(CheckedMul(RoundUp(plan.entry_bytes, 256), plan.ring_entries), devices);
    host.partials = CheckedMul(4 * trained, std::bit_width(static_cast<uint64_t>(plan.TermsOnHost() - 1)));
    // Of a process's share of an entry, what the others have.
    const int64_t others = plan.options.processes - 1, chunk = 4 * kGradientChunk;
    host.exchange = CheckedMul(CeilDiv(CeilDiv(plan.entry_bytes, chunk), plan.options.processes) * chunk, others);
    // The inputs of the last two blocks never leave the device, and those of blocks without a backward pass need not wait.
    if (plan.block_inputs == BlockInputs::kHost) {
      const int64_t waiting = in.spec.layers() - 2 - std::max<int64_t>(plan.first_backward, 0);
      host.block_inputs = CheckedMul(CheckedMul(BlockInputBytes(in, plan), std::max<int64_t>(waiting, 0)), devices);
    }
  }
  host.batch =
      CheckedAdd(MakeBatchLayout(plan.step_tokens, plan.long_document > 0).total, PlaceLengthTables(in.spec, plan).total);
  host.loads = CheckedMul(CheckedMul(PlaceLoads(in.spec, plan).total, 4), static_cast<int64_t>(plan.devices.size()));
  if (train) host.snapshot = std::min(std::max<int64_t>(plan.options.snapshot_bytes, 0), plan.own_state_bytes);
  host.frozen = CheckedMul(host.weights, plan.options.frozen_copies);
}

struct AddSizes {
  int64_t total = 0, pinned = 0;
  void Field(const char*, int64_t bytes, Pages pages) {
    total += bytes;
    if (pages == Pages::kPinned) pinned += bytes;
  }
};

AddSizes Added(const HostMemory& memory) {
  AddSizes sizes;
  VisitFields(sizes, memory);
  return sizes;
}

}  // namespace

int64_t HostMemory::Total() const { return Added(*this).total; }
int64_t HostMemory::Pinned() const { return Added(*this).pinned; }

int64_t ShardBytes(const Plan& plan, int64_t devices) {
  const int64_t chunk = kGradientChunk * static_cast<int64_t>(SizeOf(plan.DownType()));
  return std::min(CeilDiv(CeilDiv(plan.part_bytes, chunk), devices) * chunk, RoundUp(plan.part_bytes, 256));
}

void FillMemory(const PlanInputs& in, Plan& plan) {
  plan.entry_bytes = plan.route == Route::kPeer ? ShardBytes(plan, in.machine.device_count()) : plan.part_bytes;
  FillDevice(in, plan);
  FillHost(in, plan);
  plan.host_reserve_bytes = in.machine.host_reserve_bytes;
  plan.device_reserve_bytes = in.machine.device_reserve_bytes;
  plan.device_bytes = CheckedAdd(plan.EachDevice().arena.total, plan.device_reserve_bytes);
  plan.host_bytes = CheckedAdd(plan.host.Total(), plan.host_reserve_bytes);
  if (in.machine.device_is_host)
    plan.host_bytes = CheckedAdd(plan.host_bytes, CheckedMul(plan.device_bytes, in.machine.device_count()));
}

int64_t HostLimit(const PlanInputs& in, const Plan& plan) {
  return plan.options.host_limit_bytes > 0 ? plan.options.host_limit_bytes : in.machine.host_bytes;
}
int64_t DeviceLimit(const PlanInputs& in, const Plan& plan) {
  return plan.options.device_limit_bytes > 0 ? plan.options.device_limit_bytes : in.machine.device_bytes;
}

}  // namespace hlm
