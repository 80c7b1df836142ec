#!/usr/bin/env python3
"""Lays an OCI image out as a container engine does: its layers one over the other, each held against its digest and its size.

  lay_out.py [--own] IMAGE.tar FOLDER      prints the image's configuration; --own: all files are of who runs this, who need not be root then
"""

import gzip
import hashlib
import json
import subprocess
import sys
import tarfile


def main() -> None:
    places = [argument for argument in sys.argv[1:] if argument != "--own"]
    if len(places) != 2:
        asked = places in (["-h"], ["--help"])
        print(__doc__.strip(), file=sys.stdout if asked else sys.stderr)
        raise SystemExit(0 if asked else 2)
    image, folder = places
    owners = "--no-same-owner" if "--own" in sys.argv else "--numeric-owner"
    archive = tarfile.open(image)

    def read(name: str) -> bytes:
        return archive.extractfile(name).read()

    def blob(about: dict) -> bytes:
        kind, digest = about["digest"].split(":")
        data = read(f"blobs/{kind}/{digest}")
        if hashlib.sha256(data).hexdigest() != digest or len(data) != about["size"]:
            raise SystemExit(f"error: {about['digest']} has {len(data)} bytes of another digest, or not {about['size']}")
        return data

    if json.loads(read("oci-layout"))["imageLayoutVersion"] != "1.0.0":
        raise SystemExit("error: the layout is of another version")
    manifest = json.loads(blob(json.loads(read("index.json"))["manifests"][0]))
    config = json.loads(blob(manifest["config"]))
    if len(config["rootfs"]["diff_ids"]) != len(manifest["layers"]):
        raise SystemExit(f"error: {len(manifest['layers'])} layers, {len(config['rootfs']['diff_ids'])} digests of them")
    for layer, whole in zip(manifest["layers"], config["rootfs"]["diff_ids"]):
        data = gzip.decompress(blob(layer))
        if whole != "sha256:" + hashlib.sha256(data).hexdigest():
            raise SystemExit(f"error: the layer {layer['digest']} is not {whole} without its compression")
        subprocess.run(["tar", "xpf", "-", owners, "-C", folder], input=data, check=True)
    print(json.dumps(config["config"], indent=1))


if __name__ == "__main__":
    main()
