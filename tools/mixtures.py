#!/usr/bin/env python3
"""The tables of docs/mixtures.md: what training mixtures of experts takes, by `horizon plan --compare` over machine files.

  tools/mixtures.py HORIZON
"""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
GIB = 1 << 30
MODELS = ["gpt-oss-20b", "gpt-oss-120b", "qwen3-30b-a3b", "qwen3-235b-a22b", "deepseek-v3"]
# The machine's file, and options: of two GPUs one.
MACHINES = [("h200-1500g", []), ("rtx4090-24g-512g", []), ("h200x2-251g", []), ("h200x2-251g", ["--device", "cuda:0"])]
SHAPE = ["--batch-size", "128", "--seq-len", "1024"]
STATES = ["f32", "bf16", "int8"]


def compare(horizon: str, model: str, machine: str, options: "list[str]") -> "list[dict]":
    """A row of the comparison for each type of states, with an exact master."""
    config, file = ROOT / f"tests/model/released/{model}.json", ROOT / f"samples/machines/{machine}.json"
    command = [horizon, "plan", "--config", str(config), "--machine", str(file), *options, *SHAPE, "--compare", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"error: {model} on {machine}: {done.stderr.strip()}")
    rows = [row for row in json.loads(done.stdout) if row["master"] == "split"]
    # With clipping where that fits, else without, which needs no gradient store.
    chosen = []
    for states in STATES:
        clipped, unclipped = sorted((row for row in rows if row["states"] == states), key=lambda row: row["grad_clip"] == 0)
        chosen.append(unclipped if unclipped["fits"] and not clipped["fits"] else clipped)
    return chosen


def cell(row: dict) -> str:
    """Host and device memory, and how fast; in brackets where it does not fit."""
    takes = f"{row['host_bytes'] / GIB:,.0f} GiB, on the card {row['device_bytes'] / GIB:,.0f}"
    if not row["fits"]:
        return f"({takes})"
    groups = f", {row['expert_groups']} groups" if row["expert_groups"] > 0 else ""
    clipping = "" if row["grad_clip"] != 0 else ", no clipping"
    return f"{takes}{groups}{clipping}: {row['tokens_per_second']:,.0f} tokens/s, by {row['limit']}"


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        raise SystemExit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    for machine, options in MACHINES:
        name = json.loads((ROOT / f"samples/machines/{machine}.json").read_text())["name"]
        print(f"## {name[0].upper()}{name[1:]}{', one of them' if options else ''}\n")
        print("| model | exact states | bf16 moments | 8-bit moments |")
        print("| --- | --- | --- | --- |")
        for model in MODELS:
            print(f"| {model} | " + " | ".join(cell(row) for row in compare(sys.argv[1], model, machine, options)) + " |")
        print()


if __name__ == "__main__":
    main()
