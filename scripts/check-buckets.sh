#!/usr/bin/env bash
# The whole pipeline in a bucket whose server fails on purpose, compared with the same on the local disk, file by file.
#
#     scripts/check-buckets.sh [DATA] [SHARE] [SEED]
#
# DATA: a folder with a manifest.csv that has a split (made sounds without it). SHARE of the requests meet a fault (0.1): an error
# 500, a 503, an answer that is lost or cut off, or half a second to two late. The server is moto's, on this machine; it and
# its Python packages are installed under target/.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
data=${1:-}
share=${2:-0.1}
seed=${3:-0}
find_barkbird
make_work
venv=${CARGO_TARGET_DIR:-$root/target}/buckets-venv
python_packages "$venv" "$root/scripts/check-buckets.txt"
local=$work/local
mkdir -p "$local"
if [ -n "$data" ]; then
  [ -f "$data/manifest.csv" ] || die "$data/manifest.csv: no such file"
  cp -r "$data" "$local/data"
else
  "$barkbird" synth --out "$local/data" --clips 160 --quiet
fi

port=$((20000 + RANDOM % 20000))
"$venv/bin/python" "$root/scripts/faulty-s3.py" "$port" "$work/counts.json" "$seed" "$share" >"$work/server.log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; [ -n "${KEEP:-}" ] || rm -rf "$work"' EXIT
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 AWS_ENDPOINT_URL=http://127.0.0.1:$port
for _ in $(seq 100); do [ -s "$work/counts.json" ] && break; sleep 0.2; done
"$venv/bin/python" "$root/scripts/bucket-copy.py" up "$local/data" lab run/data || { cat "$work/server.log" >&2; exit 1; }

cache=$work/blocks
stage() { "$barkbird" "$@" --quiet --bucket-cache "$cache" --bucket-cache-gb 0.05 2>>"$work/stages.log" || { tail -5 "$work/stages.log" >&2; die "$1 failed"; }; }

# all ROOT: every stage below ROOT, which is a folder or a bucket.
all() {
  stage scan "$1/data/manifest.csv" --out "$1/manifest.csv"
  stage features "$1/manifest.csv" --out "$1/features"
  stage train cnn --features "$1/features" --out "$1/run" --epochs 4
  stage evaluate "$1/run" --features "$1/features" --out "$1/run/test"
  stage anomaly bench "$1/run" --features "$1/features" --out "$1/bench" --synthetic 2
  stage anomaly fit "$1/run" --features "$1/features" --bench "$1/bench/anomaly.json"
  stage predict "$1/run" "$1/manifest.csv" --out "$1/predictions.csv"
  stage predict "$1/run" "$1/manifest.csv" --out "$1/predictions.parquet" --format parquet
  stage predict "$1/run" "$1/data" --events --out "$1/events.csv"
  stage clips "$1/events.csv" --out "$1/clips"
  stage embed "$1/run" --features "$1/features" --out "$1/embeddings"
  stage doctor "$1/manifest.csv" --out "$1/doctor"
  stage report "$1/run" --manifest "$1/manifest.csv" --out "$1/report.html"
}
echo "on the local disk"; time all "$local"
echo "in the bucket"; time all s3://lab/run

echo "features by two workers at a time, one of which is killed"
stage features "s3://lab/run/manifest.csv" --out "s3://lab/run/by-parts" --part 1/2 &
first=$!
"$barkbird" features s3://lab/run/manifest.csv --out s3://lab/run/by-parts --part 2/2 --quiet --bucket-cache "$cache" 2>/dev/null &
second=$!
sleep 0.4; kill -9 "$second" 2>/dev/null || true
wait "$first"; wait "$second" 2>/dev/null || true
stage features s3://lab/run/manifest.csv --out s3://lab/run/by-parts --part 2/2
stage features s3://lab/run/manifest.csv --out s3://lab/run/by-parts

echo "two runs into one folder: one is refused"
"$barkbird" train cnn --features s3://lab/run/features --out s3://lab/run/twice --epochs 4 --quiet 2>"$work/one.log" & one=$!
"$barkbird" train cnn --features s3://lab/run/features --out s3://lab/run/twice --epochs 4 --quiet 2>"$work/two.log" & two=$!
status=0; wait $one || status=$((status + 1)); wait $two || status=$((status + 1))
[ "$status" = 1 ] || die "$status of two runs into one folder were refused, expected 1: $(cat "$work/one.log" "$work/two.log")"
grep -hq "another barkbird is writing" "$work/one.log" "$work/two.log" || die "$(cat "$work/one.log" "$work/two.log")"

# Without what is meant to differ: where it is, the command lines, and seconds.
"$venv/bin/python" "$root/scripts/bucket-copy.py" down lab run "$work/bucket"
failed=0 compared=0 present=0
plain() { LC_ALL=C sed -e "s|s3://lab/run|ROOT|g; s|$local|ROOT|g" -E -e 's/\\?"seconds\\?": ?[0-9.e-]+//g' "$1"; }
same() {
  case $1 in
    */run.json | *.parquet | *.html) # the command line, the place, and both, which these have in other forms
      [ -s "$2" ] || { echo "empty: $2"; failed=$((failed + 1)); }
      present=$((present + 1)); return 0 ;;
  esac
  compared=$((compared + 1))
  cmp -s "$1" "$2" && return 0
  case $1 in
    *) cmp -s <(plain "$1" | tail -c +9 | tr -d ' ') <(plain "$2" | tail -c +9 | tr -d " ") && return 0 ;;
  esac
  echo "differs: $1"; failed=$((failed + 1))
}
while read -r file; do
  [ -f "$work/bucket/$file" ] || { echo "missing in the bucket: $file"; failed=$((failed + 1)); continue; }
  same "$local/$file" "$work/bucket/$file"
done < <(cd "$local" && find . -type f ! -path '*/cache/*' ! -name '*.scan.journal' | sort)
left=$(cd "$work/bucket" && find . -type f ! -path '*/cache/*' ! -path './by-parts/*' ! -path './twice/*' | sort | while read -r file; do [ -f "$local/$file" ] || echo "$file"; done)
[ -z "$left" ] || { echo "only in the bucket: $left"; failed=$((failed + 1)); }
for file in "$local"/features/*.safetensors "$local"/features/index.json; do same "$file" "$work/bucket/by-parts/$(basename "$file")"; done
for name in model.safetensors best.safetensors; do [ ! -f "$work/bucket/twice/$name" ] || same "$work/bucket/twice/$name" "$work/bucket/twice/$name"; done
blocks=$(du -sb "$cache" | cut -f1)
[ "$blocks" -le 60000000 ] || { echo "the blocks take $blocks bytes, with a limit of 50000000"; failed=$((failed + 1)); }
echo "$compared files compared, $present more are there, $failed differ; blocks on disk: $blocks bytes; requests and faults: $(cat "$work/counts.json")"
[ "$failed" = 0 ]
