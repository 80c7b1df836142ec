"""The list of goldens: one for each family and option. Small on purpose; everything is drawn from the case's seed."""

import dataclasses
import fnmatch
import zlib

import numpy as np

from training import IGNORED


@dataclasses.dataclass
class Case:
    name: str
    about: str
    seed: int
    config: dict  # of config.json
    options: dict = dataclasses.field(default_factory=dict)  # of the optimizer, where they differ from OPTIONS
    batches: tuple = ("plain", "masked", "plain")  # see make_batch
    dtype: str = "float32"  # of the weights file
    by_transformers: bool = False  # written by save_pretrained (today's spelling), else by hand (that of published models)
    shard_bytes: int = 0  # 0: one file
    embedding_std: float = 0.5
    freeze: str = ""  # patterns of names that do not train, and of those that alone do: the plan's options, commas between them
    train_only: str = ""
    extra_tensors: bool = False  # a tied model's lm_head.weight and the rotary buffers that old checkpoints carry


# grad_clip 1 is below the gradient norm of nearly every step of every case (make_goldens.py insists on most).
OPTIONS = dict(lr=4e-3, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.05, schedule="constant", warmup_steps=0, total_steps=0,
               min_lr_ratio=0.0, grad_clip=1.0)
STEPS = 10


def llama(**more):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "max_position_embeddings": 256,
            "rms_norm_eps": 1e-5, "bos_token_id": 1, "eos_token_id": 2, "initializer_range": 0.02, "use_cache": True, **more}


def mistral(**more):
    return {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_act": "silu",
            "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "bos_token_id": 1, "eos_token_id": 2, "initializer_range": 0.02,
            "use_cache": True, **more}


def qwen(generation, **more):
    return {"architectures": [f"Qwen{generation}ForCausalLM"], "model_type": f"qwen{generation}", "hidden_act": "silu",
            "max_position_embeddings": 256, "rms_norm_eps": 1e-6, "bos_token_id": 3, "eos_token_id": 5, "initializer_range": 0.02,
            "attention_dropout": 0.0, "use_cache": True, **more}


def shape(vocab, hidden, layers, heads, intermediate, **more):
    return dict(vocab_size=vocab, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
                intermediate_size=intermediate, **more)


# With head_dim 8 and theta 1000 the wavelengths are 6, 35, 199 and 1117 positions; an original length of 64 puts one above
# the band, one in it and two below, so all three branches of Llama 3's rule are taken.
LLAMA3_ROPE = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)

