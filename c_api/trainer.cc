// Trainers: their life, and the calls that train.
#include "core/train/trainer.h"

#include <cmath>
#include <optional>

#include "c_api/batch.h"
#include "c_api/check.h"
#include "c_api/internal.h"
#include "core/io/json_text.h"
#include "core/machine/devices.h"
#include "core/model/spec_json.h"
#include "core/train/shared_plan.h"

namespace hlm::capi {
namespace {

hlm_trainer_options Defaults() {
  const OptimizerOptions optimizer;
  const ScheduleOptions schedule;
  hlm_trainer_options out{};
  out.struct_size = sizeof(out);
  out.lr = schedule.lr;
  out.beta1 = optimizer.beta1;
  out.beta2 = optimizer.beta2;
  out.eps = optimizer.eps;
  out.weight_decay = optimizer.weight_decay;
  out.schedule = HLM_SCHEDULE_CONSTANT;
  out.warmup_steps = schedule.warmup_steps;
  out.total_steps = schedule.total_steps;
  out.min_lr_ratio = schedule.min_lr_ratio;
  return out;
}

TrainerOptions Convert(const hlm_trainer_options& given) {
  CheckEnum(given.schedule, "schedule",
            {{HLM_SCHEDULE_CONSTANT, "CONSTANT"}, {HLM_SCHEDULE_LINEAR, "LINEAR"}, {HLM_SCHEDULE_COSINE, "COSINE"}});
  static_assert(static_cast<int32_t>(Schedule::kCosine) == HLM_SCHEDULE_COSINE);
  TrainerOptions own;
  own.optimizer = {Algorithm::kAdamW, given.beta1, given.beta2, given.eps, given.weight_decay};
  own.schedule = {given.lr, static_cast<Schedule>(given.schedule), given.warmup_steps, given.total_steps, given.min_lr_ratio};
  own.token_metrics = ReadBool(given.token_metrics, "token_metrics");
  return own;
}

// A plan's byte ranges come from the specification: another model with the same one may use it, no other.
void CheckPlanFits(const ModelSpec& model, const ModelSpec& planned) {
  const JsonValue own = ParseJson(SpecJson(model), "the model"), other = ParseJson(SpecJson(planned), "the plan's model");
  for (const auto& [key, value] : own.Members()) {
    if (key == "architecture" || key == "rms_norm_eps" || key == "rope_theta") continue;  // no size depends on them
    const JsonValue* there = other.Find(key);
    const std::string mine = PrintableJson(value), theirs = there == nullptr ? "(not there)" : PrintableJson(*there);
    if (mine != theirs) throw InvalidArgument("the plan was made for a model with ", key, " ", theirs, ", this one has ", mine);
  }
}

hlm_step_metrics ToMetrics(const StepMetrics& own) {
  hlm_step_metrics out{};
  out.struct_size = sizeof(out);
  out.step = own.step;
  out.loss = own.loss;
  out.grad_norm = own.grad_norm;
  out.lr = own.lr;
  out.tokens = own.tokens;
  out.seconds = own.seconds;
  out.skipped = own.skipped ? 1 : 0;
  out.skipped_units = own.skipped_units;
  out.mean_token_accuracy = own.mean_token_accuracy;
  out.entropy = own.entropy;
  out.aux_loss = own.aux_loss;
  out.router_z_loss = own.router_z_loss;
  out.expert_imbalance = own.expert_imbalance;
  out.unrouted_experts = own.unrouted_experts;
  return out;
}

}  // namespace
}  // namespace hlm::capi

using namespace hlm::capi;  // NOLINT: the functions below are this file's purpose

