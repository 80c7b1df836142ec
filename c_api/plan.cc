#include "core/plan/plan.h"

#include "c_api/check.h"
#include "c_api/internal.h"
#include "core/machine/devices.h"

namespace hlm::capi {
namespace {

constexpr int32_t kAsCompute = -1;  // grad_dtype

hlm_plan_options Defaults() {
  const PlanOptions own;
  hlm_plan_options out{};
  out.struct_size = sizeof(out);
  out.device = "auto";
  out.purpose = HLM_PURPOSE_TRAIN;
  out.compute = HLM_DTYPE_BF16;
  out.batch_size = own.batch_size;
  out.seq_len = own.seq_len;
  out.prefetch = -1;
  out.optimizer_timing = HLM_TIMING_NEXT_FORWARD;
  out.grad_dtype = kAsCompute;
  out.grad_clip = own.grad_clip;
  out.optimizer = HLM_OPTIMIZER_ADAMW;
  out.states = HLM_STATES_F32;
  out.master = HLM_MASTER_SPLIT;
  out.snapshot_bytes = own.snapshot_bytes;
  out.processes = own.processes;
  out.router_aux_loss_coef = own.balance;
  return out;
}

void CheckChoices(const hlm_plan_options& given) {
  CheckEnum(given.purpose, "purpose",
            {{HLM_PURPOSE_TRAIN, "TRAIN"}, {HLM_PURPOSE_FORWARD_BACKWARD, "FORWARD_BACKWARD"}, {HLM_PURPOSE_FORWARD, "FORWARD"}});
  CheckEnum(given.compute, "compute", {{HLM_DTYPE_F32, "F32"}, {HLM_DTYPE_BF16, "BF16"}});
  CheckEnum(given.activations, "activations",
            {{HLM_ACTIVATIONS_AUTO, "AUTO"},
             {HLM_ACTIVATIONS_KEEP, "KEEP"},
             {HLM_ACTIVATIONS_KEEP_CHEAP, "KEEP_CHEAP"},
             {HLM_ACTIVATIONS_RECOMPUTE, "RECOMPUTE"}});
  CheckEnum(given.block_inputs, "block_inputs",
            {{HLM_BLOCK_INPUTS_AUTO, "AUTO"}, {HLM_BLOCK_INPUTS_DEVICE, "DEVICE"}, {HLM_BLOCK_INPUTS_HOST, "HOST"}});
  CheckEnum(given.optimizer_timing, "optimizer_timing",
            {{HLM_TIMING_NEXT_FORWARD, "NEXT_FORWARD"},
             {HLM_TIMING_BACKWARD, "BACKWARD"},
             {HLM_TIMING_SERIAL, "SERIAL"},
             {HLM_TIMING_AUTO, "AUTO"}});
  CheckEnum(given.grad_dtype, "grad_dtype", {{kAsCompute, "as compute"}, {HLM_DTYPE_F32, "F32"}, {HLM_DTYPE_BF16, "BF16"}});
  CheckEnum(
      given.optimizer, "optimizer",
      {{HLM_OPTIMIZER_ADAMW, "ADAMW"}, {HLM_OPTIMIZER_ADAM, "ADAM"}, {HLM_OPTIMIZER_SGD, "SGD"}, {HLM_OPTIMIZER_LION, "LION"}});
  CheckEnum(given.states, "states",
            {{HLM_STATES_AUTO, "AUTO"}, {HLM_STATES_F32, "F32"}, {HLM_STATES_BF16, "BF16"}, {HLM_STATES_INT8, "INT8"}});
  CheckEnum(given.master, "master", {{HLM_MASTER_AUTO, "AUTO"}, {HLM_MASTER_SPLIT, "SPLIT"}, {HLM_MASTER_NONE, "NONE"}});
  CheckEnum(given.route, "route", {{HLM_ROUTE_AUTO, "AUTO"}, {HLM_ROUTE_HOST, "HOST"}, {HLM_ROUTE_PEER, "PEER"}});
  CheckEnum(given.optimizer_path, "optimizer_path",
            {{HLM_PATH_AUTO, "AUTO"}, {HLM_PATH_FUSED, "FUSED"}, {HLM_PATH_ONEDNN, "ONEDNN"}});
  CheckEnum(given.ignore_dropout, "ignore_dropout", {{0, "no"}, {1, "yes"}});
  CheckEnum(given.train_pad_row, "train_pad_row", {{0, "no"}, {1, "yes"}});
  CheckEnum(given.router_aux_loss_scope, "router_aux_loss_scope",
            {{HLM_AUX_SCOPE_STEP, "STEP"}, {HLM_AUX_SCOPE_GROUP, "GROUP"}, {HLM_AUX_SCOPE_SEQUENCE, "SEQUENCE"}});
  CheckEnum(given.unrouted, "unrouted", {{HLM_UNROUTED_ZERO, "ZERO"}, {HLM_UNROUTED_SKIP, "SKIP"}});
  CheckEnum(
      given.process_states, "process_states",
      {{HLM_PROCESS_STATES_AUTO, "AUTO"}, {HLM_PROCESS_STATES_SHARDED, "SHARDED"}, {HLM_PROCESS_STATES_REPLICATE, "REPLICATE"}});
  CheckEnum(given.experts_up, "experts_up",
            {{HLM_EXPERTS_UP_AUTO, "AUTO"}, {HLM_EXPERTS_UP_ALL, "ALL"}, {HLM_EXPERTS_UP_ROUTED, "ROUTED"}});
}

// The enumerations of the ABI number their first members as the core does; "auto" takes 0 where there is one.
PlanOptions Convert(const hlm_plan_options& given) {
  CheckChoices(given);
  PlanOptions own;
  own.purpose = static_cast<Purpose>(given.purpose);
  own.compute = static_cast<DType>(given.compute);
  own.batch_size = given.batch_size;
  own.seq_len = given.seq_len;
  own.micro_batch = given.micro_batch;
  own.sweeps = given.sweeps;
  if (given.activations != HLM_ACTIVATIONS_AUTO) {
    own.activations = static_cast<Activations>(given.activations - HLM_ACTIVATIONS_KEEP);
  }
  if (given.block_inputs != HLM_BLOCK_INPUTS_AUTO) {
    own.block_inputs = static_cast<BlockInputs>(given.block_inputs - HLM_BLOCK_INPUTS_DEVICE);
  }
  own.slots = given.slots;
  own.prefetch = given.prefetch;
  own.ring = given.ring;
  own.head_chunk = given.head_chunk;
  own.max_part_bytes = given.max_part_bytes;
  own.max_piece_bytes = given.max_piece_bytes;
  if (given.freeze != nullptr) own.freeze = NotEmpty(given.freeze, "freeze");
  if (given.train_only != nullptr) own.train_only = NotEmpty(given.train_only, "train_only");
  own.choose_timing = given.optimizer_timing == HLM_TIMING_AUTO;
  if (!own.choose_timing) own.timing = static_cast<Timing>(given.optimizer_timing);
  if (given.grad_dtype != kAsCompute) own.grad_dtype = static_cast<DType>(given.grad_dtype);
  own.grad_clip = given.grad_clip;
  own.threads = given.threads;
  own.optimizer_threads = given.optimizer_threads;
  own.host_limit_bytes = given.host_limit_bytes;
  own.processes = given.processes;
  own.device_limit_bytes = given.device_limit_bytes;
  own.optimizer = static_cast<Algorithm>(given.optimizer);
  own.choose_states = given.states == HLM_STATES_AUTO;
  if (!own.choose_states) own.states = static_cast<StateType>(given.states);
  own.choose_master = given.master == HLM_MASTER_AUTO;
  own.remainder = given.master != HLM_MASTER_NONE;
  own.snapshot_bytes = given.snapshot_bytes;
  if (given.numerics_json != nullptr) own.numerics = NotEmpty(given.numerics_json, "numerics_json");
  own.frozen_copies = given.frozen_copies;
  own.reduction_groups = given.reduction_groups;
  if (given.route != HLM_ROUTE_AUTO) own.route = static_cast<Route>(given.route - HLM_ROUTE_HOST);
  if (given.optimizer_path != HLM_PATH_AUTO) own.update_path = static_cast<UpdatePath>(given.optimizer_path - HLM_PATH_FUSED);
  own.ignore_dropout = given.ignore_dropout != 0;
  own.train_pad_row = given.train_pad_row != 0;
  own.balance = given.router_aux_loss_coef;
  own.router_z = given.router_z_loss_coef;
  own.bias_rate = given.router_bias_rate;
  own.balance_scope = static_cast<BalanceScope>(given.router_aux_loss_scope);
  own.unrouted = static_cast<Unrouted>(given.unrouted);
  if (given.experts_up != HLM_EXPERTS_UP_AUTO) own.experts_up = static_cast<ExpertsUp>(given.experts_up - HLM_EXPERTS_UP_ALL);
  if (given.process_states != HLM_PROCESS_STATES_AUTO) {
    own.process_states = static_cast<ProcessStates>(given.process_states - HLM_PROCESS_STATES_SHARDED);
  }
  return own;
}

static_assert(static_cast<int32_t>(Purpose::kForward) == HLM_PURPOSE_FORWARD);
static_assert(static_cast<int32_t>(DType::kF16) == HLM_DTYPE_F16 && static_cast<int32_t>(DType::kBF16) == HLM_DTYPE_BF16);
static_assert(static_cast<int32_t>(Activations::kRecompute) + HLM_ACTIVATIONS_KEEP == HLM_ACTIVATIONS_RECOMPUTE);
static_assert(static_cast<int32_t>(BlockInputs::kHost) + HLM_BLOCK_INPUTS_DEVICE == HLM_BLOCK_INPUTS_HOST);
static_assert(static_cast<int32_t>(Timing::kBackward) == HLM_TIMING_BACKWARD);
static_assert(static_cast<int32_t>(Timing::kSerial) == HLM_TIMING_SERIAL);
static_assert(static_cast<int32_t>(Algorithm::kLion) == HLM_OPTIMIZER_LION);
static_assert(static_cast<int32_t>(Route::kPeer) + HLM_ROUTE_HOST == HLM_ROUTE_PEER);
static_assert(static_cast<int32_t>(UpdatePath::kOneDnn) + HLM_PATH_FUSED == HLM_PATH_ONEDNN);
static_assert(static_cast<int32_t>(BalanceScope::kSequence) == HLM_AUX_SCOPE_SEQUENCE);
static_assert(static_cast<int32_t>(Unrouted::kSkip) == HLM_UNROUTED_SKIP);
static_assert(static_cast<int32_t>(ExpertsUp::kRouted) + HLM_EXPERTS_UP_ALL == HLM_EXPERTS_UP_ROUTED);
static_assert(static_cast<int32_t>(StateType::kInt8) == HLM_STATES_INT8);
static_assert(static_cast<int32_t>(ProcessStates::kReplicate) + HLM_PROCESS_STATES_SHARDED == HLM_PROCESS_STATES_REPLICATE);

}  // namespace
}  // namespace hlm::capi

