// Plan: everything a run will do with memory and in which order, as data, made before the first byte is allocated.
//
// MakePlan is a pure function of the model, the options and the machine: it touches no device and allocates nothing of what it
// plans. Two equal inputs give equal plans; PlanJson prints one; a test may compare them. At run time the arenas are allocated
// with exactly the sizes that stand here.
#ifndef HORIZON_LM_CORE_PLAN_PLAN_H_
#define HORIZON_LM_CORE_PLAN_PLAN_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/dtype.h"
#include "core/layers/declaration.h"
#include "core/model/layout.h"
#include "core/model/spec.h"
#include "core/plan/arena.h"
#include "core/plan/groups.h"
#include "core/plan/machine.h"
#include "core/plan/pieces.h"
#include "core/plan/routers.h"
#include "core/plan/trained.h"
#include "core/plan/visits.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

enum class Purpose { kTrain, kForwardBackward, kForward };
enum class Activations { kKeep, kKeepCheap, kRecompute };
enum class BlockInputs { kDevice, kHost };
enum class Timing { kNextForward, kBackward, kSerial };
// How several devices share weights and gradients: each takes all weights from host memory, where gradients are added; or each takes a
// shard, shards are gathered by copies among the devices, where gradients are added as well, and each sends a shard down.
enum class Route { kHost, kPeer };
// Who keeps masters, moments and sums of gradients where several processes share a step; owned.h says what each has.
enum class ProcessStates { kSharded, kReplicate };

// Which experts go up where a block is visited by groups of them: all, ahead of their visit, or once the router has run those that some
// row of the sweep chose.
enum class ExpertsUp { kAll, kRouted };

const char* Name(Purpose purpose);
// Whether a policy keeps what costs that much to make again.
bool Keeps(Activations policy, Remake remake);
const char* Name(Activations activations);  // "keep", "keep-cheap", "recompute"
const char* Name(BlockInputs place);
const char* Name(Timing timing);
const char* Name(Route route);           // "host", "peer"
const char* Name(ProcessStates states);  // "sharded", "replicate"
const char* Name(ExpertsUp experts);     // "all", "routed"

// What the caller asks for; zero or nothing means that the plan chooses.
struct PlanOptions {
  Purpose purpose = Purpose::kTrain;
  DType compute = DType::kBF16;  // kBF16 or kF32
  int64_t batch_size = 8;        // rows of seq_len tokens in a step
  int64_t seq_len = 512;
  int64_t micro_batch = 0;  // rows
  int64_t sweeps = 0;
  std::optional<Activations> activations;
  std::optional<BlockInputs> block_inputs;
  int64_t slots = 0;
  int64_t prefetch = -1;
  int64_t ring = 0;
  int64_t head_chunk = 0;
  int64_t max_part_bytes = 0;
  int64_t max_piece_bytes = 0;  // of a unit that may be cut: of a group of experts
  Timing timing = Timing::kNextForward;
  std::optional<DType> grad_dtype;
  Algorithm optimizer = Algorithm::kAdamW;
  StateType states = StateType::kF32;  // of the moments
  bool remainder = true;               // bf16 compute: an exact master; false: bf16 weights, rounded stochastically
  int64_t snapshot_bytes = 0;          // host memory for saving beside training; -1: what is left, at most the whole state
  double grad_clip = 1.0;
  int64_t threads = 0;
  int64_t optimizer_threads = 0;
  int64_t host_limit_bytes = 0;
  int64_t device_limit_bytes = 0;
  // In place of `states` and `remainder`: the most exact that fit. In place of `timing`, without clipping: the faster that fits.
  bool choose_states = false;
  bool choose_master = false;
  bool choose_timing = false;
  std::string numerics;                   // JSON of the numerics to match where the plan would choose; empty: none
  int64_t frozen_copies = 0;              // of the weights, that a trainer may keep
  int64_t reduction_groups = 0;           // into which a step's rows are dealt; 0: the number of devices
  std::optional<UpdatePath> update_path;  // of the optimizer on the host
  std::optional<Route> route;             // of several devices
  bool ignore_dropout = false;            // of the model's file: trained without it
  bool train_pad_row = false;             // the padding token's row gets its gradient from the lookup too
  std::string freeze, train_only;         // patterns of tensors that do not train, and of those that alone do (trained.h)
  int64_t processes = 1;                  // of the group that shares each step, each with such devices
  std::optional<ProcessStates> process_states;
  std::optional<ExpertsUp> experts_up;  // of a mixture
  // Of a mixture's routers; RouterPlan says what they are.
  double balance = -1;  // negative: the model's
  double router_z = 0, bias_rate = 0;
  BalanceScope balance_scope = BalanceScope::kStep;
  Unrouted unrouted = Unrouted::kZero;
};

