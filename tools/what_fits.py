#!/usr/bin/env python3
"""The table "what fits on my machine" of the README, made by `horizon plan` over machine files.

  tools/what_fits.py HORIZON [MACHINE.json...]      default: those of the README

For each machine: the largest of the known shapes whose full fine-tuning fits, for three ways to keep the optimizer's state, with the predicted rate.
"""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Name, and how the command is told of it; by size.
MODELS = [
    ("Qwen2.5-0.5B", ["--preset", "qwen2.5-0.5b"]),
    ("Qwen2.5-1.5B", ["--preset", "qwen2.5-1.5b"]),
    ("Qwen2.5-7B", ["--preset", "qwen2.5-7b"]),
    ("Llama-3-8B", ["--preset", "llama3-8b"]),
    ("Qwen2.5-14B", ["--preset", "qwen2.5-14b"]),
    ("a dense 18B", ["--config", str(ROOT / "samples/configs/dense-18b.json")]),
    ("a dense 26B", ["--config", str(ROOT / "samples/configs/dense-26b.json")]),
    ("Qwen2.5-32B", ["--preset", "qwen2.5-32b"]),
    ("Llama-3-70B", ["--preset", "llama3-70b"]),
    ("Qwen2.5-72B", ["--preset", "qwen2.5-72b"]),
    ("a dense 120B", ["--config", str(ROOT / "samples/configs/dense-120b.json")]),
]
# Bytes a parameter of weights and states, beside 2 for gradients.
WAYS = [("exact, 12 bytes a parameter", []), ("bf16 moments, 8", ["--states", "bf16"]), ("8-bit moments, 6", ["--states", "int8"])]
SHAPE = ["--batch-size", "32", "--seq-len", "1024"]
MACHINES = ["rtx4090-24g-64g", "rtx4090-24g-128g", "rtx4090-24g-256g", "rtx4090-24g-512g", "h100-80g-256g", "h100-80g-1024g",
            "h200x2-251g", "h200-1500g", "gh200-96g-480g", "dgx-spark-128g"]  # fmt: skip


def plan(horizon: str, machine: str, model: list, way: list) -> "dict | None":
    """The plan, or None where it does not fit; any other failure ends the program."""
    done = subprocess.run([horizon, "plan", *model, *way, *SHAPE, "--machine", machine, "--json"], capture_output=True, text=True)
    if done.returncode == 0:
        return json.loads(done.stdout)
    if "RESOURCE_EXHAUSTED" in done.stderr or "needs" in done.stderr or "memory" in done.stderr:
        return None
    raise SystemExit(f"error: {machine}: {done.stderr.strip()}")


def largest(horizon: str, machine: str, way: list) -> str:
    for name, model in reversed(MODELS):
        made = plan(horizon, machine, model, way)
        if made is not None:
            return f"{name}, {made['prediction']['tokens_per_second']:,.0f} tokens/s"
    return "none of these"


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        raise SystemExit(0 if sys.argv[1:2] in (["-h"], ["--help"]) else 2)
    print("| machine | " + " | ".join(name for name, _ in WAYS) + " |")
    print("| --- |" + " --- |" * len(WAYS))
    for machine in sys.argv[2:] or [str(ROOT / f"samples/machines/{name}.json") for name in MACHINES]:
        about = json.loads(pathlib.Path(machine).read_text())
        print(f"| {about['name']} | " + " | ".join(largest(sys.argv[1], machine, way) for _, way in WAYS) + " |")


if __name__ == "__main__":
    main()
