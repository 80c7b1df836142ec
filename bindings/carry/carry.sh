#!/bin/bash
# Copies the libraries that a package carries into one folder: the given ones, and what they need of the system's beyond what every
# Linux machine has (the C and C++ libraries, and the loader). Debugging information is left out.
#
#   carry.sh OUTPUT_FOLDER LIBRARY...
set -euo pipefail

out=$1
shift
mkdir -p "$out"
readonly ready="$(dirname "${BASH_SOURCE[0]}")/ready.sh"
# Where pip puts CUDA's libraries, as seen from horizonlm/lib beside them. Elsewhere they are found as the loader does by itself.
readonly from_pip='$ORIGIN:$ORIGIN/../../nvidia/cu13/lib:$ORIGIN/../../nvidia/cudnn/lib:$ORIGIN/../../nvidia/nccl/lib'

for library in "$@"; do
  name=$(basename "$library")
  if [[ $name == libhorizonlm_cuda.so ]]; then
    "$ready" "$library" "$out/$name" "$from_pip"
    continue  # CUDA's own libraries stay where they are installed
  fi
  "$ready" "$library" "$out/$name" '$ORIGIN'
  # The system's libraries may name each other, which ldd resolves.
  while read -r needed arrow path _; do
    [[ "$arrow" == "=>" ]] || continue
    case $needed in
      libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | ld-linux* | libstdc++.so.* | libgcc_s.so.* | libhorizonlm*) ;;
      libasan.so.* | libubsan.so.* | libtsan.so.*) ;;
      *)
        [[ "$path" == /* ]] || { echo "error: $needed, which $library needs, is not on this machine" >&2; exit 1; }
        cp -L "$path" "$out/$needed"
        ;;
    esac
  done < <(ldd "$library")
done
if (($# > 0)); then
  chmod u+w,a+rX "$out"/*
fi
