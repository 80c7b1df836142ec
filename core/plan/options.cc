// Checks what the caller asks for and resolves the options that do not depend on what fits.
#include <algorithm>
#include <bit>
#include <cmath>

#include "core/base/checked.h"
#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/plan/choose.h"
#include "core/plan/places.h"
#include "cpu_optim/optimizer.h"

namespace hlm {
namespace {

constexpr int64_t kMost = int64_t{1} << 40;  // larger counts are mistakes, and products of them stay in 63 bits where checked

void CheckRange(const char* name, int64_t value, int64_t low, int64_t high) {
  if (value < low || value > high) throw InvalidArgument(name, " is ", value, "; it must lie in [", low, ", ", high, "]");
}

void CheckOptions(const PlanOptions& o) {
  CheckRange("batch_size", o.batch_size, 1, kMost);
  CheckRange("seq_len", o.seq_len, 1, INT32_MAX);
  CheckRange("micro_batch", o.micro_batch, 0, o.batch_size);
  CheckRange("sweeps", o.sweeps, 0, std::min(o.batch_size, kMostSweeps));
  CheckRange("slots", o.slots, 0, 4096);
  CheckRange("prefetch", o.prefetch, -1, 4095);
  CheckRange("ring", o.ring, 0, 4096);
  CheckRange("head_chunk", o.head_chunk, 0, kMost);
  CheckRange("threads", o.threads, 0, 4096);
  CheckRange("optimizer_threads", o.optimizer_threads, 0, 4096);
  CheckRange("host_limit_bytes", o.host_limit_bytes, 0, INT64_MAX);
  CheckRange("device_limit_bytes", o.device_limit_bytes, 0, INT64_MAX);
  CheckRange("snapshot_bytes", o.snapshot_bytes, -1, INT64_MAX);
  CheckRange("max_piece_bytes", o.max_piece_bytes, 0, INT64_MAX);
  CheckRange("frozen_copies", o.frozen_copies, 0, 64);
  const int64_t least_part = kGradientChunk * 4;
  if (o.max_part_bytes != 0 && o.max_part_bytes < least_part) {
    throw InvalidArgument("max_part_bytes is ", o.max_part_bytes, "; it must be at least ", least_part,
                          ", or 0 for up to 256 MiB, by the model's size");
  }
  if (o.compute != DType::kF32 && o.compute != DType::kBF16) {
    throw InvalidArgument("compute is ", Name(o.compute), "; it must be f32 or bf16");
  }
  if (o.grad_dtype && *o.grad_dtype == DType::kF16) throw InvalidArgument("grad_dtype is f16; it must be f32 or bf16");
  if (o.grad_dtype && *o.grad_dtype != DType::kF32 && o.compute == DType::kF32) {
    throw InvalidArgument("grad_dtype is ", Name(*o.grad_dtype), "; f32 compute needs f32 gradients");
  }
  if (!(o.grad_clip >= 0) || !std::isfinite(o.grad_clip)) {
    throw InvalidArgument("grad_clip is ", o.grad_clip, "; it must be finite and not negative, 0 for no clipping");
  }
  if (o.purpose == Purpose::kTrain && o.compute == DType::kF32 && !o.remainder) {
    throw InvalidArgument(
        "master is none and compute is f32, whose weights are the master and have no remainder: set master to split, or "
        "compute to bf16");
  }
  if (o.purpose == Purpose::kTrain && o.timing == Timing::kBackward && o.grad_clip != 0) {
    throw InvalidArgument("optimizer_timing backward updates before the global norm is known, and grad_clip is ", o.grad_clip,
                          ": set grad_clip to 0, or optimizer_timing to next-forward");
  }
}

// A quarter of the largest unit where that is a GiB, a smaller share of a smaller one: the embedding is a large share of a small
// model, and the ring's entries must stay a small one. The number of layers has no say: device memory must not grow with it.
constexpr int64_t kLargestPart = int64_t{256} << 20, kSmallestPart = int64_t{16} << 20, kPartStep = int64_t{1} << 20;
constexpr int64_t kFewestEntries = 4, kMostEntries = 10;
constexpr double kRingShare = 0.15;  // bytes a parameter

int64_t ChoosePartBytes(const ModelLayout& layout, int64_t element) {
  int64_t largest = 0;
  for (const UnitSpec& unit : layout.units) largest = std::max(largest, unit.elements);
  const double bytes = static_cast<double>(largest) * static_cast<double>(element);
  const double part = std::min(bytes * bytes / (4.0 * (int64_t{1} << 30)), static_cast<double>(kLargestPart));
  return std::max(static_cast<int64_t>(part) / kPartStep * kPartStep, kSmallestPart);
}

// On a GPU the largest unit's parts all find a place where they can, so that compute need not wait until they have been taken.
int64_t ChooseRing(const Plan& plan) {
  const int64_t parts = MostParts(plan);
  const int64_t affordable =
      static_cast<int64_t>(kRingShare * static_cast<double>(plan.parameters)) / std::max<int64_t>(plan.part_bytes, 1);
  const int64_t most = std::clamp(affordable, kFewestEntries, kMostEntries);
  return std::clamp(parts + 2, kFewestEntries, most);
}

// Widths that the device takes.
void CheckWidths(const PlanInputs& in) {
  const MachineSpec& machine = in.machine;
  const auto check = [&](const std::string& name, int64_t width) {
    if (width % machine.width_multiple != 0) {
      throw Unimplemented(name, " is ", width, "; device ", machine.devices.front(), " takes multiples of ",
                          machine.width_multiple, " only; device cpu takes any");
    }
  };
  check("hidden_size", in.spec.hidden);
  if (in.spec.embedding.width > 0) check("word_embed_proj_dim", in.spec.embedding.width);
  for (const auto& block : in.layout.kinds) {
    for (const DeviceWidth& width : block->declaration().widths()) {
      if (!width.of_head) {
        check(width.name, width.width);
      } else if (machine.width_multiple > 1 && width.width > machine.most_head_dim) {
        throw Unimplemented(width.name, " is ", width.width, "; device ", machine.devices.front(), " takes at most ",
                            machine.most_head_dim);
      }
    }
  }
}

// A forward pass alone has none.
void CheckDropout(const PlanInputs& in, const PlanOptions& o) {
  if (o.ignore_dropout || o.purpose == Purpose::kForward || in.spec.dropouts.empty()) return;
  std::string all;
  for (const std::string& dropout : in.spec.dropouts) all += (all.empty() ? "" : ", ") + dropout;
  throw Unimplemented("config.json: ", all, ": dropout is not supported for ", in.spec.architecture,
                      "; ignore_dropout (--ignore-dropout) trains the model without it");
}

}  // namespace

int64_t ReductionGroups(const PlanInputs& in, const PlanOptions& options) {
  if (options.purpose == Purpose::kForward) return 1;  // no gradients
  return options.reduction_groups != 0 ? options.reduction_groups : in.machine.device_count() * options.processes;
}

namespace {

void CheckGroups(const PlanInputs& in, PlanOptions& o) {
  CheckRange("processes", o.processes, 1, 1024);
  const bool backward = o.purpose != Purpose::kForward;
  const int64_t own = in.machine.device_count(), devices = own * o.processes;
  const std::string of_processes = o.processes > 1 ? StrCat(" of ", o.processes, " processes") : std::string();
  if (backward && !std::has_single_bit(static_cast<uint64_t>(own))) {
    const uint64_t below = std::bit_floor(static_cast<uint64_t>(own));
    throw InvalidArgument("a process has ", own,
                          " devices; to train their number must be a power of two: gradients are added by a tree; name ", below,
                          " or ", 2 * below);
  }
  const bool given = o.reduction_groups != 0;
  o.reduction_groups = ReductionGroups(in, o);
  if (o.route == Route::kPeer && in.machine.device_count() == 1) {
    throw InvalidArgument("route is peer and device is ", in.machine.devices.front(),
                          " alone: name several, or set route to auto");
  }
  CheckRange("reduction_groups", o.reduction_groups, 0, 1024);
  if (backward && o.reduction_groups % devices != 0) {
    throw InvalidArgument("reduction_groups is ", o.reduction_groups, "; it must be a multiple of the ", devices, " devices",
                          of_processes);
  }
  // So that the sum of a process's groups is a branch of the tree over all of them.
  if (backward && o.processes > 1 && !std::has_single_bit(static_cast<uint64_t>(o.reduction_groups / o.processes))) {
    throw InvalidArgument("reduction_groups is ", o.reduction_groups, "; the ", o.processes, " processes have ",
                          o.reduction_groups / o.processes, " each, which must be a power of two: gradients are added by a tree");
  }
  if (o.batch_size < o.reduction_groups && !given) {
    throw InvalidArgument("batch_size is ", o.batch_size, "; ", devices, " devices", of_processes, " need at least ", devices,
                          " rows");
  }
  if (o.batch_size < o.reduction_groups) {
    throw InvalidArgument("reduction_groups is ", o.reduction_groups, "; a step of ", Counted(o.batch_size, "row"),
                          " has not one for each");
  }
}

}  // namespace

int64_t MostParts(const Plan& plan) {
  int64_t most = 0;
  for (int64_t unit = 0; unit < plan.pieces.units(); ++unit) most = std::max(most, plan.pieces.TrainedParts(unit));
  return most;
}

namespace {

// How much of a step is computed in one call of each operation.
void ChooseMicroBatch(const PlanInputs& in, Plan& plan) {
  PlanOptions& o = plan.options;
  // A micro-batch of some thousand tokens feeds the products well; the rest of the step follows in further ones.
  if (o.micro_batch == 0)
    o.micro_batch = std::clamp<int64_t>(in.machine.micro_tokens / o.seq_len, 1, o.batch_size / o.reduction_groups);
  plan.micro_tokens = o.micro_batch * o.seq_len;
  if (o.head_chunk == 0) {
    o.head_chunk = std::max<int64_t>(in.machine.logits_bytes / (4 * in.spec.vocab), 64);
    if (o.head_chunk > 256) o.head_chunk = o.head_chunk / 256 * 256;  // whole tiles of a product
  }
  o.head_chunk = std::min(o.head_chunk, plan.micro_tokens);
}

void ChooseSlots(const PlanInputs& in, PlanOptions& o) {
  if (o.slots == 0) o.slots = o.prefetch > 1 ? o.prefetch + 1 : std::min<int64_t>(3, in.spec.layers() + 1);
  if (o.prefetch < 0) o.prefetch = o.slots - 1;
  if (o.prefetch >= o.slots) {
    throw InvalidArgument("prefetch is ", o.prefetch, "; it must be below slots, ", o.slots,
                          ": a unit that waits needs a slot of its own");
  }
}

// Units into pieces and parts, and the ring through which parts come down.
void CutUnits(const PlanInputs& in, Plan& plan) {
  PlanOptions& o = plan.options;
  if (!o.grad_dtype) o.grad_dtype = o.compute;
  const int64_t element = static_cast<int64_t>(SizeOf(o.compute));
  if (o.max_part_bytes == 0) o.max_part_bytes = ChoosePartBytes(in.layout, element);
  const int64_t part_elements = o.max_part_bytes / element / kGradientChunk * kGradientChunk;
  if (o.max_piece_bytes == 0) o.max_piece_bytes = kPieceBytes;
  if (o.purpose != Purpose::kForward) {  // which has no gradients
    plan.trained = TrainedSet(in.layout, o.freeze, o.train_only);
    plan.first_backward = FirstBackward(in.layout, plan.trained);
  }
  plan.pieces = PieceList(in.layout, o.compute, o.max_piece_bytes / element, part_elements, plan.trained);
  plan.accumulators = PlaceAccumulators(in.layout, plan.pieces, plan.trained);
  for (const UnitSpec& unit : in.layout.units) plan.units.push_back({unit.name, unit.elements});
  int64_t largest = 0;
  for (const PiecePlan& piece : plan.pieces.all()) {
    for (const PartPlan& part : piece.trained) largest = std::max(largest, part.end - part.begin);
  }
  plan.part_bytes = largest * static_cast<int64_t>(o.reduction_groups > 1 ? sizeof(float) : SizeOf(*o.grad_dtype));
  if (o.ring == 0) o.ring = in.machine.device_is_host ? kFewestEntries : ChooseRing(plan);
  plan.ring_entries = o.ring;
}

}  // namespace

void ResolveOptions(const PlanInputs& in, Plan& plan) {
  CheckWidths(in);
  PlanOptions& o = plan.options;
  CheckOptions(o);
  CheckDropout(in, o);
  o.train_pad_row = o.train_pad_row && o.purpose != Purpose::kForward && in.spec.embedding.pad_token >= 0;
  CheckGroups(in, o);
  plan.purpose = o.purpose;
  plan.timing = o.timing;
  plan.grad_clip = o.grad_clip;
  plan.experts_up = o.experts_up.value_or(ExpertsUp::kAll);
  plan.sharded = o.processes > 1 && o.purpose == Purpose::kTrain &&
                 o.process_states.value_or(ProcessStates::kSharded) == ProcessStates::kSharded;
  plan.router = ChooseRouters(in.spec, o);
  plan.parameters = in.layout.parameters;
  plan.step_tokens = CheckedMul(o.batch_size, o.seq_len);
  CheckRange("batch_size * seq_len", plan.step_tokens, 1, INT32_MAX);

  ChooseMicroBatch(in, plan);
  ChooseLongDocuments(in.spec, plan);
  ChooseSlots(in, o);
  CutUnits(in, plan);

  if (o.threads == 0)
    o.threads =
        in.machine.device_is_host ? std::max<int64_t>(in.machine.threads / in.machine.device_count(), 1) : in.machine.threads;
  if (o.optimizer_threads == 0) o.optimizer_threads = in.machine.threads;
  plan.optimizer_threads = o.optimizer_threads;
}

}  // namespace hlm
