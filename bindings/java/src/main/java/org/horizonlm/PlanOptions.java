// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
package org.horizonlm;

import org.horizonlm.internal.Native;

/** Options of a {@link Plan}; what is not set keeps the default of the library. */
public final class PlanOptions extends Options {
  private PlanOptions(Builder builder) {
    super(builder.setters);
  }

  /**
   * Begins with the defaults.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  long create() {
    return Native.new_hlm_plan_options();
  }

  @Override
  void delete(long struct) {
    Native.delete_hlm_plan_options(struct);
  }

  /** Collects options. A method sets the member of hlm_plan_options of its name. */
  public static final class Builder {
    private final Setters setters = new Setters();

    private Builder() {}

    /**
     * Sets device.
     *
     * @param value "auto" (default), "cpu", "cuda:0"; several that share each step: "cuda" (all), "cuda:0,cuda:2",
     *     "cuda:0-3", "cpu:4"
     * @return this
     */
    public Builder device(String value) {
      byte[] text = Text.encode(value, "device");
      setters.add(struct -> Native.hlm_plan_options_device_set(struct, text));
      return this;
    }

    /**
     * Sets purpose.
     *
     * @param value what the plan is for; default TRAIN
     * @return this
     */
    public Builder purpose(Purpose value) {
      Arguments.given(value, "purpose");
      setters.add(struct -> Native.hlm_plan_options_purpose_set(struct, value.value()));
      return this;
    }

    /**
     * Sets compute.
     *
     * @param value type of the arithmetic: BF16 (default) or F32
     * @return this
     */
    public Builder compute(DType value) {
      Arguments.given(value, "compute");
      setters.add(struct -> Native.hlm_plan_options_compute_set(struct, value.value()));
      return this;
    }

    /**
     * Sets batch_size.
     *
     * @param value rows of seq_len tokens in a step; default 8. A step takes up to batch_size * seq_len tokens
     * @return this
     */
    public Builder batchSize(long value) {
      setters.add(struct -> Native.hlm_plan_options_batch_size_set(struct, value));
      return this;
    }

    /**
     * Sets seq_len.
     *
     * @param value tokens of a row; default 512
     * @return this
     */
    public Builder seqLen(long value) {
      setters.add(struct -> Native.hlm_plan_options_seq_len_set(struct, value));
      return this;
    }

    /**
     * Sets micro_batch.
     *
     * @param value rows in a micro-batch; 0: chosen. A document may have up to micro_batch * seq_len tokens. A step
     *     has 2^20 micro-batches at most
     * @return this
     */
    public Builder microBatch(long value) {
      setters.add(struct -> Native.hlm_plan_options_micro_batch_set(struct, value));
      return this;
    }

    /**
     * Sets sweeps.
     *
     * @param value passes over the weights in a step, up to 4096; 0: chosen
     * @return this
     */
    public Builder sweeps(long value) {
      setters.add(struct -> Native.hlm_plan_options_sweeps_set(struct, value));
      return this;
    }

    /**
     * Sets activations.
     *
     * @param value what stays between forward and backward; default AUTO
     * @return this
     */
    public Builder activations(Activations value) {
      Arguments.given(value, "activations");
      setters.add(struct -> Native.hlm_plan_options_activations_set(struct, value.value()));
      return this;
    }

    /**
     * Sets block_inputs.
     *
     * @param value where the inputs of blocks wait for backward; default AUTO
     * @return this
     */
    public Builder blockInputs(BlockInputs value) {
      Arguments.given(value, "blockInputs");
      setters.add(struct -> Native.hlm_plan_options_block_inputs_set(struct, value.value()));
      return this;
    }

    /**
     * Sets slots.
     *
     * @param value device copies of a block's weights; 0: chosen
     * @return this
     */
    public Builder slots(long value) {
      setters.add(struct -> Native.hlm_plan_options_slots_set(struct, value));
      return this;
    }

