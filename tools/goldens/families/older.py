"""Families with LayerNorms and MLPs that are not gated: learnt positions, ALiBi, fused q, k, v of several orders, parallel blocks."""

from families.entry import Family, rows, tokens

ROPE = dict(rope_type="default", rope_theta=300.0)
HALF = dict(rope_type="default", rope_theta=300.0, partial_rotary_factor=0.5)
# A bias of the keys moves all scores of a query nearly alike: its gradients lie about AdamW's usual eps, where rounding is magnified.
KEYS = dict(eps=1e-4)
KEY_BIAS = {r"(k_proj|query_key_value|c_attn|Wqkv)\.bias": "a bias of the keys moves all scores of a query alike"}
ALIBI = {**KEY_BIAS, r"k_proj\.bias": "without rope, a bias of the keys moves all scores of a query alike"}

FAMILIES = [
    Family("starcoder2", "starcoder2", "StarCoder2: LayerNorm, gelu tanh, biases, window",
           rows(24, 2, 3, 1, 40, sliding_window=5, rope_parameters=ROPE), without={"window": dict(sliding_window=6)}),
    Family("stablelm", "stablelm", "StableLM 2: partial rotary, q, k norms of each head, q, k, v biases",
           rows(48, 2, 6, 2, 40, use_qkv_bias=True, qk_layernorm=True, rope_parameters=HALF)),
    Family("stablelm_parallel", "stablelm", "StableLM: one norm before both branches, a quarter rotated",
           rows(48, 2, 3, 3, 40, use_parallel_residual=True, rope_parameters={**HALF, "partial_rotary_factor": 0.25})),
    Family("phi", "phi", "Phi-1, Phi-2: parallel, half rotated, head bias",
           rows(24, 2, 3, 3, 40, rope_parameters=HALF), options=KEYS),
    Family("phi_norms", "phi", "Phi: grouped queries and q, k LayerNorms",
           rows(48, 2, 6, 2, 40, qk_layernorm=True, rope_parameters=HALF), options=KEYS),
    Family("nemotron", "nemotron", "Nemotron: LayerNorm by 1 + w, squared relu, half rotated",
           rows(24, 2, 4, 2, 40, head_dim=8, rope_parameters=HALF)),
    Family("nemotron_biases", "nemotron", "Nemotron: biases of attention and MLP",
           rows(24, 2, 3, 1, 40, attention_bias=True, mlp_bias=True, rope_parameters=HALF), options=KEYS),
    Family("arcee", "arcee", "Arcee: Llama with a squared relu that is not gated; yarn",
           rows(24, 2, 4, 2, 40, head_dim=8, rope_parameters=dict(
               rope_type="yarn", rope_theta=1000.0, factor=8.0, original_max_position_embeddings=32))),
    Family("apertus", "apertus", "Apertus: xIELU with weights of its own, q, k norms, llama3 scaling",
           rows(24, 2, 3, 1, 40, rope_parameters=dict(rope_type="llama3", rope_theta=1000.0, factor=8.0, low_freq_factor=1.0,
                                                      high_freq_factor=4.0, original_max_position_embeddings=64)) | {
                                                          "pad_token_id": 3},
           std={r"act_fn\.eps": 0.0, r"act_fn\.beta": 0.1}),
    Family("gpt2", "gpt2", "GPT-2: learnt positions, transposed weights, scale by layer",
           tokens(n_embd=24, n_layer=2, n_head=3, n_positions=32, n_inner=40, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
                  scale_attn_by_inverse_layer_idx=True), silent={"c_attn.bias": "keys"}, std={r"c_\w+\.weight": 0.25}, options=KEYS),
    Family("gpt2_plain", "gpt2", "GPT-2: four times the width, untied, attention not scaled",
           tokens(n_embd=24, n_layer=2, n_head=3, n_positions=32, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
                  scale_attn_weights=False, tie_word_embeddings=False, activation_function="gelu"), std={r"c_\w+\.weight": 0.25}, options=KEYS),
    Family("gpt_neox", "gpt_neox", "GPT-NeoX, Pythia: parallel with two norms, q, k, v by heads, a quarter rotated",
           tokens(hidden_size=48, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, max_position_embeddings=64,
                  rope_parameters={**HALF, "partial_rotary_factor": 0.25})),
    Family("gpt_neox_sequential", "gpt_neox", "GPT-NeoX: one branch behind the other, no attention biases, all rotated",
           tokens(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, max_position_embeddings=64,
                  use_parallel_residual=False, attention_bias=False, hidden_act="gelu_new", rope_parameters={
                      **HALF, "partial_rotary_factor": 1.0})),
    Family("falcon", "falcon", "Falcon 7B: multi-query, one norm, parallel",
           tokens(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, ffn_hidden_size=40, rope_parameters=ROPE)),
    Family("falcon_grouped", "falcon", "Falcon 40B: q, k, v by groups, two norms; untied, biases",
           tokens(hidden_size=48, num_hidden_layers=2, num_attention_heads=6, num_kv_heads=2, new_decoder_architecture=True,
                  ffn_hidden_size=40, bias=True, tie_word_embeddings=False, rope_parameters=ROPE)),
    Family("falcon_sequential", "falcon", "Falcon RW without ALiBi: as many keys as queries, one branch behind the other, biases",
           tokens(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, multi_query=False, parallel_attn=False, bias=True,
                  ffn_hidden_size=40, rope_parameters=ROPE)),
    Family("falcon_alibi", "falcon", "Falcon RW: ALiBi, one branch behind the other, biases; four heads",
           tokens(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, multi_query=False, parallel_attn=False, bias=True,
                  alibi=True, ffn_hidden_size=40), silent=KEY_BIAS, options=KEYS, without={"slopes": dict(alibi=False)}),
    Family("gpt_bigcode", "gpt_bigcode", "StarCoder 1: GPT-2 with one key head, weights not transposed",
           tokens(n_embd=24, n_layer=2, n_head=3, n_positions=32, n_inner=40, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0), options=KEYS),
    Family("gpt_bigcode_heads", "gpt_bigcode", "StarCoder 1: as many keys as queries, q, k, v by heads",
           tokens(n_embd=24, n_layer=2, n_head=3, n_positions=32, multi_query=False, resid_pdrop=0.0, embd_pdrop=0.0,
                  attn_pdrop=0.0, tie_word_embeddings=False), options=KEYS),
    Family("opt", "opt", "OPT: learnt positions from 2, relu, padding row",
           tokens(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, ffn_dim=40, max_position_embeddings=32, dropout=0.0,
                  pad_token_id=1), silent=ALIBI, options=KEYS),
    Family("opt_post", "opt", "OPT 350M: norms behind, embeddings narrower than the model",
           tokens(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, ffn_dim=40, max_position_embeddings=32, dropout=0.0,
                  word_embed_proj_dim=16, do_layer_norm_before=False), silent=ALIBI, options=KEYS),
    Family("mpt", "mpt", "MPT: ALiBi, LayerNorm without bias, clipped q, k, v, three heads",
           tokens(d_model=24, n_layers=2, n_heads=3, max_seq_len=64, attn_config=dict(clip_qkv=1.5)),
           without={"clip": dict(attn_config=dict(clip_qkv=None))}),
    Family("bloom", "bloom", "BLOOM: ALiBi, a norm behind the embedding, q, k, v by heads, three heads",
           tokens(hidden_size=24, n_layer=2, n_head=3)),
    Family("bloom_post", "bloom", "BLOOM: residuals from the norms, untied, four heads",
           tokens(hidden_size=32, n_layer=2, n_head=4, apply_residual_connection_post_layernorm=True, tie_word_embeddings=False)),
    Family("nanochat", "nanochat", "nanochat: norms without weights, rope turned the other way, q, k norms behind it, soft cap",
           rows(24, 2, 3, 1, 40, final_logit_softcapping=2.0, rms_norm_eps=1e-3, rope_parameters=ROPE) | {"pad_token_id": 1},
           without={"soft cap": dict(final_logit_softcapping=None), "epsilon": dict(rms_norm_eps=1e-6)}),
    Family("persimmon", "persimmon", "Persimmon: q, k LayerNorms, q, k, v by heads, squared relu, half rotated",
           {key: value for key, value in rows(24, 2, 3, 3, 40, rope_parameters=HALF).items() if key != "num_key_value_heads"}, options=KEYS),
    Family("gptj", "gptj", "GPT-J: attention and MLP of one norm, rope in interleaved pairs of the first dimensions, head bias",
           tokens(n_embd=24, n_layer=2, n_head=3, rotary_dim=4, n_positions=256), options=dict(eps=1e-4)),
    Family("gpt_neo", "gpt_neo", "GPT-Neo: scores that are not scaled, windows in every other layer, learnt positions",
           tokens(hidden_size=24, num_layers=2, num_heads=3, attention_types=[[["global", "local"], 1]], window_size=5,
                  max_position_embeddings=256), embedding_std=0.3, without={"window": dict(window_size=6)},
           # At 4e-3 unscaled scores choose other tokens from step to step: in bf16 PyTorch's own gradients were up to 3 norms off.
           options=dict(lr=1e-3)),
]
