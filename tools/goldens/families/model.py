"""A family's tiny model: drawn, saved by transformers, loaded again, and its parameters in the names and rows of the files."""

import contextlib
import json
import pathlib
import re
import tempfile

import numpy as np
import torch
from safetensors.torch import load_file

from cases import generator
from families.precision import exact


def attention_of(config):
    """Falcon's eager code adds ALiBi's bias twice; people run the other one."""
    return "sdpa" if config.model_type == "falcon" and config.alibi else "eager"


def config_of(family, **changes):
    from transformers import AutoConfig

    text = {**family.config} if "text_config" in family.config else {"vocab_size": family.vocab, **family.config}
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(text.get(key), dict) and not key.startswith("rope"):
            text[key] = {**text[key], **value}
        else:
            text[key] = value
    config = AutoConfig.for_model(family.model_type, **text)
    for part in (config, config.get_text_config()):
        part._attn_implementation = attention_of(config)
        part._experts_implementation = "eager"
    return config


def model_class(config):
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, AutoModelForMultimodalLM

    whole = hasattr(config, "text_config")  # with its other parts, where there is a class of text alone as well
    for auto in (AutoModelForImageTextToText, AutoModelForCausalLM, AutoModelForMultimodalLM) if whole else (AutoModelForCausalLM,):
        if type(config) in auto._model_mapping.keys():
            return auto
    raise KeyError(f"no causal model for {type(config).__name__}")


def new_model(config, dtype):
    return model_class(config).from_config(config, dtype=dtype, attn_implementation=attention_of(config)).eval()


def drawn_value(family, name, initial):
    """Norm weights about their neutral value, biases about 0, everything else by its fan-in: no part is neutral.

    Whether a norm multiplies by w or by 1 + w shows in what the family's own initialisation gave it."""
    normal = torch.from_numpy(generator(family.seed or len(family.name), family.name, name).standard_normal(tuple(initial.shape)))
    for pattern, std in family.std.items():
        if re.search(pattern, name):
            return initial.double() + std * normal if initial.dim() < 2 else std * normal
    if "embed" in name.rsplit(".", 2)[-2] or re.search(r"\b(wte|wpe|word_embeddings)\.", name):
        return family.embedding_std * normal
    if initial.dim() < 2:
        constant = initial.numel() == 0 or bool((initial == initial.flatten()[0]).all())
        return initial.double() + (0.3 if constant and "bias" in name else 0.25) * normal
    fan_in = initial.shape[1] if family.experts_in_rows and initial.dim() == 3 else initial.shape[-1]
    return 1.3 / np.sqrt(fan_in) * normal


def persistent_buffers(model):
    kept = model.state_dict()
    return {name: buffer for name, buffer in model.named_buffers() if name in kept and buffer.is_floating_point()}


def draw(family, model):
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *persistent_buffers(model).items()]:
            value.copy_(drawn_value(family, name, value.detach().float()).to(torch.bfloat16))


def write(family, folder):
    """Draws the model and lets transformers write it; the file's names, rows and types are its own."""
    torch.manual_seed(1)
    model = new_model(config_of(family), getattr(torch, family.dtype))
    draw(family, model)
    model.save_pretrained(folder, **family.saving)
    if family.bare:
        strip(folder)
    if family.spelling == "before":
        as_before(folder)


def strip(folder):
    """Leaves out of config.json what the class assumes anyway, as files have it that people write by hand; the config stays the same."""
    from transformers import AutoConfig

    path = pathlib.Path(folder) / "config.json"
    whole, before = json.loads(path.read_text()), AutoConfig.from_pretrained(folder).to_dict()
    for part in (whole.get("text_config"), whole):
        if part is None:
            continue
        for key in [key for key in part if key not in ("model_type", "architectures", "text_config", "vision_config", "audio_config", "dtype")]:
            value = part.pop(key)
            path.write_text(json.dumps(whole))
            try:
                same = AutoConfig.from_pretrained(folder).to_dict() == before
            except Exception:  # whatever a class raises: the key is needed
                same = False
            if not same:
                part[key] = value
    path.write_text(json.dumps(whole))


