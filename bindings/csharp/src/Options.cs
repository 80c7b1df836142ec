// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.
using System;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>Options of saving a model. A property that is null, as all are at first, is the library's default.</summary>
  public sealed class SaveOptions : Options {
    /// <summary>type of saved weights; default Auto: the source's, but BF16 for those that it has packed (fp8, MXFP4); Source
    /// packs these again as the source has them</summary>
    public DType? DType { get; set; }

    /// <summary>true: replace a folder that holds a saved model and nothing else; default false</summary>
    public bool? Overwrite { get; set; }

    /// <summary>default 5 GiB</summary>
    public long? MaxShardBytes { get; set; }

    internal override IntPtr Create() {
      return Native.new_hlm_save_options();
    }

    internal override void Delete(IntPtr options) {
      Native.delete_hlm_save_options(options);
    }

    internal override void Write(IntPtr options) {
      if (DType.HasValue) Native.hlm_save_options_dtype_set(options, (int)DType.Value);
      if (Overwrite.HasValue) Native.hlm_save_options_overwrite_set(options, Overwrite.Value ? 1 : 0);
      if (MaxShardBytes.HasValue) Native.hlm_save_options_max_shard_bytes_set(options, MaxShardBytes.Value);
    }
  }

  /// <summary>Options of what a saved model says of text. A property that is null, as all are at first, is the library's
  /// default.</summary>
  public sealed class TextOptions : Options {
    /// <summary>a folder, or a tokenizer's file, as hlm_tokenizer_open takes: its files in place of all of the source's; null
    /// (default): the source's</summary>
    public string Tokenizer { get; set; }

    /// <summary>as hlm_template_open takes it: chat_template.jinja (and additional_chat_templates) in place of all of the
    /// source's; null (default): the source's, or, where that has none, those beside tokenizer</summary>
    public string ChatTemplate { get; set; }

    /// <summary>a list of ids that end what was trained: those that end no generation yet are added to eos_token_id of
    /// generation_config.json and config.json; null (default): none</summary>
    public string StopIdsJson { get; set; }

    internal override IntPtr Create() {
      return Native.new_hlm_text_options();
    }

    internal override void Delete(IntPtr options) {
      Native.delete_hlm_text_options(options);
    }

    internal override void Write(IntPtr options) {
      if (Tokenizer != null) Native.hlm_text_options_tokenizer_set(options, Text.Encode(Tokenizer, nameof(Tokenizer)));
      if (ChatTemplate != null) Native.hlm_text_options_chat_template_set(options, Text.Encode(ChatTemplate, nameof(ChatTemplate)));
      if (StopIdsJson != null) Native.hlm_text_options_stop_ids_json_set(options, Text.Encode(StopIdsJson, nameof(StopIdsJson)));
    }
  }

  /// <summary>Options of encoding by a Tokenizer. A property that is null, as all are at first, is the library's
  /// default.</summary>
  public sealed class EncodeOptions : Options {
    /// <summary>true (default): BOS and the like, as the file says; false: for text that a chat template made</summary>
    public bool? AddSpecialTokens { get; set; }

    /// <summary>what offsets count; default Utf16, as string does</summary>
    public OffsetUnit? OffsetsIn { get; set; } = OffsetUnit.Utf16;

    /// <summary>true: in those spans no added token is matched at all, special or not; default false</summary>
    public bool? PlainAdded { get; set; }

    /// <summary>true: spaces at the ends of a token do not belong to it where the file says so; default false</summary>
    public bool? TrimOffsets { get; set; }

    /// <summary>true: what add_special_tokens puts before a text (BOS) is there once where the text begins with it already, as
    /// one that was rendered does; default false: twice</summary>
    public bool? OneBeginning { get; set; }

    /// <summary>[n_plain] begin and end, by turns, of spans of bytes that are somebody's input: no special token is matched
    /// that touches one. Rising, not overlapping. null with 0: none</summary>
    public long[] Plain { get; set; }

    internal override IntPtr Create() {
      return Native.new_hlm_encode_options();
    }

    internal override void Delete(IntPtr options) {
      Native.delete_hlm_encode_options(options);
    }

    internal override void Write(IntPtr options) {
      if (AddSpecialTokens.HasValue) Native.hlm_encode_options_add_special_tokens_set(options, AddSpecialTokens.Value ? 1 : 0);
      if (OffsetsIn.HasValue) Native.hlm_encode_options_offsets_in_set(options, (int)OffsetsIn.Value);
      if (PlainAdded.HasValue) Native.hlm_encode_options_plain_added_set(options, PlainAdded.Value ? 1 : 0);
      if (TrimOffsets.HasValue) Native.hlm_encode_options_trim_offsets_set(options, TrimOffsets.Value ? 1 : 0);
      if (OneBeginning.HasValue) Native.hlm_encode_options_one_beginning_set(options, OneBeginning.Value ? 1 : 0);
    }
  }

  /// <summary>Options of rendering by a Template. A property that is null, as all are at first, is the library's
  /// default.</summary>
  public sealed class TemplateOptions : Options {
    /// <summary>of the template; null: chosen as Hugging Face does ("tool_use" with tools, else "default")</summary>
    public string Name { get; set; }

    /// <summary>an array of tools; null: none</summary>
    public string ToolsJson { get; set; }

    /// <summary>an array of documents; null: none</summary>
    public string DocumentsJson { get; set; }

    /// <summary>an object of further variables; null: none</summary>
    public string VariablesJson { get; set; }

    /// <summary>what strftime_now says: "YYYY-MM-DD" or "YYYY-MM-DD HH:MM:SS"; null: now</summary>
    public string Date { get; set; }

    /// <summary>true: render ends with the beginning of an answer; default false</summary>
    public bool? AddGenerationPrompt { get; set; }

    /// <summary>training only, what is trained; default Assistant</summary>
    public TrainOn? TrainOn { get; set; }

    /// <summary>training only, how it is found; default Auto</summary>
    public Mask? Mask { get; set; }

    /// <summary>training, COMPLETION: how many messages are the prompt; -1 (default): up to the last "user"</summary>
    public long? PromptMessages { get; set; }

    /// <summary>of the text, and of every string on the way; 16 times as many may be worked through; default 64 MiB, at most 1
    /// GiB</summary>
    public long? MaxOutputBytes { get; set; }

    /// <summary>turns of loops and calls of macros, in all; 10 times as many expressions; default 10,000,000, at most
    /// 10^15</summary>
    public long? MaxIterations { get; set; }

    /// <summary>expressions, blocks and macros inside each other; default 600, at most 600</summary>
    public long? MaxDepth { get; set; }

    /// <summary>true: arguments of tool calls that are JSON in a string become values, "" is {}; false (default): as they
    /// are</summary>
    public bool? ParseArguments { get; set; }

    /// <summary>true: members of arguments that are null are left out, as Arrow puts them there; default false</summary>
    public bool? DropNullArguments { get; set; }

    internal override IntPtr Create() {
      return Native.new_hlm_template_options();
    }

    internal override void Delete(IntPtr options) {
      Native.delete_hlm_template_options(options);
    }

    internal override void Write(IntPtr options) {
      if (Name != null) Native.hlm_template_options_name_set(options, Text.Encode(Name, nameof(Name)));
      if (ToolsJson != null) Native.hlm_template_options_tools_json_set(options, Text.Encode(ToolsJson, nameof(ToolsJson)));
      if (DocumentsJson != null) Native.hlm_template_options_documents_json_set(options, Text.Encode(DocumentsJson, nameof(DocumentsJson)));
      if (VariablesJson != null) Native.hlm_template_options_variables_json_set(options, Text.Encode(VariablesJson, nameof(VariablesJson)));
      if (Date != null) Native.hlm_template_options_date_set(options, Text.Encode(Date, nameof(Date)));
      if (AddGenerationPrompt.HasValue) Native.hlm_template_options_add_generation_prompt_set(options, AddGenerationPrompt.Value ? 1 : 0);
      if (TrainOn.HasValue) Native.hlm_template_options_train_on_set(options, (int)TrainOn.Value);
      if (Mask.HasValue) Native.hlm_template_options_mask_set(options, (int)Mask.Value);
      if (PromptMessages.HasValue) Native.hlm_template_options_prompt_messages_set(options, PromptMessages.Value);
      if (MaxOutputBytes.HasValue) Native.hlm_template_options_max_output_bytes_set(options, MaxOutputBytes.Value);
      if (MaxIterations.HasValue) Native.hlm_template_options_max_iterations_set(options, MaxIterations.Value);
      if (MaxDepth.HasValue) Native.hlm_template_options_max_depth_set(options, MaxDepth.Value);
      if (ParseArguments.HasValue) Native.hlm_template_options_parse_arguments_set(options, ParseArguments.Value ? 1 : 0);
      if (DropNullArguments.HasValue) Native.hlm_template_options_drop_null_arguments_set(options, DropNullArguments.Value ? 1 : 0);
    }
  }

  /// <summary>Options of a Plan. A property that is null, as all are at first, is the library's default.</summary>
  public sealed class PlanOptions : Options {
    /// <summary>"auto" (default), "cpu", "cuda:0"; several that share each step: "cuda" (all), "cuda:0,cuda:2", "cuda:0-3",
    /// "cpu:4"</summary>
    public string Device { get; set; }

    /// <summary>what the plan is for; default Train</summary>
    public Purpose? Purpose { get; set; }

    /// <summary>type of the arithmetic: BF16 (default) or F32</summary>
    public DType? Compute { get; set; }

    /// <summary>rows of seq_len tokens in a step; default 8. A step takes up to batch_size * seq_len tokens</summary>
    public long? BatchSize { get; set; }

    /// <summary>tokens of a row; default 512</summary>
    public long? SeqLen { get; set; }

    /// <summary>rows in a micro-batch; 0: chosen. A document may have up to micro_batch * seq_len tokens. A step has 2^20
    /// micro-batches at most</summary>
    public long? MicroBatch { get; set; }

    /// <summary>passes over the weights in a step, up to 4096; 0: chosen</summary>
    public long? Sweeps { get; set; }

    /// <summary>what stays between forward and backward; default Auto</summary>
    public Activations? Activations { get; set; }

    /// <summary>where the inputs of blocks wait for backward; default Auto</summary>
    public BlockInputs? BlockInputs { get; set; }

    /// <summary>device copies of a block's weights; 0: chosen</summary>
    public long? Slots { get; set; }

    /// <summary>units sent up ahead of the one that computes; -1: chosen (default); below slots</summary>
    public long? Prefetch { get; set; }

    /// <summary>entries of the gradient ring; 0: chosen</summary>
    public long? Ring { get; set; }

    /// <summary>rows of logits at a time; 0: chosen; part of the numerics</summary>
    public long? HeadChunk { get; set; }

    /// <summary>larger units move and are updated in parts of at most this size, at least 16384; 0: chosen, up to 256
    /// MiB</summary>
    public long? MaxPartBytes { get; set; }

    /// <summary>when weights are updated; default NextForward</summary>
    public Timing? OptimizerTiming { get; set; }

    /// <summary>type of stored gradients: BF16 or F32; -1: as compute (default). f32 compute needs F32</summary>
    public DType? GradDType { get; set; }

    /// <summary>largest global norm; 0: off; default 1.0. BACKWARD timing needs 0</summary>
    public double? GradClip { get; set; }

    /// <summary>of the CPU device's products; 0: as many as the process may use</summary>
    public long? Threads { get; set; }

    /// <summary>of the updates on the host; 0: chosen</summary>
    public long? OptimizerThreads { get; set; }

    /// <summary>most host memory to plan for; 0: what the machine and its cgroup allow</summary>
    public long? HostLimitBytes { get; set; }

    /// <summary>most device memory; 0: what the device has</summary>
    public long? DeviceLimitBytes { get; set; }

    /// <summary>how a step changes the weights; default AdamW</summary>
    public OptimizerAlgorithm? Optimizer { get; set; }

    /// <summary>how moments are stored; default F32</summary>
    public States? States { get; set; }

    /// <summary>what an update is added to; default Split</summary>
    public Master? Master { get; set; }

    /// <summary>host memory for saving beside training; default 0; -1: what is left, up to the whole state</summary>
    public long? SnapshotBytes { get; set; }

    /// <summary>a machine that is not here, docs/plan.md lists its keys: such a plan can be read, not run, and no device is
    /// touched. null (default): this machine</summary>
    public string MachineJson { get; set; }

    /// <summary>the "numerics" of a plan or a checkpoint: what the options leave to the plan (micro_batch, sweeps, head_chunk,
    /// grad_dtype, threads, algorithms of products) is taken from there instead of chosen, so that a run can go on bit for bit;
    /// null (default): chosen</summary>
    public string NumericsJson { get; set; }

    /// <summary>copies of the weights that a trainer may keep (hlm_trainer_keep_weights); default 0</summary>
    public long? FrozenCopies { get; set; }

    /// <summary>what an update on the host is made of; default Auto; part of the numerics</summary>
    public OptimizerPath? OptimizerPath { get; set; }

    /// <summary>how several devices share weights and gradients; default Auto</summary>
    public Route? Route { get; set; }

    /// <summary>into which a step's rows are dealt, a multiple of the devices; several processes have a power of two each: the
    /// same bits on any such number of devices and processes. Their gradients are added by a binary tree in fp32. 0: as many as
    /// there are devices (default); part of the numerics</summary>
    public long? ReductionGroups { get; set; }

    /// <summary>true: a model whose config.json has dropouts above 0 is trained without them; default false: it is
    /// refused</summary>
    public bool? IgnoreDropout { get; set; }

    /// <summary>true: the embedding's row of pad_token_id gets its gradient from the lookup, as others do; default false: it
    /// gets none, as in transformers; part of the numerics</summary>
    public bool? TrainPadRow { get; set; }

    /// <summary>of the group that shares each step, each with such devices (hlm_group_size); default 1. batch_size is the rows
    /// of all of them</summary>
    public long? Processes { get; set; }

    /// <summary>times this the routers' balancing loss is added to the loss of a mixture; below 0 (default): by the model's
    /// config, its router_aux_loss_coef where output_router_logits is true</summary>
    public double? RouterAuxLossCoef { get; set; }

    /// <summary>times this the mean of logsumexp(router logits)^2 is added to the loss of a mixture; default 0</summary>
    public double? RouterZLossCoef { get; set; }

    /// <summary>by so much a step moves the bias for the choice of each expert, where routers have one: up where it got fewer
    /// tokens than the mean, down where more; default 0</summary>
    public double? RouterBiasRate { get; set; }

    /// <summary>over which tokens the balancing loss takes its means; default Step</summary>
    public AuxScope? RouterAuxLossScope { get; set; }

    /// <summary>what an update does with experts that no token of the step chose; default Zero</summary>
    public Unrouted? Unrouted { get; set; }

    /// <summary>who keeps masters, moments and sums of gradients in a group; default Auto</summary>
    public ProcessStates? ProcessStates { get; set; }

    /// <summary>which experts of a mixture go up; default Auto</summary>
    public ExpertsUp? ExpertsUp { get; set; }

    /// <summary>experts of a block that are larger are sent up, computed and updated in groups of at most this size; 0: chosen,
    /// the block as a whole, groups of 512 MiB, or each alone</summary>
    public long? MaxPieceBytes { get; set; }

    /// <summary>patterns of names of tensors that do not train, commas between them: "model.embed_tokens.*,*norm*"; * is any
    /// characters, ? one, [0-9] one of those; a tied matrix has the embedding's name. They have no gradients, states or
    /// updates, and no backward pass comes below the first layer that trains. null (default): none; part of the
    /// numerics</summary>
    public string Freeze { get; set; }

    /// <summary>patterns of names of the only tensors that train, but for those of freeze; null (default): all; part of the
    /// numerics</summary>
    public string TrainOnly { get; set; }

    internal override IntPtr Create() {
      return Native.new_hlm_plan_options();
    }

    internal override void Delete(IntPtr options) {
      Native.delete_hlm_plan_options(options);
    }

    internal override void Write(IntPtr options) {
      if (Device != null) Native.hlm_plan_options_device_set(options, Text.Encode(Device, nameof(Device)));
      if (Purpose.HasValue) Native.hlm_plan_options_purpose_set(options, (int)Purpose.Value);
      if (Compute.HasValue) Native.hlm_plan_options_compute_set(options, (int)Compute.Value);
      if (BatchSize.HasValue) Native.hlm_plan_options_batch_size_set(options, BatchSize.Value);
      if (SeqLen.HasValue) Native.hlm_plan_options_seq_len_set(options, SeqLen.Value);
      if (MicroBatch.HasValue) Native.hlm_plan_options_micro_batch_set(options, MicroBatch.Value);
      if (Sweeps.HasValue) Native.hlm_plan_options_sweeps_set(options, Sweeps.Value);
      if (Activations.HasValue) Native.hlm_plan_options_activations_set(options, (int)Activations.Value);
      if (BlockInputs.HasValue) Native.hlm_plan_options_block_inputs_set(options, (int)BlockInputs.Value);
      if (Slots.HasValue) Native.hlm_plan_options_slots_set(options, Slots.Value);
      if (Prefetch.HasValue) Native.hlm_plan_options_prefetch_set(options, Prefetch.Value);
      if (Ring.HasValue) Native.hlm_plan_options_ring_set(options, Ring.Value);
      if (HeadChunk.HasValue) Native.hlm_plan_options_head_chunk_set(options, HeadChunk.Value);
      if (MaxPartBytes.HasValue) Native.hlm_plan_options_max_part_bytes_set(options, MaxPartBytes.Value);
      if (OptimizerTiming.HasValue) Native.hlm_plan_options_optimizer_timing_set(options, (int)OptimizerTiming.Value);
      if (GradDType.HasValue) Native.hlm_plan_options_grad_dtype_set(options, (int)GradDType.Value);
      if (GradClip.HasValue) Native.hlm_plan_options_grad_clip_set(options, GradClip.Value);
      if (Threads.HasValue) Native.hlm_plan_options_threads_set(options, Threads.Value);
      if (OptimizerThreads.HasValue) Native.hlm_plan_options_optimizer_threads_set(options, OptimizerThreads.Value);
      if (HostLimitBytes.HasValue) Native.hlm_plan_options_host_limit_bytes_set(options, HostLimitBytes.Value);
      if (DeviceLimitBytes.HasValue) Native.hlm_plan_options_device_limit_bytes_set(options, DeviceLimitBytes.Value);
      if (Optimizer.HasValue) Native.hlm_plan_options_optimizer_set(options, (int)Optimizer.Value);
      if (States.HasValue) Native.hlm_plan_options_states_set(options, (int)States.Value);
      if (Master.HasValue) Native.hlm_plan_options_master_set(options, (int)Master.Value);
      if (SnapshotBytes.HasValue) Native.hlm_plan_options_snapshot_bytes_set(options, SnapshotBytes.Value);
      if (MachineJson != null) Native.hlm_plan_options_machine_json_set(options, Text.Encode(MachineJson, nameof(MachineJson)));
      if (NumericsJson != null) Native.hlm_plan_options_numerics_json_set(options, Text.Encode(NumericsJson, nameof(NumericsJson)));
      if (FrozenCopies.HasValue) Native.hlm_plan_options_frozen_copies_set(options, FrozenCopies.Value);
      if (OptimizerPath.HasValue) Native.hlm_plan_options_optimizer_path_set(options, (int)OptimizerPath.Value);
      if (Route.HasValue) Native.hlm_plan_options_route_set(options, (int)Route.Value);
      if (ReductionGroups.HasValue) Native.hlm_plan_options_reduction_groups_set(options, ReductionGroups.Value);
      if (IgnoreDropout.HasValue) Native.hlm_plan_options_ignore_dropout_set(options, IgnoreDropout.Value ? 1 : 0);
      if (TrainPadRow.HasValue) Native.hlm_plan_options_train_pad_row_set(options, TrainPadRow.Value ? 1 : 0);
      if (Processes.HasValue) Native.hlm_plan_options_processes_set(options, Processes.Value);
      if (RouterAuxLossCoef.HasValue) Native.hlm_plan_options_router_aux_loss_coef_set(options, RouterAuxLossCoef.Value);
      if (RouterZLossCoef.HasValue) Native.hlm_plan_options_router_z_loss_coef_set(options, RouterZLossCoef.Value);
      if (RouterBiasRate.HasValue) Native.hlm_plan_options_router_bias_rate_set(options, RouterBiasRate.Value);
      if (RouterAuxLossScope.HasValue) Native.hlm_plan_options_router_aux_loss_scope_set(options, (int)RouterAuxLossScope.Value);
      if (Unrouted.HasValue) Native.hlm_plan_options_unrouted_set(options, (int)Unrouted.Value);
      if (ProcessStates.HasValue) Native.hlm_plan_options_process_states_set(options, (int)ProcessStates.Value);
      if (ExpertsUp.HasValue) Native.hlm_plan_options_experts_up_set(options, (int)ExpertsUp.Value);
      if (MaxPieceBytes.HasValue) Native.hlm_plan_options_max_piece_bytes_set(options, MaxPieceBytes.Value);
      if (Freeze != null) Native.hlm_plan_options_freeze_set(options, Text.Encode(Freeze, nameof(Freeze)));
      if (TrainOnly != null) Native.hlm_plan_options_train_only_set(options, Text.Encode(TrainOnly, nameof(TrainOnly)));
    }
  }

  /// <summary>Options of joining a group of processes. A property that is null, as all are at first, is the library's
  /// default.</summary>
  public sealed class GroupOptions : Options {
    /// <summary>that a call waits for a process which lives but does not take part, in [0.1, 1e7]; default 1800</summary>
    public double? TimeoutSeconds { get; set; }

    /// <summary>after which a process of which nothing is heard counts as hung, in [0.1, 1e7]; default 60</summary>
    public double? SilenceSeconds { get; set; }

    /// <summary>true: several processes of one machine may be in the group, each with the CPU as its device; default
    /// false</summary>
    public bool? SeveralPerMachine { get; set; }

    /// <summary>of arrays between the processes; default Auto; no bit depends on it</summary>
    public Carrier? Carrier { get; set; }

    internal override IntPtr Create() {
      return Native.new_hlm_group_options();
    }

    internal override void Delete(IntPtr options) {
      Native.delete_hlm_group_options(options);
    }

    internal override void Write(IntPtr options) {
      if (TimeoutSeconds.HasValue) Native.hlm_group_options_timeout_seconds_set(options, TimeoutSeconds.Value);
      if (SilenceSeconds.HasValue) Native.hlm_group_options_silence_seconds_set(options, SilenceSeconds.Value);
      if (SeveralPerMachine.HasValue) Native.hlm_group_options_several_per_machine_set(options, SeveralPerMachine.Value ? 1 : 0);
      if (Carrier.HasValue) Native.hlm_group_options_carrier_set(options, (int)Carrier.Value);
    }
  }

  /// <summary>Options of a Trainer: AdamW and its schedule. A property that is null, as all are at first, is the library's
  /// default.</summary>
  public sealed class TrainerOptions : Options {
    /// <summary>learning rate; default 1e-5</summary>
    public double? Lr { get; set; }

    /// <summary>decay of the first moment; of SGD the momentum; default 0.9</summary>
    public double? Beta1 { get; set; }

    /// <summary>decay of the second moment; default 0.999</summary>
    public double? Beta2 { get; set; }

    /// <summary>added to the root of the second moment; default 1e-8</summary>
    public double? Eps { get; set; }

    /// <summary>of tensors of two or more dimensions; default 0.01</summary>
    public double? WeightDecay { get; set; }

    /// <summary>of the rate after warm-up; default Constant</summary>
    public Schedule? Schedule { get; set; }

    /// <summary>steps of rising rate; default 0</summary>
    public long? WarmupSteps { get; set; }

    /// <summary>needed by LINEAR and COSINE; default 0</summary>
    public long? TotalSteps { get; set; }

    /// <summary>the last step's rate over lr; default 0</summary>
    public double? MinLrRatio { get; set; }

    /// <summary>true: hlm_step_metrics tells mean_token_accuracy and entropy, for a little work in the head; default
    /// false</summary>
    public bool? TokenMetrics { get; set; }

    internal override IntPtr Create() {
      return Native.new_hlm_trainer_options();
    }

    internal override void Delete(IntPtr options) {
      Native.delete_hlm_trainer_options(options);
    }

    internal override void Write(IntPtr options) {
      if (Lr.HasValue) Native.hlm_trainer_options_lr_set(options, Lr.Value);
      if (Beta1.HasValue) Native.hlm_trainer_options_beta1_set(options, Beta1.Value);
      if (Beta2.HasValue) Native.hlm_trainer_options_beta2_set(options, Beta2.Value);
      if (Eps.HasValue) Native.hlm_trainer_options_eps_set(options, Eps.Value);
      if (WeightDecay.HasValue) Native.hlm_trainer_options_weight_decay_set(options, WeightDecay.Value);
      if (Schedule.HasValue) Native.hlm_trainer_options_schedule_set(options, (int)Schedule.Value);
      if (WarmupSteps.HasValue) Native.hlm_trainer_options_warmup_steps_set(options, WarmupSteps.Value);
      if (TotalSteps.HasValue) Native.hlm_trainer_options_total_steps_set(options, TotalSteps.Value);
      if (MinLrRatio.HasValue) Native.hlm_trainer_options_min_lr_ratio_set(options, MinLrRatio.Value);
      if (TokenMetrics.HasValue) Native.hlm_trainer_options_token_metrics_set(options, TokenMetrics.Value ? 1 : 0);
    }
  }

  /// <summary>Options of saving a checkpoint. A property that is null, as all are at first, is the library's
  /// default.</summary>
  public sealed class CheckpointOptions : Options {
    /// <summary>so many newest checkpoints of the directory stay, older ones are removed; 0 (default): all</summary>
    public long? Keep { get; set; }

    /// <summary>true (default): returns once the state is fixed, and writes while training goes on; false: returns when all of
    /// it is on the medium</summary>
    public bool? Background { get; set; }

    /// <summary>UTF-8 text that is kept with the state and handed out by resume (a position in the data, say); null:
    /// none</summary>
    public string UserData { get; set; }

    internal override IntPtr Create() {
      return Native.new_hlm_checkpoint_options();
    }

    internal override void Delete(IntPtr options) {
      Native.delete_hlm_checkpoint_options(options);
    }

    internal override void Write(IntPtr options) {
      if (Keep.HasValue) Native.hlm_checkpoint_options_keep_set(options, Keep.Value);
      if (Background.HasValue) Native.hlm_checkpoint_options_background_set(options, Background.Value ? 1 : 0);
      if (UserData != null) Native.hlm_checkpoint_options_user_data_set(options, Text.Encode(UserData, nameof(UserData)));
    }
  }

  /// <summary>Options of resuming. A property that is null, as all are at first, is the library's default.</summary>
  public sealed class ResumeOptions : Options {
    /// <summary>true: go on where the plan's numerics differ from the checkpoint's (another device, other sweeps): the run
    /// continues within rounding, not bit for bit; default false</summary>
    public bool? AllowNumericsChange { get; set; }

    internal override IntPtr Create() {
      return Native.new_hlm_resume_options();
    }

    internal override void Delete(IntPtr options) {
      Native.delete_hlm_resume_options(options);
    }

    internal override void Write(IntPtr options) {
      if (AllowNumericsChange.HasValue) Native.hlm_resume_options_allow_numerics_change_set(options, AllowNumericsChange.Value ? 1 : 0);
    }
  }

  /// <summary>Options of a loss on pairs. A property that is null, as all are at first, is the library's default.</summary>
  public sealed class PreferenceOptions : Options {
    /// <summary>the form; default Sigmoid</summary>
    public Preference? Kind { get; set; }

    /// <summary>true: every reference is 0; default false</summary>
    public bool? ReferenceFree { get; set; }

    /// <summary>above 0; default 0.1</summary>
    public double? Beta { get; set; }

    /// <summary>margin; default 0</summary>
    public double? Gamma { get; set; }

    /// <summary>in [0, 1), ROBUST [0, 0.5); default 0</summary>
    public double? LabelSmoothing { get; set; }

    /// <summary>adds this times -s_w/n_w; default 0 (ORPO: this much more)</summary>
    public double? SftWeight { get; set; }

    /// <summary>above 0: adds it times -s_w / sft_denominator instead (tokens of the step); 0: as above</summary>
    public double? SftDenominator { get; set; }

    /// <summary>pairs of the whole step; 0: of this batch</summary>
    public double? Denominator { get; set; }

    /// <summary>true: loss and metrics alone, by a forward pass: nothing is accumulated, any plan will do; default
    /// false</summary>
    public bool? ForwardOnly { get; set; }

    internal override IntPtr Create() {
      return Native.new_hlm_preference_options();
    }

    internal override void Delete(IntPtr options) {
      Native.delete_hlm_preference_options(options);
    }

    internal override void Write(IntPtr options) {
      if (Kind.HasValue) Native.hlm_preference_options_kind_set(options, (int)Kind.Value);
      if (ReferenceFree.HasValue) Native.hlm_preference_options_reference_free_set(options, ReferenceFree.Value ? 1 : 0);
      if (Beta.HasValue) Native.hlm_preference_options_beta_set(options, Beta.Value);
      if (Gamma.HasValue) Native.hlm_preference_options_gamma_set(options, Gamma.Value);
      if (LabelSmoothing.HasValue) Native.hlm_preference_options_label_smoothing_set(options, LabelSmoothing.Value);
      if (SftWeight.HasValue) Native.hlm_preference_options_sft_weight_set(options, SftWeight.Value);
      if (SftDenominator.HasValue) Native.hlm_preference_options_sft_denominator_set(options, SftDenominator.Value);
      if (Denominator.HasValue) Native.hlm_preference_options_denominator_set(options, Denominator.Value);
      if (ForwardOnly.HasValue) Native.hlm_preference_options_forward_only_set(options, ForwardOnly.Value ? 1 : 0);
    }
  }

  /// <summary>Options of KTO. A property that is null, as all are at first, is the library's default.</summary>
  public sealed class KtoOptions : Options {
    /// <summary>above 0; default 0.1</summary>
    public double? Beta { get; set; }

    /// <summary>default 1</summary>
    public double? DesirableWeight { get; set; }

    /// <summary>default 1</summary>
    public double? UndesirableWeight { get; set; }

    /// <summary>documents of the whole step; 0: of this batch</summary>
    public double? Denominator { get; set; }

    /// <summary>not negative; used where mismatched is null; default 0 (then this is APO-zero)</summary>
    public double? Kl { get; set; }

    /// <summary>true: loss and metrics alone, by a forward pass: nothing is accumulated, any plan will do; default
    /// false</summary>
    public bool? ForwardOnly { get; set; }

    internal override IntPtr Create() {
      return Native.new_hlm_kto_options();
    }

    internal override void Delete(IntPtr options) {
      Native.delete_hlm_kto_options(options);
    }

    internal override void Write(IntPtr options) {
      if (Beta.HasValue) Native.hlm_kto_options_beta_set(options, Beta.Value);
      if (DesirableWeight.HasValue) Native.hlm_kto_options_desirable_weight_set(options, DesirableWeight.Value);
      if (UndesirableWeight.HasValue) Native.hlm_kto_options_undesirable_weight_set(options, UndesirableWeight.Value);
      if (Denominator.HasValue) Native.hlm_kto_options_denominator_set(options, Denominator.Value);
      if (Kl.HasValue) Native.hlm_kto_options_kl_set(options, Kl.Value);
      if (ForwardOnly.HasValue) Native.hlm_kto_options_forward_only_set(options, ForwardOnly.Value ? 1 : 0);
    }
  }

  /// <summary>Options of a policy's loss. A property that is null, as all are at first, is the library's default.</summary>
  public sealed class PolicyOptions : Options {
    /// <summary>the form; default Clip</summary>
    public PolicyKind? Kind { get; set; }

    /// <summary>of what; default Token</summary>
    public Ratio? Ratio { get; set; }

    /// <summary>estimator of the divergence; default K3</summary>
    public KlEstimator? Kl { get; set; }

    /// <summary>of tokens to a loss; default TokenMean</summary>
    public Reduction? Reduction { get; set; }

    /// <summary>ratios are clipped to [1 - clip_low, 1 + clip_high]; default 0.2; infinity: not on that side</summary>
    public double? ClipLow { get; set; }

    /// <summary>see clip_low; default 0.2</summary>
    public double? ClipHigh { get; set; }

    /// <summary>above 1: with A &lt; 0 the loss is at most -A dual_clip; 0: off (default)</summary>
    public double? DualClip { get; set; }

    /// <summary>adds this times the divergence; default 0; needs reference_logprobs</summary>
    public double? KlWeight { get; set; }

    /// <summary>caps exp(old - rollout); 0: no cap (default)</summary>
    public double? ImportanceCap { get; set; }

    /// <summary>subtracts this times the entropy; default 0</summary>
    public double? EntropyWeight { get; set; }

    /// <summary>of the whole step: tokens (their weights) or documents, by reduction; 0: of this batch</summary>
    public double? Denominator { get; set; }

    /// <summary>true: loss and metrics alone, by a forward pass: nothing is accumulated, any plan will do; default
    /// false</summary>
    public bool? ForwardOnly { get; set; }

    internal override IntPtr Create() {
      return Native.new_hlm_policy_options();
    }

    internal override void Delete(IntPtr options) {
      Native.delete_hlm_policy_options(options);
    }

    internal override void Write(IntPtr options) {
      if (Kind.HasValue) Native.hlm_policy_options_kind_set(options, (int)Kind.Value);
      if (Ratio.HasValue) Native.hlm_policy_options_ratio_set(options, (int)Ratio.Value);
      if (Kl.HasValue) Native.hlm_policy_options_kl_set(options, (int)Kl.Value);
      if (Reduction.HasValue) Native.hlm_policy_options_reduction_set(options, (int)Reduction.Value);
      if (ClipLow.HasValue) Native.hlm_policy_options_clip_low_set(options, ClipLow.Value);
      if (ClipHigh.HasValue) Native.hlm_policy_options_clip_high_set(options, ClipHigh.Value);
      if (DualClip.HasValue) Native.hlm_policy_options_dual_clip_set(options, DualClip.Value);
      if (KlWeight.HasValue) Native.hlm_policy_options_kl_weight_set(options, KlWeight.Value);
      if (ImportanceCap.HasValue) Native.hlm_policy_options_importance_cap_set(options, ImportanceCap.Value);
      if (EntropyWeight.HasValue) Native.hlm_policy_options_entropy_weight_set(options, EntropyWeight.Value);
      if (Denominator.HasValue) Native.hlm_policy_options_denominator_set(options, Denominator.Value);
      if (ForwardOnly.HasValue) Native.hlm_policy_options_forward_only_set(options, ForwardOnly.Value ? 1 : 0);
    }
  }

  /// <summary>Options of an Optimizer. A property that is null, as all are at first, is the library's default.</summary>
  public sealed class OptimizerOptions : Options {
    /// <summary>defaults as in hlm_trainer_options</summary>
    public double? Beta1 { get; set; }

    /// <summary>defaults as in hlm_trainer_options</summary>
    public double? Beta2 { get; set; }

    /// <summary>defaults as in hlm_trainer_options</summary>
    public double? Eps { get; set; }

    /// <summary>defaults as in hlm_trainer_options</summary>
    public double? WeightDecay { get; set; }

    /// <summary>at most 1024; 0: as many as the process may use</summary>
    public long? Threads { get; set; }

    /// <summary>how a step changes the weights; default AdamW</summary>
    public OptimizerAlgorithm? Algorithm { get; set; }

    /// <summary>how moments are stored, not Auto; default F32</summary>
    public States? States { get; set; }

    /// <summary>what an update is made of; default Auto, which is Fused here</summary>
    public OptimizerPath? OptimizerPath { get; set; }

    internal override IntPtr Create() {
      return Native.new_hlm_optimizer_options();
    }

    internal override void Delete(IntPtr options) {
      Native.delete_hlm_optimizer_options(options);
    }

    internal override void Write(IntPtr options) {
      if (Beta1.HasValue) Native.hlm_optimizer_options_beta1_set(options, Beta1.Value);
      if (Beta2.HasValue) Native.hlm_optimizer_options_beta2_set(options, Beta2.Value);
      if (Eps.HasValue) Native.hlm_optimizer_options_eps_set(options, Eps.Value);
      if (WeightDecay.HasValue) Native.hlm_optimizer_options_weight_decay_set(options, WeightDecay.Value);
      if (Threads.HasValue) Native.hlm_optimizer_options_threads_set(options, Threads.Value);
      if (Algorithm.HasValue) Native.hlm_optimizer_options_algorithm_set(options, (int)Algorithm.Value);
      if (States.HasValue) Native.hlm_optimizer_options_states_set(options, (int)States.Value);
      if (OptimizerPath.HasValue) Native.hlm_optimizer_options_optimizer_path_set(options, (int)OptimizerPath.Value);
    }
  }
}
