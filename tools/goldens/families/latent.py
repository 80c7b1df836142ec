"""Latent attention with a dense MLP."""

from families.entry import Family, rows

LATENT = dict(q_lora_rank=16, kv_lora_rank=24, qk_nope_head_dim=8, qk_rope_head_dim=8, v_head_dim=16)
YARN = dict(rope_type="yarn", rope_theta=1000.0, factor=16.0, original_max_position_embeddings=32, mscale=0.8, mscale_all_dim=0.5,
            beta_fast=8.0, beta_slow=1.0)

FAMILIES = [
    Family("youtu", "youtu", "Youtu: DeepSeek's latent attention, interleaved, yarn with mscale, dense; tied",
           rows(24, 2, 3, 3, 40, rope_parameters=YARN, **LATENT),
           without={"mscale of the scale": dict(rope_parameters={**YARN, "mscale_all_dim": 0.0}),
                    "interleaving": dict(rope_interleave=False)}),
    Family("youtu_halves", "youtu", "Youtu: q without a latent, rope by halves, attention biases",
           rows(24, 2, 3, 3, 40, rope_parameters=dict(rope_type="default", rope_theta=300.0), rope_interleave=False,
                attention_bias=True, tie_word_embeddings=False, **{**LATENT, "q_lora_rank": None})),
    Family("youtu_pad", "youtu", "Youtu with a padding row, which its class makes zeros whenever it reads a folder",
           rows(24, 2, 3, 3, 40, rope_parameters=dict(rope_type="default", rope_theta=300.0), **LATENT) | {"pad_token_id": 7, "tie_word_embeddings": False},
           embedding_std=0.3, options=dict(lr=1e-3)),
    Family("minicpm3", "minicpm3", "MiniCPM3: latent attention by halves, embedding, depth and width multipliers, longrope",
           rows(24, 2, 3, 3, 40, scale_emb=3, scale_depth=0.7, dim_model_base=16, rope_parameters=dict(
               rope_type="longrope", rope_theta=1000.0, short_factor=[1.0, 1.5, 2.0, 3.0], long_factor=[2.0, 3.0, 4.0, 6.0],
               original_max_position_embeddings=64), **LATENT), embedding_std=0.2,
           without={"embedding": dict(scale_emb=1), "depth": dict(scale_depth=1.4), "width": dict(dim_model_base=24)}),
]
