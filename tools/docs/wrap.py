#!/usr/bin/env python3
"""Lines of the documents are 110 characters or less.

wrap.py [--check] FILE...    wraps the paragraphs and list items that have longer lines; --check only names the lines, and fails

Tables, code, headings and single words are left as they are: they cannot be wrapped.
"""

import re
import sys
from pathlib import Path
from typing import List, Optional

WIDTH = 110

_FENCE = re.compile(r" *(```|~~~)")
_ITEM = re.compile(r"(?P<lead> *(?:[-*+]|\d+[.)]) +)\S")
_VERBATIM = re.compile(r" *[|#<]|\s*$")
# What would begin something else at the start of a line.
_BEGINS = re.compile(r"([-*+>|]|\d+[.)]|#+|=+|-+)$|[<|#>]")


def _words(text: str) -> List[str]:
    """Words between which a line may be broken: not inside of code."""
    return re.findall(r"(?:`[^`]*`|[^\s`]|`)+", text)


def _fill(first: str, rest: str, text: str) -> List[str]:
    lines, line = [], first
    empty = True
    for word in _words(text):
        if not empty and len(line) + 1 + len(word) > WIDTH and not _BEGINS.match(word):
            lines.append(line)
            line, empty = rest, True
        line += ("" if empty else " ") + word
        empty = False
    return lines + [line]


def wrap(text: str) -> str:
    """The text of a document with its long paragraphs wrapped."""
    out: List[str] = []
    block: List[str] = []  # a paragraph or a list item
    fence: Optional[str] = None

    def end() -> None:
        if block and any(len(line) > WIDTH for line in block):
            item = _ITEM.match(block[0])
            first = item.group("lead") if item else re.match(r" *", block[0]).group()
            rest = " " * len(first)
            body = " ".join([block[0][len(first) :].strip()] + [line.strip() for line in block[1:]])
            out.extend(_fill(first, rest, body))
        else:
            out.extend(block)
        block.clear()

    for line in text.split("\n"):
        marker = _FENCE.match(line)
        if fence is not None or marker:
            end()
            out.append(line)
            if marker:
                fence = None if fence == marker.group(1) else fence or marker.group(1)
        elif _VERBATIM.match(line) or line.startswith(("    ", ">")) and not block:
            end()
            out.append(line)
        elif _ITEM.match(line) or (block and block[-1].endswith("  ")):
            end()
            block.append(line)
        else:
            block.append(line)
    end()
    return "\n".join(out)


def long_lines(text: str) -> List[int]:
    """Numbers of the lines that are too long and could be wrapped."""
    wrapped = wrap(text)
    return [] if wrapped == text else [n for n, line in enumerate(text.split("\n"), 1) if len(line) > WIDTH and line not in wrapped.split("\n")]


def main(arguments: List[str]) -> int:
    if arguments in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    check = "--check" in arguments
    files = [Path(argument) for argument in arguments if argument != "--check"]
    if not files:
        print(__doc__, file=sys.stderr)
        return 2
    code = 0
    for file in files:
        text = file.read_text()
        if check:
            for number in long_lines(text):
                print(f"{file}:{number}: longer than {WIDTH} characters: run tools/docs/wrap.py {file}")
                code = 1
        elif wrap(text) != text:
            file.write_text(wrap(text))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