CASES = [
    Case("llama2", "Llama 2: full multi-head attention, untied, keys absent that older files lack", 101,
         llama(**shape(80, 16, 2, 4, 40), tie_word_embeddings=False, rope_scaling=None, pretraining_tp=1, attention_bias=False),
         dict(lr=1e-2, weight_decay=0.1), batches=("plain", "plain", "masked")),
    Case("llama3_tied", "Llama 3.2: grouped queries, llama3 rotary scaling, tied; the file repeats the head and old buffers", 102,
         llama(**shape(80, 24, 2, 4, 32), num_key_value_heads=2, head_dim=8, tie_word_embeddings=True, rope_theta=1000.0,
               rope_scaling=LLAMA3_ROPE, attention_bias=False, mlp_bias=False),
         dict(schedule="cosine", warmup_steps=3, total_steps=10, min_lr_ratio=0.1), extra_tensors=True),
    Case("llama3_rope_parameters", "Llama 3.1 as transformers 5 writes it: rope_parameters, shards, untied", 103,
         llama(**shape(64, 16, 2, 2, 32), num_key_value_heads=1, head_dim=8, tie_word_embeddings=False,
               rope_parameters={**LLAMA3_ROPE, "rope_theta": 1000.0}),
         dict(schedule="linear", warmup_steps=2, total_steps=12, min_lr_ratio=0.25), by_transformers=True, shard_bytes=8_000),
    Case("llama_linear", "Linear rotary scaling in the oldest spelling", 104,
         llama(**shape(61, 16, 2, 2, 32), num_key_value_heads=2, rope_theta=10000.0,
               rope_scaling={"type": "linear", "factor": 2.5}, tie_word_embeddings=False),
         dict(schedule="linear", total_steps=10), batches=("masked", "plain", "weighted")),
    Case("llama_biases", "Biases on every projection; small embeddings, so that the norm's epsilon counts", 105,
         llama(**{**shape(72, 16, 2, 4, 30), "rms_norm_eps": 1e-4}, num_key_value_heads=2, attention_bias=True, mlp_bias=True,
               tie_word_embeddings=True, rope_theta=10000.0),
         dict(lr=5e-3, beta1=0.8, beta2=0.95), embedding_std=0.01),
    Case("llama_odd", "Odd shapes: vocabulary 67, hidden 18, head_dim 10, 6 heads on 2, intermediate 37", 106,
         llama(**shape(67, 18, 2, 6, 37), num_key_value_heads=2, head_dim=10, tie_word_embeddings=False, rope_theta=10000.0),
         dict(weight_decay=0.01), batches=("policy", "masked", "other")),
    Case("mistral_window_bf16", "Mistral: window shorter than the documents, one key head, BF16 file", 107,
         mistral(**shape(90, 16, 2, 4, 36), num_key_value_heads=1, head_dim=6, sliding_window=5, rope_theta=10000.0,
                 tie_word_embeddings=False),
         dict(schedule="cosine", warmup_steps=2, total_steps=10), dtype="bfloat16"),
    Case("mistral_f16_sharded", "Mistral without a window, F16 file in shards", 108,
         mistral(**shape(75, 24, 2, 6, 33), num_key_value_heads=3, sliding_window=None, rope_theta=100000.0,
                 tie_word_embeddings=False),
         batches=("other", "plain", "masked"), dtype="float16", shard_bytes=9_000),
    Case("qwen2_tied", "Qwen2.5: biases on q, k, v, tied, as transformers writes it", 109,
         qwen(2, **shape(101, 16, 2, 4, 28), num_key_value_heads=2, tie_word_embeddings=True, use_sliding_window=False,
              sliding_window=8, max_window_layers=0, rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}),
         dict(lr=1e-2), by_transformers=True),
    Case("qwen2_window", "Qwen2: a full layer below two with a window, untied, older spelling", 110,
         qwen(2, **shape(58, 16, 3, 4, 26), num_key_value_heads=2, tie_word_embeddings=False, use_sliding_window=True,
              sliding_window=4, max_window_layers=1, rope_theta=1000000.0),
         batches=("weighted", "policy", "plain")),
    Case("qwen3", "Qwen3: query and key norms, head_dim that is not hidden / heads, tied, BF16 file", 111,
         qwen(3, **shape(83, 20, 2, 4, 30), num_key_value_heads=2, head_dim=8, tie_word_embeddings=True, attention_bias=False,
              use_sliding_window=False, sliding_window=5, max_window_layers=0, rope_theta=1000000.0, rope_scaling=None),
         dict(schedule="cosine", warmup_steps=1, total_steps=10, min_lr_ratio=0.2), dtype="bfloat16"),
    Case("qwen3_window", "Qwen3: a window named by layer_types, attention biases, untied, as transformers writes it", 112,
         qwen(3, **shape(52, 16, 3, 3, 24), num_key_value_heads=1, head_dim=6, tie_word_embeddings=False, attention_bias=True,
              use_sliding_window=True, sliding_window=6, max_window_layers=3,
              layer_types=["sliding_attention", "full_attention", "sliding_attention"],
              rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 50000.0}),
         batches=("masked", "weighted", "other"), by_transformers=True),
]

