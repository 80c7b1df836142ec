#!/usr/bin/env python3
"""Tries a page as a new user does: runs every block of code on it, in order, in one folder.

  run_blocks.py PAGE.md FOLDER

`sh` is run by bash and `python` by env/bin/python, which the page itself makes; variables that a block exports hold in the next ones. Any failure ends it. A block of
`text` is what the commands before it print: each of its lines must be a printed line, numbers apart.
"""

import os
import pathlib
import re
import subprocess
import sys
import time


def blocks(page: str) -> "list[tuple[str, str]]":
    """Language and text of each fenced block."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    if page.count("\n```") != 2 * len(found):
        raise SystemExit("error: a block is not closed, or not at the beginning of a line")
    return found


def without_numbers(line: str) -> str:
    # A duration may be in another unit on another machine.
    return re.sub(r"[0-9][0-9,.]*( (?:ms|s|us|KiB|MiB|GiB)\b)?", "#", line).strip()


def run(language: str, text: str, folder: pathlib.Path, environment: "dict[str, str]") -> str:
    """What the block printed; `environment` becomes what it leaves."""
    left = folder / ".environment"
    if language == "sh":
        command = ["bash", "-euo", "pipefail", "-c", f"{text}\nenv -0 >{left}"]
    else:
        command = [str(folder / "env/bin/python"), "-W", "error::ResourceWarning", "-c", text]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise SystemExit(f"error: this block failed ({done.returncode}):\n{text}\n{done.stdout}")
    if language == "sh":
        environment.clear()
        environment.update(entry.split("=", 1) for entry in left.read_text().split("\0") if "=" in entry)
    return done.stdout


def main() -> None:
    if len(sys.argv) != 3:
        print(__doc__.strip(), file=sys.stderr)
        raise SystemExit(2)
    folder = pathlib.Path(sys.argv[2]).resolve()
    environment = dict(os.environ)
    printed, ran = "", 0
    for language, text in blocks(pathlib.Path(sys.argv[1]).read_text()):
        if language == "text":
            lines = [without_numbers(line) for line in printed.replace("\r", "\n").splitlines()]
            for wanted in text.splitlines():
                if not any(line == without_numbers(wanted) for line in lines):
                    raise SystemExit(f"error: nothing like this was printed:\n{wanted}\nbut this:\n{printed}")
        elif language in ("sh", "python"):
            begun = time.monotonic()
            printed = run(language, text, folder, environment)
            ran += 1
            print(f"{time.monotonic() - begun:6.1f} s  {text.strip().splitlines()[0]}")
        else:
            raise SystemExit(f"error: nobody knows how to run a block of '{language}'")
    if ran == 0:
        raise SystemExit("error: the page has no block to run")


if __name__ == "__main__":
    main()
