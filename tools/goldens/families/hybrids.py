"""Linear attention, convolutions and state spaces between layers of attention."""

from families.entry import Family, rows, tokens

ROPE = dict(rope_type="default", rope_theta=300.0)
HALF = dict(rope_type="default", rope_theta=300.0, partial_rotary_factor=0.5)
DELTA = dict(linear_conv_kernel_dim=3, linear_key_head_dim=8, linear_value_head_dim=16, linear_num_key_heads=2, linear_num_value_heads=4)
LINEAR = "linear_attention"
FULL = "full_attention"
CONV = {r"conv(1d|_1d)?\.weight": 0.5}
STATES = {**CONV, r"\.D$": 0.5, r"A_log": 0.3, r"dt_bias": 0.4}
MAMBA = dict(mamba_n_heads=6, mamba_d_head=8, mamba_n_groups=2, mamba_d_state=8, mamba_d_conv=3, mamba_expand=2, mamba_chunk_size=4)

# States and the norms behind them magnify what a step moves; and what rounding does, where q and k are nearly orthogonal.
SLOW = dict(lr=2e-3)
SMALL = {r"(proj|linear|_list\.\d+\.\d)\.weight": 0.13}  # of matrices

FAMILIES = [
    Family("qwen3_5_text", "qwen3_5_text", "Qwen3.5 dense: gated delta rule, full layers with an output gate, partial rotary",
           rows(24, 4, 4, 2, 40, head_dim=16, layer_types=[LINEAR, LINEAR, FULL, FULL], rms_norm_eps=1e-3, rope_parameters=HALF, **DELTA), std=STATES, seed=1, options=SLOW),
    Family("qwen3_5_text_tied", "qwen3_5_text", "Qwen3.5: as many value heads as key heads, one full layer by the interval, tied",
           rows(24, 3, 3, 1, 40, head_dim=8, full_attention_interval=3, tie_word_embeddings=True, attention_bias=True,
                rms_norm_eps=1e-3, rope_parameters={**HALF, "partial_rotary_factor": 0.25}, **{**DELTA, "linear_num_value_heads": 2}),
           embedding_std=0.3, std=STATES, seed=1, options=SLOW),
    Family("olmo_hybrid", "olmo_hybrid", "OLMo hybrid: delta rule with negative eigenvalues, norms before there and behind on full layers",
           rows(24, 4, 3, 1, 40, layer_types=[LINEAR, LINEAR, FULL, FULL], rope_parameters=ROPE, linear_allow_neg_eigval=True,
                **DELTA), std={**STATES, **SMALL}, options=dict(lr=1e-3), seed=2,
           without={"negative eigenvalues": dict(linear_allow_neg_eigval=False)}),
    Family("olmo_hybrid_positive", "olmo_hybrid", "OLMo hybrid: beta below 1, as many value heads as key heads, tied",
           rows(24, 3, 3, 3, 40, layer_types=[LINEAR, FULL, LINEAR], linear_allow_neg_eigval=False, tie_word_embeddings=True,
                rope_parameters=ROPE, **{**DELTA, "linear_num_value_heads": 2}), std={**STATES, **SMALL}, embedding_std=0.3,
           options=SLOW),
    Family("lfm2", "lfm2", "LFM2: gated short convolutions, q, k norms, feed-forward width adjusted; tied",
           rows(24, 4, 3, 1, 48, layer_types=["conv", "conv", FULL, FULL], conv_L_cache=3, block_multiple_of=8,
                block_ffn_dim_multiplier=1.25, rope_parameters=ROPE) | {"pad_token_id": 0}, std=CONV, embedding_std=0.3),
    Family("lfm2_biases", "lfm2", "LFM2: biases of the convolutions, kernel of 4, width as given, full_attn_idxs, untied",
           rows(24, 3, 3, 1, 40, full_attn_idxs=[1], conv_bias=True, conv_L_cache=4, block_auto_adjust_ff_dim=False,
                tie_word_embeddings=False, rope_parameters=ROPE), std=CONV),
    Family("granitemoehybrid", "granitemoehybrid", "Granite 4 without experts: Mamba-2 and attention without positions, multipliers",
           rows(24, 4, 3, 1, 40, layer_types=["mamba", "mamba", "attention", "attention"], num_local_experts=0,
                shared_intermediate_size=40, embedding_multiplier=3.0, attention_multiplier=0.5, residual_multiplier=0.6,
                logits_scaling=0.8, tie_word_embeddings=True, **MAMBA), std=STATES, embedding_std=0.2,
           without={key: {key: 1.0} for key in (
               "embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling")}, options=SLOW),
    Family("granitemoehybrid_rope", "granitemoehybrid", "Granite 4 micro: attention alone, with rope; biases",
           rows(24, 2, 3, 1, 40, layer_types=["attention", "attention"], num_local_experts=0, shared_intermediate_size=40,
                position_embedding_type="rope", attention_multiplier=0.3, attention_bias=True, rope_parameters=ROPE, **MAMBA)),
    Family("bamba", "bamba", "Bamba: Mamba-2 and half rotated attention",
           rows(24, 4, 3, 1, 40, attn_layer_indices=[1, 3], rope_parameters=HALF, time_step_limit=(0.2, 1.5), mamba_proj_bias=True,
                **MAMBA) | {"pad_token_id": 0}, std=STATES,
           without={"limits of the step": dict(time_step_limit=(0.0, float("inf")))}),
    Family("mamba2", "mamba2", "Mamba-2 alone: several groups, no convolution bias",
           tokens(hidden_size=24, num_hidden_layers=3, num_heads=6, head_dim=8, state_size=8, n_groups=2, conv_kernel=4, expand=2,
                  chunk_size=4, use_bias=True, use_conv_bias=False), std=STATES),
    Family("mamba2_tied", "mamba2", "Mamba-2 alone: one group, tied, limits of the step",
           tokens(hidden_size=24, num_hidden_layers=2, num_heads=3, head_dim=16, state_size=8, n_groups=1, conv_kernel=3, expand=2,
                  chunk_size=8, time_step_limit=(0.05, 0.9), tie_word_embeddings=True), std=STATES, embedding_std=0.3),
    Family("nemotron_h", "nemotron_h", "Nemotron-H without experts: one mixer a layer, attention without positions, squared relu",
           tokens(hidden_size=24, hybrid_override_pattern="M-M*-*", num_hidden_layers=6, num_attention_heads=4, num_key_value_heads=2,
                  head_dim=8, intermediate_size=40, ssm_state_size=8, mamba_num_heads=6, mamba_head_dim=8, n_groups=2, conv_kernel=3,
                  chunk_size=4, max_position_embeddings=256), std=STATES),
    Family("falcon_h1", "falcon_h1", "Falcon-H1: Mamba-2 beside attention in every layer, a multiplier everywhere",
           rows(24, 2, 4, 2, 40, head_dim=8, mamba_d_ssm=40, mamba_n_heads=5, mamba_d_head=8, mamba_n_groups=1, mamba_d_state=8,
                mamba_d_conv=3, mamba_chunk_size=4, lm_head_multiplier=0.7, embedding_multiplier=3.0, mlp_multipliers=[0.8, 0.6],
                key_multiplier=0.7, attention_out_multiplier=0.9, attention_in_multiplier=1.2, ssm_in_multiplier=1.1,
                ssm_multipliers=[0.9, 0.8, 1.2, 0.7, 1.3], ssm_out_multiplier=0.8, rope_parameters=ROPE) | {"pad_token_id": 0},
           std=STATES, embedding_std=0.2,
           without={key: {key: 1.0} for key in ("lm_head_multiplier", "embedding_multiplier", "key_multiplier", "attention_in_multiplier",
                                                "attention_out_multiplier", "ssm_in_multiplier", "ssm_out_multiplier")} | {
               "MLP": dict(mlp_multipliers=[1.0, 1.0]), "states": dict(ssm_multipliers=[1.0] * 5)}),
    Family("falcon_h1_norm", "falcon_h1", "Falcon-H1: norm of the states in groups, behind the gate; biases, tied",
           rows(24, 2, 3, 1, 40, mamba_d_ssm=48, mamba_n_heads=6, mamba_d_head=8, mamba_n_groups=2, mamba_d_state=8, mamba_d_conv=4,
                mamba_chunk_size=8, mamba_rms_norm=True, mamba_norm_before_gate=False, mamba_proj_bias=True, projectors_bias=True,
                attention_bias=True, mlp_bias=True, tie_word_embeddings=True, rope_parameters=ROPE), std=STATES, embedding_std=0.3,
           without={"place of the gate": dict(mamba_norm_before_gate=True)}),
    Family("kimi_linear", "kimi_linear", "Kimi-Linear's dense form: KDA and latent attention without positions",
           rows(24, 4, 3, 3, 40, kv_lora_rank=24, q_lora_rank=None, qk_nope_head_dim=8, qk_rope_head_dim=8, v_head_dim=16,
                mlp_layer_types=["dense"] * 4, rms_norm_eps=1e-3, layer_types=[LINEAR, LINEAR, FULL, FULL], linear_head_dim=8, linear_num_heads=3,
                linear_conv_kernel_dim=3), std={**STATES, "A_log": 0.5}, seed=1, options=SLOW),
    Family("recurrent_gemma", "recurrent_gemma", "RecurrentGemma: RG-LRU with a convolution, windows, half rotated, soft cap",
           rows(24, 4, 3, 1, 80, block_types=["recurrent", "attention"], attention_window_size=5, conv1d_width=3, lru_width=48,
                logits_soft_cap=4.0, rope_parameters=HALF) | {"pad_token_id": 0}, embedding_std=0.12,
           std={**CONV, r"(input|recurrent)_gate_weight": 0.4},
           without={"soft cap": dict(logits_soft_cap=30.0), "window": dict(attention_window_size=6)}),
    Family("zamba2", "zamba2", "Zamba2: two blocks of attention shared by four layers, adapters, rope",
           rows(24, 6, 3, 3, 40, layers_block_type=["mamba", "hybrid", "hybrid", "hybrid", "hybrid", "mamba"], mamba_d_state=8,
                mamba_d_conv=3, mamba_expand=2, mamba_ngroups=2, n_mamba_heads=6, chunk_size=4, num_mem_blocks=2, adapter_rank=8,
                use_shared_attention_adapter=True, use_mem_rope=True, time_step_min=0.1, rope_parameters=ROPE) | {
                    "pad_token_id": 0}, std={**STATES, **SMALL}, embedding_std=0.3, options=SLOW),
    Family("zamba2_plain", "zamba2", "Zamba2: one shared block, no adapters of attention, no rope, biases",
           rows(24, 3, 3, 3, 40, layers_block_type=["mamba", "hybrid", "hybrid"], mamba_d_state=8, mamba_d_conv=4, mamba_expand=2,
                n_mamba_heads=3, chunk_size=8, num_mem_blocks=1, adapter_rank=8, add_bias_linear=True), std=STATES, embedding_std=0.3,
           options=SLOW),
    Family("falcon_mamba", "falcon_mamba", "Falcon-Mamba: Mamba-1 alone, norms of its inputs without weights",
           tokens(hidden_size=24, num_hidden_layers=3, state_size=8, conv_kernel=3, expand=2, time_step_rank=8,
                  tie_word_embeddings=False), std={**CONV, "A_log": 0.3}, options=SLOW),
    # Functions other than SiLU behind the convolutions of mixers, of each kind one.
    Family("mamba2_gelu", "mamba2", "Mamba-2 with GELU behind its convolution; its gate is SiLU still",
           tokens(hidden_size=24, num_hidden_layers=2, num_heads=3, head_dim=16, state_size=8, n_groups=1, conv_kernel=3, expand=2,
                  chunk_size=8, hidden_act="gelu"), std=STATES, without={"function": dict(hidden_act="silu")}),
    Family("falcon_mamba_relu2", "falcon_mamba", "Falcon-Mamba with squared ReLU behind its convolution",
           tokens(hidden_size=24, num_hidden_layers=2, state_size=8, conv_kernel=3, expand=2, time_step_rank=8, hidden_act="relu2",
                  tie_word_embeddings=False), std={**CONV, "A_log": 0.3}, options=SLOW, without={"function": dict(hidden_act="silu")}),
    Family("nemotron_h_gelu", "nemotron_h", "Nemotron-H with GELU in its mixers and its MLPs",
           tokens(hidden_size=24, hybrid_override_pattern="M-*M", num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
                  head_dim=8, intermediate_size=40, ssm_state_size=8, mamba_num_heads=6, mamba_head_dim=8, n_groups=2, conv_kernel=3,
                  chunk_size=4, max_position_embeddings=256, mamba_hidden_act="gelu_new", mlp_hidden_act="gelu"), std=STATES,
           without={"function of mixers": dict(mamba_hidden_act="silu"), "function of MLPs": dict(mlp_hidden_act="silu")}),
    Family("olmo_hybrid_gelu", "olmo_hybrid", "OLMo hybrid with GELU in its MLPs and behind the convolutions of its delta rule",
           rows(24, 2, 3, 1, 40, layer_types=[LINEAR, FULL], rope_parameters=ROPE, hidden_act="gelu", **DELTA), std={**STATES, **SMALL},
           options=dict(lr=1e-3), without={"function": dict(hidden_act="silu")}),
    Family("kimi_linear_gelu", "kimi_linear", "Kimi-Linear with GELU in its MLPs and behind the convolutions of KDA",
           rows(24, 2, 3, 3, 40, kv_lora_rank=24, q_lora_rank=None, qk_nope_head_dim=8, qk_rope_head_dim=8, v_head_dim=16,
                mlp_layer_types=["dense"] * 2, rms_norm_eps=1e-3, layer_types=[LINEAR, FULL], linear_head_dim=8, linear_num_heads=3,
                linear_conv_kernel_dim=3, hidden_act="gelu_pytorch_tanh"), std={**STATES, "A_log": 0.5}, seed=1, options=SLOW,
           without={"function": dict(hidden_act="silu")}),
]
