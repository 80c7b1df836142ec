"""Packs the wheel: the package, the native module and the libraries that it needs. The same inputs give the same bytes."""

import argparse
import base64
import hashlib
import pathlib
import re
import tarfile
import zipfile

_METADATA = """Metadata-Version: 2.1
Name: horizonlm
Version: {version}
Summary: Trains large language models from host memory
License: Apache-2.0
Requires-Python: >=3.9
Provides-Extra: numpy
Requires-Dist: numpy; extra == 'numpy'
Provides-Extra: progress
Requires-Dist: tqdm; extra == 'progress'
Description-Content-Type: text/markdown

{readme}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("header", "version", "license", "readme", "module", "libraries", "out"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("package", nargs="+", help="files below .../horizonlm/")
    args = parser.parse_args()

    found = re.search(r'#define HLM_VERSION "([^"]*)"', pathlib.Path(args.header).read_text())
    if found is None or found.group(1) != args.version:
        raise SystemExit(f"error: {args.header} is of version {found and found.group(1)}, bindings/version.bzl says {args.version}")

    out = pathlib.Path(args.out)
    info = f"horizonlm-{args.version}.dist-info"
    tag = "-".join(out.stem.split("-")[2:])
    files = {}
    for path in args.package:
        if "__pycache__" not in path:
            files["horizonlm/" + path.rsplit("/horizonlm/", 1)[1]] = pathlib.Path(path).read_bytes()
    files["horizonlm/_native.abi3.so"] = pathlib.Path(args.module).read_bytes()
    with tarfile.open(args.libraries) as libraries:
        for member in libraries.getmembers():
            if member.isfile():
                files["horizonlm/lib/" + pathlib.PurePath(member.name).name] = libraries.extractfile(member).read()
    files[f"{info}/METADATA"] = _METADATA.format(version=args.version, readme=pathlib.Path(args.readme).read_text()).encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: horizonlm\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    files[f"{info}/LICENSE"] = pathlib.Path(args.license).read_bytes()

    record = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as wheel:
        for name, data in sorted(files.items()):
            _add(wheel, name, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(data)}")
        record.append(f"{info}/RECORD,,")
        _add(wheel, f"{info}/RECORD", ("\n".join(record) + "\n").encode())


def _add(wheel: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = (0o755 if name.endswith(".so") or ".so." in name else 0o644) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    wheel.writestr(entry, data)


if __name__ == "__main__":
    main()
