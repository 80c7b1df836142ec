#!/usr/bin/env python3
"""Which lines of a folder no test has run, from what gcc's --coverage leaves behind. tests/long.sh coverage builds and runs for it.

coverage.py OBJECTS DATA [FOLDER]    OBJECTS: the folder with the .gcno files; DATA: what the tests' GCOV_PREFIX was;
                                     FOLDER: of the sources, default core

GCOV in the environment names another gcov than gcov-12, for objects of another compiler (tools/elsewhere).
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, Iterable, List, Optional

GCOV = os.environ.get("GCOV", "gcov-12")
Counts = Dict[str, Dict[int, int]]  # by file and line


def below(path: Path, name: str) -> str:
    """What follows the last folder of this name in a path: tests write below a prefix, whatever the compiler's own folder was."""
    parts = path.parts
    last = len(parts) - 1 - parts[::-1].index(name)
    return "/".join(parts[last + 1 :])


def lines_of(notes: Path, data: Optional[Path]) -> List[dict]:
    """What gcov says of one object: the files of its source and headers. Without data nothing of it has run."""
    with tempfile.TemporaryDirectory() as work:
        stem = Path(work) / notes.name
        stem.symlink_to(notes)
        if data:
            stem.with_suffix(".gcda").symlink_to(data)
        out = subprocess.run([GCOV, "--json-format", "--stdout", stem.name], cwd=work, check=True, capture_output=True, text=True)
    return [file for line in out.stdout.splitlines() if line.startswith("{") for file in json.loads(line)["files"]]


def count(objects: Path, data: Path, folder: str) -> Counts:
    notes = sorted((objects / folder).rglob("*.gcno"))
    if not notes:
        sys.exit(f"error: no .gcno below {objects / folder}: it was not built with --coverage, or not by the local strategy")
    ran = {below(path, objects.name): path for path in data.rglob("*.gcda") if objects.name in path.parts}
    counts: Counts = defaultdict(lambda: defaultdict(int))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        of = lambda path: lines_of(path, ran.get(str(path.relative_to(objects).with_suffix(".gcda"))))
        for files in pool.map(of, notes):
            for file in files:
                if not file["file"].startswith(folder + "/"):
                    continue
                for line in file["lines"]:
                    counts[file["file"]][line["line_number"]] += line["count"]
    return counts


def runs_of(lines: Iterable[int]) -> str:
    """1, 2, 3 and 7 as "1-3, 7"."""
    runs: List[List[int]] = []
    for line in sorted(lines):
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def report(counts: Counts) -> Iterable[str]:
    folders: Dict[str, List[str]] = defaultdict(list)
    for file in sorted(counts):
        folders[str(Path(file).parent)].append(file)
    total = missed = 0
    for folder, files in sorted(folders.items()):
        missing = {file: [n for n, times in counts[file].items() if times == 0] for file in files}
        lines, left = sum(len(counts[file]) for file in files), sum(map(len, missing.values()))
        total, missed = total + lines, missed + left
        yield f"{folder}: {left} of {lines} lines were not run"
        yield from (f"  {Path(file).name}: {runs_of(numbers)}" for file, numbers in missing.items() if numbers)
    yield f"all: {missed} of {total} lines were not run"


def main(arguments: List[str]) -> None:
    if "-h" in arguments or "--help" in arguments:
        print(__doc__)
        return
    if len(arguments) not in (2, 3):
        sys.exit(__doc__)
    objects, data = Path(arguments[0]).resolve(), Path(arguments[1]).resolve()
    print("\n".join(report(count(objects, data, (arguments[2:] or ["core"])[0]))))


if __name__ == "__main__":
    main(sys.argv[1:])
