// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
#ifndef HORIZON_LM_SAMPLES_HORIZON_OPTIONS_PLAN_FLAGS_H_
#define HORIZON_LM_SAMPLES_HORIZON_OPTIONS_PLAN_FLAGS_H_

#include <cstdint>
#include <string>

#include "c_api/horizon_lm.h"

namespace CLI {
class App;
}

namespace horizon {

// Members of hlm_plan_options that a flag of the same name forces. What stands for "chosen" is the library's default.
struct PlanFlags {
  int32_t compute = HLM_DTYPE_BF16;
  int64_t micro_batch = 0;
  int64_t sweeps = 0;
  int32_t activations = HLM_ACTIVATIONS_AUTO;
  int32_t block_inputs = HLM_BLOCK_INPUTS_AUTO;
  int64_t slots = 0;
  int64_t prefetch = -1;
  int64_t ring = 0;
  int64_t head_chunk = 0;
  int64_t max_part_bytes = 0;
  int32_t grad_dtype = -1;
  int64_t threads = 0;
  int64_t optimizer_threads = 0;
  int64_t host_limit_bytes = 0;
  int64_t device_limit_bytes = 0;
  int32_t optimizer_path = HLM_PATH_AUTO;
  int32_t route = HLM_ROUTE_AUTO;
  int64_t reduction_groups = 0;
  int32_t ignore_dropout = 0;
  int32_t train_pad_row = 0;
  double router_aux_loss_coef = -1;
  double router_z_loss_coef = 0;
  double router_bias_rate = 0;
  int32_t router_aux_loss_scope = HLM_AUX_SCOPE_STEP;
  int32_t unrouted = HLM_UNROUTED_ZERO;
  int32_t process_states = HLM_PROCESS_STATES_AUTO;
  int32_t experts_up = HLM_EXPERTS_UP_AUTO;
  int64_t max_piece_bytes = 0;
  std::string freeze = {};
  std::string train_only = {};
};

// Each adds the flags under one heading of --help.
void AddShapeFlags(CLI::App& app, PlanFlags& flags, const std::string& group);
void AddMachineFlags(CLI::App& app, PlanFlags& flags, const std::string& group);
void AddPlanFlags(CLI::App& app, PlanFlags& flags, const std::string& group);

void SetPlanOptions(const PlanFlags& flags, hlm_plan_options& options);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_OPTIONS_PLAN_FLAGS_H_
