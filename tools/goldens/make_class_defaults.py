#!/usr/bin/env python3
"""What configuration classes of transformers assume where config.json is silent, or says a key by its second name.

    python3 tools/goldens/make_class_defaults.py tests/model/class_defaults.json

Needs torch and transformers. A line for each case: the config as a folder may have it, and as the class writes it. Both have to mean
the same model (tests/model/class_defaults_test.cc).
"""

import json
import pathlib
import sys

import transformers
from transformers import CONFIG_MAPPING, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from families import model, tables

# What a file has to say; and what every class has, of which none decides anything here.
SIZES = {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"}
NAMES = {"model_type", "architectures"}
# The number that is there anyway, written out.
SAME = {("hyperclovax", "no attention_multiplier")}
WITHOUT = set(PreTrainedConfig().to_dict()) - {"tie_word_embeddings", "per_layer_config"} - NAMES


def written(config):
    text = json.loads(config.to_json_string(use_diff=False))
    text["architectures"] = [MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[config.model_type]]
    return {key: value for key, value in text.items() if key not in WITHOUT or key in ("pad_token_id",)}


def means(text):
    """As the class of the text's model type reads it; nothing where the class refuses it."""
    try:
        return written(CONFIG_MAPPING[text["model_type"]].from_dict(json.loads(json.dumps(text))))
    except Exception:  # whatever a class raises: the text is no model
        return None


def without(text, *keys):
    return {key: value for key, value in text.items() if key not in keys}


def cases(text):
    """Names and texts: each key that is no size missing, then all rotary settings missing, without a base or old; second names."""
    for key in text:
        if key not in SIZES | NAMES:
            yield f"no {key}", without(text, key)
    rope = text.get("rope_parameters")
    bare = without(text, "rope_parameters")
    if isinstance(rope, dict) and "rope_type" in rope:
        yield "null rope_parameters", {**bare, "rope_parameters": None}
        yield "no rope_theta", {**bare, "rope_parameters": without(rope, "rope_theta")}
        yield "rope_theta alone", {**bare, "rope_theta": 777.0}
        yield "rope_scaling", {**bare, "rope_theta": 777.0, "rope_scaling": {"rope_type": "linear", "factor": 2.0}}
        old = {"rope_theta": 777.0, "rope_scaling": {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 64}}
        yield "empty rope_scaling", {**bare, "rope_theta": 777.0, "rope_scaling": {}}
        yield "yarn, original beside", {**bare, **old, "original_max_position_embeddings": 64}
    if isinstance(rope, dict):
        yield "old rope_scaling", {**bare, "rope_theta": 777.0, "rope_scaling": {"type": "linear", "factor": 2.0}}
        yield "partial_rotary_factor beside", {**bare, "rope_theta": 777.0, "partial_rotary_factor": 0.5}
    if isinstance(rope, dict) and "rope_type" not in rope:  # by type of layer
        yield "by type: null rope_parameters", {**bare, "rope_parameters": None}
        yield "by type: rope_theta alone", {**bare, "rope_theta": 777.0}
        yield "by type: rope_scaling", {**bare, "rope_scaling": {"rope_type": "linear", "factor": 2.0}}
        yield "by type: as rope_scaling", {**bare, "rope_scaling": rope}
        for kind in rope:
            yield f"by type: no rope_theta of {kind}", {**text, "rope_parameters": {**rope, kind: without(rope[kind], "rope_theta")}}
    for other, own in (CONFIG_MAPPING[text["model_type"]].attribute_map or {}).items():
        if own in text:
            yield f"{other} for {own}", {**without(text, own), other: text[own]}


def main():
    transformers.logging.set_verbosity_error()
    lines, seen = [], set()
    for family in tables.FAMILIES:
        if family.model_type in seen or family.model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or "text_config" in family.config:
            continue
        seen.add(family.model_type)
        full = written(model.config_of(family))
        full["pad_token_id"] = full.get("pad_token_id")
        for name, said in cases(full):
            meant = means(said)
            if (family.model_type, name) in SAME:
                meant = None
            if meant is not None and isinstance(meant.get("pad_token_id"), int) and meant["pad_token_id"] >= family.vocab:
                meant = None  # the class's own lies outside the tiny vocabulary
            if meant is not None:
                said_only = {key: value for key, value in said.items() if full.get(key) != value or key not in full}
                gone = sorted(set(full) - set(said))
                changed = {key: value for key, value in meant.items() if full.get(key) != value or key not in full}
                lines.append({"type": family.model_type, "case": name, "gone": gone, "said": said_only, "means": changed,
                              "unsaid": sorted(set(full) - set(meant))})
        lines.append({"type": family.model_type, "full": full})
    text = "[\n" + ",\n".join(json.dumps(line, separators=(",", ":")) for line in lines) + "\n]\n"
    pathlib.Path(sys.argv[1]).write_text(text)


if __name__ == "__main__":
    main()
