#!/bin/bash
# tests/lint/coverage.py on a program of two files and a header, built and run as tests/long.sh does it: relative names, data below a prefix.
set -euo pipefail
script=$PWD/tests/lint/coverage.py
work=$(mktemp -d -p "${TEST_TMPDIR:-/tmp}")
mkdir -p "$work/core/a" "$work/core/b" "$work/out/bin/core/a/_objs" "$work/out/bin/core/b/_objs"
cd "$work"
cat >core/a/half.h <<'END'
inline int Half(int n) {
  if (n % 2 != 0)
    return -1;
  return n / 2;
}
END
cat >core/a/main.cc <<'END'
#include "core/a/half.h"
int main(int n, char**) {
  return n > 9 ? Half(n) : Half(2 * n) - n;
}
END
cat >core/b/unused.cc <<'END'
int Unused(int n) {
  ++n;
  return n;
}
END
export PWD=/proc/self/cwd # as Bazel's compilations have it
for file in a/main b/unused; do
  g++-12 --coverage -I. -c core/$file.cc -o "out/bin/core/${file%/*}/_objs/${file#*/}.pic.o"
done
g++-12 --coverage out/bin/core/*/_objs/*.o -o program
GCOV_PREFIX=$work/data ./program
/usr/bin/python3 "$script" out/bin data >said
diff - said <<'END'
core/a: 1 of 6 lines were not run
  half.h: 3
core/b: 3 of 3 lines were not run
  unused.cc: 1-3
all: 4 of 9 lines were not run
END
if /usr/bin/python3 "$script" out/bin data nowhere 2>said; then
  echo "a folder without objects has coverage" >&2 && exit 1
fi
grep -q "no .gcno below" said
