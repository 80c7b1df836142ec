"""What JSON has no word for, as its nearest plain value."""

import os
from typing import Any


def plain(value: Any) -> Any:
    """NumPy's numbers and arrays, times, and paths, as JSON has them: for json.dumps(default=plain)."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"holds a {type(value).__name__}, which is no JSON")