// What decides the bits of a run. Memory options are not in it: slots, prefetch, ring, part and piece size, activation policy,
// place of block inputs, optimizer timing and optimizer threads may differ and the bits stay.
struct Numerics {
  DType compute = DType::kBF16;
  int64_t sweeps = 1;            // sums of gradients in a step, each added to the one before as the store holds them
  int64_t reduction_groups = 1;  // of each sum, whose gradients are added by a binary tree in fp32
  int64_t micro_batch_tokens = 0;
  int64_t head_chunk = 0;
  DType grad_dtype = DType::kBF16;
  Algorithm algorithm = Algorithm::kAdamW;
  StateType states = StateType::kF32;  // of the moments
  bool remainder = true;
  int64_t threads = 1;          // of the compute team
  std::string libraries;        // device libraries with versions, instruction set
  std::string products;         // the algorithm of each product; empty: the library's first choice
  int64_t workspace_bytes = 0;  // of the operations: a GPU's attention is cut into groups of heads by it
  std::string optimizer;        // path of the update
  bool train_pad_row = false;   // of a model that has such a row
  RouterPlan router;            // of a mixture; terms of the loss, and what the choice does to updates
  std::string trained;          // TrainedSet::identity
  std::string hash;             // of all above, 16 hexadecimal digits
};
const char* MasterName(const Numerics& numerics);  // "split", "none"; "f32" where the weights are the master
const char* Exactness(const Numerics& numerics);   // "exact", "moments rounded", "weights rounded"

struct UnitPlan {
  std::string name;
  int64_t elements = 0;
};

// Sizes of host memory, in bytes; memory_fields.h has the list of them.
struct HostMemory {
  int64_t weights = 0;  // streamed slabs, pinned
  int64_t remainders = 0;
  int64_t first_moments = 0, second_moments = 0;
  int64_t scales = 0;        // of 8-bit moments
  int64_t gradients = 0;     // the gradient store
  int64_t norms = 0;         // squared norms by chunk
  int64_t ring = 0;          // pinned
  int64_t block_inputs = 0;  // pinned
  int64_t batch = 0;         // token data on its way up and losses on their way down, pinned
  int64_t snapshot = 0;      // copies of units that are being saved
  int64_t frozen = 0;        // frozen copies of the weights, pinned
  int64_t partials = 0;      // fp32 sums of reduction groups that wait for their neighbours
  int64_t exchange = 0;      // what other processes of the group send of a part's gradient, pinned
  int64_t loads = 0;         // what routers tell of their choice, pinned
  int64_t Total() const;
  int64_t Pinned() const;
};

// The predicted time of one step of many, and what it is made of; predict.cc says how.
struct Prediction {
  double step_seconds = 0;
  // Of a whole step, each alone.
  double compute_seconds = 0, up_seconds = 0, down_seconds = 0, optimizer_seconds = 0, host_seconds = 0, peer_seconds = 0;
  // One sweep's forward and backward with what moves beside them, and the first unit's update and way up.
  double forward_seconds = 0, backward_seconds = 0, first_unit_seconds = 0;
  int64_t up_bytes = 0, down_bytes = 0;
  int64_t peer_bytes = 0;     // that the devices take from each other, all together
  int64_t network_bytes = 0;  // that a process of several sends; it takes as many
  double network_seconds = 0;
  int64_t optimizer_bytes = 0, accumulate_bytes = 0, host_bytes = 0;  // of host memory, read and written; host: with transfers
  double flops = 0;                                                   // arithmetic of one step, recomputation included
  // What no step is shorter than: all arithmetic at the rate of a product alone, and the longest of what moves up, down and
  // through host memory, without the accumulation of gradients, which caches may hold.
  double flops_seconds = 0, moves_seconds = 0;
  std::string limit;              // what takes longest: "compute", "link", "optimizer", "host memory", "network"
  double save_stall_seconds = 0;  // of a checkpoint: what does not fit the snapshot, at the disk's rate
};

// One device's share.
struct DevicePlan {
  std::string name;
  int64_t slots = 0;     // blocks that the space for weights holds beside the embedding or the head
  int64_t prefetch = 0;  // visits
  int64_t staging = 2;   // parts of a gradient that may be on their way down at once
  DeviceArena arena;
};

struct Rehearsal;