    /**
     * Sets prefetch.
     *
     * @param value units sent up ahead of the one that computes; -1: chosen (default); below slots
     * @return this
     */
    public Builder prefetch(long value) {
      setters.add(struct -> Native.hlm_plan_options_prefetch_set(struct, value));
      return this;
    }

    /**
     * Sets ring.
     *
     * @param value entries of the gradient ring; 0: chosen
     * @return this
     */
    public Builder ring(long value) {
      setters.add(struct -> Native.hlm_plan_options_ring_set(struct, value));
      return this;
    }

    /**
     * Sets head_chunk.
     *
     * @param value rows of logits at a time; 0: chosen; part of the numerics
     * @return this
     */
    public Builder headChunk(long value) {
      setters.add(struct -> Native.hlm_plan_options_head_chunk_set(struct, value));
      return this;
    }

    /**
     * Sets max_part_bytes.
     *
     * @param value larger units move and are updated in parts of at most this size, at least 16384; 0: chosen, up to
     *     256 MiB
     * @return this
     */
    public Builder maxPartBytes(long value) {
      setters.add(struct -> Native.hlm_plan_options_max_part_bytes_set(struct, value));
      return this;
    }

    /**
     * Sets optimizer_timing.
     *
     * @param value when weights are updated; default NEXT_FORWARD
     * @return this
     */
    public Builder optimizerTiming(Timing value) {
      Arguments.given(value, "optimizerTiming");
      setters.add(struct -> Native.hlm_plan_options_optimizer_timing_set(struct, value.value()));
      return this;
    }

    /**
     * Sets grad_dtype.
     *
     * @param value type of stored gradients: BF16 or F32; -1: as compute (default). f32 compute needs F32
     * @return this
     */
    public Builder gradDtype(DType value) {
      Arguments.given(value, "gradDtype");
      setters.add(struct -> Native.hlm_plan_options_grad_dtype_set(struct, value.value()));
      return this;
    }

    /**
     * Sets grad_clip.
     *
     * @param value largest global norm; 0: off; default 1.0. BACKWARD timing needs 0
     * @return this
     */
    public Builder gradClip(double value) {
      setters.add(struct -> Native.hlm_plan_options_grad_clip_set(struct, value));
      return this;
    }

    /**
     * Sets threads.
     *
     * @param value of the CPU device's products; 0: as many as the process may use
     * @return this
     */
    public Builder threads(long value) {
      setters.add(struct -> Native.hlm_plan_options_threads_set(struct, value));
      return this;
    }

    /**
     * Sets optimizer_threads.
     *
     * @param value of the updates on the host; 0: chosen
     * @return this
     */
    public Builder optimizerThreads(long value) {
      setters.add(struct -> Native.hlm_plan_options_optimizer_threads_set(struct, value));
      return this;
    }

    /**
     * Sets host_limit_bytes.
     *
     * @param value most host memory to plan for; 0: what the machine and its cgroup allow
     * @return this
     */
    public Builder hostLimitBytes(long value) {
      setters.add(struct -> Native.hlm_plan_options_host_limit_bytes_set(struct, value));
      return this;
    }

    /**
     * Sets device_limit_bytes.
     *
     * @param value most device memory; 0: what the device has
     * @return this
     */
    public Builder deviceLimitBytes(long value) {
      setters.add(struct -> Native.hlm_plan_options_device_limit_bytes_set(struct, value));
      return this;
    }

    /**
     * Sets optimizer.
     *
     * @param value how a step changes the weights; default ADAMW
     * @return this
     */
    public Builder optimizer(OptimizerAlgorithm value) {
      Arguments.given(value, "optimizer");
      setters.add(struct -> Native.hlm_plan_options_optimizer_set(struct, value.value()));
      return this;
    }

    /**
     * Sets states.
     *
     * @param value how moments are stored; default F32
     * @return this
     */
    public Builder states(States value) {
      Arguments.given(value, "states");
      setters.add(struct -> Native.hlm_plan_options_states_set(struct, value.value()));
      return this;
    }

