"""The `horizon` command, which the wheel carries: `horizon ...`, or `python -m horizonlm ...`."""

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Becomes the command, with this process's arguments."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "horizon")
    os.execv(path, ["horizon", *sys.argv[1:]])
