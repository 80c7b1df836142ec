// What the trainers of a group of processes agree on before and behind the work that they share.
#include <cmath>
#include <cstring>

#include "core/train/group_batch.h"
#include "core/train/state.h"

namespace hlm {

void CheckProcesses(const Plan& plan, const TrainerOptions& options) {
  const int64_t size = options.group != nullptr ? options.group->size() : 1;
  if (plan.options.processes == size) return;
  throw FailedPrecondition("the plan is for ", plan.options.processes, " processes and the group has ", size,
                           ": plan with processes ", size);
}

void JoinGroup(const Model& model, const Plan& plan, const TrainerOptions& options, const std::optional<Error>& failed) {
  ProcessGroup* group = options.group.get();
  std::optional<Error> own = failed;
  if (!own && group->place().local_size > 1 && plan.devices.front().name.rfind("cpu", 0) != 0) {
    own = FailedPrecondition("the device is ", plan.devices.front().name, " and ", group->place().local_size,
                             " processes of the group are on this machine; one process drives all GPUs of a machine: start one");
  }
  const RouterPlan& router = plan.router;
  const OptimizerOptions& o = options.optimizer;
  const ScheduleOptions& r = options.schedule;
  Agree(*group, own,
        StrCat("numerics ", plan.numerics.hash, ", ", plan.step_tokens, " tokens a step, parts of ", plan.part_bytes,
               " bytes in ", plan.pieces.size(), " pieces, route ", Name(plan.route),
               plan.sharded ? ", sharded, " : ", replicated, ", Name(plan.timing), ", grad_clip ", plan.grad_clip, ", betas ",
               o.beta1, " ", o.beta2, ", eps ", o.eps, ", weight_decay ", o.weight_decay, ", lr ", r.lr, ", schedule ",
               static_cast<int>(r.schedule), " ", r.warmup_steps, " ", r.total_steps, " ", r.min_lr_ratio, ", token_metrics ",
               options.token_metrics, ", routers ", router.balance, " ", Name(router.scope), " ", router.z, " ", router.bias_rate,
               " ", Name(router.unrouted), ", ", model.layout().parameters, " parameters"));
  group->UseDevice(plan.devices.front().name);
}

Tokens Trainer::State::PrepareTogether(const Batch& batch, Predictions predictions, const char* call) {
  if (group == nullptr) return Prepare(batch, predictions);
  std::optional<Error> own;
  try {
    CheckAlive();
    interrupt.CallBegins();
    interrupt.Check();
    if (!batch.ids.empty()) PrepareTokens(batch, model->spec().vocab, Predictions::kUnused);
  } catch (const Error& error) {
    own = error;
  }
  std::optional<GroupBatch> all;
  Agreeing([&] {
    all.emplace(*group, batch, own, StrCat(call, " behind step ", step, " with ", updates, " updates and lr ", NextRate()));
  });
  return PrepareTokens(all->batch(), model->spec().vocab, predictions);
}

void Trainer::State::ShareNorms(const std::string& same, const std::optional<Error>& own) {
  if (!plan->sharded) return;
  Agreeing([&] { updater->norms().Take(Agree(*group, own, same, own ? "" : updater->norms().Own())); });
}

double Trainer::State::AgreeToApply() {
  if (group == nullptr) {
    const double squared_norm = updater->norms().Squared();
    interrupt.Check();
    return squared_norm;
  }
  std::optional<Error> own;
  try {
    interrupt.Check();
  } catch (const Error& error) {
    own = error;
  }
  const std::string same = StrCat("the end of step ", step + 1, " with lr ", NextRate());
  if (plan->sharded) {
    ShareNorms(same, own);
    return updater->norms().Squared();
  }
  // Every process has the same gradient: one with another norm has gone another way.
  const double squared_norm = updater->norms().Squared();
  uint64_t bits;
  std::memcpy(&bits, &squared_norm, sizeof(bits));
  Agreeing([&] { Agree(*group, own, StrCat(same, " and a gradient of norm ", std::sqrt(squared_norm), " (", bits, ")")); });
  return squared_norm;
}

SaveRanks Trainer::State::SaversGroup() const {
  if (!plan->sharded) return {};
  return {group->rank(), group->size(),
          [group = group](const std::string& own) { return group->AllGather(ProcessGroup::kSaves, own); }};
}

}  // namespace hlm
