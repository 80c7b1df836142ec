#!/usr/bin/env python3
"""Writes an SPDX 2.3 bill of materials of a release: its files with their checksums, and the works of others that they carry or have inside.

  sbom.py VERSION HOME DIST OUT
"""

import hashlib
import json
import pathlib
import re
import subprocess
import sys
import zipfile

# Debian package, SPDX licence; as bindings/carry/licenses.sh has them.
PARTS = [
    ("libdnnl2", "Apache-2.0", "DYNAMIC_LINK"),
    ("libhwy1", "Apache-2.0", "DYNAMIC_LINK"),
    ("libgomp1", "GPL-3.0-or-later WITH GCC-exception-3.1", "DYNAMIC_LINK"),
    ("ocl-icd-libopencl1", "BSD-2-Clause", "DYNAMIC_LINK"),
    ("libgloo0", "BSD-3-Clause", "DYNAMIC_LINK"),
    ("libhiredis0.14", "BSD-3-Clause", "DYNAMIC_LINK"),
    ("libibverbs1", "GPL-2.0-only OR Linux-OpenIB", "DYNAMIC_LINK"),
    ("libnl-3-200", "LGPL-2.1-only", "DYNAMIC_LINK"),
    ("libnl-route-3-200", "LGPL-2.1-only", "DYNAMIC_LINK"),
    ("libpcre2-dev", "BSD-3-Clause", "STATIC_LINK"),
    ("libutf8proc-dev", "MIT", "STATIC_LINK"),
    ("zlib1g-dev", "Zlib", "STATIC_LINK"),
    ("libzstd-dev", "BSD-3-Clause", "STATIC_LINK"),
    ("libxxhash-dev", "BSD-2-Clause", "STATIC_LINK"),
    ("nlohmann-json3-dev", "MIT", "STATIC_LINK"),
    ("libcli11-dev", "BSD-3-Clause", "STATIC_LINK"),
    ("libyaml-dev", "MIT", "STATIC_LINK"),
]
# What the CUDA device has inside, from PyPI in the versions of third_party, and from the toolkit.
CUDA_PARTS = [
    ("nvidia-cudnn-frontend", "MIT", "cudnn_frontend.txt"),
    ("nvidia-cutlass", "BSD-3-Clause", "cutlass.txt"),
    ("libcudart_static", "LicenseRef-NVIDIA-CUDA", None),
]
THIRD_PARTY = pathlib.Path(__file__).resolve().parents[2] / "third_party"


def main() -> None:
    if len(sys.argv) != 5:
        asked = sys.argv[1:] in (["-h"], ["--help"])
        print(__doc__.strip(), file=sys.stdout if asked else sys.stderr)
        raise SystemExit(0 if asked else 2)
    version, home, dist, out = sys.argv[1:]
    own = {"name": "horizonlm", "SPDXID": "SPDXRef-horizonlm", "versionInfo": version, "downloadLocation": f"git+https://{home}.git",
           "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "filesAnalyzed": False, "copyrightText": "NOASSERTION"}  # fmt: skip
    packages, relationships = [own], [_related("SPDXRef-DOCUMENT", "DESCRIBES", own["SPDXID"])]

    def add(package: str, found: str, licence: str, how: str, location: str) -> None:
        identity = "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", package)
        packages.append({"name": package, "SPDXID": identity, "versionInfo": found, "downloadLocation": location, "licenseConcluded": licence,
                         "licenseDeclared": licence, "filesAnalyzed": False, "copyrightText": "NOASSERTION"})  # fmt: skip
        relationships.append(_related(own["SPDXID"], how, identity))

    for package, licence, how in PARTS:
        found = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], check=True, capture_output=True, text=True).stdout
        add(package, found, licence, how, f"https://packages.debian.org/{package}")
    for package, licence, pinned in CUDA_PARTS if with_cuda(pathlib.Path(dist)) else []:
        add(package, _pinned(THIRD_PARTY / pinned) if pinned else "13", licence, "STATIC_LINK", f"https://pypi.org/project/{package}/" if pinned else "NOASSERTION")
    files = []
    # The sums are made last.
    others = {pathlib.Path(out).resolve(), pathlib.Path(dist).resolve() / "SHA256SUMS"}
    for path in sorted(p for p in pathlib.Path(dist).rglob("*") if p.is_file() and p.resolve() not in others):
        name = str(path.relative_to(dist))
        identity = "SPDXRef-File-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)
        sums = [{"algorithm": kind.upper(), "checksumValue": hashlib.new(kind, path.read_bytes()).hexdigest()} for kind in ("sha1", "sha256")]
        files.append({"fileName": f"./{name}", "SPDXID": identity, "checksums": sums, "licenseConcluded": "Apache-2.0", "copyrightText": "NOASSERTION"})
        relationships.append(_related(own["SPDXID"], "CONTAINS", identity))
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"horizonlm-{version}",
        "documentNamespace": f"https://{home}/spdx/{version}/" + hashlib.sha256(json.dumps(files).encode()).hexdigest(),
        "creationInfo": {"created": "1980-01-01T00:00:00Z", "creators": ["Tool: tools/release.sh"]},
        "packages": packages,
        "files": files,
        "relationships": relationships,
        "hasExtractedLicensingInfos": [
            {"licenseId": "LicenseRef-NVIDIA-CUDA", "extractedText": "NVIDIA Software License Agreement and CUDA Supplement, https://docs.nvidia.com/cuda/eula/"}
        ],
    }
    pathlib.Path(out).write_text(json.dumps(document, indent=1) + "\n")


def with_cuda(dist: pathlib.Path) -> bool:
    """Whether a release has the CUDA device, as its wheel does."""
    for wheel in dist.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            if "horizonlm/lib/libhorizonlm_cuda.so" in archive.namelist():
                return True
    return False


def _pinned(path: pathlib.Path) -> str:
    """The version that a file of requirements pins."""
    found = re.search(r"^[^#\s]*==(\S+)", path.read_text(), re.MULTILINE)
    if found is None:
        raise SystemExit(f"error: {path}: pins no version")
    return found[1]


def _related(one: str, how: str, other: str) -> "dict[str, str]":
    return {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}


if __name__ == "__main__":
    main()
