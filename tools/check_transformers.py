#!/usr/bin/env python3
"""Holds the logits of saved models, as transformers computes them, against those that the library computed.

    bazel build //tests/golden:export_for_check
    bazel-bin/tests/golden/export_for_check DIR          (from the root of the repository)
    python3 tools/check_transformers.py DIR

DIR, or each folder in it, holds
    model/       a Hugging Face folder written by the library
    ids.npy      token ids: 1-D, cut into documents by offsets.npy where it is there; 2-D: a row a document
    logits.npy   the library's logits, one row a token
Needs numpy, torch and transformers. Exit status 1 where a model does not load whole or a logit is further off than the tolerance.
"""

import argparse
import pathlib
import sys

import numpy as np
import torch
import transformers


def documents(folder):
    ids = np.load(folder / "ids.npy").astype(np.int64)
    if (folder / "offsets.npy").is_file():
        offsets = np.load(folder / "offsets.npy")
        return [ids[a:b] for a, b in zip(offsets[:-1], offsets[1:])]
    return list(np.atleast_2d(ids))


def check(folder, tolerance):
    """What is wrong with one folder, or None; and the largest difference."""
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder / "model", dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        if info.get(problem):
            return f"{problem}: {sorted(map(str, info[problem]))}", np.inf
    model.eval()
    with torch.no_grad():
        rows = [model(torch.from_numpy(ids)[None], use_cache=False).logits[0] for ids in documents(folder)]
    expected = torch.cat(rows).numpy()
    logits = np.load(folder / "logits.npy").reshape(-1, expected.shape[-1])
    if logits.shape != expected.shape:
        return f"logits have shape {logits.shape}, transformers' {expected.shape}", np.inf
    difference = float(np.abs(logits - expected).max())
    limit = tolerance * min(1.0, float(np.abs(expected).max()))
    if not difference <= limit:
        return f"logits differ by {difference:.2e}, limit {limit:.2e}", difference
    return None, difference


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tolerance", type=float, default=1e-4, help="largest difference of a logit of the order of one (1e-4)")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    candidates = [arguments.folder] if (arguments.folder / "model").is_dir() else sorted(arguments.folder.iterdir())
    folders = [f for f in candidates if (f / "model").is_dir()]
    if not folders:
        sys.exit(f"check_transformers: no folder in {arguments.folder} holds a model/")
    failed = 0
    for folder in folders:
        problem, difference = check(folder, arguments.tolerance)
        failed += problem is not None
        print(f"{folder.name}: {problem or f'logits within {difference:.2e}'}", flush=True)
    print(f"{len(folders) - failed} agree, {failed} do not; torch {torch.__version__}, transformers {transformers.__version__}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
