"""Parameters a second of other optimizers on host memory, to be read beside `optim_bench ELEMENTS THREADS` on the same machine.

    compare_optimizers.py [ELEMENTS] [THREADS]

torch.optim.AdamW(fused=True) with fp32 parameters, alone and with a copy of them to bf16, which a trainer that keeps bf16 weights for
the device needs; with bf16 parameters, moments and gradients; and DeepSpeedCPUAdam at the same settings where deepspeed is there. GB/s are
of the bytes that each must read and write.
"""
import sys
import time

import torch

ROUNDS = 7


def report(name, elements, bytes_per_element, step):
    best = float("inf")
    step()  # makes the states
    for _ in range(ROUNDS):
        start = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - start)
    print(f"{name:58s} {bytes_per_element:4d} B/element {best * 1e3:9.2f} ms {bytes_per_element * elements / best / 1e9:7.2f} GB/s "
          f"{elements / best / 1e6:9.1f} M/s", flush=True)


def run(name, make, elements, dtype):
    parameter = torch.nn.Parameter(torch.full((elements,), 0.5, dtype=dtype))
    parameter.grad = torch.full((elements,), 1e-3, dtype=dtype)
    optimizer = make([parameter])
    size = torch.finfo(dtype).bits // 8
    report(f"{name}, {dtype}", elements, 7 * size, optimizer.step)
    if dtype == torch.float32:
        copy = torch.empty(elements, dtype=torch.bfloat16)

        def step_and_copy():
            optimizer.step()
            copy.copy_(parameter.data)

        report(f"{name}, {dtype}, and a bf16 copy", elements, 7 * size + 6, step_and_copy)


def main():
    elements = int(sys.argv[1]) if len(sys.argv) > 1 else 1 << 28
    if len(sys.argv) > 2:
        torch.set_num_threads(int(sys.argv[2]))
    print(f"torch {torch.__version__}, {elements} elements, {torch.get_num_threads()} threads")
    makers = {"torch.optim.AdamW(fused=True)": lambda p: torch.optim.AdamW(p, lr=1e-4, fused=True)}
    try:
        import deepspeed
        from deepspeed.ops.adam import DeepSpeedCPUAdam
        makers[f"DeepSpeedCPUAdam {deepspeed.__version__}"] = lambda p: DeepSpeedCPUAdam(p, lr=1e-4, adamw_mode=True)
        makers["DeepSpeedCPUAdam, states of the parameters' type"] = lambda p: DeepSpeedCPUAdam(p, lr=1e-4, adamw_mode=True, fp32_optimizer_states=False)
    except ImportError as error:
        print(f"deepspeed is not there: {error}")
    for name, make in makers.items():
        for dtype in (torch.float32, torch.bfloat16):
            try:
                run(name, make, elements, dtype)
            except (RuntimeError, TypeError) as error:  # a type that this version does not take
                print(f"{name}, {dtype}: {error}")


if __name__ == "__main__":
    main()
