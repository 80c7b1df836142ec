#!/bin/bash
# The licences of what packages carry or have inside beside our own code, in one text: Debian's account of each of its packages, and the
# licence in the headers of cuDNN's frontend and of CUTLASS.
#
#   licenses.sh OUT [CUDNN_FRONTEND_HEADER CUTLASS_HEADER]
set -euo pipefail

out=$1
readonly CARRIED=(
  "libdnnl2:oneDNN, carried as libdnnl.so.2"
  "libhwy1:Highway, carried as libhwy.so.1"
  "libgomp1:GNU OpenMP runtime (GPL-3 with the GCC Runtime Library Exception), carried as libgomp.so.1"
  "ocl-icd-libopencl1:OpenCL loader, carried as libOpenCL.so.1"
  "libgloo0:Gloo, carried as libgloo.so.0"
  "libhiredis0.14:hiredis, which Gloo names, carried as libhiredis.so.0.14"
  "libibverbs1:libibverbs, which Gloo names, carried as libibverbs.so.1"
  "libnl-3-200:libnl, which libibverbs names, carried as libnl-3.so.200 and libnl-route-3.so.200"
  "libpcre2-dev:PCRE2, linked into libhorizonlm"
  "libutf8proc-dev:utf8proc, linked into libhorizonlm"
  "zlib1g-dev:zlib, linked into libhorizonlm and the horizon command"
  "libzstd-dev:Zstandard, linked into libhorizonlm and the horizon command"
  "libxxhash-dev:xxHash, compiled into libhorizonlm"
  "nlohmann-json3-dev:JSON for Modern C++, compiled into libhorizonlm"
  "libcli11-dev:CLI11, compiled into the horizon command"
  "libyaml-dev:LibYAML, linked into the horizon command"
)

heading() { printf '\n%s\n%s\n%s\n\n' "$(printf '=%.0s' {1..100})" "$1" "$(printf '=%.0s' {1..100})"; }

{
  echo "Horizon-LM's packages carry, or have inside, the following works of others. Each is under the licence given below it."
  for entry in "${CARRIED[@]}"; do
    package=${entry%%:*}
    text=/usr/share/doc/$package/copyright
    [[ -s "$text" ]] || { echo "error: $text is not there; tools/setup.sh installs $package" >&2; exit 1; }
    heading "${entry#*:} (Debian package $package)"
    cat "$text"
  done
  heading "The GNU General Public License, version 3, named above"
  cat /usr/share/common-licenses/GPL-3
  if (($# > 1)); then
    heading "cuDNN frontend, compiled into libhorizonlm_cuda"
    sed -n '1,/\*\//s/^[ /]*\*\{0,2\}\/\{0,1\} \{0,1\}//p' "$2"
    heading "CUTLASS, compiled into libhorizonlm_cuda"
    sed -n '2,/\*\//s/^ \*\{1,\}\/\{0,1\} \{0,1\}//p' "$3"
    heading "NVIDIA CUDA runtime (libcudart_static), linked into libhorizonlm_cuda"
    echo "Distributed under the NVIDIA Software License Agreement and the CUDA Supplement, https://docs.nvidia.com/cuda/eula/"
  fi
} >"$out"
