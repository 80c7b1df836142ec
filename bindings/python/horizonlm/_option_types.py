"""Made by tools/options/generate.py from c_api/horizon_lm.h: change that. Types of keywords, constants that strings name, and tables for docstrings."""

from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence, Union

if TYPE_CHECKING:
    from typing import TypedDict

    Name = Union[str, int]
    Json = Any  # JSON as a text, or what json.dumps makes one of
    Names = Union[str, Sequence[str]]  # one text with commas, or a list

    class SaveOptions(TypedDict, total=False):
        """Options of saving a model; see hlm_save_options in horizon_lm.h."""

        # type of saved weights; default AUTO: the source's, but BF16 for those that it has packed (fp8,
        # MXFP4); SOURCE packs these again as the source has them
        dtype: Name
        # True: replace a folder that holds a saved model and nothing else; default False
        overwrite: bool
        # default 5 GiB
        max_shard_bytes: int

    class TextOptions(TypedDict, total=False):
        """Options of what a saved model says of text; see hlm_text_options in horizon_lm.h."""

        # a folder, or a tokenizer's file, as hlm_tokenizer_open takes: its files in place of all of the
        # source's; None (default): the source's
        tokenizer: str
        # as hlm_template_open takes it: chat_template.jinja (and additional_chat_templates) in place of all
        # of the source's; None (default): the source's, or, where that has none, those beside tokenizer
        chat_template: str
        # a list of ids that end what was trained: those that end no generation yet are added to eos_token_id
        # of generation_config.json and config.json; None (default): none
        stop_ids_json: Json

    class EncodeOptions(TypedDict, total=False):
        """Options of encoding a text; see hlm_encode_options in horizon_lm.h."""

        # True (default): BOS and the like, as the file says; False: for text that a chat template made
        add_special_tokens: bool
        # what offsets count; default BYTES
        offsets_in: Name
        # True: in those spans no added token is matched at all, special or not; default False
        plain_added: bool
        # True: spaces at the ends of a token do not belong to it where the file says so; default False
        trim_offsets: bool
        # True: what add_special_tokens puts before a text (BOS) is there once where the text begins with it
        # already, as one that was rendered does; default False: twice
        one_beginning: bool

    class TemplateOptions(TypedDict, total=False):
        """Options of rendering a conversation; see hlm_template_options in horizon_lm.h."""

        # of the template; None: chosen as Hugging Face does ("tool_use" with tools, else "default")
        name: str
        # an array of tools; None: none
        tools_json: Json
        # an array of documents; None: none
        documents_json: Json
        # an object of further variables; None: none
        variables_json: Json
        # what strftime_now says: "YYYY-MM-DD" or "YYYY-MM-DD HH:MM:SS"; None: now
        date: str
        # True: render ends with the beginning of an answer; default False
        add_generation_prompt: bool
        # training only, what is trained; default ASSISTANT
        train_on: Name
        # training only, how it is found; default AUTO
        mask: Name
        # training, COMPLETION: how many messages are the prompt; -1 (default): up to the last "user"
        prompt_messages: int
        # of the text, and of every string on the way; 16 times as many may be worked through; default 64 MiB,
        # at most 1 GiB
        max_output_bytes: int
        # turns of loops and calls of macros, in all; 10 times as many expressions; default 10,000,000, at
        # most 10^15
        max_iterations: int
        # expressions, blocks and macros inside each other; default 600, at most 600
        max_depth: int
        # True: arguments of tool calls that are JSON in a string become values, "" is {}; False (default): as
        # they are
        parse_arguments: bool
        # True: members of arguments that are null are left out, as Arrow puts them there; default False
        drop_null_arguments: bool

    class PlanOptions(TypedDict, total=False):
        """Options of a plan; see hlm_plan_options in horizon_lm.h."""

        # "auto" (default), "cpu", "cuda:0"; several that share each step: "cuda" (all), "cuda:0,cuda:2",
        # "cuda:0-3", "cpu:4"
        device: Names
        # what the plan is for; default TRAIN
        purpose: Name
        # type of the arithmetic: BF16 (default) or F32
        compute: Name
        # rows of seq_len tokens in a step; default 8. A step takes up to batch_size * seq_len tokens
        batch_size: int
        # tokens of a row; default 512
        seq_len: int
        # rows in a micro-batch; 0: chosen. A document may have up to micro_batch * seq_len tokens. A step has
        # 2^20 micro-batches at most
        micro_batch: int
        # passes over the weights in a step, up to 4096; 0: chosen
        sweeps: int
        # what stays between forward and backward; default AUTO
        activations: Name
        # where the inputs of blocks wait for backward; default AUTO
        block_inputs: Name
        # device copies of a block's weights; 0: chosen
        slots: int
        # units sent up ahead of the one that computes; -1: chosen (default); below slots
        prefetch: int
        # entries of the gradient ring; 0: chosen
        ring: int
        # rows of logits at a time; 0: chosen; part of the numerics
        head_chunk: int
        # larger units move and are updated in parts of at most this size, at least 16384; 0: chosen, up to
        # 256 MiB
        max_part_bytes: int
        # when weights are updated; default NEXT_FORWARD
        optimizer_timing: Name
        # type of stored gradients: BF16 or F32; -1: as compute (default). f32 compute needs F32
        grad_dtype: Name
        # largest global norm; 0: off; default 1.0. BACKWARD timing needs 0
        grad_clip: float
        # of the CPU device's products; 0: as many as the process may use
        threads: int
        # of the updates on the host; 0: chosen
        optimizer_threads: int
        # most host memory to plan for; 0: what the machine and its cgroup allow
        host_limit_bytes: int
        # most device memory; 0: what the device has
        device_limit_bytes: int
        # how a step changes the weights; default ADAMW
        optimizer: Name
        # how moments are stored; default F32
        states: Name
        # what an update is added to; default SPLIT
        master: Name
        # host memory for saving beside training; default 0; -1: what is left, up to the whole state
        snapshot_bytes: int
        # a machine that is not here, docs/plan.md lists its keys: such a plan can be read, not run, and no
        # device is touched. None (default): this machine
        machine_json: Json
        # the "numerics" of a plan or a checkpoint: what the options leave to the plan (micro_batch, sweeps,
        # head_chunk, grad_dtype, threads, algorithms of products) is taken from there instead of chosen, so
        # that a run can go on bit for bit; None (default): chosen
        numerics_json: Json
        # copies of the weights that a trainer may keep (hlm_trainer_keep_weights); default 0
        frozen_copies: int
        # what an update on the host is made of; default AUTO; part of the numerics
        optimizer_path: Name
        # how several devices share weights and gradients; default AUTO
        route: Name
        # into which a step's rows are dealt, a multiple of the devices; several processes have a power of two
        # each: the same bits on any such number of devices and processes. Their gradients are added by a
        # binary tree in fp32. 0: as many as there are devices (default); part of the numerics
        reduction_groups: int
        # True: a model whose config.json has dropouts above 0 is trained without them; default False: it is
        # refused
        ignore_dropout: bool
        # True: the embedding's row of pad_token_id gets its gradient from the lookup, as others do; default
        # False: it gets none, as in transformers; part of the numerics
        train_pad_row: bool
        # of the group that shares each step, each with such devices (hlm_group_size); default 1. batch_size
        # is the rows of all of them
        processes: int
        # times this the routers' balancing loss is added to the loss of a mixture; below 0 (default): by the
        # model's config, its router_aux_loss_coef where output_router_logits is true
        router_aux_loss_coef: float
        # times this the mean of logsumexp(router logits)^2 is added to the loss of a mixture; default 0
        router_z_loss_coef: float
        # by so much a step moves the bias for the choice of each expert, where routers have one: up where it
        # got fewer tokens than the mean, down where more; default 0
        router_bias_rate: float
        # over which tokens the balancing loss takes its means; default STEP
        router_aux_loss_scope: Name
        # what an update does with experts that no token of the step chose; default ZERO
        unrouted: Name
        # who keeps masters, moments and sums of gradients in a group; default AUTO
        process_states: Name
        # which experts of a mixture go up; default AUTO
        experts_up: Name
        # experts of a block that are larger are sent up, computed and updated in groups of at most this size;
        # 0: chosen, the block as a whole, groups of 512 MiB, or each alone
        max_piece_bytes: int
        # patterns of names of tensors that do not train, commas between them: "model.embed_tokens.*,*norm*";
        # * is any characters, ? one, [0-9] one of those; a tied matrix has the embedding's name. They have no
        # gradients, states or updates, and no backward pass comes below the first layer that trains. None
        # (default): none; part of the numerics
        freeze: Names
        # patterns of names of the only tensors that train, but for those of freeze; None (default): all; part
        # of the numerics
        train_only: Names

    class GroupOptions(TypedDict, total=False):
        """Options of joining a group of processes; see hlm_group_options in horizon_lm.h."""

        # that a call waits for a process which lives but does not take part, in [0.1, 1e7]; default 1800
        timeout_seconds: float
        # after which a process of which nothing is heard counts as hung, in [0.1, 1e7]; default 60
        silence_seconds: float
        # True: several processes of one machine may be in the group, each with the CPU as its device; default
        # False
        several_per_machine: bool
        # of arrays between the processes; default AUTO; no bit depends on it
        carrier: Name

    class TrainerOptions(TypedDict, total=False):
        """Options of a trainer: AdamW and its schedule; see hlm_trainer_options in horizon_lm.h."""

        # learning rate; default 1e-5
        lr: float
        # decay of the first moment; of SGD the momentum; default 0.9
        beta1: float
        # decay of the second moment; default 0.999
        beta2: float
        # added to the root of the second moment; default 1e-8
        eps: float
        # of tensors of two or more dimensions; default 0.01
        weight_decay: float
        # of the rate after warm-up; default CONSTANT
        schedule: Name
        # steps of rising rate; default 0
        warmup_steps: int
        # needed by LINEAR and COSINE; default 0
        total_steps: int
        # the last step's rate over lr; default 0
        min_lr_ratio: float
        # True: hlm_step_metrics tells mean_token_accuracy and entropy, for a little work in the head; default
        # False
        token_metrics: bool

    class CheckpointOptions(TypedDict, total=False):
        """Options of saving a checkpoint; see hlm_checkpoint_options in horizon_lm.h."""

        # so many newest checkpoints of the directory stay, older ones are removed; 0 (default): all
        keep: int
        # True (default): returns once the state is fixed, and writes while training goes on; False: returns
        # when all of it is on the medium
        background: bool
        # UTF-8 text that is kept with the state and handed out by resume (a position in the data, say); None:
        # none
        user_data: Optional[str]

    class ResumeOptions(TypedDict, total=False):
        """Options of resuming; see hlm_resume_options in horizon_lm.h."""

        # True: go on where the plan's numerics differ from the checkpoint's (another device, other sweeps):
        # the run continues within rounding, not bit for bit; default False
        allow_numerics_change: bool

    class PreferenceOptions(TypedDict, total=False):
        """Options of a loss on pairs; see hlm_preference_options in horizon_lm.h."""

        # the form; default SIGMOID
        kind: Name
        # True: every reference is 0; default False
        reference_free: bool
        # above 0; default 0.1
        beta: float
        # margin; default 0
        gamma: float
        # in [0, 1), ROBUST [0, 0.5); default 0
        label_smoothing: float
        # adds this times -s_w/n_w; default 0 (ORPO: this much more)
        sft_weight: float
        # above 0: adds it times -s_w / sft_denominator instead (tokens of the step); 0: as above
        sft_denominator: float
        # pairs of the whole step; 0: of this batch
        denominator: float
        # True: loss and metrics alone, by a forward pass: nothing is accumulated, any plan will do; default
        # False
        forward_only: bool

    class KtoOptions(TypedDict, total=False):
        """Options of KTO; see hlm_kto_options in horizon_lm.h."""

        # above 0; default 0.1
        beta: float
        # default 1
        desirable_weight: float
        # default 1
        undesirable_weight: float
        # documents of the whole step; 0: of this batch
        denominator: float
        # not negative; used where mismatched is None; default 0 (then this is APO-zero)
        kl: float
        # True: loss and metrics alone, by a forward pass: nothing is accumulated, any plan will do; default
        # False
        forward_only: bool

    class PolicyOptions(TypedDict, total=False):
        """Options of a policy-gradient loss; see hlm_policy_options in horizon_lm.h."""

        # the form; default CLIP
        kind: Name
        # of what; default TOKEN
        ratio: Name
        # estimator of the divergence; default K3
        kl: Name
        # of tokens to a loss; default TOKEN_MEAN
        reduction: Name
        # ratios are clipped to [1 - clip_low, 1 + clip_high]; default 0.2; infinity: not on that side
        clip_low: float
        # see clip_low; default 0.2
        clip_high: float
        # above 1: with A < 0 the loss is at most -A dual_clip; 0: off (default)
        dual_clip: float
        # adds this times the divergence; default 0; needs reference_logprobs
        kl_weight: float
        # caps exp(old - rollout); 0: no cap (default)
        importance_cap: float
        # subtracts this times the entropy; default 0
        entropy_weight: float
        # of the whole step: tokens (their weights) or documents, by reduction; 0: of this batch
        denominator: float
        # True: loss and metrics alone, by a forward pass: nothing is accumulated, any plan will do; default
        # False
        forward_only: bool

    class OptimizerOptions(TypedDict, total=False):
        """Options of an optimizer on the caller's arrays; see hlm_optimizer_options in horizon_lm.h."""

        # defaults as in hlm_trainer_options
        beta1: float
        # defaults as in hlm_trainer_options
        beta2: float
        # defaults as in hlm_trainer_options
        eps: float
        # defaults as in hlm_trainer_options
        weight_decay: float
        # at most 1024; 0: as many as the process may use
        threads: int
        # how a step changes the weights; default ADAMW
        algorithm: Name
        # how moments are stored, not AUTO; default F32
        states: Name
        # what an update is made of; default AUTO, which is FUSED here
        optimizer_path: Name


