#!/usr/bin/env python3
"""The table of docs/recipes.md: what each recipe takes, by `horizon plan` over machine files.

  tools/recipes.py HORIZON
"""

import json
import pathlib
import subprocess
import sys

MACHINES = pathlib.Path(__file__).resolve().parent.parent / "samples/machines"
RELEASED = pathlib.Path(__file__).resolve().parent.parent / "tests/model/released"
GIB = 1 << 30
SFT = ["--batch-size", "64", "--seq-len", "1024"]
PAIRS = ["--batch-size", "32", "--seq-len", "1024"]
LONG = ["--batch-size", "32", "--seq-len", "4096"]
LAPTOP = ["--batch-size", "8", "--seq-len", "512"]
# What it is, the machine's file, and the command's options.
RECIPES = [
    ("7B, SFT", "h100-80g", ["--preset", "qwen2.5-7b", "--states", "int8", *SFT]),
    ("7B, SFT, exact states", "h100-80g", ["--preset", "qwen2.5-7b", *SFT]),
    ("7B, DPO", "h100-80g", ["--preset", "qwen2.5-7b", *PAIRS]),
    ("7B, DPO: its reference, once", "h100-80g", ["--preset", "qwen2.5-7b", "--purpose", "forward", *PAIRS]),
    ("7B, continued pre-training", "h100-80g", ["--preset", "qwen2.5-7b", *LONG]),
    ("7B, SFT", "rtx4090-24g-128g", ["--preset", "qwen2.5-7b", *PAIRS]),
    ("72B, SFT", "h100-80g-1024g", ["--preset", "qwen2.5-72b", "--states", "bf16", *SFT]),
    ("gpt-oss-20b (a mixture), SFT", "h200-1500g", ["--config", f"{RELEASED}/gpt-oss-20b.json", *SFT]),
    ("Qwen3-30B-A3B (a mixture), SFT", "rtx4090-24g-512g", ["--config", f"{RELEASED}/qwen3-30b-a3b.json", "--states", "int8", *SFT]),
    ("1.5B, SFT", "laptop-8c-32g", ["--preset", "qwen2.5-1.5b", "--states", "int8", *LAPTOP]),
    ("0.5B, SFT", "laptop-8c-32g", ["--preset", "qwen2.5-0.5b", *LAPTOP]),
]


def row(horizon: str, name: str, machine: str, options: "list[str]") -> str:
    """A line of the table."""
    file = MACHINES / f"{machine}.json"
    done = subprocess.run([horizon, "plan", "--machine", str(file), "--json", *options], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"error: {name}: {done.stderr.strip()}")
    plan = json.loads(done.stdout)
    trains = plan["purpose"] == "train"
    cpu = plan["device"] == "cpu"
    predicted = plan["prediction"]
    return " | ".join(
        [
            f"| {name}",
            json.loads(file.read_text())["name"],
            f"{plan['host_bytes'] / GIB:.0f} GiB",
            "in it" if cpu else f"{plan['device_bytes'] / GIB:.0f} GiB",
            f"{predicted['step_seconds']:.1f} s for {plan['step_tokens'] // 1024} Ki tokens",
            f"{predicted['tokens_per_second']:,.0f}",
            f"{2 * plan['parameters'] / GIB:.0f} GiB" if trains else "-",
            f"{plan['state_bytes'] / GIB:.0f} GiB" if trains else "-",
        ]
    ) + " |"


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        raise SystemExit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    print("| recipe | machine | host memory | on the card | a step | tokens/s | model on disk | a checkpoint |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for recipe in RECIPES:
        print(row(sys.argv[1], *recipe))


if __name__ == "__main__":
    main()