struct Plan {
  PlanOptions options;  // as asked, with every choice filled in
  Purpose purpose = Purpose::kTrain;
  Numerics numerics;
  Timing timing = Timing::kNextForward;
  BlockInputs block_inputs = BlockInputs::kDevice;
  Route route = Route::kHost;
  ExpertsUp experts_up = ExpertsUp::kAll;
  bool sharded = false;  // states, over the processes
  double grad_clip = 0;
  RouterPlan router;

  int64_t step_tokens = 0;    // most tokens of a step
  int64_t sweep_tokens = 0;   // most tokens of a sweep
  int64_t micro_tokens = 0;   // most tokens of a micro-batch, and of a document
  int64_t long_document = 0;  // tokens above which a document turns otherwise: its rows of the rotary tables are others; 0: never
  int64_t long_rows = 0;      // rows of such documents behind those of the others, in each table
  bool by_length = false;     // each length has rows of its own, which come with the batch; else all long documents share theirs
  int64_t ring_entries = 0;
  int64_t sweeps = 1;          // of a pass, on each device: all reduction groups of all sums have their turn
  int64_t part_bytes = 0;      // of the largest part in the type that goes down
  int64_t entry_bytes = 0;     // of a ring entry: such a part, or a device's shard of one
  bool gradient_store = true;  // false: gradients are consumed straight from the ring
  int64_t optimizer_threads = 1;

  std::vector<UnitPlan> units;           // in the layout's order
  TrainedSet trained;                    // which tensors do
  int64_t first_backward = -1;           // FirstBackward
  PieceList pieces;                      // of all units
  AccumulatorPlaces accumulators;        // of their gradients on a device
  std::vector<Activations> activations;  // [layers]
  std::vector<DevicePlan> devices;
  HostMemory host;
  double disk_bytes_per_second = 0;  // as assumed for checkpoints
  int64_t host_reserve_bytes = 0, device_reserve_bytes = 0;
  int64_t host_bytes = 0;    // everything in host memory, reserve included (and the device's arena on the CPU device)
  int64_t device_bytes = 0;  // the device's arena and reserve
  int64_t parameters = 0;
  int64_t state_bytes = 0;      // that a checkpoint holds of the arrays
  int64_t own_state_bytes = 0;  // that one process writes of them
  Prediction prediction;
  std::string machine;                         // a machine that is not here; empty: this one
  std::shared_ptr<const Rehearsal> rehearsal;  // the calls of one micro-batch, from which sizes and times come
  std::string choice;  // which states, master and timing were chosen and why; empty where none was to choose

  const DevicePlan& EachDevice() const { return devices.front(); }  // they are alike but for the name
  // Whether this process has states of every element.
  bool OwnsAll() const { return !sharded && trained.all(); }
  // Experts without a gradient are updated only when something reads them again. Where all experts go up in every step, all are read.
  bool DefersUpdates() const {
    return experts_up == ExpertsUp::kRouted && purpose == Purpose::kTrain && timing != Timing::kBackward &&
           router.unrouted == Unrouted::kZero && options.processes == 1 && trained.all();
  }

  // Partial sums cross the link unrounded.
  DType DownType() const { return numerics.reduction_groups > 1 ? DType::kF32 : numerics.grad_dtype; }
  // Of the reduction groups of a sum, those that this process computes.
  int64_t own_groups() const { return std::max<int64_t>(numerics.reduction_groups / options.processes, 1); }
  size_t WeightBytes() const { return SizeOf(numerics.compute); }
  // Terms of the tree in which the host of a process adds gradients.
  int64_t TermsOnHost() const {
    return route == Route::kPeer ? own_groups() / static_cast<int64_t>(devices.size()) : own_groups();
  }
  SlotSpace Slots() const {  // of each device
    const DevicePlan& d = EachDevice();
    return {d.arena.slots.bytes, d.prefetch, experts_up == ExpertsUp::kRouted};
  }
};

// Throws INVALID_ARGUMENT for options that contradict each other or are out of range, RESOURCE_EXHAUSTED with the bytes needed,
// the bytes there and what to change where the model does not fit.
Plan MakePlan(const ModelSpec& spec, const ModelLayout& layout, const PlanOptions& options, const MachineSpec& machine);

std::string PlanJson(const Plan& plan);

std::string NumericsJson(const Numerics& numerics);
// INVALID_ARGUMENT for what is no such JSON; keys that are unknown are ignored, missing ones keep their defaults.
Numerics ParseNumerics(const std::string& json);

// One whole number of PlanJson by its key, nested keys joined by dots: "host_bytes", "memory.device.slots". NOT_FOUND otherwise.
int64_t PlanValue(const Plan& plan, const std::string& key);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_PLAN_PLAN_H_
