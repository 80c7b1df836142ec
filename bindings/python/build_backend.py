"""What pip runs to build the package from source, in a checkout or in the archive of one (PEP 517): it has Bazel make the wheel, or says in a sentence
why it does not.

  python3 bindings/python/build_backend.py FOLDER      makes the source archive of a checkout
"""

import gzip
import io
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHEELS = "pip takes the wheel on Linux on x86-64 with glibc 2.35 or later and CPython 3.9 or later"


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    """The wheel's name; it lies in wheel_directory then."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise SystemExit(f"error: horizonlm is for Linux on x86-64, and this is {sys.platform} on {platform.machine()}. {WHEELS}")
    missing = [name for name in ("bazel", "g++", "swig", "patchelf") if shutil.which(name) is None]
    if missing:
        raise SystemExit(
            f"error: horizonlm is built from source with Bazel on Debian 12, and {', '.join(missing)} is not here. {WHEELS}; to build, run tools/setup.sh of the source first"
        )
    built = subprocess.run(["bazel", "build", "-c", "opt", "//bindings/python:wheel"], cwd=ROOT)
    if built.returncode != 0:
        raise SystemExit("error: Bazel did not build //bindings/python:wheel; what it says stands above")
    (wheel,) = ROOT.glob("bazel-bin/bindings/python/horizonlm-*.whl")
    shutil.copyfile(wheel, pathlib.Path(wheel_directory) / wheel.name)
    return wheel.name


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    """The name of the source archive: the files that git knows but for the tests, and what an index wants to know of them. The same files give the same bytes."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True) if (ROOT / ".git").exists() else None
    if listed is None or listed.returncode != 0:
        raise SystemExit("error: the source archive is made of a checkout by git, and this is none")
    version = re.search(r'^HORIZON_LM_VERSION = "(.*)"$', (ROOT / "bindings/version.bzl").read_text(), re.M).group(1)
    name = f"horizonlm-{version}"
    files = {path: (ROOT / path).read_bytes() for path in listed.stdout.split("\0") if path and not path.startswith(("tests/", ".ci/")) and (ROOT / path).is_file()}
    files["PKG-INFO"] = _metadata(version)
    out = pathlib.Path(sdist_directory) / f"{name}.tar.gz"
    with open(out, "wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path, data in sorted(files.items()):
                entry = tarfile.TarInfo(f"{name}/{path}")
                entry.size = len(data)
                entry.mode = 0o755 if data.startswith(b"#!") else 0o644
                archive.addfile(entry, io.BytesIO(data))
    return out.name


def _metadata(version: str) -> bytes:
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    import make_wheel

    return make_wheel.metadata(version, (ROOT / "bindings/python/README.md").read_text()).encode()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print((__doc__ or "").strip(), file=sys.stderr)
        raise SystemExit(2)
    print(build_sdist(sys.argv[1]))
