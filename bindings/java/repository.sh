#!/bin/bash
# Lays jars and their pom out as a Maven repository has them, with checksums: what a release uploads.
#
#   repository.sh OUT VERSION FILE...      FILE: horizonlm-VERSION*.jar, horizonlm-VERSION.pom
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac

out=$1/org/horizonlm/horizonlm version=$2
shift 2
mkdir -p "$out/$version"
cp -L "$@" "$out/$version/"
chmod u+w "$out/$version"/*
cat >"$out/maven-metadata.xml" <<XML
<?xml version="1.0" encoding="UTF-8"?>
<metadata>
  <groupId>org.horizonlm</groupId>
  <artifactId>horizonlm</artifactId>
  <versioning>
    <latest>$version</latest>
    <release>$version</release>
    <versions>
      <version>$version</version>
    </versions>
  </versioning>
</metadata>
XML
for file in "$out/maven-metadata.xml" "$out/$version"/*; do
  for sum in md5 sha1 sha256; do
    "${sum}sum" "$file" | cut -d' ' -f1 | tr -d '\n' >"$file.$sum"
  done
done
