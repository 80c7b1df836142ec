"""Other models of the families that have experts or mix their layers: shapes and options of their configuration classes, drawn by number.

check_families.py --variants N holds the library against N of each. What one of them cannot be (a contradiction that transformers
itself refuses) is not drawn.
"""

import dataclasses
import random

from families import variants_experts

CONV, LINEAR, FULL, SLIDING, CHUNKED = "conv", "linear_attention", "full_attention", "sliding_attention", "chunked_attention"
YARN = dict(rope_type="yarn", rope_theta=1000.0, factor=4.0, original_max_position_embeddings=16)
LLAMA3 = dict(rope_type="llama3", rope_theta=500.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=16)


class Draw:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def of(self, *choices):
        return self.random.choice(choices)

    def types(self, layers, *names):
        """Each name where there are enough layers."""
        types = [*names, *(self.of(*names) for _ in range(layers))][:layers]
        self.random.shuffle(types)
        return types

    def rope(self, *partial):
        kind = self.of(dict(rope_type="default", rope_theta=self.of(100.0, 300.0)), dict(rope_type="linear", rope_theta=300.0, factor=2.5),
                       YARN, LLAMA3)
        return {**kind, "partial_rotary_factor": self.of(*partial)} if partial else {**kind}


def shape(d, head_dim=True, equal=False, layers=(2, 3, 4), rope=True, **fixed):
    """Odd widths; heads on fewer key heads; `head_dim` says whether the class has that key."""
    kv_heads = d.of(1, 2, 3)
    heads = kv_heads if equal else kv_heads * d.of(1, 2, 3)
    width = d.of(6, 8, 10)
    made = dict(num_hidden_layers=d.of(*layers), num_attention_heads=heads, num_key_value_heads=kv_heads, intermediate_size=d.of(14, 22, 33),
                hidden_size=d.of(20, 26, 36) if head_dim else heads * width, rms_norm_eps=d.of(1e-6, 1e-3),
                tie_word_embeddings=d.of(True, False), pad_token_id=d.of(None, 0, 7))
    if head_dim:
        made["head_dim"] = width
    if rope:
        made["rope_parameters"] = d.rope()
    return {**made, **fixed}


def choice(d, count="num_experts", chosen="num_experts_per_tok", width="moe_intermediate_size"):
    experts = d.of(2, 3, 5, 7)
    return {count: experts, chosen: d.of(1, 2, experts), **({width: d.of(6, 11, 18)} if width else {})}


