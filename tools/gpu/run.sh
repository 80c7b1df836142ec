#!/bin/bash
# Runs the GPU tests of an unpacked bundle on this machine and ends with a line "N passed, N failed".
#
#   run.sh [PART...]     parts are tests (the default) and, under compute-sanitizer, memcheck, racecheck, initcheck, synccheck; all of
#                        these: run.sh tests sanitize. HLM_SANITIZE_SHARE=N takes every N-th of a sanitizer's tests
#
# The CUDA 13 libraries (cuBLASLt, cuDNN 9, NVRTC) come from LD_LIBRARY_PATH, the system, or the wheels of a Python that has them.
set -uo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
source ./environment.sh

passed=0 failed=0
check() {  # NAME COMMAND...
  local name=$1 began=$SECONDS
  shift
  if "$@" >"logs/$name.log" 2>&1; then
    passed=$((passed + 1))
    echo "ok      $name ($((SECONDS - began)) s, $(grep -c '^\[       OK' "logs/$name.log") tests)"
  else
    failed=$((failed + 1))
    echo "FAILED  $name ($((SECONDS - began)) s), see logs/$name.log"
    grep -E "^\[  FAILED|Failure|error|ERROR" "logs/$name.log" | head -n 15
  fi
}

program() { timeout "${HLM_TEST_TIMEOUT:-900}" "$@"; }

# sanitized TOOL OPTIONS PROGRAM [ARGUMENTS...]: the program's tests under a tool of compute-sanitizer, shared out among as many processes
# as there are cores: their time goes into the tool's work on the host.
sanitized() {
  local tool=$1 program=$3 options processes shards i pids=() status=0
  read -ra options <<<"$2"
  shift 3
  processes=$("$program" --gtest_list_tests 2>/dev/null | grep -c '^  ')
  ((processes < $(nproc))) || processes=$(nproc)
  shards=$((processes * ${HLM_SANITIZE_SHARE:-1}))
  for ((i = 0; i < processes; ++i)); do
    # One thread each for what the CPU device computes beside them.
    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive GTEST_TOTAL_SHARDS=$shards GTEST_SHARD_INDEX=$i \
      program "$sanitizer" --tool "$tool" --error-exitcode 1 "${options[@]}" "$program" "$@" >"logs/$tool.$i" 2>&1 &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || status=1; done
  for ((i = 0; i < processes; ++i)); do cat "logs/$tool.$i"; done
  rm -f "logs/$tool".[0-9]*
  return "$status"
}

mkdir -p logs
export HLM_REQUIRE_GPU=1
(($# > 0)) || set -- tests
sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
parts=()
for part in "$@"; do
  if [[ $part == sanitize ]]; then parts+=(memcheck racecheck initcheck synccheck); else parts+=("$part"); fi
done
for part in "${parts[@]}"; do
  case $part in
    tests)
      check device program ./device_test
      check ops program ./ops_test
      check cases program ./cuda_test
      check fault program ./fault_test
      HLM_TEST_DEVICE=cuda:0 check golden program ./golden_test
      HLM_TEST_DEVICE=cuda:0 check memory_options program ./memory_options_test
      HLM_TEST_DEVICE=cuda:0 check groups program ./groups_test
      HLM_TEST_DEVICE=cuda:0 check routed program ./routed_test
      check resume program ./check_resume.sh
      ;;
    memcheck)
      # Without fault_test, whose kernel traps on purpose, and without a word on calls that fail: tests ask for too much memory.
      check memcheck-device sanitized memcheck "--report-api-errors no" ./device_test
      check memcheck-ops sanitized memcheck "--report-api-errors no" ./ops_test
      check memcheck-cases sanitized memcheck "--report-api-errors no" ./cuda_test
      HLM_TEST_DEVICE=cuda:0 check memcheck-golden sanitized memcheck "--report-api-errors no" ./golden_test
      HLM_TEST_DEVICE=cuda:0 check memcheck-memory_options sanitized memcheck "--report-api-errors no" ./memory_options_test
      ;;
    racecheck | initcheck | synccheck)
      # Our own kernels only, and not the tests of products: beside racecheck cuBLASLt's own kernels were seen to fail.
      check "$part" sanitized "$part" "--kernel-name kernel_substring=hlm" ./ops_test --gtest_filter='-*LinearTest*:*WorkspaceTest*'
      check "$part-cases" sanitized "$part" "--kernel-name kernel_substring=hlm" ./cuda_test
      ;;
    *)
      echo "error: no part '$part'; there are tests, memcheck, racecheck, initcheck, synccheck and sanitize, which is the last four" >&2
      exit 2
      ;;
  esac
done
echo "$passed passed, $failed failed"
((failed == 0))