# Members whose values have names: a string stands for the constant with this prefix, "bf16" for HLM_DTYPE_BF16.
PREFIXES: Dict[str, str] = {
    "hlm_save_options.dtype": "HLM_DTYPE_",
    "hlm_encode_options.offsets_in": "HLM_OFFSETS_",
    "hlm_template_options.train_on": "HLM_TRAIN_ON_",
    "hlm_template_options.mask": "HLM_MASK_",
    "hlm_plan_options.purpose": "HLM_PURPOSE_",
    "hlm_plan_options.compute": "HLM_DTYPE_",
    "hlm_plan_options.activations": "HLM_ACTIVATIONS_",
    "hlm_plan_options.block_inputs": "HLM_BLOCK_INPUTS_",
    "hlm_plan_options.optimizer_timing": "HLM_TIMING_",
    "hlm_plan_options.grad_dtype": "HLM_DTYPE_",
    "hlm_plan_options.optimizer": "HLM_OPTIMIZER_",
    "hlm_plan_options.states": "HLM_STATES_",
    "hlm_plan_options.master": "HLM_MASTER_",
    "hlm_plan_options.optimizer_path": "HLM_PATH_",
    "hlm_plan_options.route": "HLM_ROUTE_",
    "hlm_plan_options.router_aux_loss_scope": "HLM_AUX_SCOPE_",
    "hlm_plan_options.unrouted": "HLM_UNROUTED_",
    "hlm_plan_options.process_states": "HLM_PROCESS_STATES_",
    "hlm_plan_options.experts_up": "HLM_EXPERTS_UP_",
    "hlm_group_options.carrier": "HLM_CARRIER_",
    "hlm_trainer_options.schedule": "HLM_SCHEDULE_",
    "hlm_preference_options.kind": "HLM_PREFERENCE_",
    "hlm_policy_options.kind": "HLM_POLICY_",
    "hlm_policy_options.ratio": "HLM_RATIO_",
    "hlm_policy_options.kl": "HLM_KL_",
    "hlm_policy_options.reduction": "HLM_REDUCTION_",
    "hlm_optimizer_options.algorithm": "HLM_OPTIMIZER_",
    "hlm_optimizer_options.states": "HLM_STATES_",
    "hlm_optimizer_options.optimizer_path": "HLM_PATH_",
}

