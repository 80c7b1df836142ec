#!/bin/bash
# Installs what building and testing Horizon-LM needs on Debian 12, and checks the versions that it was made with.
# Installs only what is missing; does nothing, quickly, when all is there. Runs as root or with sudo.
#
#   tools/setup.sh [--minimal] [PACKAGE...]     further Debian packages to install in the same go
#
# --minimal: what building the library and the `horizon` command takes, and the samples; not what the tests, the bindings and the
# packages take. On a bare Debian 12 a download of 266 MB, 860 MB on disk (the whole: 482 MB, 1.8 GB).
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac

readonly MINIMAL=(
  g++                 # C++20
  bazel-bootstrap     # the build
  bazel-rules-java    # rules that WORKSPACE takes from Debian, so that Bazel fetches nothing
  bazel-rules-proto
  libdnnl-dev         # oneDNN: matrix products on the CPU
  libhwy-dev          # Highway: portable SIMD
  libxxhash-dev       # hashes
  nlohmann-json3-dev  # JSON
  libpcre2-dev        # PCRE2: the patterns of tokenizers
  libutf8proc-dev     # utf8proc: Unicode normal forms and categories
  zlib1g-dev          # zlib: data in gzip
  libzstd-dev         # Zstandard: data in zstd
  libcli11-dev        # command lines
  libyaml-dev         # files of options in YAML
  libgloo-dev         # Gloo: arrays between processes
)
readonly DEVELOPMENT=(
  libgtest-dev        # tests
  git                 # the sources that are checked, and the source archive
  clang-format-14     # the sources' form, which a test checks
  abigail-tools       # abidw and abidiff, for the tests of the C ABI
  python3-jinja2      # the original of the chat templates, for tests
  swig                # the bindings: wrappers of the C header
  python3-dev         # the Python module: headers
  python3-venv        # its tests install the wheel into clean environments
  python3-numpy       # its tests pass arrays
  mypy                # its types
  openjdk-17-jdk-headless  # the Java package
  maven               # its test resolves it as a project does, with Debian's plugins
  libmaven-compiler-plugin-java
  libmaven-resources-plugin-java
  junit5              # a pom that those name
  golang-go           # the Go module's tests
  mono-mcs            # the C# package: mono's compiler
  mono-runtime        # its tests
  libmono-system-core4.0-cil
  pkg-config          # the installed C interface's, as its users find it
  cmake
  patchelf            # packages find what they carry beside them
  openmpi-bin         # MPI: tests of it as what carries arrays; nothing is linked to it
  doxygen             # documentation of the C and C++ interfaces
)

# Package and the beginning of the version that the project is built and tested with.
readonly VERSIONS=(
  "g++ 4:12."
  "bazel-bootstrap 4.2.3"
  "libdnnl-dev 2.6.3"
  "libhwy-dev 1.0.3"
  "nlohmann-json3-dev 3.11."
  "libcli11-dev 2.1."
  "libyaml-dev 0.2."
  "libpcre2-dev 10.42"
  "libutf8proc-dev 2.8"
  "zlib1g-dev 1:1.2.13"
  "libzstd-dev 1.5.4"
  "libgloo-dev 0.0~git20220518"
  "libgtest-dev 1.12."
  "swig 4.1.0"
)

fail() {
  echo "error: $*" >&2
  exit 1
}

installed() {
  [[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

install_packages() {
  local as_root=()
  if [[ "$(id -u)" != 0 ]]; then
    command -v sudo >/dev/null || fail "these packages are missing, and installing them takes root or sudo: $*"
    as_root=(sudo)
  fi
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300)
  echo "installing (minutes, where all are missing): $*"
  # The lists may be missing or old; a first try without them saves the time where they are neither.
  "${apt[@]}" install --no-install-recommends "$@" >/dev/null 2>&1 && return
  "${apt[@]}" update
  "${apt[@]}" install --no-install-recommends "$@"
}

check_versions() {
  local entry package wanted found
  for entry in "${VERSIONS[@]}"; do
    read -r package wanted <<<"$entry"
    installed "$package" || continue  # left out by --minimal
    found=$(dpkg-query -W -f='${Version}' "$package")
    [[ "$found" == "$wanted"* ]] || echo "warning: $package is $found; the project is built and tested with $wanted" >&2
  done
}

# Headers of a wheel from PyPI, pinned by hash: install_headers NAME FOLDER_IN_THE_WHEEL WHAT, pinned by third_party/NAME.txt.
install_headers() {
  local name=$1 folder=$2 what=$3 root cache to work
  root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
  cache="${HORIZON_LM_CACHE:-${HOME:-/tmp}/.cache/horizon-lm}"
  to="$cache/${name//_/-}"
  cmp -s "$root/third_party/$name.txt" "$to/installed.txt" && return
  python3 -m pip --version >/dev/null 2>&1 || install_packages python3-pip
  work=$(mktemp -d)
  # The wheel of one Python version is named, whatever Python is here: only its headers are used.
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes --python-version 3.11 \
    --implementation cp --platform manylinux_2_28_x86_64 -d "$work" -r "$root/third_party/$name.txt" ||
    fail "$what could not be fetched from PyPI; without a CUDA toolkit (CUDA_HOME) they are not needed"
  python3 -m zipfile -e "$work"/*.whl "$work/wheel"
  rm -rf "$to"
  mkdir -p "$to"
  cp -r "$work/wheel/$folder" "$to/include"
  cp "$root/third_party/$name.txt" "$to/installed.txt"
  rm -rf "$work"
}

command -v apt-get >/dev/null || fail "no apt-get here; this script is for Debian 12"
release=$(. /etc/os-release && echo "$ID $VERSION_ID")
[[ "$release" == "debian 12" ]] || echo "warning: this is $release; the project is built and tested on Debian 12" >&2

wanted=("${MINIMAL[@]}")
case "${1:-}" in
  --minimal) shift ;;
  -*) fail "there is no option $1; see --help" ;;
  *) wanted+=("${DEVELOPMENT[@]}") ;;
esac
missing=()
for package in "${wanted[@]}" "$@"; do
  installed "$package" || missing+=("$package")
done
if ((${#missing[@]} > 0)); then
  install_packages "${missing[@]}"
fi
check_versions
if [[ -x "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" ]]; then
  install_headers cudnn_frontend include "the headers of cuDNN's frontend"
  install_headers cutlass cutlass_library/source/include "CUTLASS's headers"
fi
