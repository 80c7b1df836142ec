#!/bin/bash
# clang-tidy over the sources, by the rules of .clang-tidy. Takes long; tidy_test.sh FILE... looks at these only.
set -euo pipefail
root=$(dirname "$(readlink -f "${TIDY_ROOT:-.clang-tidy}")")
cd "$root"
if (($# > 0)); then
  files=("$@")
else
  # Highway's files compile themselves once for each instruction set, through macros that clang-tidy does not follow.
  mapfile -t files < <(git ls-files 'c_api/*.cc' 'core/*.cc' 'cpu_optim/*.cc' 'samples/horizon/*.cc' | grep -v '^core/cuda/\|kernels')
fi
((${#files[@]} > 0)) || { echo "no files" >&2 && exit 1; }
generated=()
[[ -d bazel-bin ]] && generated=(-I bazel-bin)
printf '%s\0' "${files[@]}" |
  xargs -0 -P "${TIDY_JOBS:-$(nproc)}" -I{} clang-tidy --quiet {} -- -std=c++20 -I. "${generated[@]}" -fopenmp 2>&1 |
  { grep -E '(error|warning):' || true; } | sort -u >"${TEST_TMPDIR:-/tmp}/tidy.txt"
cat "${TEST_TMPDIR:-/tmp}/tidy.txt"
[[ ! -s ${TEST_TMPDIR:-/tmp}/tidy.txt ]]
