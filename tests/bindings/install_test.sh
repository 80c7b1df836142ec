#!/bin/bash
# The installed C and C++ interface, used as a stranger does: by pkg-config and by CMake, from a folder that was moved, with nothing of the build tree.
set -euo pipefail
source tests/bindings/lib.sh
installer=$1 c_program=$2 c_source=$3 cpp_source=$4
work=$TEST_TMPDIR

RUNFILES="$TEST_SRCDIR" "$installer" "$work/first"
mv "$work/first" "$work/prefix"
prefix=$work/prefix
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig

version=$(sed -n 's/^#define HLM_VERSION "\(.*\)"$/\1/p' "$prefix/include/horizon_lm.h")
test "$(pkg-config --modversion horizonlm)" = "$version"
test -f "$prefix/lib/libhorizonlm.so.$version"
soname=$(readelf -d "$prefix/lib/libhorizonlm.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
test "$soname" = "libhorizonlm.so.${version%%.*}" || fail "the soname is $soname"
# Nothing is taken from elsewhere that the folder carries.
ldd "$prefix/lib/libhorizonlm.so" | awk -v here="$(readlink -f "$prefix")/" '/libdnnl|libhwy|libgomp|libOpenCL/ && index($3, here) != 1 && index($3, "'"$prefix"'/") != 1 { print; bad = 1 } END { exit bad }' ||
  fail "libraries are taken from outside the installed folder"

# C and C++ by pkg-config.
mkdir -p "$work/src/c_api"
sed 's#"c_api/horizon_lm.h"#<horizon_lm.h>#' "$c_source" >"$work/src/finetune.c"
sed 's#"c_api/horizon_lm.hpp"#<horizon_lm.hpp>#' "$cpp_source" >"$work/src/finetune.cc"
cd "$work/src"
gcc -std=c99 -Wall -Wextra -pedantic -Werror finetune.c -o c99 $(pkg-config --cflags --libs horizonlm)
g++ -std=c++17 -Wall -Wextra -pedantic -Wold-style-cast -Werror finetune.cc -o cxx17 $(pkg-config --cflags --libs horizonlm)
cd - >/dev/null
for program in c99 cxx17; do
  "$work/src/$program" "$work/$program" >"$work/$program.txt"
  same_as_c "$c_program" "$work/$program.txt" "$work/$program"
done

readme_program cpp "$work/readme/tune.cc"
(cd "$work/readme" && g++ -std=c++17 tune.cc $(pkg-config --cflags --libs horizonlm) && ./a.out) >"$work/readme.txt"
readme_ran "$work/readme" "$work/readme.txt"

# By CMake.
cat >"$work/src/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.13)
project(stranger CXX)
find_package(horizonlm 0.1 REQUIRED)
add_executable(by_cmake finetune.cc)
target_compile_features(by_cmake PRIVATE cxx_std_17)
target_link_libraries(by_cmake horizonlm::horizonlm)
CMAKE
cmake -S "$work/src" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/cmake.txt" || { cat "$work/cmake.txt"; exit 1; }
cmake --build "$work/build" >"$work/cmake.txt" || { cat "$work/cmake.txt"; exit 1; }
"$work/build/by_cmake" "$work/by_cmake" >"$work/by_cmake.txt"
same_as_c "$c_program" "$work/by_cmake.txt" "$work/by_cmake"
sed -i 's/find_package(horizonlm 0.1/find_package(horizonlm 9.0/' "$work/src/CMakeLists.txt"
if cmake -S "$work/src" -B "$work/build9" -DCMAKE_PREFIX_PATH="$prefix" >"$work/cmake.txt" 2>&1; then
  fail "CMake takes $version for 9.0"
fi

# Wrong use of the installer.
status=0
RUNFILES="$TEST_SRCDIR" "$installer" 2>/dev/null || status=$?
test "$status" = 2
status=0
RUNFILES="$TEST_SRCDIR" "$installer" /proc/nowhere >/dev/null 2>&1 || status=$?
test "$status" != 0
