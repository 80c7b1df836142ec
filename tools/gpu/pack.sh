#!/bin/bash
# Packs the files named after the archive's name: programs and libraries side by side, goldens in tests/golden/data, released
# configurations in released, and with --libraries those of Debian that a GPU machine may lack. The build calls it.
#
#   pack.sh [--libraries] ARCHIVE.tar.gz FILE...
set -euo pipefail
case "${1:---help}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit $(($# ? 0 : 2)) ;; esac
libraries=()
if [[ $1 == --libraries ]]; then
  libraries=(libdnnl.so.2 libhwy.so.1 libgloo.so.0 libhiredis.so.0.14 libibverbs.so.1 libnl-3.so.200 libnl-route-3.so.200)
  shift
fi
archive=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
to="$work/horizon-lm-gpu"
mkdir -p "$to"

for file in "$@"; do
  case $file in
    *tests/golden/data/*)
      inner="tests/golden/data/${file#*tests/golden/data/}"
      mkdir -p "$to/$(dirname "$inner")"
      cp -L "$file" "$to/$inner"
      ;;
    *tests/model/released/*)
      mkdir -p "$to/released"
      cp -L "$file" "$to/released/"
      ;;
    *) cp -L "$file" "$to/" ;;
  esac
done
for library in "${libraries[@]}"; do
  path=$({ /sbin/ldconfig -p 2>/dev/null || true; } | sed -n "s|^\s*$library (.*x86-64.*) => ||p" | head -n 1)
  cp -L "${path:-/usr/lib/x86_64-linux-gnu/$library}" "$to/"
done
chmod -R u+w "$to"
for file in "$to"/*; do
  if [[ -f $file && $(head -c 4 "$file" | tail -c 3) == ELF ]]; then strip --strip-unneeded "$file"; fi
done

limit=$((112 << 20))
bytes=$(du -sb "$to" | cut -f1)
if ((bytes > limit)); then
  echo "error: the bundle has $bytes bytes unpacked; it must not have more than $limit" >&2
  exit 1
fi
tar -C "$work" --sort=name --owner=0 --group=0 --mtime=@0 -czf "$archive" horizon-lm-gpu
