#!/bin/bash
# Installs the C and C++ interface: headers, the library with its version, what it needs beyond the system's, the files by which
# pkg-config and CMake find it, the `horizon` command, and the licences. The folder may be moved afterwards.
#
#   bazel run -c opt //c_api:install -- [--without-dependencies] PREFIX
#
# --without-dependencies: leaves out oneDNN and the like, where Debian's own packages (libdnnl2, libhwy1, libgomp1) are there.
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac

usage() {
  echo "usage: bazel run -c opt //c_api:install -- [--without-dependencies] PREFIX" >&2
  exit 2
}

dependencies=1
if [[ "${1:-}" == --without-dependencies ]]; then
  dependencies=0
  shift
fi
(($# == 1)) && [[ -n "$1" && "$1" != -* ]] || usage
prefix=$1
# Of the user's folder, where it was run by Bazel.
[[ "$prefix" == /* ]] || prefix="${BUILD_WORKING_DIRECTORY:-$PWD}/$prefix"

readonly files="${RUNFILES:-$0.runfiles}/horizon_lm"
[[ -d "$files/c_api" ]] || { echo "error: $files is not there; run this by Bazel" >&2; exit 1; }
cd "$files"

version=$(sed -n 's/^#define HLM_VERSION "\(.*\)"$/\1/p' c_api/horizon_lm.h)
major=${version%%.*}
[[ -n "$version" ]] || { echo "error: no version in horizon_lm.h" >&2; exit 1; }

doc=$prefix/share/doc/horizonlm
mkdir -p "$prefix/bin" "$doc" "$prefix/include" "$prefix/lib/pkgconfig" "$prefix/lib/cmake/horizonlm"
install -m 644 c_api/horizon_lm.h c_api/horizon_lm.hpp "$prefix/include/"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar xf bindings/carry/libraries.tar -C "$work"
tar xf bindings/carry/cuda_library.tar -C "$work"
# The installed library is the one with a version in its soname; the carried one, private to its package, has none.
rm -f "$work/libhorizonlm.so"
for library in "$work"/*; do
  name=$(basename "$library")
  [[ "$dependencies" == 1 || "$name" == libhorizonlm_* ]] && install -m 755 "$library" "$prefix/lib/$name"
done
install -m 755 "c_api/libhorizonlm.so.$major" "$prefix/lib/libhorizonlm.so.$version"
strip --strip-unneeded "$prefix/lib/libhorizonlm.so.$version" 2>/dev/null || true  # smaller, where there is a strip
install -m 755 bindings/carry/installed_command/horizon "$prefix/bin/horizon"
install -m 644 LICENSE bindings/carry/THIRD_PARTY_LICENSES "$doc/"
ln -sf "libhorizonlm.so.$version" "$prefix/lib/libhorizonlm.so.$major"
ln -sf "libhorizonlm.so.$major" "$prefix/lib/libhorizonlm.so"

# What the command writes of itself: completion for three shells, and the manual page.
share=$prefix/share
mkdir -p "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d" "$share/man/man1"
"$prefix/bin/horizon" completion bash >"$share/bash-completion/completions/horizon"
"$prefix/bin/horizon" completion zsh >"$share/zsh/site-functions/_horizon"
"$prefix/bin/horizon" completion fish >"$share/fish/vendor_completions.d/horizon.fish"
"$prefix/bin/horizon" man >"$share/man/man1/horizon.1"

fill() { sed -e "s/@VERSION@/$version/g" -e "s/@MAJOR@/$major/g" "c_api/packaging/$1.in" >"$2/$1"; }
fill horizonlm.pc "$prefix/lib/pkgconfig"
fill horizonlm-config.cmake "$prefix/lib/cmake/horizonlm"
fill horizonlm-config-version.cmake "$prefix/lib/cmake/horizonlm"
echo "installed Horizon-LM $version in $prefix"
