"""Compiles the C# layer and packs it with the native libraries as a NuGet package. The same inputs give the same members, but for the assembly's own
identity, which the compiler draws.

The assembly refers to mscorlib and System.Core 4.0, which the .NET Framework and mono have and every later .NET forwards.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import zipfile

# What says to an archive of the Open Packaging Conventions which kinds of files it has, and which of them describes it.
_CONTENT_TYPES = """<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml" />
  <Default Extension="nuspec" ContentType="application/octet" />
{kinds}</Types>
"""
_RELATIONS = """<?xml version="1.0" encoding="utf-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
  <Relationship Type="http://schemas.microsoft.com/packaging/2010/07/manifest" Target="/HorizonLM.nuspec" Id="manifest" />
</Relationships>
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("header", "version", "home", "nuspec", "readme", "license", "third-party", "glue", "generated", "out"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--libraries", action="append", required=True, help="an archive of libraries")
    parser.add_argument("sources", nargs="+")
    args = parser.parse_args()

    found = re.search(r'#define HLM_VERSION "([^"]*)"', pathlib.Path(args.header).read_text())
    if found is None or found.group(1) != args.version:
        raise SystemExit(f"error: {args.header} is of version {found and found.group(1)}, bindings/version.bzl says {args.version}")
    if shutil.which("mcs") is None:
        raise SystemExit("error: mcs, mono's C# compiler, is not there; tools/setup.sh installs it")

    with tempfile.TemporaryDirectory() as work:
        files = _files(args, pathlib.Path(work))
    kinds = {pathlib.PurePath(name).suffix.lstrip(".") for name in files} - {"", "rels", "nuspec"}
    types = "".join(f'  <Default Extension="{kind}" ContentType="application/octet" />\n' for kind in sorted(kinds))
    types += "".join(f'  <Override PartName="/{name}" ContentType="application/octet" />\n' for name in sorted(files) if "." not in pathlib.PurePath(name).name)
    files["[Content_Types].xml"] = _CONTENT_TYPES.format(kinds=types).encode()
    files["_rels/.rels"] = _RELATIONS.encode()
    with zipfile.ZipFile(args.out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as package:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, data)


def _files(args: argparse.Namespace, work: pathlib.Path) -> "dict[str, bytes]":
    with tarfile.open(args.generated) as generated:
        generated.extractall(work)
    about = work / "About.cs"
    about.write_text(
        "using System.Reflection;\n"
        f'[assembly: AssemblyTitle("HorizonLM")]\n[assembly: AssemblyVersion("{args.version}.0")]\n[assembly: AssemblyInformationalVersion("{args.version}")]\n'
    )
    sources = sorted(args.sources) + sorted(map(str, work.glob("*.cs")))
    subprocess.run(
        ["mcs", "-langversion:7.2", "-warnaserror", "-warn:4", "-optimize", "-target:library", f"-doc:{work}/HorizonLM.xml", f"-out:{work}/HorizonLM.dll", "-r:System.Core.dll"]
        + sources,
        check=True,
    )
    files = {"HorizonLM.nuspec": pathlib.Path(args.nuspec).read_text().replace("@VERSION@", args.version).replace("@HOME@", args.home).encode()}
    for name, path in (("README.md", args.readme), ("LICENSE", args.license), ("THIRD_PARTY_LICENSES", args.third_party)):
        files[name] = pathlib.Path(path).read_bytes()
    for framework in ("net45", "netstandard2.0"):
        for name in ("HorizonLM.dll", "HorizonLM.xml"):
            files[f"lib/{framework}/{name}"] = (work / name).read_bytes()
    natives = "runtimes/linux-x64/native/"
    glue = work / "glue.so"
    subprocess.run(["strip", "--strip-unneeded", "-o", str(glue), args.glue], check=True)
    files[natives + "libhorizonlm_csharp.so"] = glue.read_bytes()
    for archive in args.libraries:
        with tarfile.open(archive) as libraries:
            for member in libraries.getmembers():
                if member.isfile():
                    files[natives + pathlib.PurePath(member.name).name] = libraries.extractfile(member).read()
    return files


if __name__ == "__main__":
    main()
