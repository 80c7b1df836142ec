"""Makes the repository of the Go module: the module, and beside it in lib/linux-amd64 one that carries the library and what SWIG made. With
--proxy also the files that a module proxy serves of both, the same bytes for the same inputs.

Sources name the module by the placeholder "horizonlm"; here it gets its path.
"""

import argparse
import json
import pathlib
import re
import shutil
import tarfile
import zipfile

PLATFORM = "lib/linux-amd64"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("path", "version", "header", "license", "third-party", "wrapper", "generated", "out", "proxy"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--libraries", action="append", required=True, help="an archive of libraries")
    parser.add_argument("--native", action="append", required=True, help="a file that what SWIG made includes")
    parser.add_argument("sources", nargs="+")
    args = parser.parse_args()

    found = re.search(r'#define HLM_VERSION "([^"]*)"', pathlib.Path(args.header).read_text())
    if found is None or found.group(1) != args.version:
        raise SystemExit(f"error: {args.header} is of version {found and found.group(1)}, bindings/version.bzl says {args.version}")

    root = pathlib.Path(args.out)
    native = root / PLATFORM
    native.mkdir(parents=True, exist_ok=True)
    for source in map(pathlib.Path, args.sources):
        (root / source.name).write_text(_with_path(source.read_text(), args.path))
    shutil.copyfile(args.license, root / "LICENSE")
    (root / "go.mod").write_text(f"module {args.path}\n\ngo 1.19\n\nrequire {args.path}/{PLATFORM} v{args.version}\n")

    for path in args.native + [args.header]:
        shutil.copyfile(path, native / pathlib.PurePath(path).name)
    shutil.copyfile(args.wrapper, native / "native_wrap.cxx")
    with tarfile.open(args.generated) as generated:
        generated.extractall(native)
    # By its name it is of this platform only: elsewhere Go says that there are no files for it.
    (native / "native_linux_amd64.go").write_text(_vetted((native / "native.go").read_text()))
    (native / "native.go").unlink()
    for archive in args.libraries:
        with tarfile.open(archive) as libraries:
            for member in libraries.getmembers():
                if member.isfile():
                    (native / pathlib.PurePath(member.name).name).write_bytes(libraries.extractfile(member).read())
    shutil.copyfile(args.license, native / "LICENSE")
    shutil.copyfile(args.third_party, native / "THIRD_PARTY_LICENSES")
    (native / "go.mod").write_text(f"module {args.path}/{PLATFORM}\n\ngo 1.19\n")
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)

    proxy = pathlib.Path(args.proxy)
    own = [path for path in sorted(root.rglob("*")) if path.is_file() and native not in path.parents]
    _serve(proxy, args.path, args.version, root, own)
    _serve(proxy, f"{args.path}/{PLATFORM}", args.version, native, [path for path in sorted(native.rglob("*")) if path.is_file()])


def _with_path(text: str, path: str) -> str:
    text = text.replace('"horizonlm/internal/native"', f'native "{path}/{PLATFORM}"')
    return re.sub(r'(?m)^(\s*)"horizonlm"$', rf'\1"{path}"', text)


def _vetted(text: str) -> str:
    """SWIG keeps the address of a text as a number and makes a pointer of it, which `go vet` takes for a mistake: it is kept as a pointer."""
    for old, new in (
        ("type swig_gostring struct { p uintptr; n int }", "type swig_gostring struct { p unsafe.Pointer; n int }"),
        ("(unsafe.Pointer(p.p))", "(p.p)"),
        ("Swig_free(p.p)", "Swig_free(uintptr(p.p))"),
    ):
        if text.count(old) != 1:
            raise SystemExit(f"error: what SWIG made has {old!r} {text.count(old)} times; once is known")
        text = text.replace(old, new)
    return text


def _serve(proxy: pathlib.Path, path: str, version: str, root: pathlib.Path, files: "list[pathlib.Path]") -> None:
    """The files of the module proxy protocol for one version."""
    if path != path.lower():
        raise SystemExit(f"error: {path}: capitals in a module's path are written in another way by proxies")
    folder = proxy / path / "@v"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "list").write_text(f"v{version}\n")
    (folder / f"v{version}.info").write_text(json.dumps({"Version": f"v{version}", "Time": "1980-01-01T00:00:00Z"}) + "\n")
    shutil.copyfile(root / "go.mod", folder / f"v{version}.mod")
    with zipfile.ZipFile(folder / f"v{version}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in files:
            entry = zipfile.ZipInfo(f"{path}@v{version}/{file.relative_to(root)}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())


if __name__ == "__main__":
    main()
