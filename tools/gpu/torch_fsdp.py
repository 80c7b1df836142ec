"""A training step of PyTorch's FSDP2 on the GPUs of one machine, to hold ours against: tokens/s, and the memory that it takes.

    torchrun --standalone --nproc-per-node=2 torch_fsdp.py CONFIG.json --rows 128 [--micro-rows 8] [--offload] [--params f32|bf16]

Rows of --length tokens a GPU and step, in micro-batches; products in bf16, gradients reduced in fp32, every block recomputed in the
backward pass, fused AdamW, clipping to a norm of 1. --offload: parameters, gradients and moments in host memory (CPUOffloadPolicy), where
AdamW runs: give it threads (OMP_NUM_THREADS), of which torchrun leaves each process one. --params bf16: parameters and moments in bf16
instead of fp32, which is less than what ours keeps. Rank 0 prints a line of JSON.
"""
import argparse
import contextlib
import json
import os
import time

import torch
import torch.distributed as dist
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard
from transformers import AutoConfig, AutoModelForCausalLM


def make_model(config, offload, dtype):
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(config), dtype=dtype, attn_implementation="sdpa")
    model.gradient_checkpointing_enable({"use_reentrant": False})
    policy = {"mp_policy": MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)}
    if offload:
        policy["offload_policy"] = CPUOffloadPolicy()
    for layer in model.model.layers:
        fully_shard(layer, **policy)
    fully_shard(model, **policy)
    rope = type(model.model.rotary_emb)(model.config, device="cuda")  # its frequencies are no parameters
    model.to_empty(device="cpu" if offload else "cuda")
    model.model.rotary_emb = rope
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            local = parameter.to_local()
            local.fill_(1) if "norm" in name else draw(local) if local.dim() > 1 else local.zero_()
    return model.train()


def draw(matrix, most=1 << 24):
    """Normal values, which repeat in large matrices: a processor draws them by one thread."""
    flat = matrix.view(-1)
    drawn = torch.empty(min(flat.numel(), most), dtype=matrix.dtype, device=matrix.device).normal_(0, 0.02)
    for at in range(0, flat.numel(), most):
        flat[at : at + most].copy_(drawn[: flat.numel() - at])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--micro-rows", type=int, default=8)
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--offload", action="store_true")
    parser.add_argument("--params", choices=["f32", "bf16"], default="f32")
    args = parser.parse_args()

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if args.offload else "nccl")
    torch.manual_seed(1)
    model = make_model(args.config, args.offload, torch.float32 if args.params == "f32" else torch.bfloat16)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.01, fused=True)
    generator = torch.Generator("cuda").manual_seed(1 + rank)

    def step(rows):
        loss = 0.0
        for at in range(0, rows, args.micro_rows):
            n = min(args.micro_rows, rows - at)
            ids = torch.randint(model.config.vocab_size, (n, args.length), device="cuda", generator=generator)
            logits = model(ids, use_cache=False).logits
            part = torch.nn.functional.cross_entropy(logits[:, :-1].float().reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1)) * n / rows
            part.backward()
            loss += part.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss

    step(args.micro_rows)
    torch.cuda.synchronize()
    dist.barrier()
    times, losses = [], []
    for _ in range(args.steps):
        begin = time.perf_counter()
        losses.append(step(args.rows))
        torch.cuda.synchronize()
        dist.barrier()
        times.append(time.perf_counter() - begin)
    if rank == 0:
        best = min(times)
        print(json.dumps({"torch": torch.__version__, "gpus": size, "offload": args.offload, "params": args.params,
                          "tokens_per_gpu": args.rows * args.length, "micro_rows": args.micro_rows, "step_seconds": times,
                          "tokens_per_second": args.rows * args.length * size / best, "losses": losses,
                          "device_gib": torch.cuda.max_memory_allocated() / 2**30}))
    with contextlib.suppress(Exception):
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
