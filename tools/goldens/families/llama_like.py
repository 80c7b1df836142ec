"""Families whose blocks are Llama's but for a detail: biases, windows, layers without rope, rotary scalings, multipliers."""

from families.entry import Family, rows

YARN = dict(rope_type="yarn", rope_theta=1000.0, factor=4.0, original_max_position_embeddings=64, beta_fast=8.0, beta_slow=1.0)
DYNAMIC = dict(rope_type="dynamic", rope_theta=1000.0, factor=3.0)

LLAMA3 = dict(rope_type="llama3", rope_theta=1000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)

FAMILIES = [
    Family("llama", "llama", "Llama 3: llama3 scaling, biases, as transformers writes it",
           rows(24, 2, 4, 2, 40, head_dim=8, attention_bias=True, mlp_bias=True, rope_parameters=LLAMA3), options=dict(eps=1e-4),
           without={"llama3": dict(rope_parameters=dict(rope_type="default", rope_theta=1000.0))}),
    Family("llama_yarn", "llama", "Llama with yarn: mscale, truncated borders, attention factor by the factor",
           rows(24, 2, 4, 2, 40, head_dim=8, rope_parameters=YARN, tie_word_embeddings=True),
           without={"yarn": dict(rope_parameters=dict(rope_type="default", rope_theta=1000.0))}),
    Family("llama_dynamic", "llama", "Llama with dynamic rope, documents longer than max_position_embeddings",
           {**rows(24, 2, 4, 2, 40, head_dim=8, rope_parameters=DYNAMIC), "max_position_embeddings": 6},
           without={"dynamic": dict(rope_parameters=dict(rope_type="default", rope_theta=1000.0))}),
    Family("qwen3_yarn", "qwen3", "DeepSeek-R1-0528-Qwen3: yarn with an attention factor of its own",
           rows(24, 2, 4, 2, 40, head_dim=8, rope_parameters={**YARN, "attention_factor": 1.2, "truncate": False}),
           without={"attention factor": dict(rope_parameters={**YARN, "truncate": False}),
                    "truncate": dict(rope_parameters={**YARN, "attention_factor": 1.2})}),
    Family("mistral_pad", "mistral", "Mistral with a padding row that occurs in the documents",
           rows(24, 2, 3, 1, 40, head_dim=16, sliding_window=7) | {"pad_token_id": 0}),
    Family("ministral", "ministral", "Ministral 8B: full and sliding layers",
           rows(24, 4, 4, 2, 40, head_dim=8, sliding_window=5, rms_norm_eps=1e-4,
                layer_types=["full_attention", "sliding_attention", "sliding_attention", "full_attention"]),
           without={"window": dict(sliding_window=6), "layer types": dict(layer_types=["sliding_attention"] * 4)}),
    Family("internlm3", "internlm3", "InternLM3: biases everywhere, dynamic rope within the original length, padding row",
           rows(24, 2, 4, 2, 40, head_dim=8, qkv_bias=True, bias=True, rope_parameters={**DYNAMIC}) | {"pad_token_id": 2}),
    Family("seed_oss", "seed_oss", "Seed-OSS: q, k, v biases, none on o, head_dim of its own; dropouts off",
           rows(24, 2, 6, 2, 40, head_dim=8, attention_dropout=0.0, residual_dropout=0.0, rope_parameters=dict(
               rope_type="default", rope_theta=1000.0)) | {"pad_token_id": 1}),
    Family("seed_oss_biases", "seed_oss", "Seed-OSS: o and MLP biases too",
           rows(24, 2, 4, 2, 40, head_dim=8, attention_dropout=0.0, residual_dropout=0.0, attention_out_bias=True, mlp_bias=True)),
    Family("ministral3", "ministral3", "Ministral 3: yarn, and queries that grow with the logarithm of the position",
           rows(24, 2, 4, 2, 40, head_dim=8, rope_parameters={
               **YARN, "original_max_position_embeddings": 4, "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.4,
               "rope_theta": 100.0, "factor": 16.0}),
           without={"query temperature": dict(rope_parameters={
               **YARN, "original_max_position_embeddings": 4, "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.0,
               "rope_theta": 100.0, "factor": 16.0})}),
    Family("smollm3", "smollm3", "SmolLM3: layers without rope, tied",
           rows(24, 4, 3, 3, 40, no_rope_layers=[1, 0, 1, 0], tie_word_embeddings=True, rope_parameters=dict(
               rope_type="default", rope_theta=500.0)),
           without={"layers without rope": dict(no_rope_layers=[1, 1, 1, 0])}),
    Family("smollm3_window", "smollm3", "SmolLM3: windows in the layers without rope, biases, every third layer by the interval",
           rows(24, 3, 3, 1, 40, no_rope_layer_interval=3, use_sliding_window=True, sliding_window=4, attention_bias=True,
                mlp_bias=True, tie_word_embeddings=False),
           silent={r"layers\.2\.self_attn\.k_proj\.bias": "without rope it moves all scores of a query alike"},
           without={"window": dict(sliding_window=5), "interval": dict(no_rope_layer_interval=2)}),
    Family("granite", "granite", "Granite 3: embedding, attention, residual and logits multipliers",
           rows(48, 2, 6, 2, 40, embedding_multiplier=6.0, attention_multiplier=0.5, residual_multiplier=0.4, logits_scaling=0.7,
                tie_word_embeddings=True), embedding_std=0.25,
           without={key: {key: 1.0} for key in (
               "embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling")}),
    Family("granite_biases", "granite", "Granite 3: biases, untied, linear rope",
           rows(24, 2, 3, 1, 40, embedding_multiplier=3.0, attention_multiplier=0.2, residual_multiplier=0.6, logits_scaling=2.0,
                attention_bias=True, mlp_bias=True, rope_parameters=dict(rope_type="linear", rope_theta=1000.0, factor=3.0)),
           options=dict(grad_clip=0.3),
           without={"linear rope": dict(rope_parameters=dict(rope_type="default", rope_theta=1000.0))}),
    Family("ernie4_5", "ernie4_5", "ERNIE 4.5: rope in interleaved pairs, tied, padding row 0",
           rows(24, 2, 4, 2, 40, head_dim=8, tie_word_embeddings=True, rope_parameters=dict(
               rope_type="default", rope_theta=500.0)) | {"pad_token_id": 0}),
    Family("ernie4_5_biases", "ernie4_5", "ERNIE 4.5: biases everywhere, untied",
           rows(24, 2, 3, 1, 40, head_dim=16, use_bias=True, tie_word_embeddings=False)),
    Family("helium", "helium", "Helium: rope in interleaved pairs",
           rows(24, 2, 3, 1, 40, head_dim=8, rms_norm_eps=1e-3, rope_parameters=dict(rope_type="default", rope_theta=300.0)),
           without={"epsilon": dict(rms_norm_eps=1e-8)}),
    Family("hunyuan_v1_dense", "hunyuan_v1_dense", "Hunyuan dense: q, k norms behind rope",
           rows(24, 2, 4, 2, 40, head_dim=8, tie_word_embeddings=True, rope_parameters=dict(
               rope_type="default", rope_theta=300.0)) | {"pad_token_id": 0}),
    Family("hunyuan_v1_dense_alpha", "hunyuan_v1_dense", "Hunyuan dense: rope type dynamic with alpha; attention biases",
           rows(24, 2, 3, 1, 40, head_dim=16, attention_bias=True, rope_parameters=dict(
               rope_type="dynamic", rope_theta=100.0, alpha=20.0, factor=1.0)),
           without={"alpha": dict(rope_parameters=dict(rope_type="dynamic", rope_theta=100.0, factor=1.0))}),
]

# Its goldens are of cases.py.
OTHERS = [Family("qwen2", "qwen2", "Qwen2: biases of queries, keys and values", rows(24, 2, 4, 2, 40))]
