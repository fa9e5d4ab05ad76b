#!/usr/bin/env bash
# Kills `features` and `train` with SIGKILL at random moments, runs them again, and compares every byte with an unbroken
# run.
#
#     scripts/check-kill.sh [DATA] [KILLS] [SEED]
#
# DATA: a manifest with a split (synthetic sounds without it). KILLS: moments for each of the two, 10 by default.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
data=${1:-}
kills=${2:-10}
RANDOM=${3:-1}
find_barkbird
make_work
if [ -z "$data" ]; then
  "$barkbird" synth --out "$work/sounds" --clips 160 --quiet
  "$barkbird" scan "$work/sounds/manifest.csv" --out "$work/manifest.csv" --quiet 2>/dev/null
  data=$work/manifest.csv
fi
[ -f "$data" ] || die "$data: no such file"

# run OUT KIND [FLAGS]: one stage into OUT.
run() {
  case $2 in
    features) "$barkbird" features "$data" --out "$1" --quiet ;;
    train) "$barkbird" train cnn --features "$work/whole-features" --out "$1" --epochs 6 --quiet "${@:3}" ;;
  esac
}

# The file without wall-clock seconds, whose digits also change the length and the padding of a header.
timeless() { tail -c +9 "$1" | LC_ALL=C sed -E 's/\\?"seconds\\?":[0-9.e-]+//g' | LC_ALL=C tr -d ' '; }

# Everything but seconds and the cache must be equal, and nothing may be left over.
compare() {
  local whole=$work/whole-$1 broken=$work/$2 equal=0
  diff <(cd "$whole" && find . -type f ! -path './cache/*' | sort) <(cd "$broken" && find . -type f ! -path './cache/*' | sort) || equal=1
  for file in $(cd "$whole" && find . -type f ! -path './cache/*' | sort); do
    case $(basename "$file") in
      run.json) ;; # the command line, which --resume changes
      metrics.jsonl | last.safetensors) cmp <(timeless "$whole/$file") <(timeless "$broken/$file") || equal=1 ;;
      *) cmp "$whole/$file" "$broken/$file" || equal=1 ;;
    esac
  done
  return $equal
}

failed=0
for kind in features train; do
  begin=$(date +%s%N)
  run "$work/whole-$kind" "$kind" 2>"$work/text"
  took=$((($(date +%s%N) - begin) / 1000000))
  killed=0
  for i in $(seq "$kills"); do
    out=$work/broken-$kind
    rm -rf "$out"
    moment=$((RANDOM % (took * 9 / 10) + 1))
    run "$out" "$kind" 2>/dev/null &
    pid=$!
    sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
    # The stage is the child of the function's own process.
    if pkill -KILL -P "$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null; then killed=$((killed + 1)); fi
    wait "$pid" 2>/dev/null || true
    resume=(); [ "$kind" = train ] && [ -e "$out" ] && resume=(--resume)
    run "$out" "$kind" "${resume[@]}" 2>"$work/text" || { cat "$work/text"; failed=1; }
    compare "$kind" "broken-$kind" || { echo "$kind: killed after $moment ms: other bytes"; failed=1; }
  done
  echo "$kind: $kills runs ($killed killed within $took ms) compared with an unbroken one"
done
[ "$failed" = 0 ] && echo "the same bytes after every kill"
exit "$failed"
