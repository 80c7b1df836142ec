"""Norms behind the branches, without weights, of q and k over the whole width; rows fused; parallel blocks; rope interleaved."""

from families.entry import Family, rows

YARN = dict(rope_type="yarn", rope_theta=1000.0, factor=4.0, original_max_position_embeddings=64, beta_fast=8.0, beta_slow=1.0)
DEFAULT = dict(rope_type="default", rope_theta=300.0)
PARTIAL = dict(rope_type="default", rope_theta=300.0, partial_rotary_factor=0.5)
LONG = dict(rope_type="longrope", rope_theta=1000.0, short_factor=[1.0, 1.5, 3.0], original_max_position_embeddings=64,
            long_factor=[2.0, 5.0, 13.0], partial_rotary_factor=0.75)

FAMILIES = [
    Family("phi3", "phi3", "Phi-3, Phi-4: fused rows, a window",
           rows(40, 2, 5, 5, 40, sliding_window=6) | {"pad_token_id": 5}, without={"window": dict(sliding_window=7)}),
    Family("phi3_longrope", "phi3", "Phi-4-mini: grouped queries, three quarters rotated, longrope with its short factors",
           rows(48, 2, 6, 2, 40, rope_parameters=LONG, original_max_position_embeddings=64, tie_word_embeddings=True),
           without={"longrope": dict(rope_parameters=dict(rope_type="default", rope_theta=1000.0, partial_rotary_factor=0.75)),
                    "partial": dict(rope_parameters={**LONG, "partial_rotary_factor": 1.0, "short_factor": [1.0] * 4,
                                                     "long_factor": [1.0] * 4})}),
    Family("phi3_longrope_long", "phi3", "Phi-3.5: documents on both sides of the original length",
           rows(48, 2, 6, 2, 40, rope_parameters=LONG | {"original_max_position_embeddings": 7}, original_max_position_embeddings=7),
           without={"long factors": dict(rope_parameters=LONG | {"original_max_position_embeddings": 7,
                                                                  "long_factor": LONG["short_factor"]})}),
    Family("olmo", "olmo", "OLMo 1: LayerNorm without weights, clipped q, k, v",
           rows(24, 2, 3, 1, 40, clip_qkv=0.8) | {"pad_token_id": 1}, without={"clip": dict(clip_qkv=None)}),
    Family("olmo_tied", "olmo", "OLMo 1B: tied, so that nothing is left of the final norm's unit",
           rows(24, 2, 3, 3, 40, tie_word_embeddings=True) | {"pad_token_id": 1}),
    Family("olmo2", "olmo2", "OLMo 2: norms behind, q and k norms over the whole width",
           rows(48, 2, 6, 2, 40, rms_norm_eps=1e-3), without={"epsilon": dict(rms_norm_eps=1e-5)}),
    Family("olmo3", "olmo3", "OLMo 3: OLMo 2 with windows and a rotary scaling by layer type",
           rows(24, 4, 3, 1, 40, sliding_window=5, rope_parameters={"sliding_attention": DEFAULT, "full_attention": YARN},
                layer_types=["sliding_attention", "sliding_attention", "full_attention", "full_attention"]),
           without={"yarn": dict(rope_parameters={"sliding_attention": DEFAULT, "full_attention": DEFAULT}),
                    "window": dict(sliding_window=6)}),
    Family("exaone4", "exaone4", "EXAONE 4: norms behind, q, k norms, full layers without rope",
           rows(24, 4, 4, 2, 40, head_dim=8, sliding_window=5, sliding_window_pattern=2),
           without={"window": dict(sliding_window=6)}),
    Family("exaone4_full", "exaone4", "EXAONE 4 1.2B: no window, rope everywhere, llama3 scaling, tied",
           rows(24, 2, 3, 1, 40, sliding_window=None, tie_word_embeddings=True, layer_types=["full_attention"] * 2,
                rope_parameters=dict(rope_type="llama3", rope_theta=1000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                     original_max_position_embeddings=64)),
           without={"llama3": dict(rope_parameters=dict(rope_type="default", rope_theta=1000.0))}),
    Family("glm", "glm", "GLM-4 9B: half the head rotated in interleaved pairs, fused gate and up, q, k, v biases",
           rows(24, 2, 4, 2, 40, head_dim=8, rope_parameters=PARTIAL) | {"pad_token_id": 7},
           options=dict(eps=3e-5),  # elements of k's biases that are hardly rotated have gradients near the usual 1e-6
           without={"partial": dict(rope_parameters={**PARTIAL, "partial_rotary_factor": 1.0})}),
    Family("glm_odd", "glm", "GLM-4 9B: 3 of 8 dimensions rotated by its factor, of which transformers makes 2 pairs",
           rows(24, 2, 4, 2, 40, head_dim=8, rope_parameters={**PARTIAL, "partial_rotary_factor": 0.4}) | {"pad_token_id": 7},
           options=dict(eps=3e-5), without={"odd": dict(rope_parameters=PARTIAL)}),
    Family("glm4", "glm4", "GLM-4 0414: GLM with norms behind the branches as well; no biases",
           rows(24, 2, 4, 2, 40, head_dim=8, attention_bias=False, rope_parameters=PARTIAL)),
    Family("cohere", "cohere", "Command R: one LayerNorm, parallel branches, interleaved rope, scaled logits, q, k norms",
           rows(48, 2, 6, 2, 40, use_qk_norm=True, logit_scale=0.7, layer_norm_eps=1e-3, rope_parameters=DEFAULT) | {
               "pad_token_id": 0},
           without={"logit scale": dict(logit_scale=1.0), "q, k norms": dict(use_qk_norm=False)}),
    Family("cohere_biases", "cohere", "Command R: attention biases, no q, k norms",
           rows(48, 2, 6, 2, 40, attention_bias=True, logit_scale=0.3, rope_parameters=DEFAULT)),
    Family("cohere2", "cohere2", "Command R7B: rope on the sliding layers only",
           rows(24, 4, 4, 2, 40, head_dim=8, logit_scale=0.7, sliding_window=5, sliding_window_pattern=2,
                rope_parameters=DEFAULT) | {"pad_token_id": 0}, without={"window": dict(sliding_window=6)}),
]
