# Sourced by run.sh and long.sh: running test targets with Bazel and counting them.

export HOME="${HOME:-/tmp}"
readonly CACHE="${HORIZON_LM_CACHE:-$HOME/.cache/horizon-lm}/bazel"

readonly ALL_TESTS="tests(//...)"
readonly MANUAL_TESTS="attr(tags, '\\bmanual\\b', tests(//...))"

# run_tests QUERY ARGUMENTS...: `bazel test ARGUMENTS...`, then counts how the test targets that QUERY names went, in PASSED and FAILED.
# A target that was not built or not run has failed; one that is not for this machine is left out. Returns 0 where at least one
# passed, none failed and everything was built; else says why beside the counts, on the same stream.
run_tests() {
  local query=$1 work status=0 log
  shift
  PASSED=0 FAILED=0
  work=$(mktemp -d) || return 1
  bazel query --noshow_progress "$query" >"$work/targets" 2>"$work/errors" || status=$?
  if ((status != 0)); then
    echo "nothing was built or tested: \`bazel query\` ended with status $status and said:"
    cat "$work/errors"
    rm -rf "$work"
    return 1
  fi
  sort -o "$work/targets" "$work/targets"
  bazel test -c opt --disk_cache="$CACHE" --keep_going --build_event_json_file="$work/events" "$@" || status=$?

  # One event a line.
  touch "$work/events"
  sed -n 's/.*"testSummary":{"label":"\([^"]*\)".*"overallStatus":"PASSED".*/\1/p' "$work/events" | sort -u >"$work/passed"
  sed -n 's/.*"targetCompleted":{"label":"\([^"]*\)".*"reason":"SKIPPED".*/\1/p' "$work/events" | sort -u >"$work/skipped"
  PASSED=$(comm -12 "$work/targets" "$work/passed" | wc -l)
  FAILED=$(comm -23 "$work/targets" "$work/passed" | comm -23 - "$work/skipped" | wc -l)
  comm -12 "$work/targets" "$work/skipped" | sed 's/^/not for this machine: /'
  comm -23 "$work/targets" "$work/passed" | comm -23 - "$work/skipped" | sed 's/^/failed, or not run: /' | head -n 40
  if ((status != 0 && PASSED == 0)); then
    echo "no test has passed: \`bazel test\` ended with status $status; the end of what it said:"
    log=$(bazel info command_log 2>&1) && tail -n 20 "$log" || echo "$log"
  fi
  rm -rf "$work"
  ((status == 0 && FAILED == 0 && PASSED > 0))
}
