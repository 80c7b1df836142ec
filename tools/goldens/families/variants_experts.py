"""What lies at the edges of a mixture: one expert, all of them chosen, more than there are tokens; no shared expert, or several;
limits that cut most values; large and small scales; a balancing loss; other types, shards and names of the stored weights."""

COUNTS = ("n_routed_experts", "moe_num_experts", "num_local_experts", "num_experts")
CHOSEN = ("moe_k", "moe_topk", "top_k_experts", "num_experts_per_tok")
SHARED = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts")
WIDTHS = ("moe_intermediate_size", "shared_expert_intermediate_size", "moe_shared_expert_intermediate_size")
SCALES = ("routed_scaling_factor", "route_scale", "router_scaling_factor")
# Classes that add transformers' balancing loss where output_router_logits is set.
BALANCED = {"mixtral", "qwen2_moe", "qwen3_moe", "qwen3_next", "olmoe", "flex_olmo", "gpt_oss", "granitemoe", "granitemoeshared",
            "granitemoehybrid", "phimoe", "minimax_m2", "ernie4_5_moe", "jamba"}
TWO_CHOSEN = {"phimoe"}  # sparsemixer
# Read under the hub's names alone (docs/families.md).
HUB_NAMES = {"nemotron_h", "granitemoe", "granitemoeshared", "granitemoehybrid", "granitemoe_swa", "kimi_linear"}


def first(config, keys):
    return next((key for key in keys if config.get(key) is not None), None)


def counts(d, config, model_type):
    """Numbers of experts and of those that a token takes."""
    count, chosen = first(config, COUNTS), first(config, CHOSEN)
    if not config.get(count):  # a family's form without experts
        return {}
    if config.get("n_group") is not None:
        by_largest = model_type == "deepseek_v2"  # a group is worth its largest; two in the others, so it has two
        groups, each = d.of((1, 2), (1, 9), (1, 31), (2, 5), (4, 2), (3, 7), *([(5, 1)] if by_largest else []))
        best = d.of(1, groups, (groups + 1) // 2)
        return {count: groups * each, "n_group": groups, "topk_group": best, chosen: d.of(1, each, best * each)}
    if model_type in TWO_CHOSEN:
        return {count: d.of(2, 3, 9, 31)}
    experts = d.of(1, 4, 9, 31)
    return {count: experts, chosen: d.of(1, min(experts, 6), experts)}


def routers(config):
    """Whether there are any for sure: transformers' balancing loss fails without."""
    experts = config.get(first(config, COUNTS))
    return experts and not config.get("mlp_only_layers") and config.get("decoder_sparse_step", 1) == 1 and (
        experts > 1 or "expert_layer_period" not in config)


def edges(d, config, model_type):
    """The config with some of it moved to where it may lie as well."""
    made = {**config}
    if d.of(True, True, False):
        made.update(counts(d, config, model_type))
    for key in SHARED:
        if made.get(key) is not None:
            made[key] = d.of(0, 1, 2, 3)
    for key in WIDTHS:
        if made.get(key) is not None:
            made[key] = d.of(made[key], 1, 5, 13, 37, *([0] if key == "moe_shared_expert_intermediate_size" else []))
    for key in SCALES:
        if key in made:
            made[key] = d.of(made[key], 0.35, 4.5)
    if "swiglu_limit" in made:
        made["swiglu_limit"] = d.of(0.05, 0.4, 1.0, 7.0)
    if "first_k_dense_replace" in made:
        made["first_k_dense_replace"] = d.of(0, 1, made["num_hidden_layers"] - 1)
    if model_type == "ernie4_5_moe":
        made.update(moe_layer_start_index=0, moe_layer_interval=1, moe_layer_end_index=d.of(-1, made["num_hidden_layers"] - 2))
    if model_type == "llama4_text":
        made["moe_layers"] = d.of(None, [0], [made["num_hidden_layers"] - 1])
    if model_type == "hunyuan_v1_moe" and d.of(True, False):
        made["moe_topk"] = [d.of(1, made["num_experts"]) for _ in range(made["num_hidden_layers"])]
    if "shared_intermediate_size" in made and made.get(first(made, COUNTS)):
        made["shared_intermediate_size"] = d.of(made["shared_intermediate_size"], 0, 5)
    if model_type in BALANCED and routers(made) and d.of(True, False):
        made.update(output_router_logits=True, router_aux_loss_coef=d.of(0.02, 0.3))
    return made


def is_mixture(config):
    return bool(config.get(first(config, CHOSEN) or "")) and first(config, COUNTS) is not None


def storage(d, config, model_type):
    """How the folder is written: the type of its weights, and what save_pretrained is told: the size of files, names of its own class."""
    saving = d.of({}, {"max_shard_size": "20KB"}, {"max_shard_size": "3KB"})
    if is_mixture(config) and model_type not in HUB_NAMES and d.of(True, False, False):
        saving["save_original_format"] = False
    return {"dtype": d.of("bfloat16", "float16", "float32"), "saving": saving}
