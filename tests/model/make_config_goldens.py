#!/usr/bin/env python3
"""Writes config_goldens.h: what transformers makes of configurations, for config_test.cc to compare with.

Each case is a config.json; the expected values are read from the model that transformers builds from it (on the meta device:
no weights).
Usage: python3 tests/model/make_config_goldens.py > tests/model/config_goldens.h   (needs torch and transformers)
"""
import argparse
import json

import torch
import transformers
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

SIZES = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 48,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
ROPES = [
    {},
    {"rope_theta": 500000.0},
    {"rope_theta": 1000000, "rope_scaling": None},
    {"rope_theta": 500000.0, "rope_scaling": {"type": "linear", "factor": 2.5}},
    {"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", **LLAMA3}, "head_dim": 32},
    {"rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"}},
    {"rope_parameters": {"rope_type": "linear", "factor": 4}},
    {"rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0, **LLAMA3, "factor": 32.0,
                         "original_max_position_embeddings": 256}},
    {"max_position_embeddings": 1024,
     "rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 3.0, "low_freq_factor": 1.5,
                         "high_freq_factor": 70.0}},
]
HEADS = [{"num_key_value_heads": 4}, {"num_key_value_heads": 1}, {"head_dim": 24}, {"tie_word_embeddings": True},
         {"rms_norm_eps": 1e-5}]
WINDOWS = [
    {"use_sliding_window": False, "sliding_window": 9},
    {"use_sliding_window": True, "num_hidden_layers": 30},
    {"use_sliding_window": True, "sliding_window": 9, "max_window_layers": 2},
    {"use_sliding_window": True, "sliding_window": None, "max_window_layers": 2},
    {"use_sliding_window": True, "sliding_window": 5, "layer_types": ["full_attention", "sliding_attention"] * 3},
    {"layer_types": ["full_attention"] * 6},
]
FAMILIES = {
    "Llama": [{"attention_bias": True}, {"mlp_bias": True}, {"num_key_value_heads": None}],
    "Mistral": [{"sliding_window": None}, {"sliding_window": 7}],
    "Qwen2": WINDOWS,
    "Qwen3": WINDOWS + [{"attention_bias": True}],
}


def cases():
    for family, own in FAMILIES.items():
        for change in ROPES + HEADS + own:
            yield family, {**SIZES, **change}
        # Nothing but the sizes that must be there: every default of the class. 64 heads tell the defaults of key heads apart.
        bare = {key: value for key, value in SIZES.items() if key != "num_key_value_heads"}
        yield family, {**bare, "num_attention_heads": 64, "hidden_size": 512}


def rotary_frequencies(config, model):
    kind = config.rope_parameters["rope_type"]
    make = model.model.rotary_emb.compute_default_rope_parameters if kind == "default" else ROPE_INIT_FUNCTIONS[kind]
    return make(config, device="cpu")[0].tolist()


def windows(config, family, layers):
    if family == "Mistral":
        return [config.sliding_window or 0] * len(layers)
    return [getattr(layer.self_attn, "sliding_window", None) or 0 for layer in layers]


def rows(values, per_line, text):
    lines = [", ".join(text(v) for v in values[i : i + per_line]) for i in range(0, len(values), per_line)]
    return (",\n      ").join(lines)


def emit(family, settings):
    architecture = family + "ForCausalLM"
    text = json.dumps({"architectures": [architecture], "model_type": family.lower(), **settings})
    config = getattr(transformers, family + "Config").from_dict(json.loads(text))
    with torch.device("meta"):
        model = getattr(transformers, architecture)(config)
    layer = model.model.layers[0]
    flags = [
        config.tie_word_embeddings,
        layer.self_attn.q_proj.bias is not None,
        layer.self_attn.o_proj.bias is not None,
        layer.mlp.up_proj.bias is not None,
        hasattr(layer.self_attn, "q_norm"),
    ]
    pieces = [text[i : i + 100] for i in range(0, len(text), 100)]
    print("    {" + "\n     ".join('R"json(' + piece + ')json"' for piece in pieces) + ",")
    numbers = [config.num_key_value_heads, layer.self_attn.head_dim, config.max_position_embeddings, config.rms_norm_eps,
               config.initializer_range]
    print("     " + ", ".join([repr(number) for number in numbers] + [str(flag).lower() for flag in flags]) + ",")
    print("     {" + rows(windows(config, family, model.model.layers), 16, str) + "},")
    print("     {" + rows(rotary_frequencies(config, model), 6, lambda x: f"{x:.9g}") + "}},")


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(f"// Written by make_config_goldens.py with transformers {transformers.__version__} and torch {torch.__version__}.")
    print("""#ifndef HORIZON_LM_TESTS_MODEL_CONFIG_GOLDENS_H_
#define HORIZON_LM_TESTS_MODEL_CONFIG_GOLDENS_H_

#include <cstdint>
#include <vector>

namespace hlm {

struct ConfigGolden {
  const char* json;
  int64_t kv_heads, head_dim, max_positions;
  double rms_epsilon, initializer_range;
  bool tied, qkv_bias, o_bias, mlp_bias, qk_norm;
  std::vector<int64_t> windows;
  std::vector<double> frequencies;  // computed by transformers in float
};

inline const std::vector<ConfigGolden>& ConfigGoldens() {
  static const std::vector<ConfigGolden> goldens = {""")
    for family, settings in cases():
        emit(family, settings)
    print("""  };
  return goldens;
}

}  // namespace hlm

#endif  // HORIZON_LM_TESTS_MODEL_CONFIG_GOLDENS_H_""")


if __name__ == "__main__":
    main()
