"""The bill of materials and the licences name every library that a wheel carries, by Debian's own account of whose it is, and nothing else.

  sbom_test.py WHEEL THIRD_PARTY_LICENSES
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import zipfile


def package_of(library: str) -> str:
    """The Debian package whose file it is."""
    found = subprocess.run(["dpkg-query", "-S", f"*/{library}"], check=True, capture_output=True, text=True).stdout
    return found.split(":")[0]


def main() -> None:
    wheel, licences = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).read_text()
    folder = pathlib.Path(os.environ["TEST_TMPDIR"]) / "dist"
    folder.mkdir()
    (folder / wheel.name).symlink_to(wheel)
    out = folder / "release.spdx.json"
    subprocess.run([sys.executable, "tools/release/sbom.py", "0.1.0", "example.org/project", folder, out], check=True)
    document = json.loads(out.read_text())
    listed = {package["name"] for package in document["packages"]}
    with zipfile.ZipFile(wheel) as archive:
        names = [pathlib.Path(name).name for name in archive.namelist() if name.startswith("horizonlm/lib/")]
    carried = [name for name in names if not name.startswith("libhorizonlm")]
    assert carried, names
    for library in carried:
        assert package_of(library) in listed, f"the bill names no {package_of(library)}, whose {library} is carried"
        assert library in licences, f"the licences name no {library}"
    # Both lists are one, but for a package whose licence is that of another of its source.
    licensed = set(re.findall(r"\(Debian package (\S+)\)", licences))
    debian = {package["name"] for package in document["packages"] if "packages.debian.org" in package["downloadLocation"]}
    assert licensed == debian - {"libnl-route-3-200"}, licensed ^ debian
    cuda = "libhorizonlm_cuda.so" in names
    for part, licence in (("nvidia-cutlass", "CUTLASS"), ("nvidia-cudnn-frontend", "cuDNN frontend"), ("libcudart_static", "libcudart_static")):
        assert (part in listed) == cuda and (not cuda or licence in licences), part
    identities = [one["SPDXID"] for one in document["packages"] + document["files"]]
    assert len(set(identities)) == len(identities)
    for relation in document["relationships"]:
        assert relation["relatedSpdxElement"] in identities, relation


if __name__ == "__main__":
    main()
