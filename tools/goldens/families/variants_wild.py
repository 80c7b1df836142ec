"""What the drawn models of variants.py do not vary, drawn on top of them: every kind of rotary embedding with all its parameters and at
lengths beyond the original one, other widths, documents longer than any chunk, types and shards of the files, spellings of config.json.

Some of what is drawn transformers cannot build or run; check_families.py counts those apart.
"""

import dataclasses

from families.variants import FULL, SLIDING, Draw, config_text, variants

# Rows shorter than any kernel and window, rows beyond the chunks in which recurrences and attention are computed, of both sorts.
LENGTHS = ((1, 2, 3, 70, 5), (1, 90, 2, 17), (3, 1, 66), (130, 1, 2), (2, 33, 9, 1))


def linear(d, pairs):
    return {"factor": d.of(1.0, 1.7, 4.0)}


def dynamic(d, pairs):
    return {"factor": d.of(1.0, 2.0, 3.5)}


def llama3(d, pairs):
    low = d.of(1.0, 0.5, 2.0)
    return {"factor": d.of(1.5, 8.0, 32.0), "low_freq_factor": low, "high_freq_factor": low * d.of(1.5, 4.0), **original(d)}


def yarn(d, pairs):
    scales = d.of({}, {}, {"mscale": 1.0, "mscale_all_dim": 1.0}, {"mscale": 0.7, "mscale_all_dim": 0.4}, {"mscale": 0.7}, {"mscale_all_dim": 0.7})
    return {"factor": d.of(2.0, 5.0, 16.0, 1.0), **original(d), **scales, **d.of({}, {}, {"beta_fast": 4.0, "beta_slow": 0.5}, {"beta_fast": 16}),
            **d.of({}, {}, {"attention_factor": 0.8}, {"attention_factor": 1.3}), **d.of({}, {}, {"truncate": False}, {"truncate": True})}


def longrope(d, pairs):
    short = [d.of(1.0, 1.1, 1.6) for _ in range(pairs)]
    return {"short_factor": short, "long_factor": [f * d.of(1.5, 3.0) for f in short], **original(d), **d.of({}, {"factor": 4.0}, {"factor": 1.0}),
            **d.of({}, {}, {"attention_factor": 1.15})}


def original(d):
    return d.of({}, {"original_max_position_embeddings": 8}, {"original_max_position_embeddings": 32}, {"original_max_position_embeddings": 200})


# Of classes that take few kinds of rotary embeddings.
FEW_KINDS = {"recurrent_gemma": ("default",), "phi3": ("default", "longrope"), "phimoe": ("default",), "hunyuan_v1_dense": ("default", "linear")}

KINDS = {"default": lambda d, pairs: {}, "linear": linear, "dynamic": dynamic, "llama3": llama3, "yarn": yarn, "longrope": longrope}


