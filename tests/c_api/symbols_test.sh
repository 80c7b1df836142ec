#!/bin/bash
# The library exports exactly the functions of symbols.txt, under its own file name, and needs only the system's libraries.
set -eu
library=$1
expected=$2
header=$3
failed=0

# Defined dynamic symbols, without the version node's own entry.
exported=$(nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort)
if ! diff <(LC_ALL=C sort "$expected") <(echo "$exported"); then
  echo "the exported symbols are not those of symbols.txt (< expected, > exported)"
  failed=1
fi

unversioned=$(nm -D --defined-only "$library" | awk '$2 != "A" && $3 !~ /@@HLM_0$/ { print $3 }')
if [ -n "$unversioned" ]; then
  echo "without the symbol version HLM_0: $unversioned"
  failed=1
fi

# Every exported function is declared in the header.
while read -r symbol; do
  grep -qE "\b$symbol\(" "$header" || { echo "$symbol is exported, but not in the header"; failed=1; }
done <<< "$exported"

soname=$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
if [ "$soname" != libhorizonlm.so ]; then
  echo "the library calls itself '$soname', its file libhorizonlm.so"
  failed=1
fi

needed=$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
for name in $needed; do
  case $name in
    libdnnl.so.* | libgomp.so.* | libhwy.so.* | libxxhash.so.*) ;;
    libstdc++.so.* | libgcc_s.so.* | libm.so.* | libc.so.* | ld-linux-*) ;;
    libasan.so.* | libubsan.so.* | libtsan.so.*) ;;  # sanitizer builds
    *) echo "the library needs $name, which is not on the list"; failed=1 ;;
  esac
done
[ -n "$needed" ] || { echo "readelf shows no needed libraries"; failed=1; }
exit $failed
