// Chooses sweeps, activation policies and the place of block inputs: the fastest by prediction that fits.
#include <algorithm>
#include <optional>

#include "core/base/checked.h"
#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/plan/choose.h"
#include "core/plan/groups.h"

namespace hlm {
namespace {

bool Fits(const PlanInputs& in, const Plan& plan) {
  if (plan.host_bytes > HostLimit(in, plan)) return false;
  return plan.device_bytes <= DeviceLimit(in, plan);
}

// The best policies that fit for the sweeps and the place of block inputs in the plan: `keep` for as many blocks as
// possible over `keep-cheap`, and that over `recompute`. The first blocks are kept least: their activations live longest.
bool ChoosePolicies(const PlanInputs& in, Plan& plan) {
  const int64_t layers = in.spec.layers();
  const auto set = [&](Activations low, Activations high, int64_t high_count) {
    plan.activations.assign(static_cast<size_t>(layers), low);
    std::fill(plan.activations.end() - high_count, plan.activations.end(), high);
    std::fill_n(plan.activations.begin(), std::max<int64_t>(plan.first_backward, 0),
                Activations::kRecompute);  // nothing reads them
    FillMemory(in, plan);
    return Fits(in, plan);
  };
  // Most blocks of the better policy that fit; memory grows with the count, so halving finds it. -1: not even none.
  const auto most = [&](Activations low, Activations high) {
    if (!set(low, high, 0)) return int64_t{-1};
    int64_t fits = 0, fails = layers + 1;
    while (fails - fits > 1) {
      const int64_t middle = (fits + fails) / 2;
      (set(low, high, middle) ? fits : fails) = middle;
    }
    set(low, high, fits);
    return fits;
  };
  if (plan.options.activations) {
    const Activations forced = *plan.options.activations;
    return most(forced, forced) >= 0;
  }
  if (plan.purpose == Purpose::kForward) return most(Activations::kRecompute, Activations::kRecompute) >= 0;
  if (most(Activations::kKeepCheap, Activations::kKeep) >= 0) return true;
  return most(Activations::kRecompute, Activations::kKeepCheap) >= 0;
}

// What other states, no remainder and no gradient store would save of host memory.
std::string Savings(const Plan& plan) {
  const HostMemory& host = plan.host;
  const Numerics& n = plan.numerics;
  const int64_t elements = plan.pieces.TrainedElements(), moments = MomentCount(n.algorithm);
  const auto taken = [&](StateType states) {
    return moments * (StateBytes(states, elements) + 4 * StateScales(states, elements));
  };
  std::string text;
  for (const StateType states : {StateType::kBF16, StateType::kInt8}) {
    const int64_t saved = taken(n.states) - taken(states);
    if (saved > 0) text += StrCat(", states ", Name(states), " (saves ", saved, " bytes)");
  }
  if (host.remainders > 0) text += StrCat(", master none (saves ", host.remainders, " bytes)");
  if (plan.gradient_store) {
    text += StrCat(", optimizer_timing backward with grad_clip 0 and one sweep (no gradient store: saves ", host.gradients,
                   " bytes)");
  }
  return text;
}

std::string Advice(const PlanInputs& in, const Plan& plan) {
  const int64_t host = HostLimit(in, plan), device = DeviceLimit(in, plan);
  const bool host_short = plan.host_bytes > host;
  const int64_t moments = plan.host.first_moments + plan.host.second_moments + plan.host.scales;
  const int64_t arena = in.machine.device_is_host ? plan.device_bytes * in.machine.device_count() : 0;
  const int64_t named =
      plan.host.weights + plan.host.remainders + moments + plan.host.gradients + arena + plan.host_reserve_bytes;
  std::string text =
      host_short ? StrCat("the plan needs ", plan.host_bytes, " bytes of host memory and ", host, " may be used (weights ",
                          plan.host.weights, ", remainders ", plan.host.remainders, ", moments ", moments, ", gradients ",
                          plan.host.gradients, arena > 0 ? StrCat(", device arena ", arena) : std::string(), ", other ",
                          plan.host_bytes - named, ", libraries and drivers ", plan.host_reserve_bytes, ")")
                 : StrCat("the plan needs ", plan.device_bytes, " bytes of device memory and ", device, " may be used");
  text += ": a smaller micro_batch, batch_size or seq_len";
  if (plan.options.activations && *plan.options.activations != Activations::kRecompute) text += ", activations recompute";
  if (plan.options.block_inputs == BlockInputs::kDevice && !in.machine.device_is_host) text += ", block_inputs host";
  if (host_short && plan.purpose == Purpose::kTrain) text += Savings(plan);
  return text + ", or a smaller model would fit better";
}

// Whether the first block that has a backward pass makes all again for it.
bool Recomputes(const Plan& plan) {
  const size_t first = static_cast<size_t>(std::max<int64_t>(plan.first_backward, 0));
  return first < plan.activations.size() && plan.activations[first] == Activations::kRecompute;
}

// Every number of sweeps is looked at, up to this many micro-batches; of more, steps of a sixteenth beyond 64 sweeps: a plan for
// any step is made in bounded time.
constexpr int64_t kAllSweeps = 4096;

int64_t NextSweeps(int64_t sweeps, int64_t micro_batches) {
  return sweeps + (micro_batches <= kAllSweeps ? 1 : std::max<int64_t>(1, sweeps / 16));
}

// Visits of all sweeps are a list: a model of very many layers, or groups of experts, is swept less often.
int64_t LastSweeps(const PlanInputs& in, const PlanOptions& options, const PieceList& pieces, int64_t micro_batches) {
  const int64_t groups = options.reduction_groups;
  const int64_t all = std::clamp<int64_t>(kMostVisits / SweepVisits(in.layout, pieces), 1, kMostSweeps), most = all / groups;
  const auto may_have = [&](int64_t number) {
    return StrCat("; a model of ", Counted(in.spec.layers(), "layer"), " may have ", number, " (", kMostVisits, " visits)");
  };
  if (most == 0) throw InvalidArgument("reduction_groups is ", groups, may_have(all));
  if (options.sweeps > most) {
    throw InvalidArgument("sweeps is ", options.sweeps, groups > 1 ? StrCat(" and reduction_groups ", groups) : std::string(),
                          may_have(most));
  }
  return options.sweeps != 0 ? options.sweeps : std::min(micro_batches / groups, most);
}

// What several devices may do: the host's way is always there.
std::vector<Route> Routes(const PlanInputs& in, const PlanOptions& options) {
  if (options.route) return {*options.route};
  if (in.machine.device_count() == 1 || in.machine.peer_bytes_per_second == 0) return {Route::kHost};
  return {Route::kHost, Route::kPeer};
}

}  // namespace

void ChooseActivations(const PlanInputs& in, Plan& plan) {
  const PlanOptions& o = plan.options;
  const int64_t micro_batches = CeilDiv(o.batch_size, o.micro_batch);
  const int64_t groups = o.reduction_groups, devices = in.machine.device_count() * o.processes;
  // A number that is forced leaves a micro-batch for each group of each sum.
  if (groups * std::max<int64_t>(o.sweeps, 1) > micro_batches && groups > 1) {
    throw InvalidArgument("reduction_groups is ", groups, o.sweeps > 1 ? StrCat(" and sweeps ", o.sweeps) : std::string(),
                          "; a step of ", Counted(o.batch_size, "row"), " in micro-batches of ", o.micro_batch, " has ",
                          Counted(micro_batches, "micro-batch"), ", and each group needs one");
  }
  if (micro_batches > kMostMicroBatches) {
    throw InvalidArgument("a step of batch_size ", o.batch_size, " in micro-batches of ", o.micro_batch, " rows has ",
                          micro_batches, " micro-batches; the limit is ", kMostMicroBatches,
                          ": a larger micro_batch, or a smaller batch_size");
  }
  if (o.sweeps > micro_batches) {
    throw InvalidArgument("sweeps is ", o.sweeps, "; a step of ", Counted(o.batch_size, "row"), " in micro-batches of ",
                          o.micro_batch, " has ", Counted(micro_batches, "micro-batch"), ", and each sweep needs one");
  }
  const bool forward = plan.purpose == Purpose::kForward;
  std::vector<BlockInputs> places = {BlockInputs::kDevice, BlockInputs::kHost};
  if (o.block_inputs) places = {*o.block_inputs};
  if (forward) places = {BlockInputs::kDevice};

  std::optional<Plan> best;
  std::optional<Plan> smallest;  // to explain a refusal
  // Each of a step's sums takes a sweep for each group, and as many groups as there are devices have theirs at once.
  const int64_t last = LastSweeps(in, o, plan.pieces, micro_batches);
  for (const Route route : Routes(in, o)) {
    std::optional<Plan> own;
    int64_t last_share = 0;
    for (int64_t sweeps = std::max<int64_t>(o.sweeps, 1); sweeps <= last; sweeps = NextSweeps(sweeps, micro_batches)) {
      const int64_t share = CeilDiv(micro_batches, groups * sweeps);
      if (o.sweeps == 0 && share == last_share) continue;  // more traffic for nothing
      last_share = share;
      for (const BlockInputs place : places) {
        Plan candidate = plan;
        candidate.route = route;
        candidate.sweeps = groups > 1 ? sweeps * groups / devices : sweeps;
        candidate.numerics.sweeps = sweeps;
        candidate.sweep_tokens = std::min(plan.step_tokens, share * plan.micro_tokens);
        candidate.block_inputs = place;
        // Sizes are those of the last policies that were looked at; how long it takes counts only where it fits.
        const bool fits = ChoosePolicies(in, candidate);
        if (fits) FillPrediction(in, candidate);
        if (fits && (!own || candidate.prediction.step_seconds < own->prediction.step_seconds)) own = candidate;
        if (!smallest || candidate.host_bytes + candidate.device_bytes < smallest->host_bytes + smallest->device_bytes)
          smallest = candidate;
        if (fits) break;  // block inputs on the device fit: the host is only slower
      }
      if (sweeps == 1 && o.sweeps == 0 && own && !Recomputes(*own)) break;  // nothing to gain
    }
    if (own && (!best || own->prediction.step_seconds < best->prediction.step_seconds)) best = std::move(own);
  }
  if (!best) throw ResourceExhausted(Advice(in, *smallest));
  plan = *best;
}

}  // namespace hlm
