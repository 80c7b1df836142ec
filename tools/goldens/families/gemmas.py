"""Gemma and what grew from it: norms by 1 + w, scaled embeddings, norms before and behind, soft caps, two rotary bases."""

from families.entry import Family, rows

ROPES = {"sliding_attention": dict(rope_type="default", rope_theta=100.0),
         "full_attention": dict(rope_type="linear", factor=4.0, rope_theta=5000.0)}

FAMILIES = [
    Family("gemma", "gemma", "Gemma 1: padding row 0, tied, gelu tanh",
           rows(24, 2, 4, 1, 40, head_dim=8) | {"pad_token_id": 0}, embedding_std=0.1),
    Family("gemma2", "gemma2", "Gemma 2: four norms, soft caps that bend, windows on every other layer",
           rows(24, 4, 4, 2, 40, head_dim=8, query_pre_attn_scalar=5, sliding_window=5, attn_logit_softcapping=2.0,
                final_logit_softcapping=3.0) | {"pad_token_id": 0}, embedding_std=0.12,
           without={"soft cap of attention": dict(attn_logit_softcapping=None), "of logits": dict(final_logit_softcapping=None),
                    "scale": dict(query_pre_attn_scalar=16), "window": dict(sliding_window=6)}),
    Family("gemma3_text", "gemma3_text", "Gemma 3: q, k norms, two rotary bases, linear scaling on the full layers",
           rows(24, 4, 4, 2, 40, head_dim=8, query_pre_attn_scalar=7, sliding_window=5, rope_parameters=ROPES,
                layer_types=["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"]) | {
                    "pad_token_id": 0}, embedding_std=0.12,
           without={"local base": dict(rope_parameters={**ROPES, "sliding_attention": ROPES["full_attention"]}),
                    "global scaling": dict(rope_parameters={**ROPES, "full_attention": ROPES["sliding_attention"]}),
                    "window": dict(sliding_window=6)}),
    Family("gemma3_caps", "gemma3_text", "Gemma 3: soft cap of the logits, biases, untied, the pattern by its default",
           rows(24, 6, 2, 1, 40, head_dim=8, query_pre_attn_scalar=16, sliding_window=4, final_logit_softcapping=4.0,
                attention_bias=True, tie_word_embeddings=False), embedding_std=0.2,
           without={"of logits": dict(final_logit_softcapping=None)}),
    Family("vaultgemma", "vaultgemma", "VaultGemma: Gemma 2 without norms behind the branches",
           rows(24, 4, 4, 2, 40, head_dim=8, query_pre_attn_scalar=5, sliding_window=5, attn_logit_softcapping=2.0,
                final_logit_softcapping=3.0) | {"pad_token_id": 0}, embedding_std=0.12,
           without={"soft cap of attention": dict(attn_logit_softcapping=None), "of logits": dict(final_logit_softcapping=None)}),
]
