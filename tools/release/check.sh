#!/bin/bash
# Tries the packages of a release in a clean root, as people install them: no compiler, no Bazel, and the program itself not as root.
#
#   check.sh DIST ROOT [PART...]      ROOT: a folder with a minimal Debian 12 (made by debootstrap where it is not there), or with another system
#                                     that has apt-get, for the parts archive and wheel. Parts: archive, wheel, deb, image (all)
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
dist=$(readlink -f "$1") root=$2
shift 2
(($# > 0)) || set -- archive wheel deb image
for part in "$@"; do
  case $part in archive | wheel | deb | image) ;; *) echo "error: there is no part $part; see --help" >&2 && exit 2 ;; esac
done
parts=" $* "
wanted() { [[ $parts == *" $1 "* ]]; }

[[ -x "$root/bin/sh" ]] || debootstrap --variant=minbase bookworm "$root" >/dev/null
root=$(readlink -f "$root")
# $ORIGIN is read from /proc.
mount -t proc proc "$root/proc"
trap 'umount "$root/proc"' EXIT
rm -rf "$root/dist" && mkdir "$root/dist"
cp -r "$dist"/* "$root/dist/"
chroot "$root" sh -c 'id user >/dev/null 2>&1 || useradd --create-home user'

as_user() { chroot "$root" su user -c "cd && PATH=\$HOME/bin:/usr/bin:/bin && $1"; }
passed=0
check() {  # NAME COMMAND...
  local name=$1 begun=$SECONDS
  shift
  "$@" >"$root/check.txt" 2>&1 || { cat "$root/check.txt"; echo "FAILED: $name" >&2; exit 1; }
  echo "ok  $name  ($((SECONDS - begun)) s)"
  passed=$((passed + 1))
}
readonly TRAIN="train --preset tiny --init-seed 1 --data text.txt --seq-len 128 --batch-size 8 --steps 100 --lr 3e-3 --out licenses --overwrite && test -s licenses/model.safetensors"
as_user 'rm -rf ./* && cat /usr/share/common-licenses/* >text.txt'

try_archive() {
  check "archive: unpacked, trained" as_user "tar xf /dist/horizonlm-*-linux-x86_64.tar.gz && horizonlm-*/bin/horizon $TRAIN"
}

try_wheel() {
  chroot "$root" sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv' >/dev/null 2>&1
  check "wheel: pip install in a virtual environment" as_user "python3 -m venv env && env/bin/pip install --no-index --quiet /dist/horizonlm-*.whl"
  check "wheel: the command trains" as_user "env/bin/horizon $TRAIN"
  check "wheel: imported, trains" as_user "env/bin/python -c '
import horizonlm as hlm
with hlm.Model.open(\"licenses\") as model, model.plan(device=\"cpu\", batch_size=2, seq_len=16) as plan, hlm.Trainer(model, plan) as trainer:
    assert trainer.step(hlm.Batch.of([[1, 2, 3, 4]] * 2)).loss > 0
'"
  check "wheel: uninstalled, nothing left" as_user "env/bin/pip uninstall --quiet --yes horizonlm && ! ls env/lib/python3*/site-packages | grep -i horizonlm"
}

try_deb() {
  check ".deb: installed" chroot "$root" sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends /dist/*.deb'
  check ".deb: the command trains" as_user "horizon $TRAIN"
  check ".deb: removed, nothing left" chroot "$root" sh -c 'apt-get purge -y -qq libhorizonlm0 libhorizonlm-dev horizonlm && ! ls /usr/lib | grep horizonlm && ! test -e /usr/bin/horizon'
}

# The image, as a container engine lays it out.
try_image() {
  image=$(ls "$dist"/horizonlm-*-oci.tar)
  container=$root.image
  rm -rf "$container" && mkdir "$container"
  check "image: laid out" "$(dirname "${BASH_SOURCE[0]}")/lay_out.py" "$image" "$container"
  mount -t proc proc "$container/proc"
  trap 'umount "$root/proc" "$container/proc"' EXIT
  check "image: the command trains" chroot --userspec=1000:1000 "$container" \
    /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/work sh -c "cd /work && cat /usr/share/common-licenses/* >text.txt && horizon $TRAIN"
}

for part in archive wheel deb image; do
  if wanted $part; then try_$part; fi
done
echo "$passed passed"
