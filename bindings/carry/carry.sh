#!/bin/bash
# Copies the libraries that a package carries into one folder: the given ones, and what they need of the system's beyond what every
# Linux machine has (the C and C++ libraries, and the loader).
#
#   carry.sh OUTPUT_FOLDER LIBRARY...
set -euo pipefail

out=$1
shift
mkdir -p "$out"

for library in "$@"; do
  cp -L "$library" "$out/"
done
# The system's libraries may name each other, which ldd resolves. The CUDA plugin's own (cuBLASLt, the driver) stay where CUDA is installed.
for library in "$@"; do
  [[ "$(basename "$library")" == libhorizonlm_cuda.so ]] && continue
  while read -r name arrow path _; do
    [[ "$arrow" == "=>" ]] || continue
    case $name in
      libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | ld-linux* | libstdc++.so.* | libgcc_s.so.* | libhorizonlm*) ;;
      libasan.so.* | libubsan.so.* | libtsan.so.*) ;;
      *)
        [[ "$path" == /* ]] || { echo "error: $name, which $library needs, is not on this machine" >&2; exit 1; }
        cp -L "$path" "$out/$name"
        ;;
    esac
  done < <(ldd "$library")
done
chmod u+w,a+rX "$out"/*
