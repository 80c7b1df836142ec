#!/usr/bin/env python3
"""Compares what llama.cpp makes of `horizon export --gguf` with transformers: logits of small models, and the ids of texts.

    bazel build //samples/horizon
    python3 tools/check_gguf.py bazel-bin/samples/horizon/horizon [--llama COMMAND] [KIND ...]      (from the root of the repository)

Of each kind a model's folder is made with random weights and a tokenizer, in f32 and in bf16, exported, and read by llama.cpp. Needs torch and
transformers; and llama-cpp-py-sync, which has llama.cpp built (0.11739 needs glibc 2.38 or later), in this Python or in that of COMMAND. Exit status
1 where logits are further apart than two computations in that type are, or ids are others.
"""

import argparse
import json
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

SAMPLE = pathlib.Path("samples/posttraining")
TEXTS = ["Hello there!  It's 1234 o'clock,\n\nsays the fox.", "tab\tand ünï", "x = [1, 22, 333]; # done"]
SMALL = dict(vocab_size=1024, hidden_size=64, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512)
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 10000.0}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# The sample's tokenizer, cut in other ways: llama.cpp has a name for each.
CUTS = {
    "smollm": [{"type": "Digits", "individual_digits": True}, BYTES],
    "tekken": [{"type": "Split", "pattern": {"Regex": TEKKEN}, "behavior": "Isolated", "invert": False}, {**BYTES, "use_regex": False}],
}
# Distances are shares of the logits' standard deviation. f32: sums in another order. bf16: llama.cpp rounds what goes into a product, as PyTorch's bf16
# does: twice as far as that may it be from f32.
# Gemma's GELU is a table by 16-bit floats there: what is rounded to one of them goes to its neighbour for a last bit of f32.
FAR_F32, FAR_TABLE, MORE_BF16 = 1e-4, 2e-3, 2


def kinds(transformers):
    """The configuration of each kind."""
    gemma = dict(head_dim=24, hidden_activation="gelu_pytorch_tanh", hidden_act="gelu_pytorch_tanh")
    return {
        "llama": transformers.LlamaConfig(**SMALL, tie_word_embeddings=False),
        "llama3": transformers.LlamaConfig(**SMALL, rope_parameters=LLAMA3, tie_word_embeddings=True),
        "smollm": transformers.LlamaConfig(**SMALL, tie_word_embeddings=True),
        "tekken": transformers.MistralConfig(**SMALL, head_dim=24, sliding_window=None),
        "mistral": transformers.MistralConfig(**SMALL, head_dim=24, sliding_window=None),
        "qwen2": transformers.Qwen2Config(**SMALL, tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 1e6}),
        "qwen3": transformers.Qwen3Config(**SMALL, head_dim=32, tie_word_embeddings=False),
        "gemma": transformers.GemmaConfig(**SMALL, **gemma),
        "gemma2": transformers.Gemma2Config(**SMALL, **gemma, query_pre_attn_scalar=24, sliding_window=16),
        "gemma3": transformers.Gemma3TextConfig(**{**SMALL, "num_hidden_layers": 6}, **gemma, query_pre_attn_scalar=24, sliding_window=16),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("horizon")
    parser.add_argument("kind", nargs="*")
    parser.add_argument("--llama", default=sys.executable, metavar="COMMAND", help="a Python that has llama-cpp-py-sync")
    given = parser.parse_intermixed_args()
    import tokenizers
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(1)
    every = kinds(transformers)
    bad = []
    for kind in given.kind or every:
        for dtype in ("F32", "BF16"):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    said = compare(torch, transformers, tokenizers, every[kind], CUTS.get(kind), dtype, pathlib.Path(folder), given)
                except Wrong as wrong:
                    said = f"WRONG: {wrong}"
                    bad.append(kind)
            print(f"{kind:8} {dtype:5} {said}", flush=True)
    raise SystemExit(1 if bad else 0)


class Wrong(Exception):
    """What is not as it should be."""


