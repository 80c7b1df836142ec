"""Packs the wheel: the package, the native module, the libraries that it needs, and the `horizon` command. The same inputs give the same bytes."""

import argparse
import base64
import hashlib
import pathlib
import re
import subprocess
import tarfile
import tempfile
import zipfile

_METADATA = """Metadata-Version: 2.1
Name: horizonlm
Version: {version}
Summary: Trains large language models from host memory
License: Apache-2.0
License-File: LICENSE
License-File: THIRD_PARTY_LICENSES
Keywords: llm,training,fine-tuning,cpu-offloading
Classifier: Development Status :: 4 - Beta
Classifier: Intended Audience :: Developers
Classifier: Intended Audience :: Science/Research
Classifier: License :: OSI Approved :: Apache Software License
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: C++
Classifier: Programming Language :: Python :: 3
Classifier: Programming Language :: Python :: 3 :: Only
Classifier: Programming Language :: Python :: Implementation :: CPython
Classifier: Topic :: Scientific/Engineering :: Artificial Intelligence
Classifier: Typing :: Typed
Requires-Python: >=3.9
Provides-Extra: numpy
Requires-Dist: numpy; extra == 'numpy'
Provides-Extra: arrow
Requires-Dist: pyarrow>=8; extra == 'arrow'
Provides-Extra: progress
Requires-Dist: tqdm; extra == 'progress'
Provides-Extra: cuda13
Requires-Dist: nvidia-cublas>=13.0,<14; extra == 'cuda13'
Requires-Dist: nvidia-cudnn-cu13>=9.12,<10; extra == 'cuda13'
Requires-Dist: nvidia-cuda-nvrtc>=13.0,<14; extra == 'cuda13'
Requires-Dist: nvidia-nccl-cu13>=2.27,<3; extra == 'cuda13'
Description-Content-Type: text/markdown

{readme}"""


def metadata(version: str, readme: str) -> str:
    """What an index is told of the package."""
    return _METADATA.format(version=version, readme=readme)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("header", "version", "license", "third-party", "readme", "module", "command", "out"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--libraries", action="append", required=True, help="an archive of libraries")
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
    files["horizonlm/_native.abi3.so"] = _stripped(args.module)
    files["horizonlm/bin/horizon"] = pathlib.Path(args.command).read_bytes()
    for archive in args.libraries:
        with tarfile.open(archive) as libraries:
            for member in libraries.getmembers():
                if member.isfile():
                    files["horizonlm/lib/" + pathlib.PurePath(member.name).name] = libraries.extractfile(member).read()
    for name, data in files.items():
        if data.startswith(b"\x7fELF"):
            _check_glibc(name, data, tag)
    files[f"{info}/METADATA"] = metadata(args.version, pathlib.Path(args.readme).read_text()).encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: horizonlm\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    files[f"{info}/LICENSE"] = pathlib.Path(args.license).read_bytes()
    files[f"{info}/THIRD_PARTY_LICENSES"] = pathlib.Path(args.third_party).read_bytes()
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\nhorizon = horizonlm._command:main\n"

    record = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as wheel:
        for name, data in sorted(files.items()):
            _add(wheel, name, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(data)}")
        record.append(f"{info}/RECORD,,")
        _add(wheel, f"{info}/RECORD", ("\n".join(record) + "\n").encode())


def _stripped(path: str) -> bytes:
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["strip", "--strip-unneeded", "-o", out.name, path], check=True)
        return pathlib.Path(out.name).read_bytes()


def _check_glibc(name: str, data: bytes, tag: str) -> None:
    """Refuses a file that needs a later glibc than the wheel's name promises."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        symbols = subprocess.run(["objdump", "-T", file.name], check=True, capture_output=True, text=True).stdout
    needed = max((tuple(map(int, v.split("."))) for v in re.findall(r"GLIBC_([0-9]+\.[0-9]+)", symbols)), default=(0, 0))
    promised = tuple(map(int, re.search(r"manylinux_([0-9]+)_([0-9]+)_", tag).groups()))
    if needed > promised:
        raise SystemExit(f"error: {name} needs glibc {needed[0]}.{needed[1]}; the wheel's name says {promised[0]}.{promised[1]}")


def _add(wheel: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = (0o100755 if data.startswith(b"\x7fELF") else 0o100644) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    wheel.writestr(entry, data)


if __name__ == "__main__":
    main()