def settings(d, config, width, kinds=tuple(KINDS)):
    """Those of a whole model, in place of those that were drawn."""
    kind = d.of(*kinds)
    partial = config.get("partial_rotary_factor")
    made = {"rope_type": kind, "rope_theta": d.of(20.0, 150.0, 10000.0, 500000), **KINDS[kind](d, int(width * (partial or 1.0)) // 2)}
    return made if partial is None else {**made, "partial_rotary_factor": partial}


def turned_width(config):
    if "n_mamba_heads" in config:
        return 2 * config["hidden_size"] // config["num_attention_heads"]
    if "qk_rope_head_dim" in config:
        return config["qk_rope_head_dim"]
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


def ropes(d, config, model_type):
    """The settings anew where there are any; those of each type of layer too."""
    now = config.get("rope_parameters")
    if not isinstance(now, dict) or "hidden_size" not in config:
        return config
    # Lengths of documents lie on both sides.
    config = {**config, "max_position_embeddings": d.of(16, 48, 256, 1024)}
    if FULL in now or SLIDING in now:
        anew = {kind: settings(d, by, turned_width(config)) for kind, by in now.items() if by["rope_type"] != "proportional"}
        return {**config, "rope_parameters": {**now, **anew}}
    own = {key: now[key] for key in ("llama_4_scaling_beta", "alpha") if key in now}
    if "alpha" in own:
        return config
    made = {**settings(d, now, turned_width(config), FEW_KINDS.get(model_type, tuple(KINDS))), **own}
    if "llama_4_scaling_beta" in own or made["rope_type"] == "longrope":
        made.setdefault("original_max_position_embeddings", 16)
    return {**config, "rope_parameters": made}


def widths(d, config):
    """hidden_size free of the heads where the class has head_dim; heads all alike, or all on one key head."""
    made = dict(config)
    if config.get("head_dim") and config.get("num_attention_heads") and config["hidden_size"] != config["head_dim"] * config["num_attention_heads"]:
        made["hidden_size"] = config["num_attention_heads"] * d.of(4, 8, 14)
    if "linear_num_value_heads" in config:
        heads = d.of(1, 2, 5)
        made |= dict(linear_num_key_heads=heads, linear_num_value_heads=heads * d.of(1, 3, 4), linear_key_head_dim=d.of(3, 10, 16),
                     linear_value_head_dim=d.of(4, 7, 24), linear_conv_kernel_dim=d.of(2, 4, 6))
    for key in ("mamba_d_conv", "conv_kernel", "conv1d_width", "conv_L_cache"):
        if key in config:
            made[key] = d.of(1, 2, 3, 4, 5)
    for key in ("mamba_chunk_size", "chunk_size"):
        if key in config:
            made[key] = d.of(3, 16, 256)
    for key in ("mamba_d_state", "ssm_state_size", "state_size"):
        if key in config:
            made[key] = d.of(1, 3, 16)
    for key in ("sliding_window", "attention_window_size", "window_size"):
        if config.get(key):
            made[key] = d.of(1, 2, 7, 64, 500)
    return made


def gemma4(d, config):
    """Without experts: what the last layers share, heads and keys of the full ones, per-layer inputs."""
    layers = d.of(4, 5, 6)
    types = [d.of(SLIDING, FULL) for _ in range(layers - 3)] + [SLIDING, FULL, FULL]
    d.random.shuffle(types)
    shared = d.of(0, 0, 1, 2)
    made = {**config, "num_hidden_layers": layers, "layer_types": types, "num_kv_shared_layers": shared, "use_double_wide_mlp": d.of(True, False),
            "attention_k_eq_v": d.of(True, False), "num_global_key_value_heads": d.of(None, 1, config["num_attention_heads"])}
    for key in ("num_experts", "top_k_experts", "moe_intermediate_size"):
        made.pop(key, None)
    return {**made, "enable_moe_block": False}


def nemotron_h(d, config):
    made = {key: value for key, value in config.items() if key != "layers_block_type"}
    made |= d.of({"hybrid_override_pattern": d.of("M*-", "MM-*", "*M-M", "-M")},
                 {"layers_block_type": [d.of("linear_attention", "full_attention", "mlp") for _ in range(4)]})
    groups = d.of(1, 3)
    return {**made, "mamba_num_heads": groups * d.of(1, 2), "n_groups": groups, "mamba_hidden_act": d.of("silu", "gelu"),
            "residual_in_fp32": d.of(True, False), "time_step_limit": d.of((0.0, float("inf")), (0.2, 0.4)), "time_step_min": d.of(0.001, 0.3),
            "sliding_window": d.of(None, 3), "attention_bias": d.of(True, False)}


# What the classes have besides, by type; one of each tuple's values.
MORE = {
    "qwen3_5_text": dict(hidden_act=("silu", "gelu", "relu2")),
    "gemma3_text": dict(query_pre_attn_scalar=(2, 100), use_bidirectional_attention=(False, None), sliding_window_pattern=(1, 2, 3)),
    "olmo_hybrid": dict(hidden_act=("silu", "gelu"), linear_key_head_dim=(None, 5), linear_value_head_dim=(None, 6)),
    "lfm2": dict(full_attn_idxs=([0], [1], [])),
    "falcon_h1": dict(mamba_d_head=("auto",), key_multiplier=(0.5, 2.5), ssm_in_multiplier=(-0.7, 1.0), num_logits_to_keep=(1, 5)),
    "granitemoehybrid": dict(mamba_d_head=("auto",), time_step_limit=((0.0, float("inf")), (0.3, 0.9)), num_local_experts=(0,)),
    "bamba": dict(mamba_d_head=("auto",), attn_layer_indices=(None, [], [0, 1])),
    "zamba2": dict(num_key_value_heads=(None,), use_conv_bias=(True, False), time_step_floor=(1e-4, 0.5)),
    "recurrent_gemma": dict(block_types=(["recurrent"], ["attention", "attention", "recurrent"], ["recurrent", "attention"]), num_key_value_heads=(None, 1)),
    "kimi_linear": dict(q_lora_rank=(None, 9), rms_norm_eps=(1e-5, 1e-3)),
    "ministral3": dict(head_dim=(6, 12)),
    "smollm3": dict(use_sliding_window=(True, False), sliding_window=(3,), num_key_value_heads=(None, 1)),
    "cohere2": dict(num_key_value_heads=(None,)),
    "exaone4": dict(sliding_window_pattern=(2, 3), sliding_window=(2, 3)),
    "phi3": dict(resid_pdrop=(0.0,), sliding_window=(None, 2)),
    "minicpm3": dict(v_head_dim=(None, 5), q_lora_rank=(None, 10), scale_depth=(None, 1.4), dim_model_base=(None, 7),
                     qk_nope_head_dim=(1, 5)),
    "youtu": dict(v_head_dim=(1, 9), qk_nope_head_dim=(1, 5)),
    "mamba2": dict(hidden_act=("silu", "gelu"), residual_in_fp32=(True, False), time_step_limit=((0.0, 0.05), (0.4, float("inf")))),
    "apertus": dict(num_key_value_heads=(None, 1)),
    "gpt2": dict(add_cross_attention=(False,), reorder_and_upcast_attn=(True, False)),
    "granite": dict(embedding_multiplier=(12, 0.5), logits_scaling=(16.0, 3), residual_multiplier=(0.22,), attention_multiplier=(0.015625, 1)),
    "qwen3": dict(head_dim=(12, 6), max_window_layers=(0, 1, 2)),
    "stablelm": dict(num_key_value_heads=(4, 1)),
    "gpt_neox": dict(attention_bias=(True, False), hidden_act=("gelu", "gelu_new", "gelu_fast")),
    "falcon": dict(ffn_hidden_size=(7, None)),
    "bloom": dict(slow_but_exact=(False,)),
}


def options(d, config, model_type):
    """One that the class has besides, or all of those that the drawn model lacked."""
    if model_type == "gemma4_text" and d.of(True, True, False):
        return gemma4(d, config)
    if model_type == "nemotron_h" and d.of(True, True, False):
        return nemotron_h(d, config)
    made = dict(config)
    for key, values in MORE.get(model_type, {}).items():
        if d.of(True, False):
            made[key] = d.of(*values)
            if key in ("full_attn_idxs", "sliding_window_pattern"):
                made.pop("layer_types", None)
    return made


def wild(family, count, makers, first=0):
    for number, other in enumerate(variants(family, count, makers, first), first):
        d = Draw(f"{other.name} wild")
        inside = "text_config" in other.config
        config = other.config if inside else ropes(d, options(d, widths(d, other.config), family.model_type), family.model_type)
        yield dataclasses.replace(other, name=f"{other.name}w", config=config, about=config_text(config), dtype=d.of("bfloat16", "float16", "float32"),
                                  saving={**other.saving, "max_shard_size": d.of("50GB", "20KB")}, spelling=d.of("now", "before"), lengths=d.of(*LENGTHS), bare=number % 3 == 1)
