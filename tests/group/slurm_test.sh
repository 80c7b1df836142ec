#!/bin/bash
# The batch script of samples/scaling with a Slurm that only tells what it was asked: what fails is queued again, so many times and no more,
# and the job ends as the program did.
set -euo pipefail
script=$(realpath "$1")
work=${TEST_TMPDIR:-$(mktemp -d)}
mkdir -p "$work/bin"
cat >"$work/bin/srun" <<'SRUN'
#!/bin/bash
echo "srun $*" >>"$ASKED"
exec "${@:2}"
SRUN
cat >"$work/bin/scontrol" <<'SCONTROL'
#!/bin/bash
echo "scontrol $*" >>"$ASKED"
SCONTROL
chmod +x "$work"/bin/*
export PATH=$work/bin:$PATH ASKED=$work/asked SLURM_JOB_ID=4711

check() {  # RESTARTS STATUS QUEUED: so many before, what the program ends with, whether it is queued again
  : >"$ASKED"
  local status=0 wanted="srun --kill-on-bad-exit=1 sh -c exit $2"
  SLURM_RESTART_COUNT=$1 bash "$script" sh -c "exit $2" || status=$?
  if $3; then wanted+=$'\nscontrol requeue 4711'; fi
  if [[ $status != "$2" || $(cat "$ASKED") != "$wanted" ]]; then
    echo "restart '$1', a program that ends with $2: the status is $status, and asked was:"
    cat "$ASKED"
    exit 1
  fi
}
check "" 0 false
check "" 2 true
check 4 137 true
check 5 137 false
check 5 0 false
