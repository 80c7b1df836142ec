#!/bin/bash
# Records the ABI of a built library for abi_test.sh. At a release: tests/c_api/record_abi.sh bazel-bin/c_api/libhorizonlm.so
set -eu
library=$(realpath "$1")
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^#define HLM_VERSION "\(.*\)"/\1/p' c_api/horizon_lm.h)
headers=$(mktemp -d)  # this header alone is public: the handles' insides are not part of the record
trap 'rm -r "$headers"' EXIT
cp c_api/horizon_lm.h "$headers"
abidw --headers-dir "$headers" --drop-private-types --exported-interfaces-only --no-corpus-path --no-comp-dir-path --no-show-locs \
  --no-elf-needed --out-file "tests/c_api/abi/horizonlm-$version.abi" "$library"
