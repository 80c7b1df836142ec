"""Gemma 4's text model: head sizes by layer, keys that are values, shared keys and values, per-layer inputs, experts beside the MLP."""

from families.entry import Family, rows

ROPES = {"sliding_attention": dict(rope_type="default", rope_theta=100.0),
         "full_attention": dict(rope_type="proportional", rope_theta=1000.0, partial_rotary_factor=0.5)}
TYPES = ["sliding_attention", "full_attention"]

FAMILIES = [
    Family("gemma4_text", "gemma4_text", "Gemma 4: two head sizes, keys that are values on the full layers, soft cap of the logits",
           rows(24, 4, 4, 2, 40, head_dim=8, global_head_dim=16, num_global_key_value_heads=1, attention_k_eq_v=True,
                sliding_window=5, layer_types=TYPES * 2, rope_parameters=ROPES, hidden_size_per_layer_input=0,
                final_logit_softcapping=4.0) | {"pad_token_id": 0}, embedding_std=0.12, std={"layer_scalar": 0.25}, seed=1,
           options=dict(lr=2e-3),
           without={"soft cap": dict(final_logit_softcapping=None), "window": dict(sliding_window=6),
                    "proportion": dict(rope_parameters={**ROPES, "full_attention": {
                        **ROPES["full_attention"], "partial_rotary_factor": 1.0}})}),
    Family("gemma4_per_layer", "gemma4_text", "Gemma 4 E2B, E4B: per-layer inputs, keys and values shared by the last layers, wide MLPs there",
           rows(24, 6, 4, 2, 24, head_dim=8, global_head_dim=16, sliding_window=5, layer_types=TYPES * 3, rope_parameters=ROPES,
                hidden_size_per_layer_input=8, vocab_size_per_layer_input=61, num_kv_shared_layers=3, use_double_wide_mlp=True) | {
                    "pad_token_id": 0}, embedding_std=0.12, std={"layer_scalar": 0.25, "embed_tokens_per_layer": 0.3},
           seed=3, options=dict(lr=5e-4),
           without={"window": dict(sliding_window=6)}),
    Family("gemma4_experts", "gemma4_text", "Gemma 4 26B-A4B: experts beside the MLP",
           rows(24, 2, 4, 2, 40, head_dim=8, global_head_dim=16, sliding_window=5, layer_types=TYPES, rope_parameters=ROPES,
                hidden_size_per_layer_input=0, enable_moe_block=True, num_experts=6, top_k_experts=2, moe_intermediate_size=16),
           embedding_std=0.12, std={"layer_scalar": 0.25, r"router\.proj": 0.6},
           without={"top k": dict(top_k_experts=3)}),
    Family("gemma4_unified_text", "gemma4_unified_text", "Gemma 4 12B: neither per-layer inputs nor experts",
           rows(24, 2, 4, 2, 40, head_dim=8, global_head_dim=16, num_global_key_value_heads=1, attention_k_eq_v=True, sliding_window=5,
                layer_types=TYPES, rope_parameters=ROPES, final_logit_softcapping=4.0) | {"pad_token_id": 0},
           embedding_std=0.12, std={"layer_scalar": 0.25}, options=dict(lr=2e-3),
           without={"soft cap": dict(final_logit_softcapping=None), "window": dict(sliding_window=6)}),
]
