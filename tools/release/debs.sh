#!/bin/bash
# Makes Debian packages of an installed tree that has no dependencies in it: the library, what programs are built with, and the command.
#
#   debs.sh TREE VERSION THIRD_PARTY_LICENSES LICENSE OUT_FOLDER
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
tree=$1 version=$2 third_party=$3 license=$4 out=$5

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

pack() {  # PACKAGE SECTION DEPENDS DESCRIPTION; the files lie in $work/PACKAGE
  local root=$work/$1
  mkdir -p "$root/DEBIAN" "$root/usr/share/doc/$1"
  cat "$license" "$third_party" >"$root/usr/share/doc/$1/copyright"
  find "$root" -type d -exec chmod 755 {} +
  cat >"$root/DEBIAN/control" <<CONTROL
Package: $1
Version: $version
Architecture: amd64
Maintainer: The Horizon-LM authors <horizonlm@localhost>
Section: $2
Priority: optional
Depends: $3
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Description: trains large language models from host memory: $4
 Parameters and optimizer states live in host memory; a GPU, where there is one, holds a few layers at a time.
CONTROL
  SOURCE_DATE_EPOCH=0 dpkg-deb --build --root-owner-group -Zxz "$root" "$out/$1_${version}_amd64.deb" >/dev/null
}

major=${version%%.*}
mkdir -p "$work/libhorizonlm$major/usr/lib" "$work/libhorizonlm$major/DEBIAN"
cp -a "$tree"/lib/libhorizonlm.so."$version" "$tree"/lib/libhorizonlm.so."$major" "$work/libhorizonlm$major/usr/lib/"
[[ ! -e "$tree/lib/libhorizonlm_cuda.so" ]] || cp -a "$tree/lib/libhorizonlm_cuda.so" "$work/libhorizonlm$major/usr/lib/"
cp -a "$tree/lib/libhorizonlm_gloo.so" "$work/libhorizonlm$major/usr/lib/"
echo "activate-noawait ldconfig" >"$work/libhorizonlm$major/DEBIAN/triggers"
pack "libhorizonlm$major" libs "libc6 (>= 2.34), libstdc++6 (>= 12), libdnnl2 (>= 2.6), libhwy1, libgomp1, libgloo0" "the library"

mkdir -p "$work/libhorizonlm-dev/usr/lib"
cp -a "$tree/include" "$work/libhorizonlm-dev/usr/"
cp -a "$tree/lib/libhorizonlm.so" "$tree/lib/pkgconfig" "$tree/lib/cmake" "$work/libhorizonlm-dev/usr/lib/"
pack libhorizonlm-dev libdevel "libhorizonlm$major (= $version)" "headers, pkg-config and CMake files"

mkdir -p "$work/horizonlm/usr"
cp -a "$tree/bin" "$work/horizonlm/usr/"
pack horizonlm science "libhorizonlm$major (= $version), libc6 (>= 2.34), libstdc++6 (>= 12)" "the horizon command"
