"""Configurations of one kind of block each, in two depths, for measure_families.sh; --table prints what they took.

    family_shapes.py FOLDER [--table]       shape-NAME-few.json, shape-NAME-many.json, and in shape-NAME.rows the rows of 1,024
"""

import json
import pathlib
import sys

ROWS = 16
DEPTHS = {"few": 4, "many": 12}
LLAMA = {
    "model_type": "llama",
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "num_attention_heads": 20,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 500000.0,
    "max_position_embeddings": 131072,
}
COMMON = {"vocab_size": 8192, "tie_word_embeddings": False, "initializer_range": 0.02}
LATENT = {
    "q_lora_rank": 768,
    "kv_lora_rank": 256,
    "qk_nope_head_dim": 64,
    "qk_rope_head_dim": 32,
    "v_head_dim": 64,
    "num_attention_heads": 40,
    "num_key_value_heads": 40,
}
MAMBA = {
    "mamba_d_conv": 4,
    "mamba_d_head": 64,
    "mamba_d_state": 128,
    "mamba_expand": 2,
    "mamba_n_groups": 1,
    "mamba_n_heads": 80,
    "mamba_chunk_size": 256,
    "mamba_conv_bias": True,
    "mamba_proj_bias": False,
}


def layers(kind):
    return lambda count: {"layer_types": [kind] * count}


# Name -> what it has beyond Llama, and what depends on the depth.
SHAPES = {
    "llama": ({}, None),
    "qwen3 (q, k norms)": ({"model_type": "qwen3"}, None),
    "gemma2 (soft cap)": (
        {
            "model_type": "gemma2",
            "hidden_activation": "gelu_pytorch_tanh",
            "query_pre_attn_scalar": 128,
            "attn_logit_softcapping": 50.0,
            "final_logit_softcapping": 30.0,
            "sliding_window": 4096,
        },
        layers("full_attention"),
    ),
    "gemma3 (windows)": (
        {
            "model_type": "gemma3_text",
            "hidden_activation": "gelu_pytorch_tanh",
            "query_pre_attn_scalar": 128,
            "sliding_window": 512,
        },
        layers("sliding_attention"),
    ),
    "cohere2 (parallel)": (
        {"model_type": "cohere2", "layer_norm_eps": 1e-5, "logit_scale": 0.25, "sliding_window": 4096, "tie_word_embeddings": True},
        layers("full_attention"),
    ),
    "bloom (slopes)": ({"model_type": "bloom", "n_head": 20, "layer_norm_epsilon": 1e-5}, lambda count: {"n_layer": count}),
    "youtu (latent attention)": ({"model_type": "youtu", "rope_interleave": True, **LATENT, "head_dim": 32}, None),
    "qwen3_5 (delta rule)": (
        {
            "model_type": "qwen3_5_text",
            "linear_conv_kernel_dim": 4,
            "linear_key_head_dim": 128,
            "linear_value_head_dim": 128,
            "linear_num_key_heads": 16,
            "linear_num_value_heads": 32,
        },
        layers("linear_attention"),
    ),
    "lfm2 (short convolution)": (
        {"model_type": "lfm2", "conv_L_cache": 3, "conv_bias": False, "norm_eps": 1e-5, "block_auto_adjust_ff_dim": False},
        layers("conv"),
    ),
    "granitemoehybrid (Mamba-2)": (
        {
            "model_type": "granitemoehybrid",
            "shared_intermediate_size": 9728,
            "num_local_experts": 0,
            "num_experts_per_tok": 0,
            "embedding_multiplier": 1.0,
            "attention_multiplier": 0.0884,
            "residual_multiplier": 1.0,
            "logits_scaling": 1.0,
            "position_embedding_type": "nope",
            **MAMBA,
        },
        layers("mamba"),
    ),
    "jamba (selective scan)": (
        {
            "model_type": "jamba",
            "mamba_d_conv": 4,
            "mamba_d_state": 16,
            "mamba_dt_rank": 160,
            "mamba_expand": 2,
            "attn_layer_period": 100,
            "attn_layer_offset": 99,
            "expert_layer_period": 100,
            "expert_layer_offset": 99,
        },
        None,
    ),
    "recurrent_gemma (gated recurrence)": (
        {
            "model_type": "recurrent_gemma",
            "hidden_activation": "gelu_pytorch_tanh",
            "intermediate_size": 2 * LLAMA["intermediate_size"],
            "num_attention_heads": 10,
            "num_key_value_heads": 1,
            "head_dim": 256,
            "lru_width": 2560,
            "conv1d_width": 4,
            "block_types": ["recurrent"],
            "tie_word_embeddings": True,
        },
        None,
    ),
    "kimi_linear (decay by channel)": (
        {
            "model_type": "kimi_linear",
            "linear_conv_kernel_dim": 4,
            "linear_head_dim": 128,
            "linear_num_heads": 20,
            "num_key_value_heads": 20,
            "kv_lora_rank": 256,
            "q_lora_rank": None,
            "qk_nope_head_dim": 64,
            "qk_rope_head_dim": 32,
            "v_head_dim": 64,
            "head_dim": 32,
        },
        lambda count: {"layer_types": ["linear_attention"] * count, "mlp_layer_types": ["dense"] * count},
    ),
    "olmoe (experts of OLMoE-1B-7B)": (
        {
            "model_type": "olmoe",
            "hidden_size": 2048,
            "intermediate_size": 1024,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "num_experts": 64,
            "num_experts_per_tok": 8,
            "norm_topk_prob": False,
        },
        None,
    ),
    "gpt_oss (experts of gpt-oss-20b)": (
        {
            "model_type": "gpt_oss",
            "hidden_size": 2880,
            "intermediate_size": 2880,
            "num_attention_heads": 64,
            "num_key_value_heads": 8,
            "head_dim": 64,
            "num_local_experts": 32,
            "num_experts_per_tok": 4,
            "sliding_window": 128,
        },
        layers("full_attention"),
    ),
    "qwen3_moe (experts of Qwen3-30B-A3B)": (
        {
            "model_type": "qwen3_moe",
            "hidden_size": 2048,
            "num_attention_heads": 32,
            "num_experts": 128,
            "num_experts_per_tok": 8,
            "moe_intermediate_size": 768,
            "norm_topk_prob": True,
            "decoder_sparse_step": 1,
            "mlp_only_layers": [],
        },
        None,
    ),
}

