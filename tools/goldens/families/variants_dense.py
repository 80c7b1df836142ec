"""Other models of the dense families and of the hybrids without experts, drawn as variants.py draws the others."""

from families.variants import CONV, FULL, LINEAR, LLAMA3, SLIDING, YARN, choice, delta, granite, latent, mamba, shape, typed

ACTIVATIONS = ("silu", "gelu", "gelu_new", "relu", "relu2", "gelu_pytorch_tanh")
LONG = dict(rope_type="longrope", rope_theta=300.0, original_max_position_embeddings=8)


def act(d):
    return d.of("silu", "silu", *ACTIVATIONS)


def wide(d):
    """Heads of their own width in a model whose width they divide, which some classes insist on."""
    config = shape(d)
    return {**config, "hidden_size": config["num_attention_heads"] * d.of(5, 7, 9)}


def coin(d, *names):
    return {name: d.of(True, False) for name in names}


def window(d):
    """For classes that slide by layer_types or by the number of layers below."""
    return d.of({}, dict(use_sliding_window=True, sliding_window=d.of(3, 5), max_window_layers=d.of(0, 1, 9)))


def layer_norm(d, key="layer_norm_eps", **more):
    """Shapes of classes whose norms are LayerNorms."""
    config = shape(d, head_dim=False, **more)
    del config["rms_norm_eps"]
    return {**config, key: d.of(1e-5, 1e-3)}


def full_heads(config, *drop):
    """Without grouped heads, for classes that lack the key."""
    return {key: value for key, value in config.items() if key not in ("num_key_value_heads", *drop)}


def llama(d):
    return {**wide(d), **coin(d, "attention_bias", "mlp_bias"), "hidden_act": act(d)}


def mistral(d):
    return {**wide(d), "sliding_window": d.of(None, 3, 64), "hidden_act": act(d)}


def ministral(d):
    config = {**wide(d), "sliding_window": d.of(3, 5), "hidden_act": act(d)}
    return d.of(config, typed(d, config, FULL, SLIDING))


def ministral3(d):
    rope = d.of(dict(rope_type="default", rope_theta=300.0, llama_4_scaling_beta=0.3, original_max_position_embeddings=4),
                {**YARN, "llama_4_scaling_beta": 0.2, "mscale": 1.0, "mscale_all_dim": d.of(0.0, 1.0)})
    return {**wide(d), "sliding_window": d.of(None, 4), "hidden_act": act(d), "rope_parameters": rope}


def qwen2(d):
    return {**shape(d, head_dim=False), **window(d), "hidden_act": act(d)}


def qwen3(d):
    config = {**wide(d), **coin(d, "attention_bias"), "hidden_act": act(d), **window(d)}
    return d.of(config, typed(d, {**config, "use_sliding_window": True, "sliding_window": 4}, FULL, SLIDING))


def qwen3_vl_text(d):
    return {**wide(d), **coin(d, "attention_bias"), "hidden_act": act(d)}


def gemma(d):
    return {**wide(d), "tie_word_embeddings": True, **coin(d, "attention_bias"), "hidden_act": d.of("gelu_pytorch_tanh", "gelu", "silu")}


def gemma2(d, act_key="hidden_activation"):
    config = {**wide(d), **coin(d, "attention_bias"), act_key: d.of("gelu_pytorch_tanh", "gelu", "silu"), "query_pre_attn_scalar": d.of(4, 9, 30),
              "sliding_window": d.of(3, 5), "final_logit_softcapping": d.of(None, 4.0), "attn_logit_softcapping": d.of(None, 2.0)}
    return d.of(config, typed(d, config, FULL, SLIDING))


def vaultgemma(d):
    return gemma2(d)


def gemma3_text(d):
    config = gemma2(d)
    config["rope_parameters"] = {SLIDING: dict(rope_type="default", rope_theta=100.0), FULL: d.of(
        dict(rope_type="linear", rope_theta=1000.0, factor=3.0), dict(rope_type="default", rope_theta=500.0))}
    return config