def as_before(folder):
    """config.json in the spelling of releases before transformers 5, where that means the same."""
    from transformers import AutoConfig

    path = pathlib.Path(folder) / "config.json"
    text, meant = path.read_text(), AutoConfig.from_pretrained(folder).to_dict()
    whole = json.loads(text)
    whole["torch_dtype"] = whole.pop("dtype")
    config = whole.get("text_config", whole)
    rope = config.get("rope_parameters") or {}
    plain = json.loads(json.dumps(whole))
    if "rope_type" in rope:
        del config["rope_parameters"]
        rope = dict(rope)
        kind = rope.pop("rope_type")
        for key in ("rope_theta", "partial_rotary_factor"):
            if key in rope:
                config[key] = rope.pop(key)
        config["rope_scaling"] = {("type" if len(rope) % 2 else "rope_type"): kind, **rope} if kind != "default" else None
    for changed in (whole, plain):
        path.write_text(json.dumps(changed))
        try:
            if AutoConfig.from_pretrained(folder).to_dict() == meant:
                return
        except Exception:  # whatever a class raises: it does not mean the same
            pass
    path.write_text(text)


def load(folder, dtype):
    """The model of a folder, every tensor found and used."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder)
    with exact() if dtype == torch.float64 else contextlib.nullcontext():
        model, info = model_class(config).from_pretrained(
            folder, dtype=dtype, attn_implementation=attention_of(config), experts_implementation="eager", output_loading_info=True)
        model = model.to(dtype).eval()
    problems = {key: sorted(map(str, value)) for key, value in info.items() if value}
    if problems:
        raise RuntimeError(f"{folder}: {problems}")
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if value.is_floating_point() and value.dtype != dtype:
            raise RuntimeError(f"{folder}: {name} is {value.dtype}")
    return model


def forget_lengths(model):
    """Dynamic rotary embeddings remember the longest document that they saw, for each type of layer; here each document is alone."""
    for module in model.modules():
        if not hasattr(module, "original_max_seq_len"):
            continue
        for prefix in ("", *(f"{kind}_" for kind in getattr(module, "layer_types", ()))):
            if hasattr(module, f"{prefix}original_inv_freq"):
                setattr(module, f"{prefix}max_seq_len_cached", module.original_max_seq_len)
                setattr(module, f"{prefix}inv_freq", getattr(module, f"{prefix}original_inv_freq").clone())


def unread(config):
    """Zamba2's layers that share nothing have the adapters of all, of which each reads its own."""
    layers = config.hybrid_layer_ids if config.model_type == "zamba2" and not config.tie_word_embeddings else []
    return "".join(rf"|layers\.{layer}\.shared_transformer\..*_adapter_list\.(?!{own}\.)" for own, layer in enumerate(layers))


def trained_parameters(model):
    """Without what no gradient reaches: routers' biases for the choice where they are parameters, and the other parts of wrappers."""
    others = r"(e_score_correction|expert)_bias$|(vision_tower|vision_model|audio_tower|visual|multi_modal_projector|embed_vision|embed_audio|connector)\.|image_newline$"
    return {name: p for name, p in model.named_parameters() if not re.search(others + unread(model.config), name)}


def logits_of(model):
    dtype = next(model.parameters()).dtype
    # Llama 4's whole asks for pictures (transformers 5.24).
    model = model.language_model if type(model).__name__ == "Llama4ForConditionalGeneration" else model

    def run(ids):
        forget_lengths(model)
        with exact() if dtype == torch.float64 else contextlib.nullcontext():
            return model(input_ids=ids[None], use_cache=False).logits[0]

    return run


def read_files(folder):
    tensors = {}
    for file in sorted(pathlib.Path(folder).glob("*.safetensors")):
        tensors.update(load_file(file))
    return tensors


def on_disk(model, values):
    """What the files would hold if the parameters had these values: conversions of names, rows and stacks are transformers'."""
    parameters = trained_parameters(model)
    before = {name: p.detach().clone() for name, p in parameters.items()}
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(values[name])
    try:
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            return {name: value.clone() for name, value in read_files(folder).items()}
    finally:
        with torch.no_grad():
            for name, p in parameters.items():
                p.copy_(before[name])


def parameter_names_on_disk(model):
    """The tensors of the files that are parameters, in their order; the others are buffers, which nothing trains."""
    ones = on_disk(model, {name: torch.ones_like(p) for name, p in trained_parameters(model).items()})
    twos = on_disk(model, {name: torch.full_like(p, 2.0) for name, p in trained_parameters(model).items()})
    trained = [name for name in ones if not torch.equal(ones[name], twos[name])]
    return trained, [name for name in ones if name not in trained]