using namespace hlm::capi;  // NOLINT: the functions below are this file's purpose

extern "C" {

void hlm_plan_options_init_sized(hlm_plan_options* options, size_t struct_size) { InitStruct(options, struct_size, Defaults()); }

hlm_error* hlm_plan_make(const hlm_model* model, const hlm_plan_options* options, hlm_plan** out_plan) {
  return Guard([&] {
    NotNull(model, "model");
    NotNull(out_plan, "out_plan");
    const hlm_plan_options given = ReadStruct(options, Defaults());
    const std::string device = NotEmpty(given.device, "device");
    const hlm::PlanOptions own = Convert(given);
    const hlm::ModelSpec& spec = model->model->spec();
    hlm::MachineSpec machine = given.machine_json == nullptr
                                   ? hlm::DescribeMachine(device)
                                   : hlm::DescribeMachineFile(NotEmpty(given.machine_json, "machine_json"), device);
    auto plan = std::make_shared<const hlm::Plan>(hlm::MakePlan(spec, model->model->layout(), own, machine));
    *out_plan = new hlm_plan{std::move(plan), spec, own, std::move(machine)};
  });
}

hlm_error* hlm_plan_json(const hlm_plan* plan, char** out_json) {
  return Guard([&] {
    NotNull(plan, "plan");
    NotNull(out_json, "out_json");
    *out_json = CopyString(hlm::PlanJson(*plan->plan));
  });
}

hlm_error* hlm_plan_value(const hlm_plan* plan, const char* key, int64_t* out_value) {
  return Guard([&] {
    NotNull(plan, "plan");
    const std::string name = NotEmpty(key, "key");
    NotNull(out_value, "out_value");
    *out_value = hlm::PlanValue(*plan->plan, name);
  });
}

hlm_error* hlm_plan_time_products(const hlm_plan* plan, char** out_json) {
  return Guard([&] {
    NotNull(plan, "plan");
    NotNull(out_json, "out_json");
    *out_json = CopyString(hlm::TimeProductsJson(*plan->plan));
  });
}

void hlm_plan_destroy(hlm_plan* plan) { delete plan; }

}  // extern "C"
