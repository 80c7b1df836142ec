#!/bin/bash
# Makes a program or library ready for a package: without debugging information, and looking for what it needs where the package carries it.
#
#   ready.sh FILE OUT RPATH [NEEDED NEEDED_INSTEAD]      by RPATH rather than RUNPATH, so that what is found there finds the rest there as well
set -euo pipefail

cp -L "$1" "$2"
chmod u+w,a+r "$2"
strip --strip-unneeded "$2"
patchelf --force-rpath --set-rpath "$3" "$2"
if (($# > 3)); then
  patchelf --replace-needed "$4" "$5" "$2"
fi
