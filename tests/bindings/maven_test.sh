#!/bin/bash
# Maven takes the package from a repository of files, as a project in a clean folder names it, and the program of docs/languages.md runs with what it
# took. Maven's own plugins are Debian's: nothing is fetched.
set -euo pipefail
source tests/bindings/lib.sh
repository=$(readlink -f "$1") jdk=$(dirname "$(readlink -f "$2")") header=$3
shift 3
work=$TEST_TMPDIR
version=$(sed -n 's/^#define HLM_VERSION "\(.*\)"$/\1/p' "$header")
export HOME=$work JAVA_HOME=${jdk%/bin} LC_ALL=C.UTF-8

files=()
for file in "$@"; do files+=("$(readlink -f "$file")"); done
"$repository" "$work/maven" "$version" "${files[@]}"

cat >"$work/settings.xml" <<XML
<settings>
  <mirrors><mirror><id>debian</id><mirrorOf>central</mirrorOf><url>file:///usr/share/maven-repo</url></mirror></mirrors>
</settings>
XML
project() {  # FOLDER VERSION_WANTED [CLASSIFIER]
  mkdir -p "$1/src/main/java" "$1/src/test/java"
  echo 'final class Nothing {}' >"$1/src/test/java/Nothing.java"  # so that what is needed at run time is resolved as well
  local second=
  [[ -z "${3:-}" ]] || second="<dependency><groupId>org.horizonlm</groupId><artifactId>horizonlm</artifactId><version>$2</version><classifier>$3</classifier></dependency>"
  cat >"$1/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId>
  <artifactId>tune</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.release>17</maven.compiler.release>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <repositories>
    <repository><id>horizonlm</id><url>file://$work/maven</url><releases><checksumPolicy>fail</checksumPolicy></releases></repository>
  </repositories>
  <dependencies>
    <dependency><groupId>org.horizonlm</groupId><artifactId>horizonlm</artifactId><version>$2</version></dependency>
    $second
  </dependencies>
</project>
XML
}
run_maven() {  # FOLDER: what was taken lies in FOLDER/m2
  (cd "$1" && mvn --batch-mode --quiet -s "$work/settings.xml" -Dmaven.repo.local="$1/m2" -Dstyle.color=never test-compile) >"$1/maven.txt" 2>&1
}

readme_program java "$work/readme/Tune.java"
project "$work/project" "$version"
cp "$work/readme/Tune.java" "$work/project/src/main/java/"
run_maven "$work/project" || fail "$(cat "$work/project/maven.txt")"
taken=$work/project/m2/org/horizonlm/horizonlm/$version
(cd "$taken" && ls *.jar) >"$work/taken.txt"
diff "$work/taken.txt" - <<JARS
horizonlm-$version-linux-x86_64.jar
horizonlm-$version.jar
JARS
(cd "$work/readme" && "$jdk/java" -Djava.io.tmpdir="$work" -cp "$work/project/target/classes:$taken/*" Tune) >"$work/readme.txt"
readme_ran "$work/readme" "$work/readme.txt"

# The range that people write, and the classifier of a GPU.
project "$work/gpu" "[$version,1)" linux-x86_64-cuda13
run_maven "$work/gpu" || fail "$(cat "$work/gpu/maven.txt")"
test -s "$work/gpu/m2/org/horizonlm/horizonlm/$version/horizonlm-$version-linux-x86_64-cuda13.jar"

# A damaged jar is not taken.
project "$work/damaged" "$version"
printf 'x' >>"$work/maven/org/horizonlm/horizonlm/$version/horizonlm-$version.jar"
if run_maven "$work/damaged"; then
  fail "a damaged jar was taken"
fi
grep -qi 'checksum' "$work/damaged/maven.txt" || fail "$(cat "$work/damaged/maven.txt")"

# What Maven Central asks for beside these: sources, javadoc, and a pom that names licence, people and the source.
for kind in -sources -javadoc; do
  test -s "$work/maven/org/horizonlm/horizonlm/$version/horizonlm-$version$kind.jar"
done
/usr/bin/python3 - "$work/maven/org/horizonlm/horizonlm/$version/horizonlm-$version.pom" <<'PYTHON'
import sys
import xml.etree.ElementTree as xml

root = xml.parse(sys.argv[1]).getroot()
space = root.tag[: root.tag.index("}") + 1]
for path in ("name", "description", "url", "licenses/license/name", "licenses/license/url", "developers/developer/name", "scm/connection", "scm/url"):
    found = root.find("/".join(space + part for part in path.split("/")))
    assert found is not None and found.text.strip(), path
PYTHON
