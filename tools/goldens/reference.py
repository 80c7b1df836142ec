"""A decoder-only transformer in plain PyTorch, in whatever type its weights have: the goldens use float64.

transformers rounds to float32 in its norms, its softmax and its rotary angles whatever the model's type is, so it cannot
give float64 values. This implementation does, reads config.json by itself, and knows one document at a time: what lies
in other documents of a batch cannot leak in. make_goldens.py holds it against transformers before anything is written.
"""

import dataclasses
import math

import torch


@dataclasses.dataclass(frozen=True)
class Spec:
    vocab: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    eps: float
    tied: bool
    windows: tuple  # one a layer; 0: full attention; w: position i attends to j with i - w < j <= i
    frequencies: tuple  # radians a position, head_dim / 2 of them


def rotary_frequencies(head_dim, theta, scaling):
    """The head_dim / 2 angles a position; Llama 3's rule leaves short waves alone, stretches long ones, blends between."""
    plain = [theta ** (-2.0 * i / head_dim) for i in range(head_dim // 2)]
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind == "default":
        return plain
    factor = scaling["factor"]
    if kind == "linear":
        return [f / factor for f in plain]
    if kind != "llama3":
        raise ValueError(f"rotary scaling {kind!r} is not known here")
    low, high, original = (scaling[k] for k in ("low_freq_factor", "high_freq_factor", "original_max_position_embeddings"))
    scaled = []
    for f in plain:
        wavelength = 2 * math.pi / f
        blend = min(1.0, max(0.0, (original / wavelength - low) / (high - low)))  # 0: stretched, 1: as it was
        scaled.append((1 - blend) * f / factor + blend * f)
    return scaled


def layer_windows(config):
    layers = config["num_hidden_layers"]
    if config["architectures"][0].startswith("Llama"):
        return (0,) * layers
    window = config.get("sliding_window", 4096) or 0
    if config["architectures"][0].startswith("Mistral"):
        return (window,) * layers
    if not config.get("use_sliding_window", False):
        return (0,) * layers
    first = config.get("max_window_layers", 28)
    types = config.get("layer_types") or ["sliding_attention" if i >= first else "full_attention" for i in range(layers)]
    return tuple(window if kind == "sliding_attention" else 0 for kind in types)


def read_spec(config):
    heads = config["num_attention_heads"]
    default_head_dim = 128 if config["architectures"][0].startswith("Qwen3") else config["hidden_size"] // heads
    head_dim = config.get("head_dim") or default_head_dim
    scaling = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta = scaling.get("rope_theta", config.get("rope_theta", 10000.0))
    return Spec(
        vocab=config["vocab_size"],
        hidden=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        head_dim=head_dim,
        eps=config.get("rms_norm_eps", 1e-6),
        tied=config.get("tie_word_embeddings", False),
        windows=layer_windows(config),
        frequencies=tuple(rotary_frequencies(head_dim, theta, scaling)),
    )


def rms_norm(x, weight, eps):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * weight


def rotate(x, angles):
    """x: [tokens, heads, head_dim]; angles: [tokens, 1, head_dim / 2]. The halves of a head turn against each other."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()), dim=-1)


def forward(spec, weights, ids):
    """Logits [tokens, vocab] of one document; row t predicts token t + 1. Biases and q/k norms are used where there are any."""

    def linear(x, name):
        y = x @ weights[name + ".weight"].T
        bias = weights.get(name + ".bias")
        return y if bias is None else y + bias

    n = len(ids)
    x = weights["model.embed_tokens.weight"][ids]
    position = torch.arange(n, dtype=torch.float64)
    angles = (position[:, None] * torch.tensor(spec.frequencies, dtype=torch.float64))[:, None, :].to(x.dtype)
    distance = torch.arange(n)[:, None] - torch.arange(n)[None, :]  # query - key
    for layer, window in enumerate(spec.windows):
        at = f"model.layers.{layer}."
        y = rms_norm(x, weights[at + "input_layernorm.weight"], spec.eps)
        q = linear(y, at + "self_attn.q_proj").view(n, spec.heads, spec.head_dim)
        k = linear(y, at + "self_attn.k_proj").view(n, spec.kv_heads, spec.head_dim)
        v = linear(y, at + "self_attn.v_proj").view(n, spec.kv_heads, spec.head_dim)
        if at + "self_attn.q_norm.weight" in weights:
            q = rms_norm(q, weights[at + "self_attn.q_norm.weight"], spec.eps)
            k = rms_norm(k, weights[at + "self_attn.k_norm.weight"], spec.eps)
        q, k = rotate(q, angles), rotate(k, angles)
        visible = (distance >= 0) if window == 0 else (distance >= 0) & (distance < window)
        heads = []
        for head in range(spec.heads):
            shared = head // (spec.heads // spec.kv_heads)
            scores = q[:, head] @ k[:, shared].T / math.sqrt(spec.head_dim)
            heads.append(torch.softmax(scores.masked_fill(~visible, -math.inf), dim=-1) @ v[:, shared])
        x = x + linear(torch.cat(heads, dim=-1), at + "self_attn.o_proj")
        y = rms_norm(x, weights[at + "post_attention_layernorm.weight"], spec.eps)
        gate = linear(y, at + "mlp.gate_proj")
        x = x + linear(gate * torch.sigmoid(gate) * linear(y, at + "mlp.up_proj"), at + "mlp.down_proj")
    x = rms_norm(x, weights["model.norm.weight"], spec.eps)
    return x @ weights["model.embed_tokens.weight" if spec.tied else "lm_head.weight"].T
