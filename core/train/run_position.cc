#include "core/train/run_position.h"

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/plan/routers.h"

namespace hlm {

RunPosition::RunPosition(const ModelSpec& spec, const Plan& plan, const ScheduleOptions& schedule) : schedule_(schedule) {
  if (plan.router.unrouted != Unrouted::kSkip) return;
  for (const LoadPlaces::Router& router : PlaceLoads(spec, plan).routers) {
    expert_updates_.emplace_back(static_cast<size_t>(router.experts));
  }
}

UpdateStep RunPosition::NextUpdate(double lr, double gradient_scale) const {
  return {.step = updates_ + 1, .lr = lr, .gradient_scale = gradient_scale, .key = RandomKey(updates_ + 1, "update")};
}

void RunPosition::Advance(bool skipped, const std::vector<std::vector<double>>& choices) {
  ++steps_;
  if (skipped) return;
  ++updates_;
  for (size_t r = 0; r < expert_updates_.size() && !choices.empty(); ++r) {
    for (size_t e = 0; e < expert_updates_[r].size(); ++e) expert_updates_[r][e] += choices[r][e] > 0;
  }
}

void RunPosition::Save(CheckpointInfo& info) const {
  info.step = steps_;
  info.updates = updates_;
  info.expert_updates = expert_updates_;
  if (fixed_lr_ >= 0) info.fixed_lr = fixed_lr_;
}

void RunPosition::Resume(const Manifest& manifest) {
  steps_ = manifest.step;
  updates_ = manifest.updates;
  // A checkpoint of a run that did not skip the unrouted has updated every expert each time.
  const std::vector<std::vector<int64_t>>& stored = manifest.expert_updates;
  for (size_t r = 0; r < expert_updates_.size(); ++r) {
    const bool there = r < stored.size() && stored[r].size() == expert_updates_[r].size();
    for (size_t e = 0; e < expert_updates_[r].size(); ++e) expert_updates_[r][e] = there ? stored[r][e] : updates_;
  }
  fixed_lr_ = manifest.fixed_lr.value_or(-1);
}

std::string RunPosition::Text() const { return StrCat("step ", steps_, " with ", updates_, " updates and lr ", NextRate()); }

}  // namespace hlm