def deepseek(d, count="n_routed_experts", shared="n_shared_experts", dense=True):
    """Groups, and what stands beside them."""
    groups = d.of(1, 2, 3)
    best = d.of(1, groups)
    experts = groups * d.of(2, 3)
    made = {count: experts, shared: d.of(1, 2), "num_experts_per_tok": d.of(1, best * experts // groups), "n_group": groups, "topk_group": best,
            "moe_intermediate_size": d.of(6, 11, 18), "routed_scaling_factor": d.of(1.0, 2.3), "norm_topk_prob": d.of(True, False)}
    return {**made, **({"first_k_dense_replace": d.of(0, 1)} if dense else {})}


def latent(d):
    return dict(q_lora_rank=d.of(None, 12), kv_lora_rank=d.of(14, 24), qk_nope_head_dim=d.of(6, 10), qk_rope_head_dim=d.of(4, 8),
                v_head_dim=d.of(7, 10), attention_bias=d.of(True, False))


def delta(d):
    key_heads = d.of(1, 2, 3)
    return dict(linear_conv_kernel_dim=d.of(2, 3, 4), linear_key_head_dim=d.of(6, 8), linear_value_head_dim=d.of(5, 12),
                linear_num_key_heads=key_heads, linear_num_value_heads=key_heads * d.of(1, 2, 3), rms_norm_eps=1e-3)


def sparse(d, layers):
    return dict(decoder_sparse_step=d.of(1, 2), mlp_only_layers=d.of([], [0], [layers - 1]), norm_topk_prob=d.of(True, False))


def granite(d):
    return dict(embedding_multiplier=d.of(1.0, 2.5), attention_multiplier=d.of(0.3, 0.5), residual_multiplier=d.of(1.0, 0.6),
                logits_scaling=d.of(1.0, 0.8), attention_bias=d.of(True, False))


def mamba(d, hidden):
    heads = d.of(2, 4)
    return dict(mamba_n_heads=heads, mamba_d_head=2 * hidden // heads, mamba_n_groups=d.of(1, 2), mamba_d_state=d.of(5, 8), mamba_d_conv=d.of(2, 4),
                mamba_expand=2, mamba_chunk_size=4, mamba_conv_bias=d.of(True, False), mamba_proj_bias=d.of(True, False))


def typed(d, config, *names):
    return {**config, "layer_types": d.types(config["num_hidden_layers"], *names)}


def mixtral(d):
    return {**shape(d), **choice(d, "num_local_experts", width=None), "sliding_window": d.of(None, 4)}


def qwen2_moe(d):
    config = {**shape(d, head_dim=False), **choice(d), "shared_expert_intermediate_size": d.of(9, 16), "qkv_bias": d.of(True, False)}
    slides = d.of({}, dict(use_sliding_window=True, sliding_window=4, max_window_layers=d.of(1, 9)))
    return {**config, **sparse(d, config["num_hidden_layers"]), **slides}


def qwen3_moe(d):
    config = {**shape(d), **choice(d), "attention_bias": d.of(True, False)}
    return {**config, **sparse(d, config["num_hidden_layers"]), **d.of({}, dict(use_sliding_window=True, sliding_window=4))}


def qwen3_vl_moe_text(d):
    config = {**shape(d), **choice(d), "attention_bias": d.of(True, False)}
    return {**config, **sparse(d, config["num_hidden_layers"])}


def qwen3_next(d):
    config = {**shape(d), **choice(d), "shared_expert_intermediate_size": d.of(9, 16), "attention_bias": d.of(True, False), **delta(d),
              "head_dim": 8, "rope_parameters": d.rope(0.25, 0.5, 1.0)}
    config = {**config, **sparse(d, config["num_hidden_layers"])}
    return d.of({**config, "full_attention_interval": d.of(1, 2, 3)}, typed(d, config, LINEAR, FULL), {**config, "num_experts": 0})


def qwen3_5_moe_text(d):
    config = {**shape(d), **choice(d), "shared_expert_intermediate_size": d.of(9, 16), "attention_bias": d.of(True, False), **delta(d),
              "head_dim": 8, "rope_parameters": d.rope(0.25, 0.5, 1.0)}
    del config["intermediate_size"]
    return d.of({**config, "full_attention_interval": d.of(1, 2, 3)}, typed(d, config, LINEAR, FULL))


def lfm2_moe(d):
    config = {**shape(d, head_dim=False), **choice(d), "num_dense_layers": d.of(0, 1, 2), "use_expert_bias": d.of(True, False),
              "norm_topk_prob": d.of(True, False), "routed_scaling_factor": d.of(1.0, 1.6), "conv_L_cache": d.of(2, 3, 4),
              "conv_bias": d.of(True, False), "norm_eps": d.of(1e-5, 1e-3)}
    del config["rms_norm_eps"]
    return typed(d, config, CONV, FULL)


def lfm3(d):
    config = {**shape(d), "conv_L_cache": d.of(2, 3, 7), "conv_bias": d.of(True, False), "norm_eps": d.of(1e-5, 1e-3),
              "use_sandwich_norm": d.of(True, False), "use_attention_gate": d.of(True, False), "attention_bias": d.of(True, False),
              "sliding_window": d.of(3, 5), "rope_parameters": {
                  SLIDING: dict(rope_type="default", rope_theta=100.0),
                  FULL: d.of(dict(rope_type="proportional", rope_theta=1000.0, partial_rotary_factor=0.5), dict(rope_type="default", rope_theta=300.0))}}
    del config["rms_norm_eps"]
    return d.of(typed(d, config, CONV, FULL, SLIDING), config)


def granitemoehybrid(d):
    config = {**shape(d, head_dim=False), **granite(d), **d.of({"num_local_experts": 0}, choice(d, "num_local_experts", width=None)),
              "shared_intermediate_size": d.of(9, 16), "position_embedding_type": d.of(None, "nope", "rope")}
    config = {**config, **mamba(d, config["hidden_size"])}
    return d.of(typed(d, config, LINEAR, FULL), config)


def granitemoe(d):
    return {**shape(d, head_dim=False), **granite(d), **choice(d, "num_local_experts", width=None)}


def granitemoeshared(d):
    return {**granitemoe(d), "shared_intermediate_size": d.of(0, 9, 16)}


def nemotron_h(d):
    kv_heads, groups = d.of(1, 2), d.of(1, 2)
    types = [LINEAR, "moe", *(d.of("moe", FULL, "mlp", LINEAR) for _ in range(d.of(1, 2, 3)))]
    return {**deepseek(d, dense=False), "hidden_size": d.of(20, 26), "layers_block_type": types, "num_attention_heads": kv_heads * d.of(1, 2),
            "num_key_value_heads": kv_heads, "head_dim": d.of(6, 7), "intermediate_size": 22, "ssm_state_size": d.of(5, 8),
            "mamba_num_heads": 2 * groups, "mamba_head_dim": d.of(5, 8), "n_groups": groups, "conv_kernel": d.of(2, 4), "chunk_size": 4,
            "moe_shared_expert_intermediate_size": d.of(9, 16), "moe_latent_size": d.of(None, 10, 15), "mlp_bias": d.of(True, False),
            "use_bias": d.of(True, False), "use_conv_bias": d.of(True, False), "tie_word_embeddings": d.of(True, False),
            "mlp_hidden_act": d.of("relu2", "silu", "gelu"), "layer_norm_epsilon": d.of(1e-5, 1e-3)}


def gemma4_text(d):
    config = {**shape(d), **choice(d, chosen="top_k_experts"), "enable_moe_block": True, "global_head_dim": d.of(8, 12), "sliding_window": d.of(3, 5),
              "hidden_size_per_layer_input": d.of(0, 6), "vocab_size_per_layer_input": 61, "final_logit_softcapping": d.of(None, 5.0),
              "attention_bias": d.of(True, False), "hidden_activation": d.of("gelu_pytorch_tanh", "silu"), "rope_parameters": {
                  SLIDING: dict(rope_type="default", rope_theta=100.0),
                  FULL: dict(rope_type="proportional", rope_theta=1000.0, partial_rotary_factor=0.5)}}
    return typed(d, config, SLIDING, FULL)


def afmoe(d):
    config = {**shape(d), **choice(d), "num_dense_layers": d.of(0, 1), "num_shared_experts": d.of(1, 2), "route_scale": d.of(1.0, 1.7),
              "sliding_window": d.of(3, 5), "mup_enabled": d.of(True, False), "attention_bias": d.of(True, False),
              "global_attn_every_n_layers": d.of(2, 3)}
    return d.of(config, typed(d, config, SLIDING, FULL))


def olmoe(d):
    return {**shape(d, head_dim=False), **choice(d, width=None), "clip_qkv": d.of(None, 0.7, 1.5), "norm_topk_prob": d.of(True, False),
            "attention_bias": d.of(True, False)}


def flex_olmo(d):
    return {**shape(d, head_dim=False), **choice(d, width=None), "norm_topk_prob": d.of(True, False), "attention_bias": d.of(True, False)}


def gpt_oss(d):
    config = {**shape(d), **choice(d, "num_local_experts", width=None), "sliding_window": d.of(3, 5), "swiglu_limit": d.of(0.8, 7.0),
              "attention_bias": d.of(True, False)}
    return d.of(config, typed(d, config, SLIDING, FULL))


def deepseek_v2(d):
    config = {**shape(d, head_dim=False, equal=True), **deepseek(d), **latent(d), "topk_method": d.of("greedy", "group_limited_greedy"),
              "mlp_bias": d.of(True, False)}
    return config if config["topk_method"] != "greedy" else {**config, "n_group": None, "topk_group": None}


def deepseek_v3(d):
    return {**shape(d, head_dim=False, equal=True), **deepseek(d), **latent(d), "rope_interleave": d.of(True, False)}


def glm4_moe_lite(d):
    return {**shape(d, head_dim=False, equal=True), **deepseek(d, dense=False), **latent(d), "rope_interleave": d.of(True, False)}


def glm4_moe(d):
    return {**shape(d), **deepseek(d), "head_dim": 8, "attention_bias": d.of(True, False), "use_qk_norm": d.of(True, False),
            "rope_parameters": d.rope(0.5, 1.0)}


def solar_open(d):
    config = {**shape(d), **deepseek(d, dense=False), "head_dim": 8, "attention_bias": d.of(True, False)}
    del config["intermediate_size"]
    return config


def dots1(d):
    config = {**shape(d), **deepseek(d), "sliding_window": d.of(None, 4), "max_window_layers": d.of(1, 9), "attention_bias": d.of(True, False)}
    return config


def exaone_moe(d):
    config = {**shape(d), **deepseek(d, "num_experts", "num_shared_experts"), "sliding_window": 4, "sliding_window_pattern": d.of(2, 3)}
    return d.of(config, typed(d, config, SLIDING, FULL), {**config, "mlp_layer_types": [d.of("dense", "sparse") for _ in range(config["num_hidden_layers"])]})


def ernie4_5_moe(d):
    return {**shape(d), **choice(d, "moe_num_experts", "moe_k"), "moe_num_shared_experts": d.of(0, 1, 2), "moe_layer_start_index": d.of(0, 1),
            "moe_layer_interval": d.of(1, 2), "use_bias": d.of(True, False), "moe_norm_min": d.of(1e-12, 0.4)}


def phimoe(d):
    config = {**shape(d, head_dim=False), **choice(d, "num_local_experts", width=None), "num_experts_per_tok": 2, "attention_bias": d.of(True, False),
              "lm_head_bias": d.of(True, False), "router_jitter_noise": d.of(0.01, 0.3), "sliding_window": d.of(None, 4), "rope_parameters": dict(rope_type="default", rope_theta=300.0)}
    return config


def minimax_m2(d):
    return {**shape(d), **choice(d, "num_local_experts", width=None), "head_dim": 8, "rope_parameters": d.rope(0.5, 1.0)}


def hunyuan_v1_moe(d):
    return {**shape(d), **choice(d, chosen="moe_topk", width=None), "attention_bias": d.of(True, False),
            "rope_parameters": dict(rope_type="default", rope_theta=300.0)}


def llama4_text(d):
    layers = d.of(2, 3, 4)
    config = {**shape(d, layers=(layers,)), **choice(d, "num_local_experts", width=None), "intermediate_size_mlp": 22,
              "interleave_moe_layer_step": d.of(1, 2), "no_rope_layers": [d.of(0, 1) for _ in range(layers)], "attention_chunk_size": d.of(4, 64),
              "attn_temperature_tuning": d.of(True, False), "floor_scale": 3, "attn_scale": 0.4, "use_qk_norm": d.of(True, False),
              "attention_bias": d.of(True, False)}
    return config


def cohere2_moe(d):
    config = {**shape(d, rope=False), **choice(d, width=None), "logit_scale": d.of(0.5, 1.0), "sliding_window": d.of(3, 5), "num_shared_experts": d.of(0, 1, 2),
              "shared_expert_combination_strategy": d.of("sum", "average"), "expert_selection_fn": d.of("softmax", "sigmoid"),
              "norm_topk_prob": d.of(True, False), "first_k_dense_replace": d.of(0, 1), "prefix_dense_intermediate_size": d.of(None, 17),
              "sliding_window_pattern": d.of(2, 3), "rope_theta": 300.0, "attention_bias": d.of(True, False),
              "prefix_dense_sliding_window_pattern": d.of(1, 2)}
    del config["rms_norm_eps"]
    return {**config, **d.of({}, {"rms_norm_eps": 1e-4})}


def mellum(d):
    config = {**shape(d, rope=False), **choice(d), "sliding_window": d.of(3, 5), "attention_bias": d.of(True, False), "norm_topk_prob": d.of(True, False),
              "rope_parameters": {SLIDING: d.rope(), FULL: d.rope()}}
    kinds = [d.of("dense", "sparse") for _ in range(config["num_hidden_layers"])]
    return d.of({**typed(d, config, SLIDING, FULL), "mlp_layer_types": kinds}, config)


def hy_v3(d):
    return {**shape(d), **choice(d), "num_shared_experts": d.of(1, 2), "router_scaling_factor": d.of(1.0, 1.9), "attention_bias": d.of(True, False),
            "mlp_bias": d.of(True, False)}


def flint(d):
    config = {**shape(d), **choice(d), "shared_expert_intermediate_size": d.of(9, 16), "sliding_window": d.of(3, 5), "attention_bias": d.of(True, False)}
    config = {**config, **sparse(d, config["num_hidden_layers"])}
    return d.of({**config, "mlp_only_layers": None}, typed(d, config, SLIDING, FULL))


def sarvam_moe(d):
    return {**shape(d), **deepseek(d), "attention_bias": d.of(True, False), "use_qk_norm": d.of(True, False)}


def sarvam_mla(d):
    return {**shape(d, head_dim=False, equal=True), **deepseek(d), **latent(d), "rope_interleave": d.of(True, False)}


def granitemoe_swa(d):
    config = {**granitemoeshared(d), "sliding_window": d.of(3, 5)}
    bases = [d.of(0, 100.0, 300.0) for _ in range(config["num_hidden_layers"])]
    return d.of({**config, "layer_rope_theta": bases}, typed(d, config, SLIDING, FULL))


BY_TYPE = {make.__name__: make for make in (
    mellum, hy_v3, flint, sarvam_moe, sarvam_mla, granitemoe_swa, mixtral, qwen2_moe, qwen3_moe, qwen3_vl_moe_text, qwen3_next, qwen3_5_moe_text, lfm2_moe, lfm3, granitemoehybrid, granitemoe, granitemoeshared, nemotron_h,
    gemma4_text, afmoe, olmoe, flex_olmo, gpt_oss, deepseek_v2, deepseek_v3, glm4_moe_lite, glm4_moe, solar_open, dots1, exaone_moe,
    ernie4_5_moe, phimoe, minimax_m2, hunyuan_v1_moe, llama4_text, cohere2_moe)}


def variants(family, count, makers, first=0):
    """`count` others of the family's model type, each drawn from its number; none where `makers`, a table like BY_TYPE, has not got it."""
    inside = "text_config" in family.config
    text_type = family.config["text_config"]["model_type"] if inside else family.model_type
    make = makers.get(TEXT_TYPES.get(text_type, text_type))
    for number in range(first, first + count if make else first):
        d = Draw(f"{family.name if inside else family.model_type} {number}")
        config = {"max_position_embeddings": 256, "bos_token_id": 1, "eos_token_id": 2, **make(d)}
        vocab = d.of(61, 47, 83)
        if text_type not in OWN_FUNCTIONS and "hidden_act" not in config and "hidden_activation" not in config:
            config["hidden_act"] = d.of("silu", "silu", *FUNCTIONS)
        if text_type in ("gemma4_text",):
            config["vocab_size_per_layer_input"] = vocab + d.of(0, 3)
        edge = Draw(f"edge {family.model_type} {number}")
        if variants_experts.is_mixture(config):
            config = variants_experts.edges(edge, config, text_type)
        stored = variants_experts.storage(edge, config, text_type)
        if inside:
            config = within(family.config, text_type, {**config, "vocab_size": vocab})
        yield dataclasses.replace(family, name=f"{family.name if inside else family.model_type}#{number}", config=config, about=config_text(config),
                                  vocab=vocab, seed=100 + number, without={}, bare=number % 2 == 1, **stored)


# Text models inside something larger whose mathematics is that of another model type.
TEXT_TYPES = {"qwen2_vl_text": "qwen2", "qwen2_5_vl_text": "qwen2", "qwen3_vl_text": "qwen3_vl_text", "qwen3_vl_moe_text": "qwen3_vl_moe_text"}
# Their layers have a function of their own, or mixers that are not taken with another than SiLU.
OWN_FUNCTIONS = {"gpt_oss", "bamba", "granitemoehybrid", "qwen3_next", "qwen3_5_text", "qwen3_5_moe_text", "olmo_hybrid", "kimi_linear", "mamba2",
                 "falcon_mamba", "nemotron_h", "jamba", "falcon_h1", "gpt2", "gpt_bigcode", "gptj", "gpt_neo", "falcon", "opt", "mpt", "bloom", "lfm2",
                 "lfm2_moe", "lfm3", "apertus", "recurrent_gemma"}
FUNCTIONS = ("gelu", "gelu_new", "gelu_fast", "gelu_accurate", "relu", "relu2", "gelu_pytorch_tanh", "gelu_python_tanh", "swish")


def within(whole, text_type, text):
    """The wrapper with another text model. What its classes insist on stays: scales of the logits are left out there, sections are read."""
    tied = text.pop("tie_word_embeddings")
    old = whole["text_config"]
    if text_type.startswith("gemma4"):
        text["pad_token_id"] = text["pad_token_id"] or 0  # the whole model writes it where pictures stand
    else:
        for key in ("logit_scale", "final_logit_softcapping"):
            text.pop(key, None)
    if "mrope_section" in old.get("rope_parameters", {}):
        text["rope_parameters"] = {"rope_type": "default", "rope_theta": 300.0, **{k: v for k, v in old["rope_parameters"].items() if "mrope" in k or "partial" in k}}
        text["head_dim"] = old.get("head_dim", 8)
        if "head_dim" not in old:
            text["hidden_size"] = 8 * text["num_attention_heads"]
    made = {**whole, "text_config": {"model_type": text_type, **text}, "tie_word_embeddings": tied}
    for part in ("vision_config",):
        if "out_hidden_size" in (whole.get(part) or {}):
            made[part] = {**whole[part], "out_hidden_size": text["hidden_size"]}
    if (whole.get("vision_config") or {}).get("embed_dim"):
        made["vision_config"] = {**whole["vision_config"], "hidden_size": text["hidden_size"]}
    return made


def config_text(config):
    return ", ".join(f"{key}={value}" for key, value in sorted(config.items()))