# Some tensors are frozen. Everything below a layer, a tied matrix with it; parts of products, a layer between others; all but a few.
CASES += [
    Case("llama3_tied_frozen", "a frozen tied matrix and first layer: no backward pass comes to them", 113,
         llama(**shape(80, 24, 3, 4, 32), num_key_value_heads=2, head_dim=8, tie_word_embeddings=True, rope_theta=1000.0,
               rope_scaling=LLAMA3_ROPE, attention_bias=False, mlp_bias=False),
         dict(lr=1e-2, schedule="cosine", warmup_steps=1, total_steps=10, min_lr_ratio=0.1), freeze="model.embed_tokens.weight,model.layers.0.*"),
    Case("qwen2_window_frozen", "frozen parts of products, a frozen layer between others and a frozen head, below which the embedding trains", 114,
         qwen(2, **shape(64, 32, 3, 4, 32), num_key_value_heads=2, tie_word_embeddings=False, use_sliding_window=True,
              sliding_window=4, max_window_layers=1, rope_theta=1000000.0),
         dict(eps=3e-5), batches=("weighted", "policy", "plain"),
         freeze="lm_head.*, *.q_proj.weight, *.mlp.up_proj.weight, model.layers.1.*, *.layers.2.input_layernorm.weight"),
    Case("qwen3_train_only", "norms and output projections alone train, but for one of them", 115,
         qwen(3, **shape(83, 24, 2, 4, 32), num_key_value_heads=2, head_dim=8, tie_word_embeddings=True, attention_bias=False,
              use_sliding_window=False, sliding_window=5, max_window_layers=0, rope_theta=1000000.0, rope_scaling=None),
         dict(lr=3e-2), dtype="bfloat16", train_only="*norm.weight,*.o_proj.weight", freeze="model.layers.[0].input_layernorm.weight"),
]

# The CUDA device takes widths (hidden, head_dim, intermediate) that are multiples of 8 only. Each case above whose widths are not
# has a second, "<name>_wide", that differs in these keys of its config, so that every family and option is there for that
# device as well; what else follows from them is in wide().
DEVICE_WIDTH_MULTIPLE = 8
WIDE = {
    "llama2": dict(hidden_size=32),
    "llama_biases": dict(hidden_size=32, intermediate_size=32),
    "llama_odd": dict(hidden_size=24, head_dim=16, intermediate_size=40),
    "mistral_window_bf16": dict(head_dim=8, intermediate_size=40),
    "mistral_f16_sharded": dict(hidden_size=48, intermediate_size=40),
    "qwen2_tied": dict(hidden_size=32, intermediate_size=32),
    "qwen2_window": dict(hidden_size=32, intermediate_size=32),
    "qwen3": dict(hidden_size=24, intermediate_size=32),
    "qwen3_window": dict(head_dim=8),
}
# Optimizer options in which a wide case differs too. A key bias moves all scores of a query alike, but for the rotation; with
# theta 1e6 and head_dim 8 half of its elements are hardly rotated, so their gradients lie at eps 1e-6, where AdamW magnifies
# rounding: transformers and float32 end 6e-5 of the bias off, of the 1e-4 that the tests allow. At 3e-5 it is 3e-6.
WIDE_OPTIONS = {
    "qwen2_tied": dict(eps=3e-5),
}


def fits_device(case):
    c = case.config
    head_dim = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    return all(width % DEVICE_WIDTH_MULTIPLE == 0 for width in (c["hidden_size"], head_dim, c["intermediate_size"]))


def wide(case):
    """The learning rate falls as the hidden size rises, and a tied head's embeddings, so that a step moves the logits as before:
    without both PyTorch's own bf16 was up to 5 % off in a loss, and bf16 could not be held to 1 %."""
    config = {**case.config, **WIDE[case.name]}
    ratio = case.config["hidden_size"] / config["hidden_size"]
    lr = {**OPTIONS, **case.options}["lr"] * ratio
    std = case.embedding_std * (ratio**0.5 if config["tie_word_embeddings"] else 1)
    about = case.about + "; widths that are multiples of 8"
    return dataclasses.replace(case, name=case.name + "_wide", about=about, config=config, embedding_std=std,
                               options={**case.options, "lr": lr, **WIDE_OPTIONS.get(case.name, {})})


assert set(WIDE) == {case.name for case in CASES if not fits_device(case)}
CASES += [wide(case) for case in CASES if case.name in WIDE]
assert all(fits_device(case) for case in CASES if case.name.endswith("_wide"))


def generator(*keys):
    return np.random.default_rng([zlib.crc32(k.encode()) if isinstance(k, str) else k for k in keys])


