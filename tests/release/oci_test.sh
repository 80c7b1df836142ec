#!/bin/bash
# The image of a container, made from a small root and the release's archive, laid out again: files, modes and links are those of both, what a running
# system fills is left out, and the command that it names runs.
set -euo pipefail
archive=$(readlink -f "$1")
work=$TEST_TMPDIR
fail() { echo "FAILED: $*" >&2; exit 1; }

base=$work/base
mkdir -p "$base"/{etc,proc/1,usr/bin,var/cache/apt,var/lib/apt/lists,tmp,root}
chmod 700 "$base/root"
chmod 1777 "$base/tmp"
echo 'root:x:0:0:root:/root:/bin/sh' >"$base/etc/passwd"
echo '#!/bin/sh' >"$base/usr/bin/sh"
chmod 4755 "$base/usr/bin/sh"
ln -s usr/bin "$base/bin"
for left_out in proc/1/maps var/cache/apt/pkgcache.bin var/lib/apt/lists/deb tmp/left; do echo x >"$base/$left_out"; done

for out in first second; do
  tools/release/oci.py "$base" "$archive" 1.2.3 "$work/$out.tar"
done
cmp "$work/first.tar" "$work/second.tar"

root=$work/root
mkdir "$root"
tools/release/lay_out.py --own "$work/first.tar" "$root" >"$work/config.json"
/usr/bin/python3 - "$work/config.json" <<'PYTHON'
import json
import sys

config = json.load(open(sys.argv[1]))
assert config["Entrypoint"] == ["horizon"] and config["User"] == "1000" and config["WorkingDir"] == "/work", config
assert config["Labels"]["org.opencontainers.image.version"] == "1.2.3", config
PYTHON
test "$(cat "$root/etc/passwd")" = "$(printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/work:/bin/sh')"
for mode in 700:root 1777:tmp 4755:usr/bin/sh 755:work; do
  test "$(stat -c %a "$root/${mode#*:}")" = "${mode%%:*}" || fail "${mode#*:} has the mode $(stat -c %a "$root/${mode#*:}")"
done
test "$(readlink "$root/bin")" = usr/bin
test -d "$root/proc" && test -z "$(ls -A "$root/proc" "$root/tmp" "$root/var/cache/apt" | grep -v ':$' | tr -d '\n')" || fail "$(find "$root/proc" "$root/tmp" "$root/var")"
command=$(readlink "$root/usr/local/bin/horizon")
"$root$command" devices | grep '^cpu'
mkdir "$work/unpacked"
tar xf "$archive" -C "$work/unpacked"
diff -r --no-dereference "$work/unpacked" "$root/opt"

# A byte that is another is found.
mkdir "$work/layout"
tar xf "$work/first.tar" -C "$work/layout"
largest=$(ls -S "$work/layout/blobs/sha256" | head -1)
printf 'x' | dd of="$work/layout/blobs/sha256/$largest" bs=1 seek=100 conv=notrunc status=none
tar cf "$work/damaged.tar" -C "$work/layout" .  --transform 's#^\./##'
if tools/release/lay_out.py --own "$work/damaged.tar" "$work/layout" >/dev/null 2>"$work/damaged.txt"; then
  fail "a damaged layer was laid out"
fi
grep -q "sha256:$largest" "$work/damaged.txt"
