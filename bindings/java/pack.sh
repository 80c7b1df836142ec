#!/bin/bash
# Compiles and packs the jar, the source jar and the pom.
#
#   pack.sh JDK_BIN VERSION HEADER POM LICENSE GENERATED_TAR LIBRARIES_TAR JNI_LIBRARY OUT_JAR OUT_SOURCES OUT_POM SOURCE...
set -euo pipefail

jdk=$1 version=$2 header=$3 pom=$4 license=$5 generated=$6 libraries=$7 jni=$8 out_jar=$9 out_sources=${10} out_pom=${11}
shift 11

grep -q "^#define HLM_VERSION \"$version\"$" "$header" || { echo "error: bindings/version.bzl says $version, $header another version" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sources=$work/sources classes=$work/classes
mkdir -p "$sources/org/horizonlm/internal" "$classes/META-INF/maven/org.horizonlm/horizonlm" "$classes/native/linux-x86_64"
for source in "$@"; do
  to=$sources/${source##*src/main/java/}
  mkdir -p "$(dirname "$to")"
  cp "$source" "$to"
done
tar xf "$generated" -C "$sources/org/horizonlm/internal"
mapfile -t all < <(find "$sources" -name '*.java' | sort)
"$jdk/javac" -Xlint:all -Werror --release 17 -encoding UTF-8 -d "$classes" "${all[@]}"

natives=$classes/native/linux-x86_64
tar xf "$libraries" -C "$natives"
cp "$jni" "$natives/"
(cd "$natives" && ls | sort >"$work/files.txt")
mv "$work/files.txt" "$natives/files.txt"
sed "s/@VERSION@/$version/" "$pom" >"$out_pom"
cp "$out_pom" "$classes/META-INF/maven/org.horizonlm/horizonlm/pom.xml"
cp "$license" "$classes/META-INF/LICENSE"
printf 'Implementation-Title: Horizon-LM\nImplementation-Version: %s\n' "$version" >"$work/manifest"
"$jdk/jar" --create --file "$out_jar" --manifest "$work/manifest" -C "$classes" .
"$jdk/jar" --create --file "$out_sources" -C "$sources" .