def phi(d):
    return {**layer_norm(d), **coin(d, "qk_layernorm"), "hidden_act": act(d), "rope_parameters": d.rope(0.5, 1.0), "num_attention_heads": 4,
            "num_key_value_heads": d.of(1, 2, 4), "hidden_size": 32}


def phi3(d):
    config = {**shape(d, head_dim=False), "hidden_act": act(d), "sliding_window": d.of(None, 4), "num_attention_heads": 4,
              "num_key_value_heads": d.of(1, 2, 4), "hidden_size": 32, "original_max_position_embeddings": 8}
    if d.of(True, False):
        pairs = [d.of(1.0, 1.3, 2.0) for _ in range(4)]
        config["rope_parameters"] = {**LONG, "short_factor": pairs, "long_factor": [2.0 * pair for pair in pairs], "partial_rotary_factor": 1.0}
    else:
        config["rope_parameters"] = {"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": d.of(0.5, 1.0)}
    return config


def olmo(d):
    config = {**shape(d, head_dim=False), **coin(d, "attention_bias"), "clip_qkv": d.of(None, 0.8), "hidden_act": act(d)}
    del config["rms_norm_eps"]
    return config


def olmo2(d):
    return {**shape(d, head_dim=False), **coin(d, "attention_bias"), "hidden_act": act(d)}


def olmo3(d):
    config = {**olmo2(d), "sliding_window": d.of(3, 5)}
    return d.of(config, typed(d, config, FULL, SLIDING))


def smollm3(d):
    config = {**shape(d, head_dim=False), **coin(d, "attention_bias", "mlp_bias"), "hidden_act": act(d)}
    config["no_rope_layers"] = d.of(None, [d.of(0, 1) for _ in range(config["num_hidden_layers"])])
    if config["no_rope_layers"] is None:
        config["no_rope_layer_interval"] = d.of(2, 3)
    return {**config, **d.of({}, dict(use_sliding_window=True, sliding_window=4))}


def granite_dense(d):
    return {**shape(d, head_dim=False), **granite(d), **coin(d, "mlp_bias"), "hidden_act": act(d)}


def granite_swa(d):
    config = {**granite_dense(d), "sliding_window": d.of(3, 5)}
    return d.of(config, typed(d, config, FULL, SLIDING))


def glm(d):
    return {**wide(d), **coin(d, "attention_bias"), "hidden_act": act(d), "head_dim": 8, "rope_parameters": d.rope(0.5, 1.0)}


def cohere(d):
    return {**layer_norm(d), **coin(d, "attention_bias", "use_qk_norm"), "hidden_act": act(d), "logit_scale": d.of(0.5, 1.0)}


def cohere2(d):
    config = {**layer_norm(d), **coin(d, "attention_bias"), "hidden_act": act(d), "logit_scale": d.of(0.5, 1.0), "sliding_window": d.of(3, 5)}
    return d.of(config, typed(d, config, FULL, SLIDING))


def starcoder2(d):
    return {**layer_norm(d, "norm_epsilon"), **coin(d, "use_bias"), "hidden_act": act(d), "sliding_window": d.of(None, 4)}


def stablelm(d):
    return {**layer_norm(d), **coin(d, "use_qkv_bias", "qk_layernorm", "use_parallel_residual"), "hidden_act": act(d), "num_attention_heads": 4,
            "num_key_value_heads": d.of(1, 2, 4), "hidden_size": 32, "rope_parameters": d.rope(0.25, 0.5, 1.0)}


def nemotron(d):
    config = {**layer_norm(d, "norm_eps"), **coin(d, "attention_bias", "mlp_bias"), "hidden_act": act(d), "num_attention_heads": 4,
              "num_key_value_heads": d.of(1, 2, 4), "hidden_size": 32}
    return {**config, "rope_parameters": {"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": d.of(0.5, 1.0)}}


def seed_oss(d):
    return {**wide(d), **coin(d, "attention_bias", "attention_out_bias", "mlp_bias"), "hidden_act": act(d), "attention_dropout": 0.0,
            "residual_dropout": 0.0}


