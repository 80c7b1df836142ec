#!/usr/bin/env python3
"""Makes an OCI image of the `horizon` command without a container engine: a layer of a base system, and one of the release's archive. The same as the
Dockerfile makes, and the same bytes for the same inputs.

  oci.py BASE_ROOT ARCHIVE.tar.gz VERSION OUT.tar      BASE_ROOT: a folder with a Debian 12, as debootstrap makes it

OUT is an archive of the OCI image layout: `podman load -i OUT`, `docker load -i OUT` from Docker 25 on, or `skopeo copy oci-archive:OUT ...`.
"""

import gzip
import hashlib
import io
import json
import os
import pathlib
import stat
import sys
import tarfile
from typing import Any, Callable, Dict, List, Tuple

USER = 1000
EPOCH = "1980-01-01T00:00:00Z"
# What a running system fills, and what can be fetched again.
LEFT_OUT = ("proc/", "sys/", "dev/", "run/", "tmp/", "var/cache/apt/", "var/lib/apt/lists/", "var/log/")
MEDIA = "application/vnd.oci.image."


def main() -> None:
    if len(sys.argv) != 5:
        asked = sys.argv[1:] in (["-h"], ["--help"])
        print(__doc__.strip(), file=sys.stdout if asked else sys.stderr)
        raise SystemExit(0 if asked else 2)
    base, archive, version, out = sys.argv[1:]
    layers = [layer(lambda tar: add_base(tar, pathlib.Path(base))), layer(lambda tar: add_horizon(tar, archive))]
    config = {
        "created": EPOCH,
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": str(USER),
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/work"],
            "Entrypoint": ["horizon"],
            "Cmd": ["--help"],
            "WorkingDir": "/work",
            "Labels": {"org.opencontainers.image.title": "Horizon-LM", "org.opencontainers.image.version": version, "org.opencontainers.image.licenses": "Apache-2.0"},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{whole}" for _, whole in layers]},
        "history": [{"created": EPOCH, "created_by": "debootstrap bookworm"}, {"created": EPOCH, "created_by": os.path.basename(archive)}],
    }
    write(out, layers, config, version)


def layer(fill: Callable[[tarfile.TarFile], None]) -> Tuple[bytes, str]:
    """A layer, compressed, and the digest of what it is uncompressed."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        fill(tar)
    return gzip.compress(raw.getvalue(), compresslevel=6, mtime=0), hashlib.sha256(raw.getvalue()).hexdigest()


def add(tar: tarfile.TarFile, name: str, mode: int, data: "bytes | None" = None, target: str = "", kind: bytes = tarfile.REGTYPE, owner: int = 0) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.type, entry.linkname, entry.uid, entry.gid = mode, kind, target, owner, owner
    entry.size = len(data) if data is not None else 0
    tar.addfile(entry, io.BytesIO(data) if data is not None else None)


def add_base(tar: tarfile.TarFile, base: pathlib.Path) -> None:
    """The files of a root folder, in order, with their owners."""
    for folder, names, files in os.walk(base):
        names.sort()
        for name in sorted(names + files):
            path = pathlib.Path(folder) / name
            place = str(path.relative_to(base))
            if place == "etc/passwd" or any(place.startswith(out) for out in LEFT_OUT):
                continue
            about = path.lstat()
            mode, owner = stat.S_IMODE(about.st_mode), about.st_uid
            if path.is_symlink():
                add(tar, place, 0o777, target=os.readlink(path), kind=tarfile.SYMTYPE, owner=owner)
            elif path.is_dir():
                add(tar, place, mode, kind=tarfile.DIRTYPE, owner=owner)
            elif path.is_file():
                add(tar, place, mode, path.read_bytes(), owner=owner)
    # Who runs in it.
    passwd = (base / "etc/passwd").read_text() + f"user:x:{USER}:{USER}::/work:/bin/sh\n"
    add(tar, "etc/passwd", 0o644, passwd.encode())


def add_horizon(tar: tarfile.TarFile, archive: str) -> None:
    """The release's archive below /opt, and its command on the path."""
    add(tar, "opt", 0o755, kind=tarfile.DIRTYPE)
    command = ""
    with tarfile.open(archive) as release:
        for entry in release.getmembers():
            if entry.name.endswith("/bin/horizon"):
                command = f"/opt/{entry.name}"
            entry.name = f"opt/{entry.name}"
            if entry.islnk():
                entry.linkname = f"opt/{entry.linkname}"
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = ""
            tar.addfile(entry, release.extractfile(entry) if entry.isreg() else None)
    if not command:
        raise SystemExit(f"error: {archive} has no bin/horizon")
    add(tar, "usr/local/bin/horizon", 0o777, target=command, kind=tarfile.SYMTYPE)
    add(tar, "work", 0o755, kind=tarfile.DIRTYPE, owner=USER)


def write(out: str, layers: List[Tuple[bytes, str]], config: Dict[str, Any], version: str) -> None:
    """The image layout, as an archive."""
    blobs: Dict[str, bytes] = {}

    def put(kind: str, data: bytes) -> Dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": MEDIA + kind, "digest": f"sha256:{digest}", "size": len(data)}

    def text(value: Any) -> bytes:
        return json.dumps(value, indent=1).encode()

    manifest = {
        "schemaVersion": 2,
        "mediaType": MEDIA + "manifest.v1+json",
        "config": put("config.v1+json", text(config)),
        "layers": [put("layer.v1.tar+gzip", packed) for packed, _ in layers],
    }
    about = put("manifest.v1+json", text(manifest))
    about["platform"] = {"architecture": "amd64", "os": "linux"}
    about["annotations"] = {"org.opencontainers.image.ref.name": version, "io.containerd.image.name": f"horizonlm:{version}"}
    index = {"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json", "manifests": [about]}
    with tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as tar:
        add(tar, "oci-layout", 0o644, text({"imageLayoutVersion": "1.0.0"}))
        add(tar, "index.json", 0o644, text(index))
        add(tar, "blobs", 0o755, kind=tarfile.DIRTYPE)
        add(tar, "blobs/sha256", 0o755, kind=tarfile.DIRTYPE)
        for digest, data in sorted(blobs.items()):
            add(tar, f"blobs/sha256/{digest}", 0o644, data)


if __name__ == "__main__":
    main()
