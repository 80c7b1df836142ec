#include "core/train/joining.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "core/base/counted.h"
#include "core/group/group.h"
#include "core/train/group_batch.h"

namespace hlm {
namespace {

constexpr int64_t kSampled = 1024;      // values, of each end of a tensor
constexpr size_t kSampledTensors = 32;  // in front of the last: all of a unit's but those of its experts

// A hash of some of the weights: of each unit the ends of its first tensors and of its last. What was drawn from other seeds, or trained
// differently, be it some tensors alone, differs there; to read more would read the model twice.
uint64_t SampleOf(const Model& model) {
  uint64_t hash = 14695981039346656037ull;  // FNV-1a, by words
  std::vector<float> values;
  const auto take = [&](const TensorSpec& tensor, int64_t begin, int64_t n) {
    values.resize(static_cast<size_t>(n));
    model.weights().Read(tensor, begin, n, values.data());
    for (const float value : values) hash = (hash ^ std::bit_cast<uint32_t>(value)) * 1099511628211ull;
  };
  for (const UnitSpec& unit : model.layout().units) {
    for (size_t t = 0; t < unit.tensors.size(); ++t) {
      if (t >= kSampledTensors && t + 1 < unit.tensors.size()) continue;
      const TensorSpec& tensor = unit.tensors[t];
      const int64_t n = std::min(kSampled, tensor.elements);
      take(tensor, 0, n);
      take(tensor, tensor.elements - n, n);
    }
  }
  return hash;
}

}  // namespace

void CheckProcesses(const Plan& plan, const TrainerOptions& options) {
  const int64_t size = options.group != nullptr ? options.group->size() : 1;
  if (plan.options.processes == size) return;
  throw FailedPrecondition("the plan is for ", Counted(plan.options.processes, "process"), " and the group has ", size,
                           ": plan with processes ", size);
}

void JoinGroup(const Model& model, const Plan& plan, const TrainerOptions& options, const std::optional<Error>& failed) {
  ProcessGroup* group = options.group.get();
  std::optional<Error> own = failed;
  if (!own && group->place().local_size > 1 && plan.devices.front().name.rfind("cpu", 0) != 0) {
    own = FailedPrecondition("the device is ", plan.devices.front().name, " and ", group->place().local_size,
                             " processes of the group are on this machine; one process drives all GPUs of a machine: start one");
  }
  uint64_t sample = 0;
  try {
    if (!own) sample = SampleOf(model);
  } catch (const Error& error) {
    own = error;
  }
  const RouterPlan& router = plan.router;
  const OptimizerOptions& o = options.optimizer;
  const ScheduleOptions& r = options.schedule;
  Agree(*group, own,
        StrCat("numerics ", plan.numerics.hash, ", ", Counted(static_cast<int64_t>(plan.devices.size()), "device"), ", ",
               plan.step_tokens, " tokens a step, parts of ", plan.part_bytes, " bytes in ", plan.pieces.size(),
               " pieces, route ", Name(plan.route), plan.sharded ? ", sharded, " : ", replicated, ", Name(plan.timing),
               ", grad_clip ", plan.grad_clip, ", betas ", o.beta1, " ", o.beta2, ", eps ", o.eps, ", weight_decay ",
               o.weight_decay, ", lr ", r.lr, ", schedule ", Name(r.schedule), ", warmup_steps ", r.warmup_steps,
               ", total_steps ", r.total_steps, ", min_lr_ratio ", r.min_lr_ratio, ", token_metrics ", options.token_metrics,
               ", router_aux_loss_coef ", router.balance, ", router_aux_loss_scope ", Name(router.scope), ", router_z_loss_coef ",
               router.z, ", router_bias_rate ", router.bias_rate, ", unrouted ", Name(router.unrouted), ", ",
               model.layout().parameters, " parameters, weights whose sample has the hash ", sample));
  group->UseDevice(plan.devices.front().name);
}

}  // namespace hlm