# Members that are one text with commas, and may be given as a list.
LISTS = frozenset(["device", "freeze", "train_only"])

# What docstrings say of the options.
TABLES: Dict[str, str] = {
    "hlm_save_options": r"""Options, as keywords:

    dtype: "f32" | "bf16" | "f16" | "auto" | "source": type of saved weights; default "auto": the source's,
        but "bf16" for those that it has packed (fp8, MXFP4); "source" packs these again as the source has
        them
    overwrite: bool. True: replace a folder that holds a saved model and nothing else; default False
    max_shard_bytes: int. default 5 GiB
""",
    "hlm_text_options": r"""Options, as keywords:

    tokenizer: str. a folder, or a tokenizer's file, as hlm_tokenizer_open takes: its files in place of all of
        the source's; None (default): the source's
    chat_template: str. as hlm_template_open takes it: chat_template.jinja (and additional_chat_templates) in
        place of all of the source's; None (default): the source's, or, where that has none, those beside
        tokenizer
    stop_ids_json: Json. a list of ids that end what was trained: those that end no generation yet are added
        to eos_token_id of generation_config.json and config.json; None (default): none
""",
    "hlm_encode_options": r"""Options, as keywords:

    add_special_tokens: bool. True (default): BOS and the like, as the file says; False: for text that a chat
        template made
    offsets_in: "bytes" | "characters" | "utf16": what offsets count; default "bytes"
    plain_added: bool. True: in those spans no added token is matched at all, special or not; default False
    trim_offsets: bool. True: spaces at the ends of a token do not belong to it where the file says so;
        default False
    one_beginning: bool. True: what add_special_tokens puts before a text (BOS) is there once where the text
        begins with it already, as one that was rendered does; default False: twice
""",
    "hlm_template_options": r"""Options, as keywords:

    name: str. of the template; None: chosen as Hugging Face does ("tool_use" with tools, else "default")
    tools_json: Json. an array of tools; None: none
    documents_json: Json. an array of documents; None: none
    variables_json: Json. an object of further variables; None: none
    date: str. what strftime_now says: "YYYY-MM-DD" or "YYYY-MM-DD HH:MM:SS"; None: now
    add_generation_prompt: bool. True: render ends with the beginning of an answer; default False
    train_on: "assistant" | "last" | "completion" | "all": training only, what is trained; default "assistant"
    mask: "auto" | "tags" | "spans" | "unroll": training only, how it is found; default "auto"
    prompt_messages: int. training, COMPLETION: how many messages are the prompt; -1 (default): up to the last
        "user"
    max_output_bytes: int. of the text, and of every string on the way; 16 times as many may be worked
        through; default 64 MiB, at most 1 GiB
    max_iterations: int. turns of loops and calls of macros, in all; 10 times as many expressions; default
        10,000,000, at most 10^15
    max_depth: int. expressions, blocks and macros inside each other; default 600, at most 600
    parse_arguments: bool. True: arguments of tool calls that are JSON in a string become values, "" is {};
        False (default): as they are
    drop_null_arguments: bool. True: members of arguments that are null are left out, as Arrow puts them
        there; default False
""",
    "hlm_plan_options": r"""Options, as keywords:

    device: str or a list. "auto" (default), "cpu", "cuda:0"; several that share each step: "cuda" (all),
        "cuda:0,cuda:2", "cuda:0-3", "cpu:4"
    purpose: "train" | "forward-backward" | "forward": what the plan is for; default "train"
    compute: "bf16" | "f32": type of the arithmetic: "bf16" (default) or "f32"
    batch_size: int. rows of seq_len tokens in a step; default 8. A step takes up to batch_size * seq_len
        tokens
    seq_len: int. tokens of a row; default 512
    micro_batch: int. rows in a micro-batch; 0: chosen. A document may have up to micro_batch * seq_len
        tokens. A step has 2^20 micro-batches at most
    sweeps: int. passes over the weights in a step, up to 4096; 0: chosen
    activations: "auto" | "keep" | "keep-cheap" | "recompute": what stays between forward and backward;
        default "auto"
    block_inputs: "auto" | "device" | "host": where the inputs of blocks wait for backward; default "auto"
    slots: int. device copies of a block's weights; 0: chosen
    prefetch: int. units sent up ahead of the one that computes; -1: chosen (default); below slots
    ring: int. entries of the gradient ring; 0: chosen
    head_chunk: int. rows of logits at a time; 0: chosen; part of the numerics
    max_part_bytes: int. larger units move and are updated in parts of at most this size, at least 16384; 0:
        chosen, up to 256 MiB
    optimizer_timing: "next-forward" | "backward" | "serial" | "auto": when weights are updated; default
        "next-forward"
    grad_dtype: "bf16" | "f32": type of stored gradients: "bf16" or "f32"; -1: as compute (default). f32
        compute needs "f32"
    grad_clip: float. largest global norm; 0: off; default 1.0. BACKWARD timing needs 0
    threads: int. of the CPU device's products; 0: as many as the process may use
    optimizer_threads: int. of the updates on the host; 0: chosen
    host_limit_bytes: int. most host memory to plan for; 0: what the machine and its cgroup allow
    device_limit_bytes: int. most device memory; 0: what the device has
    optimizer: "adamw" | "adam" | "sgd" | "lion": how a step changes the weights; default "adamw"
    states: "f32" | "bf16" | "int8" | "auto": how moments are stored; default "f32"
    master: "split" | "none" | "auto": what an update is added to; default "split"
    snapshot_bytes: int. host memory for saving beside training; default 0; -1: what is left, up to the whole
        state
    machine_json: Json. a machine that is not here, docs/plan.md lists its keys: such a plan can be read, not
        run, and no device is touched. None (default): this machine
    numerics_json: Json. the "numerics" of a plan or a checkpoint: what the options leave to the plan
        (micro_batch, sweeps, head_chunk, grad_dtype, threads, algorithms of products) is taken from there
        instead of chosen, so that a run can go on bit for bit; None (default): chosen
    frozen_copies: int. copies of the weights that a trainer may keep (hlm_trainer_keep_weights); default 0
    optimizer_path: "auto" | "fused" | "onednn": what an update on the host is made of; default "auto"; part
        of the numerics
    route: "auto" | "host" | "peer": how several devices share weights and gradients; default "auto"
    reduction_groups: int. into which a step's rows are dealt, a multiple of the devices; several processes
        have a power of two each: the same bits on any such number of devices and processes. Their gradients
        are added by a binary tree in fp32. 0: as many as there are devices (default); part of the numerics
    ignore_dropout: bool. True: a model whose config.json has dropouts above 0 is trained without them;
        default False: it is refused
    train_pad_row: bool. True: the embedding's row of pad_token_id gets its gradient from the lookup, as
        others do; default False: it gets none, as in transformers; part of the numerics
    processes: int. of the group that shares each step, each with such devices (hlm_group_size); default 1.
        batch_size is the rows of all of them
    router_aux_loss_coef: float. times this the routers' balancing loss is added to the loss of a mixture;
        below 0 (default): by the model's config, its router_aux_loss_coef where output_router_logits is true
    router_z_loss_coef: float. times this the mean of logsumexp(router logits)^2 is added to the loss of a
        mixture; default 0
    router_bias_rate: float. by so much a step moves the bias for the choice of each expert, where routers
        have one: up where it got fewer tokens than the mean, down where more; default 0
    router_aux_loss_scope: "step" | "group" | "sequence": over which tokens the balancing loss takes its
        means; default "step"
    unrouted: "zero" | "skip": what an update does with experts that no token of the step chose; default
        "zero"
    process_states: "auto" | "sharded" | "replicate": who keeps masters, moments and sums of gradients in a
        group; default "auto"
    experts_up: "auto" | "all" | "routed": which experts of a mixture go up; default "auto"
    max_piece_bytes: int. experts of a block that are larger are sent up, computed and updated in groups of at
        most this size; 0: chosen, the block as a whole, groups of 512 MiB, or each alone
    freeze: str or a list. patterns of names of tensors that do not train, commas between them:
        "model.embed_tokens.*,*norm*"; * is any characters, ? one, [0-9] one of those; a tied matrix has the
        embedding's name. They have no gradients, states or updates, and no backward pass comes below the
        first layer that trains. None (default): none; part of the numerics
    train_only: str or a list. patterns of names of the only tensors that train, but for those of freeze; None
        (default): all; part of the numerics
""",
    "hlm_group_options": r"""Options, as keywords:

    timeout_seconds: float. that a call waits for a process which lives but does not take part, in [0.1, 1e7];
        default 1800
    silence_seconds: float. after which a process of which nothing is heard counts as hung, in [0.1, 1e7];
        default 60
    several_per_machine: bool. True: several processes of one machine may be in the group, each with the CPU
        as its device; default False
    carrier: "auto" | "gloo" | "nccl" | "mpi": of arrays between the processes; default "auto"; no bit depends
        on it
""",
    "hlm_trainer_options": r"""Options, as keywords:

    lr: float. learning rate; default 1e-5
    beta1: float. decay of the first moment; of SGD the momentum; default 0.9
    beta2: float. decay of the second moment; default 0.999
    eps: float. added to the root of the second moment; default 1e-8
    weight_decay: float. of tensors of two or more dimensions; default 0.01
    schedule: "constant" | "linear" | "cosine": of the rate after warm-up; default "constant"
    warmup_steps: int. steps of rising rate; default 0
    total_steps: int. needed by LINEAR and COSINE; default 0
    min_lr_ratio: float. the last step's rate over lr; default 0
    token_metrics: bool. True: hlm_step_metrics tells mean_token_accuracy and entropy, for a little work in
        the head; default False
""",
    "hlm_checkpoint_options": r"""Options, as keywords:

    keep: int. so many newest checkpoints of the directory stay, older ones are removed; 0 (default): all
    background: bool. True (default): returns once the state is fixed, and writes while training goes on;
        False: returns when all of it is on the medium
    user_data: Optional[str]. UTF-8 text that is kept with the state and handed out by resume (a position in
        the data, say); None: none
""",
    "hlm_resume_options": r"""Options, as keywords:

    allow_numerics_change: bool. True: go on where the plan's numerics differ from the checkpoint's (another
        device, other sweeps): the run continues within rounding, not bit for bit; default False
""",
    "hlm_preference_options": r"""Options, as keywords:

    kind: "sigmoid" | "robust" | "hinge" | "ipo" | "sigmoid-norm" | "exo-pair" | "nca-pair" | "bco-pair" |
        "sppo-hard" | "apo-zero" | "apo-down" | "orpo" | "simpo": the form; default "sigmoid"
    reference_free: bool. True: every reference is 0; default False
    beta: float. above 0; default 0.1
    gamma: float. margin; default 0
    label_smoothing: float. in [0, 1), ROBUST [0, 0.5); default 0
    sft_weight: float. adds this times -s_w/n_w; default 0 (ORPO: this much more)
    sft_denominator: float. above 0: adds it times -s_w / sft_denominator instead (tokens of the step); 0: as
        above
    denominator: float. pairs of the whole step; 0: of this batch
    forward_only: bool. True: loss and metrics alone, by a forward pass: nothing is accumulated, any plan will
        do; default False
""",
    "hlm_kto_options": r"""Options, as keywords:

    beta: float. above 0; default 0.1
    desirable_weight: float. default 1
    undesirable_weight: float. default 1
    denominator: float. documents of the whole step; 0: of this batch
    kl: float. not negative; used where mismatched is None; default 0 (then this is APO-zero)
    forward_only: bool. True: loss and metrics alone, by a forward pass: nothing is accumulated, any plan will
        do; default False
""",
    "hlm_policy_options": r"""Options, as keywords:

    kind: "clip" | "cispo": the form; default "clip"
    ratio: "token" | "sequence": of what; default "token"
    kl: "k1" | "k2" | "k3" | "abs": estimator of the divergence; default "k3"
    reduction: "token-mean" | "sequence-mean" | "sequence-sum": of tokens to a loss; default "token-mean"
    clip_low: float. ratios are clipped to [1 - clip_low, 1 + clip_high]; default 0.2; infinity: not on that
        side
    clip_high: float. see clip_low; default 0.2
    dual_clip: float. above 1: with A < 0 the loss is at most -A dual_clip; 0: off (default)
    kl_weight: float. adds this times the divergence; default 0; needs reference_logprobs
    importance_cap: float. caps exp(old - rollout); 0: no cap (default)
    entropy_weight: float. subtracts this times the entropy; default 0
    denominator: float. of the whole step: tokens (their weights) or documents, by reduction; 0: of this batch
    forward_only: bool. True: loss and metrics alone, by a forward pass: nothing is accumulated, any plan will
        do; default False
""",
    "hlm_optimizer_options": r"""Options, as keywords:

    beta1: float. defaults as in hlm_trainer_options
    beta2: float. defaults as in hlm_trainer_options
    eps: float. defaults as in hlm_trainer_options
    weight_decay: float. defaults as in hlm_trainer_options
    threads: int. at most 1024; 0: as many as the process may use
    algorithm: "adamw" | "adam" | "sgd" | "lion": how a step changes the weights; default "adamw"
    states: "f32" | "bf16" | "int8" | "auto": how moments are stored, not "auto"; default "f32"
    optimizer_path: "auto" | "fused" | "onednn": what an update is made of; default "auto", which is "fused"
        here
""",
}