    /**
     * Sets master.
     *
     * @param value what an update is added to; default SPLIT
     * @return this
     */
    public Builder master(Master value) {
      Arguments.given(value, "master");
      setters.add(struct -> Native.hlm_plan_options_master_set(struct, value.value()));
      return this;
    }

    /**
     * Sets snapshot_bytes.
     *
     * @param value host memory for saving beside training; default 0; -1: what is left, up to the whole state
     * @return this
     */
    public Builder snapshotBytes(long value) {
      setters.add(struct -> Native.hlm_plan_options_snapshot_bytes_set(struct, value));
      return this;
    }

    /**
     * Sets machine_json.
     *
     * @param value a machine that is not here, docs/plan.md lists its keys: such a plan can be read, not run, and no
     *     device is touched. null (default): this machine
     * @return this
     */
    public Builder machineJson(String value) {
      byte[] text = Text.encode(value, "machineJson");
      setters.add(struct -> Native.hlm_plan_options_machine_json_set(struct, text));
      return this;
    }

    /**
     * Sets numerics_json.
     *
     * @param value the "numerics" of a plan or a checkpoint: what the options leave to the plan (micro_batch,
     *     sweeps, head_chunk, grad_dtype, threads, algorithms of products) is taken from there instead of chosen, so
     *     that a run can go on bit for bit; null (default): chosen
     * @return this
     */
    public Builder numericsJson(String value) {
      byte[] text = Text.encode(value, "numericsJson");
      setters.add(struct -> Native.hlm_plan_options_numerics_json_set(struct, text));
      return this;
    }

    /**
     * Sets frozen_copies.
     *
     * @param value copies of the weights that a trainer may keep (hlm_trainer_keep_weights); default 0
     * @return this
     */
    public Builder frozenCopies(long value) {
      setters.add(struct -> Native.hlm_plan_options_frozen_copies_set(struct, value));
      return this;
    }

    /**
     * Sets optimizer_path.
     *
     * @param value what an update on the host is made of; default AUTO; part of the numerics
     * @return this
     */
    public Builder optimizerPath(OptimizerPath value) {
      Arguments.given(value, "optimizerPath");
      setters.add(struct -> Native.hlm_plan_options_optimizer_path_set(struct, value.value()));
      return this;
    }

    /**
     * Sets route.
     *
     * @param value how several devices share weights and gradients; default AUTO
     * @return this
     */
    public Builder route(Route value) {
      Arguments.given(value, "route");
      setters.add(struct -> Native.hlm_plan_options_route_set(struct, value.value()));
      return this;
    }

    /**
     * Sets reduction_groups.
     *
     * @param value into which a step's rows are dealt, a multiple of the devices; several processes have a power of
     *     two each: the same bits on any such number of devices and processes. Their gradients are added by a binary
     *     tree in fp32. 0: as many as there are devices (default); part of the numerics
     * @return this
     */
    public Builder reductionGroups(long value) {
      setters.add(struct -> Native.hlm_plan_options_reduction_groups_set(struct, value));
      return this;
    }

