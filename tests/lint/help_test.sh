#!/bin/bash
# Every script that people call can be called, and says with --help what it is for; it does nothing else then.
set -euo pipefail
root=$(dirname "$(readlink -f .clang-format)")
export PYTHONDONTWRITEBYTECODE=1
cd "$root"
# What the build or a test calls is not for people; a batch script's options are those of Slurm.
mapfile -t scripts < <(git ls-files '*.sh' '*.py' .ci |
  grep -v -E '^(bindings|docs/api|third_party)/|^tests/.*/|^tests/lib\.sh$' | while read -r file; do
  [[ $(head -c 2 "$file") == '#!' ]] && echo "$file"
done)
((${#scripts[@]} > 40)) || { echo "only ${#scripts[@]} scripts found in $root" >&2 && exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/empty"
cd "$work/empty"
status=0 answered=0
for script in "${scripts[@]}"; do
  if [[ ! -x $root/$script ]]; then
    echo "$script: begins with #! and cannot be run" && status=1
  elif timeout 60 "$root/$script" --help >"$work/out" 2>"$work/err" </dev/null; then
    answered=$((answered + 1))
    [[ -s $work/out ]] || { echo "$script: --help says nothing" && status=1; }
  elif ! grep -q '^ModuleNotFoundError: ' "$work/err"; then  # those packages of PyPI that a tool is for
    echo "$script: --help fails: $(tail -n 1 "$work/err")" && status=1
  fi
  [[ -z $(ls -A) ]] || { echo "$script: --help wrote $(ls -A)" && status=1 && rm -rf -- ./*; }
done
((answered > 25)) || { echo "only $answered scripts answered" && status=1; }
exit "$status"
