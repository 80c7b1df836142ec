# Sourced, with the script's arguments, by those that measure: goes to the bundle's folder and finds its libraries.
#
#   out                      the first argument (figures), a folder: every run's JSON and messages go there
#   wanted PART              whether the arguments after the first name the part; all parts are wanted where there are none
#   bench NAME ARGUMENTS...  a run on ${device:-cuda:0}, and a line with its figures
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
source ./environment.sh
out=${1:-figures}
mkdir -p "$out"
parts=" ${*:2} "
wanted() { [[ $parts == "  " || $parts == *" $1 "* ]]; }

bench() {
  local name=$1 began=$SECONDS
  shift
  echo "== $name: horizon bench $*"
  ./horizon bench --device "${device:-cuda:0}" --json "$@" >"$out/$name.json" 2>"$out/$name.err" || {
    cat "$out/$name.err"
    return
  }
  python3 - "$out/$name.json" $((SECONDS - began)) <<'P'
import json, sys
f = json.load(open(sys.argv[1]))
p = f["products"]
idle = f["compute_stream"] or {"seconds": 0, "idle_seconds": 0, "idle": {}}
share = idle["idle_seconds"] / idle["seconds"] if idle["seconds"] else float("nan")
print(f"   step {f['step_seconds']:.3f} s ({f['fastest_step_seconds']:.3f} to {f['slowest_step_seconds']:.3f}, "
      f"predicted {f['predicted_step_seconds']:.3f}), {f['tokens_per_second']:.0f} tokens/s, "
      f"6NT {f['six_nt_flops_per_second'] / 1e12:.0f}, with attention {f['model_flops_per_second'] / 1e12:.0f} TFLOP/s, "
      f"products alone {f['products_alone_seconds']:.3f} s ({f['products_alone_seconds'] / f['step_seconds']:.1%}"
      f"{', by expert %.3f, attention %.3f' % (p['grouped'], p['attention_forward'] + p['attention_backward']) if p.get('grouped') else ''}), "
      f"idle {share:.1%} {({k: round(v, 4) for k, v in idle['idle'].items()})}, "
      f"up {f['up_bytes_per_second'] / 1e9:.1f} down {f['down_bytes_per_second'] / 1e9:.1f} GB/s, sweeps {f['sweeps']}, "
      f"device {f['device_bytes'] / 2**30:.1f} GiB, host {f['host_bytes'] / 2**30:.1f} GiB = {f['host_bytes'] / f['parameters']:.2f} bytes a parameter; "
      f"{sys.argv[2]} s in all")
P
}
