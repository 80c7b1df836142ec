"""Dense families that transformers has beside the well-known ones, and that the parts of those make up."""

from families.entry import Family, rows

ROPE = dict(rope_type="default", rope_theta=300.0)
LLAMA3 = dict(rope_type="llama3", rope_theta=1000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)
FULL, SLIDING = "full_attention", "sliding_attention"

FAMILIES = [
    Family("exaone", "exaone", "EXAONE 3.0, 3.5: Llama under GPT-2's names",
           rows(24, 2, 4, 2, 40, head_dim=8, rope_parameters=LLAMA3) | {"pad_token_id": 0}),
    Family("cwm", "cwm", "CWM: Llama with windows, every fourth layer full, llama3 scaling",
           rows(24, 4, 4, 2, 40, head_dim=8, sliding_window=5, layer_types=[FULL, SLIDING, SLIDING, FULL], rope_parameters=LLAMA3),
           without={"window": dict(sliding_window=6)}),
    Family("jais2", "jais2", "Jais 2: LayerNorms, squared relu, biases everywhere",
           rows(24, 2, 4, 2, 40, head_dim=8, rope_parameters=ROPE), options=dict(eps=1e-4)),
    Family("iquestcoder", "iquestcoder", "IQuest-Coder: Llama with a head size of its own",
           rows(24, 2, 4, 2, 40, head_dim=8, rope_parameters=ROPE)),
    Family("hyperclovax", "hyperclovax", "HyperCLOVA X: Granite with norms behind the branches as well; logits multiplied",
           rows(24, 2, 4, 2, 40, head_dim=8, embedding_multiplier=3.0, residual_multiplier=0.6, logits_scaling=0.8,
                attention_multiplier=0.5, rope_parameters=ROPE), embedding_std=0.2,
           without={key: {key: 1.0} for key in ("residual_multiplier", "logits_scaling", "attention_multiplier")}),
    Family("granite_swa", "granite_swa", "Granite with windows, sinks and a rotary base a layer, or none",
           rows(24, 4, 3, 1, 40, embedding_multiplier=3.0, residual_multiplier=0.6, logits_scaling=0.8, attention_multiplier=0.5,
                sliding_window=5, layer_types=[FULL, SLIDING, SLIDING, FULL], layer_rope_theta=[300.0, 100.0, 100.0, 0],
                rope_parameters=ROPE), embedding_std=0.2, std={"sinks": 1.0}, options=dict(lr=1e-3), seed=1,
           without={"window": dict(sliding_window=6)}),
    Family("lfm3", "lfm3", "LFM3: LFM2 with norms behind, gates of the heads, windows, two rotary kinds",
           rows(24, 4, 4, 2, 40, head_dim=8, sliding_window=5, layer_types=["conv", FULL, SLIDING, "conv"], conv_L_cache=3,
                rope_parameters={SLIDING: ROPE, FULL: dict(rope_type="proportional", rope_theta=1000.0, partial_rotary_factor=0.5)}) | {
                    "pad_token_id": 0}, std={r"conv\.conv\.weight": 0.5}, embedding_std=0.3,
           without={"window": dict(sliding_window=6)}),
]
