"""Writes a case's model as a Hugging Face folder: by transformers itself, or by hand as published checkpoints look."""

import json
import pathlib

import numpy as np
import torch
from safetensors.torch import load_file, save_file


def write(case, weights, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    tensors = {name: torch.from_numpy(value).to(getattr(torch, case.dtype)) for name, value in weights.items()}
    (write_by_transformers if case.by_transformers else write_by_hand)(case, tensors, folder)


def write_by_transformers(case, tensors, folder):
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(**case.config)
    config.dtype = getattr(torch, case.dtype)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").to(config.dtype)
    result = model.load_state_dict(tensors, strict=False)
    left_out = [n for n in result.missing_keys if not (n == "lm_head.weight" and case.config["tie_word_embeddings"])]
    if left_out or result.unexpected_keys:
        raise RuntimeError(f"{case.name}: transformers' names differ: {left_out} {result.unexpected_keys}")
    model.save_pretrained(folder, **({"max_shard_size": case.shard_bytes} if case.shard_bytes else {}))


def write_by_hand(case, tensors, folder):
    config = {**case.config, "torch_dtype": case.dtype, "transformers_version": "4.45.0"}
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    tensors = dict(tensors)
    if case.extra_tensors:
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
        head_dim = case.config["head_dim"]
        for layer in range(case.config["num_hidden_layers"]):
            tensors[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = torch.ones(head_dim // 2)
    if not case.shard_bytes:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    shards, size = [{}], 0
    for name, tensor in tensors.items():
        bytes_ = tensor.numel() * tensor.element_size()
        if shards[-1] and size + bytes_ > case.shard_bytes:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += bytes_
    index = {"metadata": {"total_size": sum(t.numel() * t.element_size() for t in tensors.values())}, "weight_map": {}}
    for number, shard in enumerate(shards, 1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        save_file(shard, folder / file, metadata={"format": "pt"})
        index["weight_map"].update({name: file for name in shard})
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def read(folder, names):
    """What the files hold, as float64 leaves: rounding to the file's type is part of the model."""
    tensors = {}
    for file in sorted(pathlib.Path(folder).glob("*.safetensors")):
        tensors.update(load_file(file))
    return {name: tensors[name].double().requires_grad_() for name in names}


class ArrayFile:
    """Arrays one behind the other in a little-endian file, with an index for a JSON object: dtype, shape, offset in bytes."""

    def __init__(self):
        self.data, self.index = bytearray(), {}

    def add(self, name, array, dtype):
        array = np.ascontiguousarray(array, dtype=dtype)
        self.index[name] = {"dtype": dtype, "shape": list(array.shape), "offset": len(self.data)}
        self.data += array.tobytes()
        self.data += b"\0" * (-len(self.data) % 8)
