#!/usr/bin/env python3
"""Writes tests/text/goldens/tokenizers.json: small tokenizers of every kind, texts, and what Hugging Face's tokenizers makes of them.

  python3 -m venv v && v/bin/pip install tokenizers==0.23.3 && v/bin/python tools/goldens/tokenizers/make_goldens.py

A case: {"tokenizer": the file without its model's vocabulary, "model": whose vocabulary it has, "texts": [[text, ids, decoded, decoded
without special tokens]]}.
"""

import argparse
import hashlib
import json
import os

import cases
import tokenizers
from tokenizers import Tokenizer

BIG = ("vocab", "merges")


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
    cases.VOCABULARY = 0.45
    out = {"made_with": "tokenizers " + tokenizers.__version__, "models": {}, "cases": {}}
    for i, (name, make) in enumerate(cases.text_cases().items()):
        text = cases.json_of(make())
        reference = Tokenizer.from_str(text)
        reference.no_truncation()
        reference.no_padding()
        data = json.loads(text)
        big = {key: data["model"].pop(key) for key in BIG if key in data["model"]}
        key = hashlib.sha256(json.dumps(big, sort_keys=True).encode()).hexdigest()[:12]
        out["models"][key] = big
        rows = []
        for one in cases.texts(1000 + i, 40):
            ids = reference.encode(one).ids
            rows.append([one, ids, reference.decode(ids, skip_special_tokens=False), reference.decode(ids)])
        out["cases"][name] = {"model": key, "tokenizer": data, "texts": rows}
    path = os.path.join(root, "tests", "text", "goldens", "tokenizers.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        # A line a case, so that a change shows as one.
        f.write("{\n" + json.dumps("made_with") + ": " + json.dumps(out["made_with"]))
        for part in ("models", "cases"):
            f.write(",\n" + json.dumps(part) + ": {\n" + ",\n".join(
                json.dumps(k) + ": " + json.dumps(v, separators=(",", ":")) for k, v in out[part].items()) + "\n}")
        f.write("\n}\n")
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
