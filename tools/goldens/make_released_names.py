#!/usr/bin/env python3
"""What transformers makes of the configurations in tests/model/released: how many parameters, and a checksum of names and shapes.

    python3 tools/goldens/make_released_names.py tests/model/released

Needs torch and transformers; nothing is computed (meta device). Writes expected.json beside the configurations. The names are those of
the files that transformers saves, text model only: of a model inside something larger, those of its text part and of the head.
"""

import argparse
import json
import pathlib
import sys

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.core_model_loading import revert_weight_conversion

# A checksum that is quickly written in any language: FNV-1a, 64 bits.
OFFSET, PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1


def checksum(lines):
    value = OFFSET
    for byte in "".join(lines).encode():
        value = ((value ^ byte) * PRIME) & MASK
    return f"{value:016x}"


# Where the names in files are others than those in memory.
IN_FILES = {"gpt_neox": {"lm_head.weight": "embed_out.weight"}}
# Where those of a text model inside something larger begin, in files of the hub.
LLAVA = {"model.": "language_model.model.", "lm_head.": "language_model.lm_head."}
INSIDE = {"qwen3_5_moe_text": {"model.": "model.language_model."}}

# Built as a whole: there is no class of their text with a head, or it is tied by another word. How their names in files of the hub begin.
WHOLES = {"qwen2_5_vl": {"model.language_model.": "model."}, "qwen3_vl": {}, "llama4": {}}
TEXT_PARTS = ("model.language_model.", "language_model.", "lm_head.")


def expected_of_whole(whole):
    config = AutoConfig.for_model(**whole)
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config)
    renames = WHOLES[whole["model_type"]]
    shapes = {}
    for name, tensor in model.state_dict().items():
        if name in model.all_tied_weights_keys or not name.startswith(TEXT_PARTS):
            continue
        old = next((begin for begin in renames if name.startswith(begin)), "")
        shapes[renames.get(old, "") + name[len(old) :]] = list(tensor.shape)
    return summary(shapes, shapes)


def summary(shapes, trained):
    lines = sorted(f"{name} {'x'.join(map(str, shape))}\n" for name, shape in shapes.items())
    return {
        "parameters": sum(torch.Size(shape).numel() for name, shape in shapes.items() if name in trained),
        "tensors": len(shapes),
        "names": checksum(lines),
    }


def text_model(path):
    whole = json.loads(path.read_text())
    if "text_config" in whole:
        text = {**whole["text_config"], "tie_word_embeddings": whole.get("tie_word_embeddings", True)}
    else:
        text = whole
    config = AutoConfig.for_model(text["model_type"], **{k: v for k, v in text.items() if k not in ("model_type", "architectures")})
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config), "text_config" in whole


def is_bias_of_choice(name):
    """A number of each expert that is a parameter in memory, but that no gradient reaches."""
    return name.endswith(("e_score_correction_bias", "expert_bias"))


def as_saved(model, tensors):
    """In the names and shapes of files, where experts may be apart."""
    if not getattr(model.config, "num_local_experts", getattr(model.config, "num_experts", 0)):
        return tensors  # as they always were
    return revert_weight_conversion(model, dict(tensors))


def expected(path):
    whole = json.loads(path.read_text())
    if whole["model_type"] in WHOLES:
        return expected_of_whole(whole)
    model, wrapped = text_model(path)
    tied = set(model.all_tied_weights_keys)  # the head, and layers that share their weights
    tensors = {name: tensor for name, tensor in model.state_dict().items() if name not in tied}
    parameters = {name: tensor for name, tensor in tensors.items() if name in dict(model.named_parameters()) and not is_bias_of_choice(name)}
    shapes = {name: list(tensor.shape) for name, tensor in as_saved(model, tensors).items()}
    trained = set(as_saved(model, parameters))
    files = IN_FILES.get(model.config.model_type, {})
    trained = {files.get(name, name) for name in trained}
    shapes = {files.get(name, name): shape for name, shape in shapes.items()}
    if wrapped:  # as the hub's files have them
        prefix = INSIDE.get(model.config.model_type, LLAVA)
        rename = lambda name: next((new + name[len(old):] for old, new in prefix.items() if name.startswith(old)), name)
        trained = {rename(name) for name in trained}
        shapes = {rename(name): shape for name, shape in shapes.items()}
    return summary(shapes, trained)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    transformers.logging.set_verbosity_error()
    found = {"transformers": transformers.__version__, "configurations": {}}
    for path in sorted(folder.glob("*.json")):
        if path.name != "expected.json":
            found["configurations"][path.stem] = expected(path)
            print(path.stem, found["configurations"][path.stem], flush=True)
    (folder / "expected.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
