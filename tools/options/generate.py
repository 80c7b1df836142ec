#!/usr/bin/env python3
"""Writes what the languages, the command and the documents have of the options structs in c_api/horizon_lm.h.

generate.py [--check] [ROOT]    --check changes nothing: it names the files that are not as they would be written, and fails
"""

import sys
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parent))

import csharp  # noqa: E402
import flags  # noqa: E402
import go  # noqa: E402
import java  # noqa: E402
import python  # noqa: E402
import tables  # noqa: E402
from header import read_options  # noqa: E402

HEADER = "c_api/horizon_lm.h"


def generated(header: str) -> Dict[str, str]:
    """All files, by their paths from the root, for a header's text."""
    structs = read_options(header)
    files: Dict[str, str] = {}
    for writer in (java, go, python, csharp, flags, tables):
        files.update(writer.write(structs))
    return files


def main(arguments: List[str]) -> int:
    if arguments in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    check = "--check" in arguments
    places = [argument for argument in arguments if argument != "--check"]
    if len(places) > 1 or any(place.startswith("-") for place in places):
        print(__doc__, file=sys.stderr)
        return 2
    root = Path(places[0]) if places else Path(__file__).resolve().parents[2]
    stale = []
    for path, text in generated((root / HEADER).read_text()).items():
        file = root / path
        if file.exists() and file.read_text() == text:
            continue
        stale.append(path)
        if not check:
            file.write_text(text)
    for path in stale:
        print(f"{path} is not what {HEADER} says: run tools/options/generate.py" if check else f"wrote {path}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