# All experts of a block cross the link thrice: as many rows as make that less than their products.
EXPERTS_ROWS = 128
EXPERTS_DEPTHS = {"few": 2, "many": 4}


def file_name(name):
    return name.split(" ")[0]


def rows_of(name):
    return EXPERTS_ROWS if "experts" in name else ROWS


def depths_of(name):
    return EXPERTS_DEPTHS if "experts" in name else DEPTHS


def write(folder):
    for name, (more, by_depth) in SHAPES.items():
        (folder / f"shape-{file_name(name)}.rows").write_text(str(rows_of(name)))
        for depth, count in depths_of(name).items():
            config = {**LLAMA, **COMMON, **more, "num_hidden_layers": count, **(by_depth(count) if by_depth else {})}
            (folder / f"shape-{file_name(name)}-{depth}.json").write_text(json.dumps(config))


def table(folder):
    rows = {}
    for name in SHAPES:
        try:
            few, many = (json.loads((folder / f"body-{file_name(name)}-{depth}.json").read_text()) for depth in ("few", "many"))
        except (OSError, ValueError):
            continue

        between = depths_of(name)["many"] - depths_of(name)["few"]

        def each(*keys):
            def of(x):
                for key in keys:
                    x = x[key]
                return x

            return (of(many) - of(few)) / between * 1e3

        attention = each("products", "attention_forward") + each("products", "attention_backward")
        rows[name] = each("fastest_step_seconds"), each("products", "linear") + each("products", "grouped"), attention
    # A cap or slopes must not count as a product's own time: no attention counts for more than Llama's, which has as many heads.
    most = rows["llama"][2] if "llama" in rows else float("inf")
    rows = {name: (block, linear + min(attention, most * rows_of(name) / ROWS)) for name, (block, linear, attention) in rows.items()}
    print("| block | ms | its products alone, ms | over products | over Llama |")
    print("| --- | --- | --- | --- | --- |")
    for name, (block, products) in rows.items():
        against = block / products / (rows["llama"][0] / rows["llama"][1]) if "llama" in rows else float("nan")
        print(f"| {name} | {block:.2f} | {products:.2f} | {block / products:.2f} | {against:.2f} |")


if __name__ == "__main__":
    (table if "--table" in sys.argv[2:] else write)(pathlib.Path(sys.argv[1]))
