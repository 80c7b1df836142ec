// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
#include "samples/horizon/options/plan_flags.h"

#include "samples/horizon/options/option_kinds.h"

// clang-format off
namespace horizon {

void AddShapeFlags(CLI::App& app, PlanFlags& flags, const std::string& group) {
  AddNumber(app, "--micro-batch", flags.micro_batch, 1,
            "rows in a micro-batch (default: chosen. A document may have up to micro_batch * seq_len tokens)")
      ->group(group);
  AddNumber(app, "--sweeps", flags.sweeps, 1,
            "passes over the weights in a step, up to 4096 (default: by plan)")
      ->group(group);
  AddNumber(app, "--reduction-groups", flags.reduction_groups, 1,
            "into which a step's rows are dealt, a multiple of the devices; several processes have a power of two each: the same bits on any such number of devices and processes. Their gradients are added by a binary tree in fp32")
      ->group(group);
}

void AddMachineFlags(CLI::App& app, PlanFlags& flags, const std::string& group) {
  AddChoice(app, "--compute", flags.compute, {{"bf16", HLM_DTYPE_BF16}, {"f32", HLM_DTYPE_F32}},
            "type of the arithmetic")
      ->group(group);
  AddNumber(app, "--threads", flags.threads, 1,
            "of the CPU device's products (default: as many as the process may use)")
      ->group(group);
  AddNumber(app, "--optimizer-threads", flags.optimizer_threads, 1,
            "of the updates on the host (default: by plan)")
      ->group(group);
  AddNumber(app, "--host-limit-bytes", flags.host_limit_bytes, 1,
            "most host memory to plan for (default: what the machine and its cgroup allow)", true)
      ->group(group);
  AddNumber(app, "--device-limit-bytes", flags.device_limit_bytes, 1,
            "most device memory (default: what the device has)", true)
      ->group(group);
}

void AddPlanFlags(CLI::App& app, PlanFlags& flags, const std::string& group) {
  AddChoice(app, "--activations", flags.activations, {{"auto", HLM_ACTIVATIONS_AUTO}, {"keep", HLM_ACTIVATIONS_KEEP}, {"keep-cheap", HLM_ACTIVATIONS_KEEP_CHEAP}, {"recompute", HLM_ACTIVATIONS_RECOMPUTE}},
            "what stays between forward and backward")
      ->group(group);
  AddChoice(app, "--block-inputs", flags.block_inputs, {{"auto", HLM_BLOCK_INPUTS_AUTO}, {"device", HLM_BLOCK_INPUTS_DEVICE}, {"host", HLM_BLOCK_INPUTS_HOST}},
            "where the inputs of blocks wait for backward")
      ->group(group);
  AddNumber(app, "--slots", flags.slots, 1,
            "device copies of a block's weights (default: by plan)")
      ->group(group);
  AddNumber(app, "--prefetch", flags.prefetch, 0,
            "units sent up ahead of the one that computes; below slots (default: by plan)")
      ->group(group);
  AddNumber(app, "--ring", flags.ring, 1,
            "entries of the gradient ring (default: by plan)")
      ->group(group);
  AddNumber(app, "--head-chunk", flags.head_chunk, 1,
            "rows of logits at a time; part of the numerics (default: by plan)")
      ->group(group);
  AddNumber(app, "--max-part-bytes", flags.max_part_bytes, 1,
            "larger units move and are updated in parts of at most this size, at least 16384 (default: chosen, up to 256 MiB)", true)
      ->group(group);
  AddChoice(app, "--grad-dtype", flags.grad_dtype, {{"bf16", HLM_DTYPE_BF16}, {"f32", HLM_DTYPE_F32}},
            "type of stored gradients (default: as compute)")
      ->group(group);
  AddChoice(app, "--optimizer-path", flags.optimizer_path, {{"auto", HLM_PATH_AUTO}, {"fused", HLM_PATH_FUSED}, {"onednn", HLM_PATH_ONEDNN}},
            "what an update on the host is made of; part of the numerics")
      ->group(group);
  AddChoice(app, "--route", flags.route, {{"auto", HLM_ROUTE_AUTO}, {"host", HLM_ROUTE_HOST}, {"peer", HLM_ROUTE_PEER}},
            "how several devices share weights and gradients")
      ->group(group);
  AddSwitch(app, "--ignore-dropout", flags.ignore_dropout,
            "a model whose config.json has dropouts above 0 is trained without them")
      ->group(group);
  AddSwitch(app, "--train-pad-row", flags.train_pad_row,
            "the embedding's row of pad_token_id gets its gradient from the lookup, as others do; part of the numerics")
      ->group(group);
  AddReal(app, "--router-aux-loss-coef", flags.router_aux_loss_coef, -1, kNoLimit,
            "times this the routers' balancing loss is added to the loss of a mixture; below 0 (default): by the model's config, its router_aux_loss_coef where output_router_logits is true")
      ->group(group);
  AddReal(app, "--router-z-loss-coef", flags.router_z_loss_coef, 0, kNoLimit,
            "times this the mean of logsumexp(router logits)^2 is added to the loss of a mixture; default 0")
      ->group(group);
  AddReal(app, "--router-bias-rate", flags.router_bias_rate, 0, kNoLimit,
            "by so much a step moves the bias for the choice of each expert, where routers have one: up where it got fewer tokens than the mean, down where more; default 0")
      ->group(group);
  AddChoice(app, "--router-aux-loss-scope", flags.router_aux_loss_scope, {{"step", HLM_AUX_SCOPE_STEP}, {"group", HLM_AUX_SCOPE_GROUP}, {"sequence", HLM_AUX_SCOPE_SEQUENCE}},
            "over which tokens the balancing loss takes its means")
      ->group(group);
  AddChoice(app, "--unrouted", flags.unrouted, {{"zero", HLM_UNROUTED_ZERO}, {"skip", HLM_UNROUTED_SKIP}},
            "what an update does with experts that no token of the step chose")
      ->group(group);
  AddChoice(app, "--process-states", flags.process_states, {{"auto", HLM_PROCESS_STATES_AUTO}, {"sharded", HLM_PROCESS_STATES_SHARDED}, {"replicate", HLM_PROCESS_STATES_REPLICATE}},
            "who keeps masters, moments and sums of gradients in a group")
      ->group(group);
  AddChoice(app, "--experts-up", flags.experts_up, {{"auto", HLM_EXPERTS_UP_AUTO}, {"all", HLM_EXPERTS_UP_ALL}, {"routed", HLM_EXPERTS_UP_ROUTED}},
            "which experts of a mixture go up")
      ->group(group);
  AddNumber(app, "--max-piece-bytes", flags.max_piece_bytes, 1,
            "experts of a block that are larger are sent up, computed and updated in groups of at most this size (default: chosen, the block as a whole, groups of 512 MiB, or each alone)", true)
      ->group(group);
  AddText(app, "--freeze", flags.freeze, "PATTERNS",
            "patterns of names of tensors that do not train, commas between them: \"model.embed_tokens.*,*norm*\"; * is any characters, ? one, [0-9] one of those; a tied matrix has the embedding's name. They have no gradients, states or updates, and no backward pass comes below the first layer that trains")
      ->group(group);
  AddText(app, "--train-only", flags.train_only, "PATTERNS",
            "patterns of names of the only tensors that train, but for those of freeze; part of the numerics")
      ->group(group);
}

void SetPlanOptions(const PlanFlags& flags, hlm_plan_options& options) {
  options.compute = flags.compute;
  options.micro_batch = flags.micro_batch;
  options.sweeps = flags.sweeps;
  options.activations = flags.activations;
  options.block_inputs = flags.block_inputs;
  options.slots = flags.slots;
  options.prefetch = flags.prefetch;
  options.ring = flags.ring;
  options.head_chunk = flags.head_chunk;
  options.max_part_bytes = flags.max_part_bytes;
  options.grad_dtype = flags.grad_dtype;
  options.threads = flags.threads;
  options.optimizer_threads = flags.optimizer_threads;
  options.host_limit_bytes = flags.host_limit_bytes;
  options.device_limit_bytes = flags.device_limit_bytes;
  options.optimizer_path = flags.optimizer_path;
  options.route = flags.route;
  options.reduction_groups = flags.reduction_groups;
  options.ignore_dropout = flags.ignore_dropout;
  options.train_pad_row = flags.train_pad_row;
  options.router_aux_loss_coef = flags.router_aux_loss_coef;
  options.router_z_loss_coef = flags.router_z_loss_coef;
  options.router_bias_rate = flags.router_bias_rate;
  options.router_aux_loss_scope = flags.router_aux_loss_scope;
  options.unrouted = flags.unrouted;
  options.process_states = flags.process_states;
  options.experts_up = flags.experts_up;
  options.max_piece_bytes = flags.max_piece_bytes;
  options.freeze = flags.freeze.empty() ? nullptr : flags.freeze.c_str();
  options.train_only = flags.train_only.empty() ? nullptr : flags.train_only.c_str();
}

}  // namespace horizon
