// The predicted time of a step, from rates of arithmetic, link and memory. It steers choices, and a run may be held against it.
//
// With P sweeps, F and B the forward and backward of one sweep, each as long as the longest of its arithmetic and of what moves up
// and down beside it, and O the optimizer beside the transfers:
//   next-forward   first unit + max(F, O) + B + (P - 1)(F + B)       no update can start before the norm is known, so it hides
//                                                                    behind the next step's first forward only
//   backward       first unit + (P - 1)(F + B) + max(F + B, O)       the last sweep's backward and the next step's forward ...
//                  first unit + (P - 1)(F + B) + F + max(B, O)       ... but backward alone without a gradient store: no gradient
//                                                                    outlives the ring's few entries
//   serial         first unit + P (F + B) + O
// Several GPUs share a step: each has its share of the arithmetic and a link of its own, host memory and the optimizer are common.
// And never shorter than all traffic of host memory at its rate. "First unit" is the update and the way up of the unit that the
// forward pass begins with. On the CPU device one set of cores does everything, one after the other.
#include <algorithm>

#include "core/layers/experts.h"
#include "core/plan/choose.h"
#include "core/plan/groups.h"
#include "core/plan/owned.h"
#include "core/plan/rehearse.h"

namespace hlm {
namespace {

// What the optimizer reaches of the memory's rate beside copy engines: 1.9 s of 26 bytes for each of 7.6 B parameters, with the
// transfers of a forward pass beside it, where the memory alone takes 125 GB/s.
constexpr double kOptimizerShare = 0.92;
// Core seconds of arithmetic for one parameter with 8-bit moments, which is more than its memory takes: 4.5 G parameters a second
// on 16 cores with AVX-512. Other states wait for memory.
constexpr double kInt8Arithmetic = 3.6e-9;
// What products by expert reach of a dense product's rate on a GPU: 626 of 798 TFLOP/s over the three of 1,024 rows an expert.
constexpr double kGroupedShare = 0.8;
// How often backward and forward together read and write what a block's forward pass makes, beside the products.
constexpr double kActivationTraffic = 3;

double SavedBytes(const Block& block, DType type) {  // a token
  double bytes = 0;
  for (const SavedTensor& tensor : block.declaration().saved()) bytes += static_cast<double>(tensor.bytes.Of(type));
  return bytes;
}

// GPUs work beside each other; the CPU's share its processors, whose rates are of all of them.
double Beside(const PlanInputs& in) { return in.machine.device_is_host ? 1.0 : static_cast<double>(in.machine.device_count()); }

struct Compute {  // seconds of a whole step, on each device at once
  double forward = 0, backward = 0;
};

Compute FillCompute(const PlanInputs& in, Plan& plan) {
  const MachineSpec& m = in.machine;
  const Rehearsal& rehearsal = *plan.rehearsal;
  const double micro_batches =
      static_cast<double>(plan.step_tokens) / static_cast<double>(plan.micro_tokens * plan.options.processes);
  const double rate = plan.numerics.compute == DType::kF32 ? m.product_flops_f32 : m.product_flops_bf16;
  const bool backward = plan.purpose != Purpose::kForward;

  ProductFlops flops[2];       // forward, backward; of one micro-batch
  double traffic[2] = {0, 0};  // bytes, likewise
  const auto add = [](ProductFlops& sum, const ProductFlops& more) {
    sum.linear += more.linear;
    sum.grouped += more.grouped;
    sum.attention += more.attention;
  };
  const ProductFlops head = FlopsOf(rehearsal.head);
  add(flops[0], head);
  if (backward) {
    const ProductFlops both = FlopsOf(rehearsal.head_backward);
    add(flops[1], {both.linear - head.linear, both.grouped - head.grouped, both.attention - head.attention});
  }
  for (int64_t layer = 0; layer < in.layout.layers(); ++layer) {
    const size_t policy = static_cast<size_t>(plan.activations[static_cast<size_t>(layer)]);
    const Rehearsal::Kind& kind = rehearsal.kinds[static_cast<size_t>(in.layout.kind_of[static_cast<size_t>(layer)])];
    const double made = SavedBytes(in.layout.block(layer), plan.numerics.compute) * static_cast<double>(plan.micro_tokens);
    add(flops[0], FlopsOf(kind.forward));
    traffic[0] += made * kActivationTraffic / 3 + RowBytesOf(kind.forward);
    if (!backward || layer < plan.first_backward) continue;
    add(flops[1], rehearsal.backward_flops[static_cast<size_t>(layer)]);
    add(flops[1], FlopsOf(kind.again[policy]));
    traffic[1] += made * kActivationTraffic * 2 / 3 + RowBytesOf(kind.backward) + RowBytesOf(kind.again[policy]);
    if (plan.activations[static_cast<size_t>(layer)] == Activations::kRecompute) traffic[1] += made * kActivationTraffic / 3;
    if (plan.activations[static_cast<size_t>(layer)] == Activations::kKeepCheap) traffic[1] += made / 3;
  }
  const double grouped = m.device_is_host ? 1 : kGroupedShare;
  const auto seconds = [&](int i) {
    const double elementwise = m.device_bytes_per_second > 0 ? traffic[i] / m.device_bytes_per_second : 0;
    return micro_batches / Beside(in) *
           ((flops[i].linear + flops[i].grouped / grouped) / (rate * m.product_share) +
            flops[i].attention / (rate * m.attention_share) + elementwise);
  };
  plan.prediction.flops = micro_batches * (flops[0].all() + flops[1].all());
  plan.prediction.flops_seconds = plan.prediction.flops / rate / Beside(in) / static_cast<double>(plan.options.processes);
  return {seconds(0), seconds(1)};
}

// Bytes of host memory that one update touches: master and moments read and written, the gradient read.
double OptimizerBytes(const Plan& plan, double elements) {
  const Numerics& n = plan.numerics;
  const double grad = static_cast<double>(SizeOf(n.grad_dtype));
  const double master = static_cast<double>(plan.WeightBytes()) + (n.remainder ? 2.0 : 0.0);
  const double scale = n.states == StateType::kInt8 ? 4.0 / kStateBlock : 0.0;
  const double moments = static_cast<double>(MomentCount(n.algorithm)) * (static_cast<double>(StateBytes(n.states, 1)) + scale);
  return elements * (2 * (master + moments) + grad);
}

// Of an update whose bytes, and `others` that move meanwhile, go at `rate`.
double OptimizerSeconds(const Plan& plan, double elements, double others, double rate) {
  const double memory = (OptimizerBytes(plan, elements) + others) / rate;
  if (plan.numerics.states != StateType::kInt8) return memory;
  return std::max(memory, elements * kInt8Arithmetic / static_cast<double>(plan.optimizer_threads));
}

// Gradients on their way from the ring to where the optimizer reads them: copied in the first sweep, added later; read once more
// for their norm where they are consumed straight from the ring.
// `owned`: of which the process keeps the sums.
double AccumulateBytes(const Plan& plan, double elements, double owned) {
  const double grad = static_cast<double>(SizeOf(plan.numerics.grad_dtype)), sums = static_cast<double>(plan.numerics.sweeps);
  if (!plan.gradient_store) return elements * grad;
  // Each term is read; each but the last is written as a partial sum, which is read once. In a group of processes the last one's sum is
  // written and read again. What is taken into the store is written, later ones are added.
  if (plan.numerics.reduction_groups > 1) {
    const double terms = static_cast<double>(plan.TermsOnHost());
    const double again = terms > 1 && plan.options.processes > 1 ? 8 : 0;
    return elements * (4 * terms + 8 * (terms - 1) + again) * sums + owned * grad * (2 * sums - 1);
  }
  return elements * grad * (2 + 3 * (sums - 1));
}

// What of a visit's weights and gradients moves: where only routed experts do, as many as have rows where those fall evenly.
double ShareMoved(const PlanInputs& in, const Plan& plan, const Visit& visit) {
  if (plan.experts_up == ExpertsUp::kAll || visit.stage.kind != Stage::kGroup) return 1;
  const ExpertsSpec& experts = in.layout.block(visit.layer).experts()->spec();
  const int64_t tokens = plan.sweep_tokens * static_cast<int64_t>(plan.devices.size());
  return ShareRouted(experts.count, experts.chosen, visit.stage.experts, tokens);
}

// Elements of gradients that a sweep sends down.
int64_t GradientsDown(const PlanInputs& in, const Plan& plan) {
  if (plan.experts_up == ExpertsUp::kAll) return plan.pieces.TrainedElements();
  double down = 0;
  for (const Visit& visit : MakeVisits(in.layout, plan.pieces, 1, false, plan.Slots(), plan.first_backward)) {
    for (const int64_t piece : visit.gradients)
      down += ShareMoved(in, plan, visit) * static_cast<double>(plan.pieces[piece].trained_elements());
  }
  return static_cast<int64_t>(down);
}

// Bytes of weights that a pass sends up. Groups of experts make many visits, of which no sweep is unlike the one before it.
int64_t WeightsUp(const PlanInputs& in, const Plan& plan, bool forward_only) {
  const auto of = [&](int64_t sweeps) {
    const auto visits = MakeVisits(in.layout, plan.pieces, sweeps, forward_only, plan.Slots(), plan.first_backward);
    return UploadBytes(plan.pieces, visits, [&](const Visit& visit) { return ShareMoved(in, plan, visit); });
  };
  const bool by_group = SweepVisits(in.layout, plan.pieces) > 2 * in.layout.layers() + 3;
  if (!by_group || plan.sweeps <= 3) return of(plan.sweeps);
  const int64_t two = of(2);
  return two + (plan.sweeps - 2) * (of(3) - two);
}

// What a process of several sends in a step, and takes. Every sum of gradients is exchanged in fp32.
struct Network {
  double gradients = 0, weights = 0;  // bytes
  double rate = 0;
  double Seconds(double bytes) const { return rate > 0 ? bytes / rate : 0; }
};

Network NetworkOf(const PlanInputs& in, const Plan& plan, double elements) {
  Network network;
  const double processes = static_cast<double>(plan.options.processes);
  if (plan.options.processes == 1 || plan.purpose == Purpose::kForward) return network;
  const double sums = static_cast<double>(plan.numerics.sweeps), others = (processes - 1) / processes;
  network.rate = in.machine.network_bytes_per_second;
  network.gradients = (plan.sharded ? 4 : 8) * elements * sums * others;
  network.weights = plan.sharded ? static_cast<double>(plan.WeightBytes()) * elements * others : 0;
  return network;
}

// Bytes of a step, over all sweeps.
struct Moves {
  int64_t weights = 0, gradients = 0;  // that a device takes, and sends: all, or a shard of them
  int64_t copies = 1;                  // of each over the links of all devices
  int64_t inputs = 0;                  // block inputs: each sweep writes them down and reads them back
  int64_t down_elements = 0;           // of gradients, a sweep
  int64_t weights_up() const { return copies * weights; }
  int64_t gradients_down() const { return copies * gradients; }
};

Moves FillMoves(const PlanInputs& in, Plan& plan) {
  const MachineSpec& m = in.machine;
  const bool backward = plan.purpose != Purpose::kForward;
  const int64_t devices = static_cast<int64_t>(plan.devices.size());
  Moves moves;
  moves.copies = plan.route == Route::kPeer ? 1 : devices;
  moves.weights = WeightsUp(in, plan, !backward);
  moves.down_elements = backward ? GradientsDown(in, plan) : 0;
  moves.gradients = moves.down_elements * static_cast<int64_t>(SizeOf(plan.DownType())) * plan.sweeps;
  moves.inputs = plan.host.block_inputs * plan.sweeps;

  Prediction& p = plan.prediction;
  if (plan.route == Route::kPeer) p.peer_bytes = (devices - 1) * (moves.weights + moves.gradients);
  if (m.peer_bytes_per_second > 0) p.peer_seconds = static_cast<double>(p.peer_bytes) / Beside(in) / m.peer_bytes_per_second;
  p.up_bytes = moves.weights_up() + moves.inputs;
  p.down_bytes = moves.gradients_down() + moves.inputs;
  p.up_seconds = static_cast<double>(p.up_bytes) / m.up_bytes_per_second / Beside(in);
  p.down_seconds = static_cast<double>(p.down_bytes) / m.down_bytes_per_second / Beside(in);
  return moves;
}

struct Updates {
  double elements = 0;          // that are updated
  double accumulate_bytes = 0;  // of gradients on their way there
};

Updates FillHostMemory(const PlanInputs& in, const Moves& moves, Plan& plan) {
  const MachineSpec& m = in.machine;
  const int64_t trained = plan.pieces.TrainedElements();
  const double owned = static_cast<double>(plan.sharded ? MostOwned(plan) : trained);
  Updates updates;
  if (plan.purpose == Purpose::kTrain) updates.elements = plan.DefersUpdates() ? static_cast<double>(moves.down_elements) : owned;
  if (plan.purpose != Purpose::kForward) updates.accumulate_bytes = AccumulateBytes(plan, static_cast<double>(trained), owned);

  Prediction& p = plan.prediction;
  p.optimizer_bytes = static_cast<int64_t>(OptimizerBytes(plan, updates.elements));
  p.accumulate_bytes = static_cast<int64_t>(updates.accumulate_bytes);
  p.host_bytes = p.up_bytes + p.down_bytes + p.optimizer_bytes + p.accumulate_bytes;
  p.host_seconds = static_cast<double>(p.host_bytes) / m.host_bytes_per_second;
  p.moves_seconds =
      std::max({p.up_seconds, p.down_seconds, static_cast<double>(p.host_bytes - p.accumulate_bytes) / m.host_bytes_per_second});
  p.save_stall_seconds = static_cast<double>(plan.own_state_bytes - plan.host.snapshot) / m.disk_bytes_per_second;
  return updates;
}

// One set of cores does everything, one after the other.
void FillStepOnHost(const PlanInputs& in, const Compute& compute, const Updates& updates, Plan& plan) {
  const double rate = in.machine.host_bytes_per_second, sweeps = static_cast<double>(plan.sweeps);
  Prediction& p = plan.prediction;
  p.optimizer_seconds = OptimizerSeconds(plan, updates.elements, 0, rate);
  const double accumulate_seconds = updates.accumulate_bytes / rate;
  p.forward_seconds = compute.forward / sweeps;
  p.backward_seconds = compute.backward / sweeps;
  p.step_seconds =
      p.compute_seconds + p.up_seconds + p.down_seconds + p.optimizer_seconds + accumulate_seconds + p.network_seconds;
  p.limit = p.network_seconds >= p.step_seconds / 2   ? "network"
            : p.compute_seconds >= p.step_seconds / 2 ? "compute"
                                                      : "host memory";
}

// Seconds of what moves beside a sweep's forward and backward pass.
struct SweepMoves {
  double forward_up = 0;  // bytes of all devices
  double forward_link = 0, backward_link = 0;
  double forward_host = 0, backward_host = 0;
};

SweepMoves MovesOfSweep(const PlanInputs& in, const Plan& plan, const Moves& moves, const Updates& updates) {
  const MachineSpec& m = in.machine;
  const double sweeps = static_cast<double>(plan.sweeps), devices = static_cast<double>(plan.devices.size());
  const int64_t all_weights = plan.host.weights;
  // All weights go up in the forward pass; what is not on the device any more comes again in the backward pass.
  SweepMoves s;
  s.forward_up = std::min(static_cast<double>(moves.weights_up()) / sweeps, static_cast<double>(moves.copies * all_weights));
  const double backward_up = (static_cast<double>(moves.weights_up() + moves.inputs) / sweeps) - s.forward_up;
  const double backward_down = static_cast<double>(moves.gradients_down()) / sweeps;
  const double forward_down = static_cast<double>(moves.inputs) / sweeps;

  // Each device has a link of its own, and all of them may share a way through the host.
  const double links_of_all = m.links_bytes_per_second / devices;
  const double both = m.both_bytes_per_second > 0 ? m.both_bytes_per_second : m.up_bytes_per_second + m.down_bytes_per_second;
  const auto link = [&](double up, double down) {  // of all devices
    up /= devices;
    down /= devices;
    const double alone = std::max({up / m.up_bytes_per_second, down / m.down_bytes_per_second, (up + down) / both});
    return links_of_all > 0 ? std::max(alone, (up + down) / links_of_all) : alone;
  };
  // What comes from the other devices goes over links of their own, at the same time.
  const double peer_moves = static_cast<double>(moves.weights + moves.gradients);
  const Prediction& p = plan.prediction;
  const double peers = p.peer_bytes > 0 ? p.peer_seconds / sweeps / peer_moves : 0;
  const double forward_gathered = static_cast<double>(std::min(moves.weights, all_weights * plan.sweeps));
  s.forward_link = std::max(link(s.forward_up, forward_down), peers * forward_gathered);
  s.backward_link = std::max(link(backward_up, backward_down), peers * (peer_moves - forward_gathered));
  // Transfers and accumulation share the host's memory.
  s.backward_host = (backward_up + backward_down + updates.accumulate_bytes / sweeps) / m.host_bytes_per_second;
  s.forward_host = (s.forward_up + forward_down) / m.host_bytes_per_second;
  return s;
}

void FillStepOnDevices(const PlanInputs& in, const Compute& compute, const Updates& updates, const Network& network,
                       const SweepMoves& moves, Plan& plan) {
  const MachineSpec& m = in.machine;
  const bool backward = plan.purpose != Purpose::kForward, train = plan.purpose == Purpose::kTrain;
  const double sweeps = static_cast<double>(plan.sweeps);
  Prediction& p = plan.prediction;
  const double forward_compute = compute.forward / sweeps, backward_compute = compute.backward / sweeps;
  // Routed experts alone go up behind the choice, not beside what computes it.
  const double waited = plan.experts_up == ExpertsUp::kRouted ? std::min(forward_compute, moves.forward_link) : 0;
  const double f = p.forward_seconds = std::max({forward_compute, moves.forward_link, moves.forward_host}) + waited;
  const double b = p.backward_seconds = backward ? std::max({backward_compute, moves.backward_link, moves.backward_host}) : 0;
  const double optimizer_rate = m.host_bytes_per_second * kOptimizerShare;
  p.optimizer_seconds = train ? OptimizerSeconds(plan, updates.elements, moves.forward_up, optimizer_rate) : 0;
  // Updated weights go to the other processes one after the other, each behind its update.
  const double o = p.optimizer_seconds + network.Seconds(network.weights);

  const double first = static_cast<double>(in.layout.units[0].elements);
  p.first_unit_seconds = static_cast<double>(plan.pieces.Bytes(0)) / m.up_bytes_per_second;
  if (train && plan.pieces.TrainedParts(0) > 0) p.first_unit_seconds += OptimizerSeconds(plan, first, 0, m.host_bytes_per_second);

  const bool next_forward = train && plan.timing == Timing::kNextForward, in_backward = train && plan.timing == Timing::kBackward;
  const double rest = (sweeps - 1) * (f + b);
  // What the optimizer has beside it, and what it does not.
  const double beside = next_forward ? f : in_backward ? (plan.gradient_store ? f + b : b) : 0;
  const double step = p.first_unit_seconds + rest + (f + b - beside) + std::max(beside, o);
  // A sum's gradients cross beside its last backward pass.
  const double sums = static_cast<double>(plan.numerics.sweeps);
  const double late = std::max(network.Seconds(network.gradients) - sums * b, 0.0);
  p.step_seconds = std::max(step + late, p.host_seconds);

  const double links = sweeps * (moves.forward_link + moves.backward_link);
  const double hosts = sweeps * (moves.forward_host + moves.backward_host);
  // The step waits for the optimizer, and that is most of it.
  const bool optimizer = train && o > beside && o > p.step_seconds / 2;
  p.limit = late + network.Seconds(network.weights) > p.step_seconds / 2 ? "network"
            : p.host_seconds > step + late                               ? "host memory"
            : optimizer                                                  ? "optimizer"
            : hosts > std::max(links, p.compute_seconds)                 ? "host memory"
            : links > p.compute_seconds                                  ? "link"
                                                                         : "compute";
}

}  // namespace

void FillPrediction(const PlanInputs& in, Plan& plan) {
  Prediction& p = plan.prediction;
  p = {};
  const Compute compute = FillCompute(in, plan);
  p.compute_seconds = compute.forward + compute.backward;
  const Moves moves = FillMoves(in, plan);
  const Updates updates = FillHostMemory(in, moves, plan);
  const Network network = NetworkOf(in, plan, static_cast<double>(plan.pieces.TrainedElements()));
  p.network_bytes = static_cast<int64_t>(network.gradients + network.weights);
  p.network_seconds = network.Seconds(network.gradients + network.weights);
  if (in.machine.device_is_host) return FillStepOnHost(in, compute, updates, plan);
  FillStepOnDevices(in, compute, updates, network, MovesOfSweep(in, plan, moves, updates), plan);
}

}  // namespace hlm
