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
    ("libpcre2-dev", "BSD-3-Clause", "STATIC_LINK"),
    ("libutf8proc-dev", "MIT", "STATIC_LINK"),
    ("zlib1g-dev", "Zlib", "STATIC_LINK"),
    ("libzstd-dev", "BSD-3-Clause", "STATIC_LINK"),
    ("libxxhash-dev", "BSD-2-Clause", "STATIC_LINK"),
    ("nlohmann-json3-dev", "MIT", "STATIC_LINK"),
    ("libcli11-dev", "BSD-3-Clause", "STATIC_LINK"),
    ("libyaml-dev", "MIT", "STATIC_LINK"),
]


def main() -> None:
    if len(sys.argv) != 5:
        asked = sys.argv[1:] in (["-h"], ["--help"])
        print(__doc__.strip(), file=sys.stdout if asked else sys.stderr)
        raise SystemExit(0 if asked else 2)
    version, home, dist, out = sys.argv[1:]
    own = {"name": "horizonlm", "SPDXID": "SPDXRef-horizonlm", "versionInfo": version, "downloadLocation": f"git+https://{home}.git",
           "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "filesAnalyzed": False, "copyrightText": "NOASSERTION"}  # fmt: skip
    packages, relationships = [own], [_related("SPDXRef-DOCUMENT", "DESCRIBES", own["SPDXID"])]
    for package, licence, how in PARTS:
        found = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], check=True, capture_output=True, text=True).stdout
        packages.append({"name": package, "SPDXID": f"SPDXRef-{package}", "versionInfo": found, "downloadLocation": f"https://packages.debian.org/{package}",
                         "licenseConcluded": licence, "licenseDeclared": licence, "filesAnalyzed": False, "copyrightText": "NOASSERTION"})  # fmt: skip
        relationships.append(_related(own["SPDXID"], how, f"SPDXRef-{package}"))
    files = []
    for path in sorted(p for p in pathlib.Path(dist).rglob("*") if p.is_file() and p.resolve() != pathlib.Path(out).resolve()):
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
    }
    pathlib.Path(out).write_text(json.dumps(document, indent=1) + "\n")


def _related(one: str, how: str, other: str) -> "dict[str, str]":
    return {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}


if __name__ == "__main__":
    main()
