#!/bin/bash
# Runs the GPU tests of an unpacked bundle on this machine and ends with a line "N passed, N failed".
#
#   run.sh [sanitize [N]]     with `sanitize` every N-th (16) test of the operations runs under compute-sanitizer as well
#
# The CUDA 13 libraries (cuBLASLt, cuDNN 9, NVRTC) come from LD_LIBRARY_PATH, the system, or the wheels of a Python that has them.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
source ./environment.sh

passed=0 failed=0
check() {  # NAME COMMAND...
  local name=$1 began=$SECONDS
  shift
  if timeout "${HLM_TEST_TIMEOUT:-900}" "$@" >"logs/$name.log" 2>&1; then
    passed=$((passed + 1))
    echo "ok      $name ($((SECONDS - began)) s)"
  else
    failed=$((failed + 1))
    echo "FAILED  $name ($((SECONDS - began)) s), see logs/$name.log"
    grep -E "^\[  FAILED|Failure|error|ERROR" "logs/$name.log" | head -n 15
  fi
}

mkdir -p logs
export HLM_REQUIRE_GPU=1
check device ./device_test
check ops ./ops_test
check fault ./fault_test
export HLM_TEST_DEVICE=cuda:0
check golden ./golden_test
check memory_options ./memory_options_test
if [[ "${1:-}" == sanitize ]]; then
  # Every n-th test of the operations: a sanitizer slows them down. Racecheck, initcheck and synccheck look at our own kernels only, and
  # leave out the tests of products: beside racecheck cuBLASLt's own kernels were seen to fail.
  export GTEST_TOTAL_SHARDS=${2:-16} GTEST_SHARD_INDEX=3
  sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
  check memcheck "$sanitizer" --tool memcheck --error-exitcode 1 ./ops_test
  for tool in racecheck initcheck synccheck; do
    check $tool "$sanitizer" --tool $tool --kernel-name kernel_substring=hlm --error-exitcode 1 ./ops_test \
      --gtest_filter='-*LinearTest*:*WorkspaceTest*'
  done
fi
echo "$passed passed, $failed failed"
((failed == 0))