extern "C" {

void hlm_trainer_options_init_sized(hlm_trainer_options* options, size_t struct_size) {
  InitStruct(options, struct_size, Defaults());
}

void hlm_step_metrics_init_sized(hlm_step_metrics* metrics, size_t struct_size) {
  InitStruct(metrics, struct_size, ToMetrics(hlm::StepMetrics()));
}

hlm_error* hlm_trainer_create(const hlm_model* model, const hlm_plan* plan, const hlm_trainer_options* options,
                              hlm_trainer** out_trainer) {
  return hlm_trainer_create_in_group(model, plan, options, nullptr, out_trainer);
}

hlm_error* hlm_trainer_create_in_group(const hlm_model* model, const hlm_plan* plan, const hlm_trainer_options* options,
                                       hlm_group* group, hlm_trainer** out_trainer) {
  return Guard([&] {
    NotNull(model, "model");
    NotNull(plan, "plan");
    NotNull(out_trainer, "out_trainer");
    hlm::TrainerOptions own = Convert(ReadStruct(options, Defaults()));
    std::optional<Use> use;
    if (group != nullptr) {
      use.emplace(group->in_use, "the group");
      own.group = group->group;
    }
    CheckPlanFits(model->model->spec(), plan->spec);
    auto handle = std::make_unique<hlm_trainer>();
    std::shared_ptr<const hlm::Plan> shared = plan->plan;
    if (own.group != nullptr) shared = hlm::SharePlan(*own.group, *model->model, shared, plan->options, plan->machine);
    handle->trainer = std::make_unique<hlm::Trainer>(model->model, shared, own, hlm::MakeDevices(*shared));
    *out_trainer = handle.release();
  });
}

hlm_error* hlm_trainer_step(hlm_trainer* trainer, const hlm_batch* batch, hlm_step_metrics* out_metrics) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const Use use(trainer->in_use, "the trainer");
    hlm::Batch own = ReadSharedBatch(batch);
    ReadBeside(own, [&] { CheckOutStruct(out_metrics); });
    WriteStruct(ToMetrics(trainer->trainer->Step(own)), out_metrics);
  });
}

hlm_error* hlm_trainer_accumulate(hlm_trainer* trainer, const hlm_batch* batch, double* out_loss, int64_t* out_tokens) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const Use use(trainer->in_use, "the trainer");
    const hlm::BatchLoss loss = trainer->trainer->Accumulate(ReadSharedBatch(batch));
    if (out_loss != nullptr) *out_loss = loss.loss;
    if (out_tokens != nullptr) *out_tokens = loss.tokens;
  });
}

hlm_error* hlm_trainer_apply(hlm_trainer* trainer, hlm_step_metrics* out_metrics) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const Use use(trainer->in_use, "the trainer");
    CheckOutStruct(out_metrics);
    WriteStruct(ToMetrics(trainer->trainer->Apply()), out_metrics);
  });
}

hlm_error* hlm_trainer_discard(hlm_trainer* trainer) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const Use use(trainer->in_use, "the trainer");
    trainer->trainer->Discard();
  });
}

hlm_error* hlm_trainer_set_learning_rate(hlm_trainer* trainer, double lr) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    if (!std::isfinite(lr)) throw hlm::InvalidArgument("lr is ", lr, "; it must be finite (negative: the schedule's)");
    const Use use(trainer->in_use, "the trainer");
    trainer->trainer->SetLearningRate(lr);
  });
}

void hlm_trainer_cancel(hlm_trainer* trainer) {
  if (trainer != nullptr && !trainer->in_use.InForkedChild()) trainer->trainer->Cancel();
}

hlm_error* hlm_trainer_set_deadline(hlm_trainer* trainer, double seconds) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    if (!(seconds >= 0 && std::isfinite(seconds))) {
      throw hlm::InvalidArgument("seconds is ", seconds, "; it must be finite and not negative (0: no limit)");
    }
    const Use use(trainer->in_use, "the trainer");
    trainer->trainer->SetDeadline(seconds);
  });
}

hlm_error* hlm_trainer_finish(hlm_trainer* trainer) {
  return Guard([&] {
    NotNull(trainer, "trainer");
    const Use use(trainer->in_use, "the trainer");
    trainer->trainer->Finish();
  });
}

void hlm_trainer_destroy(hlm_trainer* trainer) { hlm::capi::Destroy(trainer); }

}  // extern "C"
