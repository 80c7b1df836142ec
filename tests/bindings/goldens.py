"""Lays out the goldens of tokenizers for tests without a JSON library: goldens.py tokenizers.json OUT makes OUT/<case>/tokenizer.json and OUT/<case>/texts,
lines of a text, its ids, what they decode to, and that without special tokens, each text as hexadecimal UTF-8."""

import json
import os
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    goldens = json.load(file)
for name, golden in goldens["cases"].items():
    whole = dict(golden["tokenizer"])
    whole["model"] = {**goldens["models"][golden["model"]], **whole["model"]}
    folder = os.path.join(sys.argv[2], name)
    os.makedirs(folder)
    with open(folder + "/tokenizer.json", "w", encoding="utf-8") as file:
        json.dump(whole, file)
    with open(folder + "/texts", "w") as file:
        for text, ids, decoded, skipped in golden["texts"]:
            file.write("\t".join([text.encode().hex(), " ".join(map(str, ids)), decoded.encode().hex(), skipped.encode().hex()]) + "\n")
