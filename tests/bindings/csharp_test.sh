#!/bin/bash
# The NuGet package under mono, in a folder where nothing of the source is; and under .NET, where HLM_DOTNET names its program: one of version 3.1 is
# in the package dotnetcore2 of PyPI (dotnetcore2/bin/dotnet).
set -euo pipefail
source tests/bindings/lib.sh
package=$(readlink -f "$1") c_program=$2 header=$3 spy=$(readlink -f "$4")
work=$TEST_TMPDIR
version=$(sed -n 's/^#define HLM_VERSION "\(.*\)"$/\1/p' "$header")
export HOME=$work LC_ALL=C.UTF-8

# What NuGet looks for: the nuspec, and what the Open Packaging Conventions ask for.
/usr/bin/python3 - "$package" "$work/package" "$version" <<'PYTHON'
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as xml
import zipfile

package, opened, version = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
archive = zipfile.ZipFile(package)
assert archive.testzip() is None
archive.extractall(opened)
names = set(archive.namelist())
assert package.endswith(f"HorizonLM.{version}.nupkg")
nuspec = xml.fromstring(archive.read("HorizonLM.nuspec"))
space = nuspec.tag[: nuspec.tag.index("}") + 1]
metadata = {child.tag[len(space) :]: child for child in nuspec[0]}
assert metadata["version"].text == version and metadata["id"].text == "HorizonLM"
for wanted in ("authors", "description", "license", "projectUrl", "repository", "readme", "tags"):
    assert wanted in metadata, wanted
assert metadata["readme"].text in names
types = xml.fromstring(archive.read("[Content_Types].xml"))
kinds = {e.get("Extension") for e in types if e.tag.endswith("Default")}
parts = {e.get("PartName") for e in types if e.tag.endswith("Override")}
for name in names - {"[Content_Types].xml"}:
    assert name.rsplit(".", 1)[-1] in kinds or "/" + name in parts, name
relations = xml.fromstring(archive.read("_rels/.rels"))
assert [e.get("Target").lstrip("/") for e in relations] == ["HorizonLM.nuspec"]
for framework in ("net45", "netstandard2.0"):
    assert {f"lib/{framework}/HorizonLM.dll", f"lib/{framework}/HorizonLM.xml"} <= names
assert "oneDNN" in archive.read("THIRD_PARTY_LICENSES").decode() and len(archive.read("LICENSE")) > 5000
natives = [name for name in names if name.startswith("runtimes/linux-x64/native/")]
assert {"libhorizonlm.so", "libhorizonlm_csharp.so", "libdnnl.so.2"} <= {name.rsplit("/", 1)[1] for name in natives}, natives
for name in natives:
    sections = subprocess.run(["readelf", "-SWd", opened / name], check=True, capture_output=True, text=True).stdout
    assert ".debug_info" not in sections, name
    for line in sections.splitlines():
        if "(RPATH)" in line or "(RUNPATH)" in line:
            places = line[line.index("[") + 1 : line.rindex("]")].split(":")
            assert all(place.startswith("$ORIGIN") and "_solib" not in place for place in places), (name, line)
documented = {member.get("name") for member in xml.parse(opened / "lib/net45/HorizonLM.xml").getroot().iter("member")}
assert any(name.startswith("M:HorizonLM.Trainer.Step") for name in documented), documented
PYTHON