def ernie4_5(d):
    return {**wide(d), **coin(d, "use_bias"), "hidden_act": act(d)}


def exaone4(d):
    config = {**wide(d), "sliding_window": 4, "sliding_window_pattern": d.of(2, 3), "hidden_act": act(d)}
    return d.of(config, typed(d, config, FULL, SLIDING), {**typed(d, config, FULL), "sliding_window": None})


def biased(d):
    return {**wide(d), **coin(d, "attention_bias", "mlp_bias"), "hidden_act": act(d)}


def exaone(d):
    return biased(d)


def internlm3(d):
    config = biased(d)
    return {**config, "mlp_bias": config["attention_bias"]}  # its class insists on it


def arcee(d):
    return biased(d)


def helium(d):
    config = {**shape(d, head_dim=False), **coin(d, "attention_bias", "mlp_bias"), "hidden_act": act(d)}
    return {**config, "head_dim": config["hidden_size"] // config["num_attention_heads"]}  # its last product insists on it


def iquestcoder(d):
    return biased(d)


def hunyuan_v1_dense(d):
    rope = d.of(dict(rope_type="default", rope_theta=300.0), dict(rope_type="dynamic", rope_theta=300.0, alpha=50.0, factor=1.0))
    return {**wide(d), **coin(d, "attention_bias"), "hidden_act": act(d), "rope_parameters": rope}


def apertus(d):
    return {**shape(d, head_dim=False), **coin(d, "attention_bias"), "hidden_act": d.of("xielu", "xielu", "relu2", "silu")}


def hyperclovax(d):
    return {**granite_dense(d), **coin(d, "use_post_norm"), "attention_multiplier": d.of(None, 0.4)}


def cwm(d):
    config = {**wide(d), **coin(d, "mlp_bias"), "hidden_act": act(d), "sliding_window": d.of(3, 5)}
    return d.of(config, typed(d, config, FULL, SLIDING))


def jais2(d):
    config = {**layer_norm(d), **coin(d, "attention_bias", "mlp_bias"), "hidden_act": act(d)}
    return config


def gpt2(d):
    heads = d.of(1, 2, 3)
    return dict(n_embd=heads * d.of(6, 9), n_layer=d.of(1, 2, 3), n_head=heads, n_inner=d.of(None, 21), n_positions=256, layer_norm_epsilon=d.of(1e-5, 1e-3),
                activation_function=d.of("gelu_new", "gelu", "relu", "silu"), resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
                tie_word_embeddings=d.of(True, False), **coin(d, "scale_attn_weights", "scale_attn_by_inverse_layer_idx"))


def gpt_bigcode(d):
    config = {**gpt2(d), **coin(d, "multi_query")}
    del config["scale_attn_by_inverse_layer_idx"]
    return {**config, "scale_attn_weights": True}


def gpt_neox(d):
    config = full_heads(layer_norm(d, equal=True))
    return {**config, **coin(d, "use_parallel_residual", "attention_bias"), "hidden_act": d.of("gelu", "relu", "silu"), "num_attention_heads": 4,
            "hidden_size": 32, "rope_parameters": {"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": d.of(0.25, 0.5, 1.0)}}


def falcon(d):
    groups = d.of(1, 2)
    config = dict(hidden_size=4 * 8, num_hidden_layers=d.of(1, 2, 3), num_attention_heads=4, num_kv_heads=groups, layer_norm_epsilon=d.of(1e-5, 1e-3),
                  activation=d.of("gelu", "relu", "silu"), ffn_hidden_size=d.of(None, 21), tie_word_embeddings=d.of(True, False),
                  rope_parameters=dict(rope_type="default", rope_theta=300.0), **coin(d, "alibi", "new_decoder_architecture", "multi_query", "parallel_attn", "bias"))
    if config["new_decoder_architecture"]:
        config["num_ln_in_parallel_attn"], config["parallel_attn"] = d.of(None, 1, 2), True  # nor one behind the other
    elif not config["multi_query"]:
        config["num_kv_heads"] = 4  # transformers cannot compute with fewer there
    return config


def opt(d):
    heads = d.of(1, 2, 4)
    width = heads * d.of(6, 8)
    before = d.of(True, False)
    return dict(hidden_size=width, num_hidden_layers=d.of(1, 2, 3), num_attention_heads=heads, ffn_dim=d.of(21, 32), do_layer_norm_before=before,
                word_embed_proj_dim=d.of(width, 10), dropout=0.0, activation_function=d.of("relu", "gelu", "silu"), pad_token_id=d.of(1, None),
                tie_word_embeddings=d.of(True, False), **coin(d, "enable_bias", "layer_norm_elementwise_affine"))


def mpt(d):
    heads = d.of(1, 2, 3, 4)
    return dict(d_model=heads * d.of(6, 8), n_heads=heads, n_layers=d.of(1, 2, 3), max_seq_len=256, tie_word_embeddings=d.of(True, False),
                attn_config=dict(clip_qkv=d.of(None, 0.8), softmax_scale=d.of(None, 0.3)))


def bloom(d):
    heads = d.of(1, 2, 3, 4)
    return dict(hidden_size=heads * d.of(6, 8), n_head=heads, n_layer=d.of(1, 2, 3), layer_norm_epsilon=d.of(1e-5, 1e-3),
                tie_word_embeddings=d.of(True, False), **coin(d, "apply_residual_connection_post_layernorm"))


def nanochat(d):
    return {**shape(d, head_dim=False), **coin(d, "attention_bias"), "hidden_act": act(d), "final_logit_softcapping": d.of(4.0, 15.0)}


def youtu(d):
    # A padding row would be cleared when transformers reads the folder (docs/families.md).
    return {**shape(d, head_dim=False, equal=True, pad_token_id=None), **latent(d), **coin(d, "rope_interleave"), "hidden_act": act(d)}


def minicpm3(d):
    config = {**shape(d, head_dim=False, equal=True), **latent(d), "hidden_act": act(d), "scale_emb": d.of(1, 3), "scale_depth": d.of(1.0, 1.4),
              "dim_model_base": d.of(8, 16), "rope_parameters": dict(rope_type="default", rope_theta=300.0)}
    return {**config, "q_lora_rank": 12, "mlp_bias": d.of(True, False)}


def persimmon(d):
    return {**full_heads(layer_norm(d, equal=True)), **coin(d, "qk_layernorm"), "hidden_act": act(d), "num_attention_heads": 4, "hidden_size": 32,
            "rope_parameters": {"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": d.of(0.5, 1.0)}}


def qwen3_5_text(d):
    config = {**wide(d), **coin(d, "attention_bias"), **delta(d), "head_dim": 8, "rope_parameters": d.rope(0.25, 0.5, 1.0), "hidden_act": act(d)}
    return d.of({**config, "full_attention_interval": d.of(1, 2, 3)}, typed(d, config, LINEAR, FULL))


def olmo_hybrid(d):
    config = {**shape(d, head_dim=False), **coin(d, "attention_bias", "linear_allow_neg_eigval"), **delta(d), "rope_parameters": d.of(None, d.rope())}
    return typed(d, config, LINEAR, FULL)


def lfm2(d):
    config = {**shape(d, head_dim=False), "norm_eps": d.of(1e-5, 1e-3), "conv_L_cache": d.of(2, 3, 4), **coin(d, "conv_bias", "block_auto_adjust_ff_dim"),
              "block_multiple_of": d.of(4, 7), "block_ffn_dim_multiplier": d.of(1.0, 1.3)}
    del config["rms_norm_eps"]
    return typed(d, config, CONV, FULL)


def falcon_h1(d):
    config = {**wide(d), "hidden_act": act(d), **mamba(d, 16), "mamba_d_ssm": 32, **coin(d, "mamba_rms_norm", "mamba_norm_before_gate", "projectors_bias",
                                                                                         "attention_bias", "mlp_bias"),
              "key_multiplier": d.of(1.0, 0.7), "lm_head_multiplier": d.of(1.0, 0.7), "embedding_multiplier": d.of(1.0, 2.0),
              "attention_out_multiplier": d.of(1.0, 0.8), "attention_in_multiplier": d.of(1.0, 1.2), "ssm_in_multiplier": d.of(1.0, 1.2),
              "ssm_out_multiplier": d.of(1.0, 0.7), "mlp_multipliers": d.of(None, [0.8, 1.2]), "ssm_multipliers": d.of(None, [0.9, 0.8, 1.2, 0.7, 1.3]),
              "time_step_limit": d.of((0.0, float("inf")), (0.1, 1.0))}
    return config


def bamba(d):
    config = {**shape(d, head_dim=False), **coin(d, "attention_bias", "mlp_bias"), "time_step_limit": d.of((0.0, float("inf")), (0.1, 1.0))}
    config["hidden_size"] = 8 * config["num_attention_heads"]
    config = {**config, **mamba(d, config["hidden_size"]), "attn_layer_indices": [d.of(0, 1)]}
    return {**config, "rope_parameters": dict(rope_type="default", rope_theta=300.0, partial_rotary_factor=0.5)}


def mamba2(d):
    groups = d.of(1, 2)
    return dict(hidden_size=16, num_hidden_layers=d.of(1, 2, 3), num_heads=4, head_dim=8, state_size=d.of(5, 8), n_groups=groups, conv_kernel=d.of(2, 4),
                expand=2, chunk_size=4, layer_norm_epsilon=d.of(1e-5, 1e-3), tie_word_embeddings=d.of(True, False),
                time_step_limit=d.of((0.0, float("inf")), (0.1, 1.0)), **coin(d, "use_bias", "use_conv_bias"))


def zamba2(d):
    hidden, heads = d.of((16, 2), (20, 4), (18, 3))
    layers = d.of(3, 4, 5)
    config = dict(hidden_size=hidden, num_hidden_layers=layers, layers_block_type=d.types(layers, "hybrid", "mamba"), num_attention_heads=heads,
                  num_key_value_heads=heads, intermediate_size=d.of(14, 21), mamba_d_state=d.of(5, 8), mamba_d_conv=d.of(2, 4), n_mamba_heads=2 * d.of(1, 2),
                  mamba_ngroups=d.of(1, 2), chunk_size=4, num_mem_blocks=d.of(1, 2, 3), adapter_rank=d.of(3, 6), time_step_min=d.of(0.001, 0.2),
                  rms_norm_eps=d.of(1e-5, 1e-3), hidden_act=d.of("gelu", "silu"), tie_word_embeddings=d.of(True, False), pad_token_id=d.of(None, 0),
                  **coin(d, "use_shared_attention_adapter", "use_mem_rope", "add_bias_linear", "use_long_context"))
    return {**config, "rope_parameters": d.of(dict(rope_type="default", rope_theta=300.0), YARN, LLAMA3)}


def jamba(d):
    config = {**shape(d, head_dim=False, rope=False, layers=(3, 4)), **choice(d, width=None), "attn_layer_period": 2, "attn_layer_offset": d.of(0, 1),
              "expert_layer_period": d.of(2, 3), "expert_layer_offset": d.of(0, 1), "mamba_d_state": d.of(4, 7), "mamba_d_conv": d.of(2, 4),
              "mamba_expand": d.of(1, 2), "mamba_dt_rank": d.of("auto", 3), "hidden_act": act(d), **coin(d, "mamba_conv_bias", "mamba_proj_bias")}
    return d.of(config, {**config, "num_experts": 1, "num_experts_per_tok": 1})


def kimi_linear(d):
    config = {**shape(d, head_dim=False, equal=True, rope=False), **latent(d), "q_lora_rank": None, "linear_head_dim": d.of(6, 8), "linear_num_heads": d.of(1, 2, 3),
              "linear_conv_kernel_dim": d.of(2, 4), "rms_norm_eps": 1e-3}
    del config["attention_bias"]
    return typed(d, {**config, "mlp_layer_types": ["dense"] * config["num_hidden_layers"]}, LINEAR, FULL)


def recurrent_gemma(d):
    heads = d.of(2, 4)
    return dict(hidden_size=heads * 8, num_hidden_layers=d.of(2, 3, 4), num_attention_heads=heads, num_key_value_heads=d.of(1, heads), intermediate_size=2 * d.of(11, 20),
                lru_width=d.of(None, heads * 6), attention_window_size=d.of(3, 5), conv1d_width=d.of(2, 4), logits_soft_cap=d.of(4.0, 30.0), rms_norm_eps=d.of(1e-6, 1e-3),
                block_types=d.of(["recurrent", "attention"], ["recurrent", "recurrent", "attention"], ["attention", "recurrent"]), attention_bias=d.of(True, False),
                hidden_activation=d.of("gelu_pytorch_tanh", "silu"), rope_parameters=dict(rope_type="default", rope_theta=300.0, partial_rotary_factor=d.of(0.5, 1.0)))


def gptj(d):
    config = gpt2(d)
    for key in ("scale_attn_weights", "scale_attn_by_inverse_layer_idx"):
        del config[key]
    return {**config, "rotary_dim": d.of(2, 4, 6), "n_embd": config["n_head"] * d.of(6, 8)}


def gpt_neo(d):
    heads, layers = d.of(1, 2, 3), d.of(1, 2, 3)
    return dict(hidden_size=heads * d.of(6, 9), num_layers=layers, num_heads=heads, attention_types=[[[d.of("global", "local") for _ in range(layers)], 1]],
                window_size=d.of(3, 5), intermediate_size=d.of(None, 21), layer_norm_epsilon=d.of(1e-5, 1e-3), tie_word_embeddings=d.of(True, False),
                activation_function=d.of("gelu_new", "gelu", "relu", "silu"))


def falcon_mamba(d):
    return dict(hidden_size=d.of(14, 20), num_hidden_layers=d.of(1, 2, 3), state_size=d.of(4, 7), conv_kernel=d.of(2, 4), expand=d.of(1, 2),
                time_step_rank=d.of("auto", 3), mixer_rms_eps=d.of(1e-6, 1e-3), tie_word_embeddings=d.of(True, False), **coin(d, "use_bias", "use_conv_bias"))


def gemma4_unified_text(d):
    config = {**shape(d), "global_head_dim": d.of(8, 12), "sliding_window": d.of(3, 5), "final_logit_softcapping": d.of(None, 5.0),
              "attention_bias": d.of(True, False), "hidden_activation": d.of("gelu_pytorch_tanh", "silu"), "attention_k_eq_v": d.of(True, False),
              "rope_parameters": {SLIDING: dict(rope_type="default", rope_theta=100.0),
                                  FULL: dict(rope_type="proportional", rope_theta=1000.0, partial_rotary_factor=0.5)}}
    return typed(d, config, SLIDING, FULL)


BY_TYPE = {make.__name__: make for make in (
    gptj, gpt_neo, falcon_mamba, gemma4_unified_text, llama, mistral, ministral, ministral3, qwen2, qwen3, qwen3_vl_text, gemma, gemma2, vaultgemma, gemma3_text, phi, phi3, olmo, olmo2, olmo3, smollm3, granite_swa, glm,
    cohere, cohere2, starcoder2, stablelm, nemotron, seed_oss, ernie4_5, exaone4, exaone, internlm3, arcee, helium, iquestcoder, hunyuan_v1_dense, apertus,
    hyperclovax, cwm, jais2, gpt2, gpt_bigcode, gpt_neox, falcon, opt, mpt, bloom, nanochat, youtu, minicpm3, persimmon, qwen3_5_text, olmo_hybrid, lfm2,
    falcon_h1, bamba, mamba2, zamba2, jamba, kimi_linear, recurrent_gemma)} | {"granite": granite_dense, "glm4": glm}
