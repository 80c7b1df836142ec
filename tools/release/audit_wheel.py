#!/usr/bin/env python3
"""Holds a wheel against the platform that its name promises, by auditwheel (from PyPI).

  audit_wheel.py WHEEL

cuBLASLt, which the CUDA device names, is left out: the extra cuda13 brings it, and without a driver the device is not loaded.
"""

import pathlib
import sys

def main() -> None:
    if len(sys.argv) != 2:
        asked = sys.argv[1:] in (["-h"], ["--help"])
        print(__doc__.strip(), file=sys.stdout if asked else sys.stderr)
        raise SystemExit(0 if asked else 2)
    from auditwheel.wheel_abi import analyze_wheel_abi

    wheel = pathlib.Path(sys.argv[1])
    promised = wheel.stem.split("-")[-1]
    found = analyze_wheel_abi(None, None, wheel, frozenset(["libcublasLt.so.13"]), disable_isa_ext_check=False, allow_graft=False)
    print(f"{wheel.name}: auditwheel finds {found.overall_policy.name}")
    if found.overall_policy.name != promised:
        raise SystemExit(f"error: the name says {promised}")


if __name__ == "__main__":
    main()
