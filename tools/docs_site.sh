#!/bin/bash
# Builds the documentation site into a folder: docs/ by MkDocs (from PyPI, in an environment of its own), and the reference of the five languages
# (//docs:api) under reference/. A link that leads nowhere fails.
#
#   tools/docs_site.sh OUT [API_TAR]     API_TAR: bazel-bin/docs/api.tar.gz, where it was built
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=$(readlink -m "${1:?a folder is needed; see --help}")

environment="${HORIZON_LM_CACHE:-$HOME/.cache/horizon-lm}/mkdocs-1.6.1"
if [[ ! -x "$environment/bin/mkdocs" ]]; then
  /usr/bin/python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check mkdocs==1.6.1
fi
"$environment/bin/mkdocs" build --strict --quiet --site-dir "$out"
if (($# > 1)); then
  mkdir -p "$out/reference"
  tar xf "$2" -C "$out/reference" --strip-components=1
fi
echo "$out/index.html"
