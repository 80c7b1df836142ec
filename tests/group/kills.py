"""Kills, stops and cuts off processes of `horizon train` at drawn moments, each process in a network namespace of its own.

Needs root and `ip`. In every trial all who are left must name the one that is lost, in time, and a
run of another number of processes that goes on from what was saved must leave the model of the unbroken one.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import time
from typing import Dict, List

SILENCE, TIMEOUT = 3.0, 30.0
STEPS = 60
SWITCH = "hlm-switch"

CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 300, "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": False, "initializer_range": 0.05,
}  # fmt: skip


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class Network:
    """A switch, and a namespace with a link to it for each rank."""

    def __init__(self, ranks: int) -> None:
        self.names = [f"hlm-rank{r}" for r in range(ranks)]
        self.remove()
        ip("netns", "add", SWITCH)
        ip("-n", SWITCH, "link", "add", "name", "bridge", "type", "bridge")
        ip("-n", SWITCH, "link", "set", "bridge", "up")
        for rank, name in enumerate(self.names):
            ip("netns", "add", name)
            ip("-n", name, "link", "add", "name", "eth0", "type", "veth", "peer", "name", f"port{rank}", "netns", SWITCH)
            ip("-n", SWITCH, "link", "set", f"port{rank}", "master", "bridge", "up")
            ip("-n", name, "addr", "add", f"10.77.0.{rank + 1}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")

    def link(self, rank: int, state: str) -> None:
        ip("-n", SWITCH, "link", "set", f"port{rank}", state)
        for name in self.names:  # who did not answer counts as unreachable for a while
            ip("-n", name, "neigh", "flush", "all")

    def remove(self) -> None:
        for name in [*self.names, SWITCH]:
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)


class Run:
    """`horizon train` in the namespaces of the first `ranks`."""

    port = 15000

    def __init__(self, horizon: str, work: pathlib.Path, network: Network, ranks: int, options: List[str]) -> None:
        Run.port += 1
        self.files = [work / f"rank{r}.err" for r in range(ranks)]
        self.processes: List["subprocess.Popen[bytes]"] = []
        for rank in range(ranks):
            environment = {**os.environ, "RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": "1", "MASTER_ADDR": "10.77.0.1"}
            environment["MASTER_PORT"] = str(Run.port)
            with self.files[rank].open("wb") as errors:
                command = ["ip", "netns", "exec", network.names[rank], horizon, "train", *options]
                self.processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=errors))

    def end(self, rank: int, seconds: float) -> int:
        return self.processes[rank].wait(seconds)

    def kill(self) -> None:
        for one in self.processes:
            one.send_signal(signal.SIGCONT)
            one.kill()
            one.wait()

    def said(self, rank: int) -> str:
        return self.files[rank].read_text(errors="replace").strip()


def rows(path: pathlib.Path) -> None:
    values = [(7 * i + (i * i) % 11) % 300 for i in range(16 * 64)]
    header = "{'descr': '<i4', 'fortran_order': False, 'shape': (64, 16), }"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(f"<{len(values)}i", *values))


def digest(folder: pathlib.Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def trial(horizon: str, work: pathlib.Path, network: Network, draw: random.Random, common: List[str], wanted: str) -> Dict[str, object]:
    ranks, what = draw.choice([2, 4]), draw.choice(["kill", "kill", "stop", "cut"])
    victim, moment = draw.randrange(ranks), draw.uniform(0.2, 3.0)
    states, out = work / "states", work / "out"
    shutil.rmtree(states, ignore_errors=True)
    shutil.rmtree(out, ignore_errors=True)
    log = work / "log.json"
    log.unlink(missing_ok=True)
    going_on = [*common, "--checkpoint-dir", str(states), "--save-every", "1", "--resume"]
    run = Run(horizon, work, network, ranks, [*going_on, "--steps", "100000", "--log-json", str(log)])
    result: Dict[str, object] = {"ranks": ranks, "what": what, "victim": victim}
    try:
        until = time.monotonic() + 60
        while not log.exists() or not log.read_text():
            assert time.monotonic() < until and all(p.poll() is None for p in run.processes), [run.said(r) for r in range(ranks)]
            time.sleep(0.02)
        time.sleep(moment)
        began = time.monotonic()
        if what == "cut":
            network.link(victim, "down")
        else:
            run.processes[victim].send_signal(signal.SIGKILL if what == "kill" else signal.SIGSTOP)
        for rank in range(ranks):
            if rank == victim:
                continue
            status = run.end(rank, SILENCE + TIMEOUT)
            said = run.said(rank).splitlines()[-1]
            assert status == 1 and f"rank {victim} {'died' if what == 'kill' else 'hangs'}" in said, (what, victim, rank, status, said)
        result["seconds"] = round(time.monotonic() - began, 2)
    finally:
        run.kill()
        network.link(victim, "up")
    steps = [int(one.name[5:]) for one in states.glob("step-*")]
    saved = max(steps, default=0)
    result["saved"] = saved
    # What was saved goes on on another number of processes; a run that had gone further is held against one that goes as far.
    end = STEPS if saved < STEPS else saved + 1
    left = draw.choice([1, 2, 4])
    rest = Run(horizon, work, network, left, [*going_on, "--steps", str(end), "--out", str(out)])
    try:
        for rank in range(left):
            # Beside other work a step that is saved takes seconds.
            assert rest.end(rank, 600) == 0, [rest.said(r) for r in range(left)]
    finally:
        rest.kill()
    if end != STEPS:
        alone = Run(horizon, work, network, 1, [*common, "--steps", str(end), "--out", str(work / "alone"), "--overwrite"])
        assert alone.end(0, 600) == 0, alone.said(0)
        wanted = digest(work / "alone")
    assert digest(out) == wanted, "another model than the unbroken run's"
    result["went on with"] = left
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("horizon")
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("trials", type=int)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    arguments = parser.parse_args()
    horizon, work, trials = arguments.horizon, arguments.work, arguments.trials
    draw = random.Random(arguments.seed)
    work.mkdir(parents=True, exist_ok=True)
    (work / "config.json").write_text(json.dumps(CONFIG))
    rows(work / "rows.npy")
    common = ["--config", str(work / "config.json"), "--data", str(work / "rows.npy"), "--device", "cpu", "--threads", "1", "--optimizer-threads"]
    common += ["1", "--reduction-groups", "4", "--batch-size", "8", "--lr", "1e-3", "--group-several-per-machine"]
    common += ["--group-silence", str(SILENCE), "--group-timeout", str(TIMEOUT)]
    network = Network(4)
    try:
        unbroken = Run(horizon, work, network, 1, [*common, "--steps", str(STEPS), "--out", str(work / "unbroken"), "--overwrite"])
        assert unbroken.end(0, 120) == 0, unbroken.said(0)
        wanted = digest(work / "unbroken")
        for number in range(trials):
            print(number, json.dumps(trial(horizon, work, network, draw, common, wanted)), flush=True)
    finally:
        network.remove()
    print(f"ok  {trials} trials")


if __name__ == "__main__":
    main()
