#!/bin/bash
# Compiles and packs what a Maven repository holds: the classes; the native libraries and the CUDA device's library, each in a jar with a
# classifier; sources, javadoc and the pom.
#
#   pack.sh JDK_BIN VERSION HOME HEADER POM LICENSE THIRD_PARTY_LICENSES GENERATED_TAR LIBRARIES_TAR CUDA_TAR JNI_LIBRARY
#     OUT_JAR OUT_NATIVES OUT_CUDA OUT_SOURCES OUT_JAVADOC OUT_POM SOURCE...
set -euo pipefail

jdk=$1 version=$2 home=$3 header=$4 pom=$5 license=$6 third_party=$7 generated=$8 libraries=$9 cuda=${10} jni=${11}
out_jar=${12} out_natives=${13} out_cuda=${14} out_sources=${15} out_javadoc=${16} out_pom=${17}
shift 17

grep -q "^#define HLM_VERSION \"$version\"$" "$header" || { echo "error: bindings/version.bzl says $version, $header another version" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sources=$work/sources classes=$work/classes
mkdir -p "$sources/org/horizonlm/internal" "$classes/META-INF/maven/org.horizonlm/horizonlm"
for source in "$@"; do
  to=$sources/${source##*src/main/java/}
  mkdir -p "$(dirname "$to")"
  cp "$source" "$to"
done
tar xf "$generated" -C "$sources/org/horizonlm/internal"
mapfile -t all < <(find "$sources" -name '*.java' | sort)
"$jdk/javac" -Xlint:all -Werror --release 17 -encoding UTF-8 -d "$classes" "${all[@]}"

pack() {  # OUT FOLDER [LINE_OF_THE_MANIFEST]
  printf 'Implementation-Title: Horizon-LM\nImplementation-Version: %s\n%s' "$version" "${3:-}" >"$work/manifest"
  mkdir -p "$2/META-INF"
  cp "$license" "$2/META-INF/LICENSE"
  "$jdk/jar" --create --file "$1" --date=1980-01-01T00:00:02Z --manifest "$work/manifest" -C "$2" .
}

pack_natives() {  # OUT PLATFORM FOLDER: with a list of the files, by which they are found
  local natives=$3/native/$2
  (cd "$natives" && ls | sort >"$work/files.txt")
  mv "$work/files.txt" "$natives/files.txt"
  mkdir -p "$3/META-INF"
  cp "$third_party" "$3/META-INF/THIRD_PARTY_LICENSES"
  pack "$1" "$3" "$(printf 'Automatic-Module-Name: org.horizonlm.%s\n' "${2//-/_}")"$'\n'
}

sed -e "s/@VERSION@/$version/g" -e "s#@HOME@#$home#g" "$pom" >"$out_pom"
cp "$out_pom" "$classes/META-INF/maven/org.horizonlm/horizonlm/pom.xml"
pack "$out_jar" "$classes"

mkdir -p "$work/natives/native/linux-x86_64" "$work/cuda/native/linux-x86_64-cuda13"
tar xf "$libraries" -C "$work/natives/native/linux-x86_64"
strip --strip-unneeded -o "$work/natives/native/linux-x86_64/$(basename "$jni")" "$jni"
pack_natives "$out_natives" linux-x86_64 "$work/natives"
tar xf "$cuda" -C "$work/cuda/native/linux-x86_64-cuda13"
pack_natives "$out_cuda" linux-x86_64-cuda13 "$work/cuda"

pack "$out_sources" "$sources"

# The generated functions below it are not for people.
(cd "$sources" && "$jdk/javadoc" -quiet -Xdoclint:all -Werror --release 17 -encoding UTF-8 -notimestamp -d "$work/javadoc" --source-path . \
  module-info.java org/horizonlm/*.java) >"$work/javadoc.txt" 2>&1 && [[ ! -s "$work/javadoc.txt" ]] || { cat "$work/javadoc.txt" >&2; exit 1; }
pack "$out_javadoc" "$work/javadoc"