def parameter_shapes(case):
    """Name and shape of every parameter, in the order of the forward pass."""
    c = case.config
    kind, hidden, inner, heads = c["model_type"], c["hidden_size"], c["intermediate_size"], c["num_attention_heads"]
    head_dim = c.get("head_dim") or hidden // heads
    q, kv = heads * head_dim, (c.get("num_key_value_heads") or heads) * head_dim
    qkv_bias = kind == "qwen2" or c.get("attention_bias", False)
    shapes = {"model.embed_tokens.weight": (c["vocab_size"], hidden)}

    def linear(name, out, width, bias):
        shapes[name + ".weight"] = (out, width)
        if bias:
            shapes[name + ".bias"] = (out,)

    for layer in range(c["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        shapes[at + "input_layernorm.weight"] = (hidden,)
        linear(at + "self_attn.q_proj", q, hidden, qkv_bias)
        linear(at + "self_attn.k_proj", kv, hidden, qkv_bias)
        linear(at + "self_attn.v_proj", kv, hidden, qkv_bias)
        if kind == "qwen3":
            shapes[at + "self_attn.q_norm.weight"] = (head_dim,)
            shapes[at + "self_attn.k_norm.weight"] = (head_dim,)
        linear(at + "self_attn.o_proj", hidden, q, c.get("attention_bias", False))
        shapes[at + "post_attention_layernorm.weight"] = (hidden,)
        for name, out, width in (("gate", inner, hidden), ("up", inner, hidden), ("down", hidden, inner)):
            linear(at + f"mlp.{name}_proj", out, width, c.get("mlp_bias", False))
    shapes["model.norm.weight"] = (hidden,)
    if not c["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (c["vocab_size"], hidden)
    return shapes


def draw_weights(case):
    """float32 arrays. Norms are not all ones and biases not all zeros, so that an ignored or swapped one shows."""
    weights = {}
    for name, dims in parameter_shapes(case).items():
        values = generator(case.seed, name).standard_normal(dims)
        if name == "model.embed_tokens.weight":
            values = values * case.embedding_std
        elif len(dims) == 2:
            values = values * 1.3 / np.sqrt(dims[1])
        elif name.endswith("bias"):
            values = values * 0.3
        else:
            values = 1 + 0.25 * values
        weights[name] = values.astype(np.float32)
    return weights


def trained_names(case, names):
    """Those of the names that train, in their order."""
    def among(name, patterns):
        return any(fnmatch.fnmatchcase(name, pattern.strip()) for pattern in patterns.split(","))

    return [n for n in names if not among(n, case.freeze) and (not case.train_only or among(n, case.train_only))]


def make_batch(case, index):
    """Documents of several lengths, one of a single token. Kinds:
    plain: labels are the ids; masked: some labels are not predicted, those of one whole document among them;
    other: labels that differ from the ids; weighted: also a weight a token; policy: weights of both signs and a denominator."""
    kind, vocab = case.batches[index], case.config["vocab_size"]
    draw = generator(case.seed, f"batch {index}")
    lengths = [int(n) for n in draw.permutation([1, 2, 5 + index, 8, 11 + 3 * index])] + [int(draw.integers(3, 9))]
    lengths = list(getattr(case, "lengths", None) or lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    n = int(offsets[-1])
    # Skewed ids repeat, as in text: rows of the embedding's gradient are sums over several tokens, and others stay zero.
    ids = np.minimum((draw.random(n) ** 2 * vocab).astype(np.int32), vocab - 1)
    batch = {"ids": ids, "offsets": offsets, "labels": None, "weights": None, "denominator": 0.0}
    if kind == "masked":
        batch["labels"] = np.where(draw.random(n) < 0.3, IGNORED, ids).astype(np.int32)
        longest = int(np.argmax(lengths))
        silent = (longest + 1) % len(lengths)
        batch["labels"][offsets[silent] : offsets[silent + 1]] = IGNORED
    elif kind in ("other", "weighted", "policy"):
        batch["labels"] = draw.integers(0, vocab, n).astype(np.int32)
    if kind == "weighted":
        batch["weights"] = (draw.random(n) * 2).astype(np.float32)
        batch["weights"][draw.random(n) < 0.15] = 0
    elif kind == "policy":
        batch["weights"] = np.where(draw.random(n) < 0.2, -0.5, 1.5).astype(np.float32)
        batch["denominator"] = n / 2 + 0.25
    return batch
