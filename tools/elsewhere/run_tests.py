#!/usr/bin/env python3
"""Runs tests that were built by a Ninja file of pack.py, several at a time, from the checkout's root:

    tools/elsewhere/run_tests.py LOGS [--jobs N] [--seconds N] [--slowest LIST] [--only PART...]

LOGS: a folder for what each test says. Those that have not ended after --seconds in all are stopped and told. Ends with a line of
counts; 0 where all that were asked for passed."""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import time


def link_outputs():
    """What Bazel shows a test beside the sources."""
    built = next(pathlib.Path("bazel-out").glob("k8-opt*/bin"))  # a configuration may have a suffix
    for path in built.rglob("*"):
        name = path.relative_to(built)
        if not path.is_dir() and "_objs" not in name.parts and path.suffix not in (".a", ".lo", ".d") and not name.exists():
            name.parent.mkdir(parents=True, exist_ok=True)
            name.unlink(missing_ok=True)  # a link into a checkout that lay elsewhere
            name.symlink_to(path.absolute())


class Runner:
    def __init__(self, logs, deadline):
        self.logs, self.deadline = logs, deadline
        self.root = pathlib.Path.cwd()

    def run(self, label, test, share, shares):
        began = time.monotonic()
        left = self.deadline - began
        name = label.lstrip("/").replace("/", "_").replace(":", "-")
        if shares > 1:
            label, name = f"{label} {share + 1} of {shares}", f"{name}-{share}"
        if left <= 0:
            return label, "not run", 0
        own = pathlib.Path("/tmp/tests") / name
        own.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "TEST_SRCDIR": str(self.root.parent),
            "TEST_WORKSPACE": self.root.name,
            "TEST_TMPDIR": str(own),
            "OMP_WAIT_POLICY": "passive",
            **test["environment"],
            **({"GTEST_TOTAL_SHARDS": str(shares), "GTEST_SHARD_INDEX": str(share)} if shares > 1 else {}),
        }
        environment.pop("LD_LIBRARY_PATH", None)  # programs find their own build's libraries, and no other's
        with open(self.logs / f"{name}.log", "w") as log:
            try:
                call = ["./" + test["arguments"][0], *test["arguments"][1:]]
                ended = subprocess.run(call, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=left)
                result = "passed" if ended.returncode == 0 else f"failed ({ended.returncode})"
            except subprocess.TimeoutExpired:
                result = "stopped"
            except OSError as error:
                result = f"not there ({error.filename})"
        return label, result, time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 1) * 2 // 3))
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--slowest", type=pathlib.Path, help="a file of lines LABEL [N]: tests that begin first, the cases of each shared out to N processes (1)")
    parser.add_argument("--only", nargs="+", default=[""], metavar="PART", help="of a label")
    arguments = parser.parse_args()
    arguments.logs.mkdir(parents=True, exist_ok=True)
    tests = {label: test for label, test in json.loads(pathlib.Path("tests.json").read_text()).items() if any(part in label for part in arguments.only)}
    lines = [line.split() for line in arguments.slowest.read_text().splitlines()] if arguments.slowest else []
    shares = {label: int(number[0]) if number else 1 for label, *number in lines}
    first = list(shares)
    order = sorted(tests, key=lambda label: first.index(label) if label in first else len(first))
    calls = [(label, share, shares.get(label, 1)) for label in order for share in range(shares.get(label, 1))]
    link_outputs()
    runner = Runner(arguments.logs, time.monotonic() + arguments.seconds)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(lambda call: runner.run(call[0], tests[call[0]], *call[1:]), calls))
    for label, result, seconds in sorted(results, key=lambda result: -result[2]):
        if result != "passed":
            print(f"{result}: {label} ({seconds:.0f} s)")
    (arguments.logs / "seconds.txt").write_text("".join(f"{seconds:.1f} {label} {result}\n" for label, result, seconds in results))
    counts = collections.Counter(result.split(" (")[0] for _, result, _ in results)
    print(", ".join(f"{count} {result}" for result, count in counts.items()))
    return 0 if set(counts) == {"passed"} else 1


if __name__ == "__main__":
    raise SystemExit(main())
