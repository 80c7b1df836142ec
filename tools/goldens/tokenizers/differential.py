#!/usr/bin/env python3
"""Compares encode_lines (tests/text) with Hugging Face's tokenizers on every case of cases.py.

  differential.py ENCODE_LINES [--texts N] [--seed S] [--only NAME]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import cases
from tokenizers import Tokenizer


def char_offsets(text, spans):
    at, out = {}, []
    position = 0
    for i, c in enumerate(text):
        at[position] = i
        position += len(c.encode())
    at[position] = len(text)
    for begin, end in spans:
        out.append((at.get(begin, -1), at.get(end, -1)))
    return out


def compare(name, made, program, texts, folder, show):
    text = cases.json_of(made)
    path = os.path.join(folder, name + ".json")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    reference = Tokenizer.from_str(text)
    reference.no_truncation()
    reference.no_padding()
    lines = os.path.join(folder, "texts")
    with open(lines, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(t, ensure_ascii=True) + "\n" for t in texts)
    run = subprocess.run([program, path, lines], capture_output=True, text=True)
    if run.returncode != 0:
        print(f"{name}: {run.stderr.strip()}")
        return 1
    bad, offsets_bad = 0, 0
    for text, line in zip(texts, run.stdout.rstrip("\n").split("\n"), strict=True):
        ours = json.loads(line)
        theirs = reference.encode(text)
        want = {"ids": theirs.ids, "plain": reference.encode(text, add_special_tokens=False).ids,
                "decoded": reference.decode(theirs.ids, skip_special_tokens=False), "skipped": reference.decode(theirs.ids)}
        for key, value in want.items():
            if ours.get(key) != value:
                bad += 1
                if bad <= 3:
                    print(f"{name}: {key} of {text!r}:\n  ours   {ours.get(key, ours)!r}\n  theirs {value!r}")
                    print("  ", theirs.tokens)
                break
        else:
            if char_offsets(text, ours.get("offsets") or []) != theirs.offsets:
                offsets_bad += 1
                if offsets_bad <= show:
                    print(f"{name}: offsets of {text!r} {theirs.tokens}:\n  ours   {char_offsets(text, ours.get('offsets') or [])}\n  theirs {theirs.offsets}")
    print(f"{name}: {len(texts)} texts, {bad} differ, {offsets_bad} in offsets only")
    return bad != 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--texts", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    parser.add_argument("--show-offsets", type=int, default=0)
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for i, (name, make) in enumerate(cases.text_cases().items()):
            if options.only and options.only not in name:
                continue
            failed += compare(name, make(), options.program, cases.texts(options.seed + i, options.texts), folder, options.show_offsets)
    print(f"{failed} cases differ")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