def compare(torch, transformers, tokenizers, config, cut, dtype, folder, given) -> str:
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():  # norms that do something
        for name, weight in model.named_parameters():
            weight.normal_(1.0 if "norm" in name and "gemma" not in config.model_type else 0.0, 0.3 if weight.dim() == 1 else 0.15)
    model = model.to(torch.bfloat16 if dtype == "BF16" else torch.float32)
    source = folder / "model"
    model.save_pretrained(source)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(SAMPLE / name, source)
    if cut:
        own = json.loads((source / "tokenizer.json").read_text())
        own["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": cut}
        (source / "tokenizer.json").write_text(json.dumps(own))
    exported = folder / "model.gguf"
    done = subprocess.run([given.horizon, "export", "--model", source, "--gguf", exported], capture_output=True, text=True)
    if done.returncode != 0:
        raise Wrong(done.stderr.strip())

    tokenizer = tokenizers.Tokenizer.from_file(str(source / "tokenizer.json"))  # as it says, whatever a family's own class makes of it
    wanted_ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
    ids = [(37 * i * i + 11 * i + 5) % config.vocab_size for i in range(48)]
    gelu = "gemma" in config.model_type
    with torch.no_grad():
        rounded = model(torch.tensor([ids])).logits[0].double()
        for layer in model.model.layers if gelu else []:
            layer.mlp.act_fn.forward = lambda x: gelu_there(torch, x)
        wanted = model.float()(torch.tensor([ids])).logits[0].double()
    limit = MORE_BF16 * float((rounded - wanted).abs().max() / wanted.std()) if dtype == "BF16" else FAR_TABLE if gelu else FAR_F32
    (folder / "asked.json").write_text(json.dumps({"gguf": str(exported), "ids": ids, "texts": TEXTS}))
    done = subprocess.run([*shlex.split(given.llama), __file__, "--answer", folder / "asked.json"], capture_output=True, text=True)
    if done.returncode != 0:
        raise Wrong("llama.cpp: " + done.stderr.strip()[-600:])
    answer = json.loads((folder / "asked.json.answer").read_text())
    if answer["ids"] != wanted_ids:
        raise Wrong(f"ids are {answer['ids']}, the tokenizer's {wanted_ids}")
    found = torch.tensor(answer["logits"], dtype=torch.float64)
    far = float((found - wanted).abs().max() / wanted.std())
    if not far <= limit:
        raise Wrong(f"logits are up to {far:.3g} of their deviation apart, the limit is {limit:.3g}")
    return f"logits of {len(ids)} places within {far:.2g} of their deviation (limit {limit:.2g}), {sum(map(len, wanted_ids))} ids equal"


def gelu_there(torch, x):
    """GELU as llama.cpp has it on CPUs: a table of 16-bit floats by 16-bit floats, and beyond 10 what it tends to."""
    table = torch.nn.functional.gelu(x.half().float(), approximate="tanh").half().float()
    return torch.where(x <= -10, torch.zeros_like(x), torch.where(x >= 10, x, table))


def answer(path: str) -> None:
    """What llama.cpp says, by its C interface; in a process of its own."""
    from llama_cpp_py_sync._cffi_bindings import get_ffi, get_lib

    asked = json.loads(pathlib.Path(path).read_text())
    ffi, lib = get_ffi(), get_lib()
    lib.llama_backend_init()
    model_params = lib.llama_model_default_params()
    model_params.n_gpu_layers = 0
    model = lib.llama_model_load_from_file(asked["gguf"].encode(), model_params)
    if model == ffi.NULL:
        raise SystemExit("the file cannot be loaded")
    vocab = lib.llama_model_get_vocab(model)
    n = len(asked["ids"])
    params = lib.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch, params.n_threads, params.n_threads_batch = 512, n, n, 1, 1
    params.type_k = params.type_v = 0  # f32: the cache rounds nothing
    params.flash_attn_type = 0
    context = lib.llama_init_from_model(model, params)
    if context == ffi.NULL:
        raise SystemExit("no context can be made")
    batch = lib.llama_batch_init(n, 0, 1)
    batch.n_tokens = n
    for place, token in enumerate(asked["ids"]):
        batch.token[place], batch.pos[place], batch.n_seq_id[place], batch.logits[place] = token, place, 1, 1
        batch.seq_id[place][0] = 0
    if lib.llama_decode(context, batch) != 0:
        raise SystemExit("decoding failed")
    size = lib.llama_vocab_n_tokens(vocab)
    logits = [list(lib.llama_get_logits_ith(context, place)[0:size]) for place in range(n)]
    ids = []
    for text in asked["texts"]:
        raw = text.encode()
        out = ffi.new("int32_t[]", 4 * len(raw) + 8)
        count = lib.llama_tokenize(vocab, raw, len(raw), out, len(out), False, False)
        ids.append(list(out[0:count]))
    pathlib.Path(path + ".answer").write_text(json.dumps({"logits": logits, "ids": ids}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--answer"]:
        answer(sys.argv[2])
    else:
        main()
