#!/bin/bash
# Makes everything that a release uploads, in dist/: the archive for C, C++ and the command, .debs, the Python wheel and the source archive, a Maven
# repository, the Go module with a proxy, the NuGet package, an OCI image, the documentation, licences, checksums and an SBOM; then tries them in a
# clean root.
#
#   tools/release.sh [--one-architecture] [--no-check] [OUT]
#
# --one-architecture: machine code for one kind of GPU instead of all, which builds quickly. --no-check: without the clean root, which takes root,
# debootstrap and the network, and so without the image of a container. OUT: default dist; what is in it is replaced.
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."

config=(--config=release) checked=1
while [[ "${1:-}" == --* ]]; do
  case $1 in
    --one-architecture) config=() ;;
    --no-check) checked=0 ;;
    *) echo "error: there is no option $1; see --help" >&2 && exit 2 ;;
  esac
  shift
done
(($# <= 1)) || { echo "error: '$2' is one argument too many; see --help" >&2; exit 2; }
out=$(readlink -m "${1:-dist}")
# A folder of something else is not replaced.
if [[ -e "$out" && ! -e "$out/SHA256SUMS" && -n "$(ls -A "$out")" ]]; then
  echo "error: $out: is not empty, and no release (it has no SHA256SUMS); nothing is replaced" >&2
  exit 1
fi
version=$(sed -n 's/^HORIZON_LM_VERSION = "\(.*\)"$/\1/p' bindings/version.bzl)
home=$(sed -n 's/^HORIZON_LM_HOME = "\(.*\)"$/\1/p' bindings/version.bzl)
say() { printf '\n== %s\n' "$*"; }

say "build"
bazel build -c opt "${config[@]}" //c_api:archive //c_api:debian_tree //bindings/carry:licenses //bindings/python:wheel //bindings/java:jars //bindings/go:module //bindings/go:proxy //bindings/csharp:package //docs:api

say "packages"
rm -rf "$out"
mkdir -p "$out"
: >"$out/SHA256SUMS"  # it is a release from here on, if not a whole one
cp -L bazel-bin/c_api/horizonlm-"$version"-linux-x86_64.tar.gz bazel-bin/bindings/python/horizonlm-"$version"-*.whl \
  bazel-bin/bindings/csharp/HorizonLM."$version".nupkg "$out/"
/usr/bin/python3 bindings/python/build_backend.py "$out" >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar xf bazel-bin/c_api/debian_tree.tar -C "$work"
tools/release/debs.sh "$work/tree" "$version" bazel-bin/bindings/carry/THIRD_PARTY_LICENSES LICENSE "$out"
bindings/java/repository.sh "$out/maven" "$version" bazel-bin/bindings/java/horizonlm-"$version"*.jar bazel-bin/bindings/java/horizonlm-"$version".pom
cp -rL bazel-bin/bindings/go/horizonlm_proxy "$out/goproxy"
tar czf "$out/horizonlm-go-$version.tar.gz" --sort=name --owner=0 --group=0 --mtime=@0 -C bazel-bin/bindings/go --dereference horizonlm
tools/docs_site.sh "$work/site" bazel-bin/docs/api.tar.gz
tar czf "$out/horizonlm-docs-$version.tar.gz" --sort=name --owner=0 --group=0 --mtime=@0 -C "$work" site
cp LICENSE "$out/"
cp -L bazel-bin/bindings/carry/THIRD_PARTY_LICENSES "$out/"
if ((checked)); then
  say "image"
  debootstrap --variant=minbase bookworm "$work/root" >/dev/null
  tools/release/oci.py "$work/root" "$out/horizonlm-$version-linux-x86_64.tar.gz" "$version" "$out/horizonlm-$version-oci.tar"
fi
chmod -R u+w "$out"
tools/release/sbom.py "$version" "$home" "$out" "$out/horizonlm-$version.spdx.json"
(cd "$out" && find . -type f ! -name SHA256SUMS ! -name '*.md5' ! -name '*.sha1' ! -name '*.sha256' | sort | sed 's#^\./##' | xargs sha256sum >SHA256SUMS)

if ((checked)); then
  say "check"
  audit="${HORIZON_LM_CACHE:-$HOME/.cache/horizon-lm}/auditwheel-6.8.2"
  if [[ ! -x "$audit/bin/auditwheel" ]]; then
    /usr/bin/python3 -m venv "$audit"
    "$audit/bin/pip" install --quiet --disable-pip-version-check auditwheel==6.8.2
  fi
  "$audit/bin/python" tools/release/audit_wheel.py "$out"/horizonlm-"$version"-*.whl
  tools/release/check.sh "$out" "$work/root"
fi
say "$out"
(cd "$out" && ls -l)
