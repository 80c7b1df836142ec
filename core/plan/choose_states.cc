// Which states, master and timing, where the caller leaves them to the plan: exactness first, then speed.
#include <array>
#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/plan/choose.h"

namespace hlm {
namespace {

struct Storage {
  StateType states;
  bool remainder;
};

// The most exact first. Rounding weights loses more than rounding moments: a small update is lost with some probability, and what
// is in the weights stays there.
constexpr std::array<Storage, 6> kByExactness = {{{StateType::kF32, true},
                                                  {StateType::kBF16, true},
                                                  {StateType::kInt8, true},
                                                  {StateType::kF32, false},
                                                  {StateType::kBF16, false},
                                                  {StateType::kInt8, false}}};

std::vector<Storage> Storages(const PlanOptions& o) {
  std::vector<Storage> storages;
  for (const Storage& s : kByExactness) {
    if (!o.choose_states && s.states != o.states) continue;
    if (!o.choose_master && s.remainder != o.remainder) continue;
    if (o.choose_master && o.compute == DType::kF32 && !s.remainder) continue;
    storages.push_back(s);
  }
  return storages;
}

std::vector<Timing> Timings(const PlanOptions& o) {
  if (!o.choose_timing) return {o.timing};
  if (o.purpose != Purpose::kTrain || o.grad_clip != 0) return {Timing::kNextForward};
  return {Timing::kNextForward, Timing::kBackward};
}

}  // namespace

Plan ChooseStates(const PlanInputs& in, const PlanOptions& options, const std::function<Plan(const PlanOptions&)>& make) {
  const bool train = options.purpose == Purpose::kTrain;
  PlanOptions one = options;
  one.choose_states = one.choose_master = one.choose_timing = false;
  if (!train || (!options.choose_states && !options.choose_master && !options.choose_timing)) {
    if (options.choose_timing) one.timing = Timing::kNextForward;
    return make(one);
  }
  std::string refused;  // why not the more exact ones
  std::optional<Error> last;
  for (const Storage& storage : Storages(options)) {
    one.states = storage.states;
    one.remainder = storage.remainder;
    std::optional<Plan> best;
    for (const Timing timing : Timings(options)) {
      one.timing = timing;
      try {
        Plan plan = make(one);
        if (!best || plan.prediction.step_seconds < best->prediction.step_seconds) best = std::move(plan);
      } catch (const Error& error) {
        if (error.code() != Code::kResourceExhausted) throw;
        last = error;
      }
    }
    if (!best) {
      refused += StrCat(refused.empty() ? "" : ", ", Name(storage.states), "/", storage.remainder ? "split" : "none");
      continue;
    }
    const std::string limits =
        StrCat(HostLimit(in, *best), " bytes of host and ", DeviceLimit(in, *best), " bytes of device memory");
    best->choice =
        StrCat("states ", Name(best->numerics.states), ", master ", MasterName(best->numerics), ", timing ", Name(best->timing),
               ": ", refused.empty() ? "the most exact there is, and it fits " : "the most exact that fits ", limits);
    if (!refused.empty()) best->choice += StrCat("; ", refused, " (states/master) would need more");
    if (options.choose_timing && options.grad_clip == 0) best->choice += "; of the timings that fit the one predicted fastest";
    return std::move(*best);
  }
  HLM_CHECK(last, "a plan needs a choice");
  throw Error(last->code(),
              StrCat("none of the states and masters fits (", refused, "); with the last of them ", last->message()));
}

}  // namespace hlm