mkdir -p "$work/bin"
cp "$work/package/lib/netstandard2.0/HorizonLM.dll" "$work"/package/runtimes/linux-x64/native/* "$work/bin/"
compile() { mcs -warnaserror -langversion:7.2 "-out:$work/bin/$1.exe" "-r:$work/bin/HorizonLM.dll" -r:System.Core.dll "$2"; }
for name in Finetune Sft Dpo; do
  compile $name samples/csharp/$name.cs
done
for name in BindingTest GatherTest GroupTest MessagesTest ZeroCopy; do
  compile $name tests/bindings/csharp/$name.cs
done

# A stranger's path: the sample.
mono "$work/bin/Finetune.exe" "$work/sample" >"$work/sample.txt"
same_as_c "$c_program" "$work/sample.txt" "$work/sample"
for name in Sft Dpo; do
  tuned_as_c ${name,} mono "$work/bin/$name.exe"
done

readme_program cs "$work/readme/Tune.cs"
compile Tune "$work/readme/Tune.cs"
(cd "$work/readme" && mono "$work/bin/Tune.exe") >"$work/readme.txt"
readme_ran "$work/readme" "$work/readme.txt"

# The program of the package's README.
{
  grep -hE '^using [A-Za-z.]+;$' bindings/csharp/README.md
  echo 'public static class Packaged { public static void Main() {'
  awk '$0 == "```" { on = 0 } on && !/^using [A-Za-z.]+;$/; $0 == "```cs" { on = 1 }' bindings/csharp/README.md
  echo '}}'
} >"$work/readme/Packaged.cs"
compile Packaged "$work/readme/Packaged.cs"
rm -rf "$work/readme/tuned"
(cd "$work/readme" && timeout 600 mono "$work/bin/Packaged.exe") >"$work/packaged.txt"
test "$(wc -l <"$work/packaged.txt")" = 20
test -s "$work/readme/tuned/model.safetensors"

# One heap of the C library's, which gives back at once what is free: what it keeps for later, for each thread, would count as growth.
export MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536
mono --debug "$work/bin/BindingTest.exe" "$work" "$version" "$PWD/tests/bindings/model" "${HLM_CYCLES:-300}" | tee "$work/test.txt"
grep -q '^ok  cycles' "$work/test.txt"
mono --debug "$work/bin/MessagesTest.exe" "$work" "$PWD/tests/bindings/model" | tee "$work/messages.txt"
grep -q '^ok  nulls' "$work/messages.txt"
mono --debug "$work/bin/GatherTest.exe" | grep '^ok  gathers'
two_processes "$work/group" mono --debug "$work/bin/GroupTest.exe"

if [[ -n "${HLM_DOTNET:-}" ]]; then
  mkdir -p "$work/net/runtimes/linux-x64"
  cp "$work/package/lib/netstandard2.0/HorizonLM.dll" "$work"/bin/*.exe "$work/net/"
  cp -r "$work/package/runtimes/linux-x64/native" "$work/net/runtimes/linux-x64/"
  # As the SDK writes them for a program that names the package.
  /usr/bin/python3 - "$work/net" <<'PYTHON'
import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
natives = {f"runtimes/linux-x64/native/{file.name}": {"rid": "linux-x64", "assetType": "native"} for file in (folder / "runtimes/linux-x64/native").iterdir()}
runtime = {"tfm": "netcoreapp3.1", "rollForward": "Major", "framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"},
           "configProperties": {"System.Globalization.Invariant": True}}
for program in folder.glob("*.exe"):
    libraries = {f"{program.stem}/1.0.0": {"dependencies": {"HorizonLM": "0.1.0"}, "runtime": {program.name: {}}},
                 "HorizonLM/0.1.0": {"runtime": {"HorizonLM.dll": {}}, "runtimeTargets": natives}}
    target = ".NETCoreApp,Version=v3.1"
    about = {"runtimeTarget": {"name": target}, "targets": {target: libraries},
             "libraries": {name: {"type": "project", "serviceable": False, "sha512": ""} for name in libraries}}
    (folder / f"{program.stem}.deps.json").write_text(json.dumps(about))
    (folder / f"{program.stem}.runtimeconfig.json").write_text(json.dumps({"runtimeOptions": runtime}))
PYTHON
  net() {
    local program=$1
    shift
    "$HLM_DOTNET" exec --runtimeconfig "$work/net/$program.runtimeconfig.json" --depsfile "$work/net/$program.deps.json" "$work/net/$program.exe" "$@"
  }
  net Finetune "$work/net_sample" >"$work/net_sample.txt"
  same_as_c "$c_program" "$work/net_sample.txt" "$work/net_sample"
  mkdir "$work/net_work"
  net BindingTest "$work/net_work" "$version" "$PWD/tests/bindings/model" "${HLM_CYCLES:-300}" | tee "$work/net.txt"
  grep -q '^ok  cycles' "$work/net.txt"
fi

# No copies.
(cd "$work" && HLM_SPY="$work/spied" LD_PRELOAD="$spy" mono "$work/bin/ZeroCopy.exe") >"$work/passed"
test "$(wc -l <"$work/passed")" = 3
diff "$work/passed" "$work/spied"

# A library that is missing, or of another version.
mkdir "$work/none"
cp "$work/bin/BindingTest.exe" "$work/bin/HorizonLM.dll" "$work/none/"
mono "$work/none/BindingTest.exe" "$work" "" "cannot be loaded" | grep '^ok'
cp "$work"/package/runtimes/linux-x64/native/* "$work/none/"
sed -i 's/\x000\.1\.0\x00/\x009.9.9\x00/g' "$work/none/libhorizonlm.so"
if grep -q '9\.9\.9' "$work/none/libhorizonlm.so"; then
  mono "$work/none/BindingTest.exe" "$work" "" "9.9.9" | grep '^ok'
fi
