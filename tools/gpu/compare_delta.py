"""The gated delta rule beside flash-linear-attention (fla-core) on this GPU: forward, and forward and backward.

    compare_delta.py [TOKENS] [WHEEL...]

32 value heads on 16 key heads of 128, bf16: one row of TOKENS (16384) and rows of 1,024. Ours is what `ops_speed` beside this script
measures. WHEELs (of fla-core, einops) are put on Python's path as they are, where the machine has none.

On Hopper fla-core refuses its Triton kernel of queries' and keys' gradients where Triton is 3.4 to 3.7.0, whose result would be wrong; its
time is that kernel's all the same, so that it is let run here, for comparison alone.
"""

import re
import subprocess
import sys
import zipfile

HEADS, KEY_HEADS, DIM = 32, 16, 128
RUNS = 10


def own(tokens):
    """{rows: {pass: ms}} of ops_speed's cases."""
    text = subprocess.run(["./ops_speed", "cuda", str(tokens), "DeltaRule_bf16_tight"], check=True, capture_output=True, text=True).stdout
    times, rows = {}, None
    for line in text.splitlines():
        if found := re.match(r"DeltaRule_bf16_\w+?_(\d+)x\d+_", line):
            rows = int(found[1])
        elif found := re.match(r"\s+(DeltaRule(?:Backward)?)\s+([\d.]+) ms", line):
            times.setdefault(rows, {})[found[1]] = float(found[2])
    return times


def theirs(tokens, rows):
    """Of the rule alone, with lengths of queries and keys within: ms forward, ms backward."""
    import fla.ops.common.chunk_o
    import torch
    from fla.ops.gated_delta_rule import chunk_gated_delta_rule

    fla.ops.common.chunk_o.TRITON_ABOVE_3_7_1 = True

    torch.manual_seed(1)
    length = tokens // rows

    def normal(*shape):
        return torch.randn(rows, length, *shape, device="cuda", dtype=torch.bfloat16)

    q, k = normal(KEY_HEADS, DIM), normal(KEY_HEADS, DIM)
    v, dout = normal(HEADS, DIM), normal(HEADS, DIM)
    g = -0.05 * normal(HEADS).float().abs()
    beta = normal(HEADS).float().sigmoid()
    inputs = [x.requires_grad_() for x in (q, k, v, g, beta)]

    def forward():
        return chunk_gated_delta_rule(*inputs, use_qk_l2norm_in_kernel=True)[0]

    def timed(work):
        for _ in range(3):
            work()
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(RUNS):
            work()
        end.record()
        torch.cuda.synchronize()
        return begin.elapsed_time(end) / RUNS

    def both():
        forward().backward(dout)
        for x in inputs:
            x.grad = None

    with torch.no_grad():
        yield timed(forward)
    yield timed(both) - timed(forward)


def main():
    wheels = [a for a in sys.argv[1:] if a.endswith(".whl")]
    tokens = int(next((a for a in sys.argv[1:] if a.isdigit()), 16384))
    for i, wheel in enumerate(wheels):  # Triton reads its kernels' source: a wheel as it is would not do
        folder = f"wheels/{i}"
        zipfile.ZipFile(wheel).extractall(folder)
        sys.path.insert(0, folder)
    ours = own(tokens)
    print("ours, ms:", ours, "; the others' kernels are tuned now, which takes minutes", file=sys.stderr, flush=True)
    print("| rows | pass | flash-linear-attention, ms | ours, ms | over |")
    print("| --- | --- | --- | --- | --- |")
    for rows in sorted(ours):
        for name, other in zip(("DeltaRule", "DeltaRuleBackward"), theirs(tokens, rows)):
            mine = ours[rows][name]
            print(f"| {rows} of {tokens // rows} | {name} | {other:.3f} | {mine:.3f} | {mine / other:.2f} |", flush=True)


if __name__ == "__main__":
    main()
