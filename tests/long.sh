#!/bin/bash
# The tests that take long: the targets tagged `manual`, and the ordinary tests once more under AddressSanitizer (with
# UndefinedBehaviorSanitizer) and under ThreadSanitizer. Ends with a line "N passed, N failed" over all parts. `coverage` runs the ordinary
# tests built for gcov and prints the lines of core that none of them ran, by folder; without the CUDA device, which is not counted.
#
#   tests/long.sh [manual] [asan] [tsan] [coverage]     default: the first three
set -uo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
source tests/lib.sh

# Tests of the library's symbols and recorded ABI are about the library as it ships: those are tagged no_sanitizer. no_tsan: a test that
# makes races on purpose, for a checker of our own, and one of a rate.
readonly SANITIZED_TESTS="$ALL_TESTS except $MANUAL_TESTS except attr(tags, '\\bno_sanitizer\\b', tests(//...))"
# Ten times as slow as the code that ships, and so are its limits.
readonly SLOWER=(--test_timeout=600,3000,9000,36000)
readonly NO_TSAN_TESTS="attr(tags, '\\bno_tsan\\b', tests(//...))"

(($# > 0)) || set -- manual asan tsan
# The text of the long quality test; the browser that opens reports; an interpreter with assertions.
if ! tools/setup.sh bible-kjv chromium python3-dbg 2>&1; then
  echo "nothing was built or tested: tools/setup.sh failed"
  echo "0 passed, 0 failed"
  exit 1
fi

status=0 total_passed=0 total_failed=0
for part in "$@"; do
  case $part in
    manual)
      mapfile -t targets < <(bazel query --noshow_progress "$MANUAL_TESTS" 2>/dev/null)
      run_tests "$MANUAL_TESTS" --test_timeout=7200 -- "${targets[@]}" || status=1
      ;;
    asan)
      run_tests "$SANITIZED_TESTS" --config=asan "${SLOWER[@]}" --test_tag_filters=-no_sanitizer --build_tests_only //... || status=1
      ;;
    tsan)
      run_tests "$SANITIZED_TESTS except $NO_TSAN_TESTS" --config=tsan "${SLOWER[@]}" --test_env=TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp" \
        --test_tag_filters=-no_sanitizer,-no_tsan --build_tests_only //... || status=1
      ;;
    coverage)
      # Bazel's caches know nothing of what the compiler leaves beside its objects, or tests beside their results: all is made anew.
      data=$(mktemp -d)
      run_tests "$SANITIZED_TESTS" --config=gcov --disk_cache= --nocache_test_results "${SLOWER[@]}" --test_env=GCOV_PREFIX="$data" \
        --test_tag_filters=-no_sanitizer --build_tests_only //... || status=1
      tests/lint/coverage.py "$(bazel info -c opt --config=gcov bazel-bin)" "$data" || status=1
      rm -rf "$data"
      ;;
    *)
      echo "error: no part '$part'; there are manual, asan, tsan and coverage" >&2
      exit 2
      ;;
  esac
  echo "$part: $PASSED passed, $FAILED failed"
  total_passed=$((total_passed + PASSED)) total_failed=$((total_failed + FAILED))
done
echo "$total_passed passed, $total_failed failed"
exit "$status"