    /**
     * Sets ignore_dropout.
     *
     * @param value true: a model whose config.json has dropouts above 0 is trained without them; default false: it
     *     is refused
     * @return this
     */
    public Builder ignoreDropout(boolean value) {
      setters.add(struct -> Native.hlm_plan_options_ignore_dropout_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * Sets train_pad_row.
     *
     * @param value true: the embedding's row of pad_token_id gets its gradient from the lookup, as others do;
     *     default false: it gets none, as in transformers; part of the numerics
     * @return this
     */
    public Builder trainPadRow(boolean value) {
      setters.add(struct -> Native.hlm_plan_options_train_pad_row_set(struct, value ? 1 : 0));
      return this;
    }

    /**
     * Sets processes.
     *
     * @param value of the group that shares each step, each with such devices (hlm_group_size); default 1.
     *     batch_size is the rows of all of them
     * @return this
     */
    public Builder processes(long value) {
      setters.add(struct -> Native.hlm_plan_options_processes_set(struct, value));
      return this;
    }

    /**
     * Sets router_aux_loss_coef.
     *
     * @param value times this the routers' balancing loss is added to the loss of a mixture; below 0 (default): by
     *     the model's config, its router_aux_loss_coef where output_router_logits is true
     * @return this
     */
    public Builder routerAuxLossCoef(double value) {
      setters.add(struct -> Native.hlm_plan_options_router_aux_loss_coef_set(struct, value));
      return this;
    }

    /**
     * Sets router_z_loss_coef.
     *
     * @param value times this the mean of logsumexp(router logits)^2 is added to the loss of a mixture; default 0
     * @return this
     */
    public Builder routerZLossCoef(double value) {
      setters.add(struct -> Native.hlm_plan_options_router_z_loss_coef_set(struct, value));
      return this;
    }

    /**
     * Sets router_bias_rate.
     *
     * @param value by so much a step moves the bias for the choice of each expert, where routers have one: up where
     *     it got fewer tokens than the mean, down where more; default 0
     * @return this
     */
    public Builder routerBiasRate(double value) {
      setters.add(struct -> Native.hlm_plan_options_router_bias_rate_set(struct, value));
      return this;
    }

    /**
     * Sets router_aux_loss_scope.
     *
     * @param value over which tokens the balancing loss takes its means; default STEP
     * @return this
     */
    public Builder routerAuxLossScope(AuxScope value) {
      Arguments.given(value, "routerAuxLossScope");
      setters.add(struct -> Native.hlm_plan_options_router_aux_loss_scope_set(struct, value.value()));
      return this;
    }

    /**
     * Sets unrouted.
     *
     * @param value what an update does with experts that no token of the step chose; default ZERO
     * @return this
     */
    public Builder unrouted(Unrouted value) {
      Arguments.given(value, "unrouted");
      setters.add(struct -> Native.hlm_plan_options_unrouted_set(struct, value.value()));
      return this;
    }

    /**
     * Sets process_states.
     *
     * @param value who keeps masters, moments and sums of gradients in a group; default AUTO
     * @return this
     */
    public Builder processStates(ProcessStates value) {
      Arguments.given(value, "processStates");
      setters.add(struct -> Native.hlm_plan_options_process_states_set(struct, value.value()));
      return this;
    }

    /**
     * Sets experts_up.
     *
     * @param value which experts of a mixture go up; default AUTO
     * @return this
     */
    public Builder expertsUp(ExpertsUp value) {
      Arguments.given(value, "expertsUp");
      setters.add(struct -> Native.hlm_plan_options_experts_up_set(struct, value.value()));
      return this;
    }

    /**
     * Sets max_piece_bytes.
     *
     * @param value experts of a block that are larger are sent up, computed and updated in groups of at most this
     *     size; 0: chosen, the block as a whole, groups of 512 MiB, or each alone
     * @return this
     */
    public Builder maxPieceBytes(long value) {
      setters.add(struct -> Native.hlm_plan_options_max_piece_bytes_set(struct, value));
      return this;
    }

    /**
     * Sets freeze.
     *
     * @param value patterns of names of tensors that do not train, commas between them:
     *     "model.embed_tokens.*,*norm*"; * is any characters, ? one, [0-9] one of those; a tied matrix has the
     *     embedding's name. They have no gradients, states or updates, and no backward pass comes below the first layer
     *     that trains. null (default): none; part of the numerics
     * @return this
     */
    public Builder freeze(String value) {
      byte[] text = Text.encode(value, "freeze");
      setters.add(struct -> Native.hlm_plan_options_freeze_set(struct, text));
      return this;
    }

    /**
     * Sets train_only.
     *
     * @param value patterns of names of the only tensors that train, but for those of freeze; null (default): all;
     *     part of the numerics
     * @return this
     */
    public Builder trainOnly(String value) {
      byte[] text = Text.encode(value, "trainOnly");
      setters.add(struct -> Native.hlm_plan_options_train_only_set(struct, text));
      return this;
    }

    /**
     * The options that were collected.
     *
     * @return the options
     */
    public PlanOptions build() {
      return new PlanOptions(this);
    }
  }
}
