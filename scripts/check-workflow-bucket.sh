#!/usr/bin/env bash
# Runs the workflow (scripts/workflow) with recordings and results in a bucket whose server fails on purpose, kills workers in the middle, and
# compares all results with an unbroken run on the local disk. Checks, too, that
#   - a second run has nothing to do, and a result that is lost in the bucket is made again;
#   - a manifest that is replaced in the bucket is scanned again;
#   - a place in the bucket that does not exist ends with a message that names the key.
#
#     scripts/check-workflow-bucket.sh [DATA] [SHARE] [SEED] [OUT]
#
# DATA/animals and DATA/field hold recordings and a manifest.csv (made sounds without it, or with ""). SHARE of the requests meet a fault
# (0.1), chosen by SEED (0): an error 500, a 503, an answer that is lost or cut off, or half a second to two late. OUT gets the results, in
# place of those of an earlier check (default: a temporary folder). In the environment: VENV, where the Python environment of the workflow is,
# or is made (default: .venv, which git ignores). The server is moto's, on this machine; it is installed under target/.
#
# Fails on a difference, and where no worker was killed or a kind of fault was not met. About eight minutes with made sounds on two cores.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
data=${1:-} share=${2:-0.1} seed=${3:-0} out=${4:-}
if [ -n "$data" ]; then
  for set in animals field; do
    [ -f "$data/$set/manifest.csv" ] || die "$data/$set/manifest.csv: no such file"
  done
fi
find_barkbird
barkbird=$(realpath "$barkbird")
make_work
out=${out:-$work}
venv=${VENV:-$root/.venv}
moto=${CARGO_TARGET_DIR:-$root/target}/buckets-venv
python_packages "$venv" "$root/scripts/workflow/requirements.txt"
python_packages "$moto" "$root/scripts/check-buckets.txt"
rm -rf "$out"/{disk,bucket,copy,blocks,kills.log,counts.json}
mkdir -p "$out"/{disk/data,bucket}
out=$(realpath "$out")

# What is started here ends here. A second signal must not end that.
started=()
stop() {
  local status=$? pid
  trap - EXIT
  trap '' INT TERM
  for pid in ${started[@]+"${started[@]}"}; do kill -KILL -- "-$pid" 2>/dev/null || true; done
  rm -rf "$work"
  exit "$status"
}
trap stop EXIT
trap 'exit 130' INT TERM

if [ -n "$data" ]; then
  cp -r "$data/animals" "$data/field" "$out/disk/data"
  chmod -R u+w "$out/disk/data"
  elsewhere=manifest.csv split="field"
else
  "$barkbird" synth --out "$out/disk/data/animals" --clips 80 --quiet 2>"$out/made.log"
  "$barkbird" synth --out "$out/disk/data/field" --clips 40 --seed 1 --quiet 2>>"$out/made.log"
  "$barkbird" scan "$out/disk/data/field/manifest.csv" --out "$out/disk/data/field/splits.csv" --quiet 2>>"$out/made.log"
  elsewhere=splits.csv split="test"
fi

port=$((20000 + RANDOM % 20000))
setsid "$moto/bin/python" "$root/scripts/faulty-s3.py" "$port" "$out/counts.json" "$seed" "$share" >"$out/server.log" 2>&1 &
started+=("$!")
disown
# Of a name that no other check on this machine has: workers are found by it.
bucket=workflow-$port
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 AWS_ENDPOINT_URL=http://127.0.0.1:$port
for _ in $(seq 300); do [ -s "$out/counts.json" ] && break; sleep 0.2; done
[ -s "$out/counts.json" ] || { cat "$out/server.log" >&2; die "the server does not start"; }
"$moto/bin/python" "$root/scripts/bucket-copy.py" up "$out/disk/data" "$bucket" run/data || { cat "$out/server.log" >&2; die "the recordings do not reach the bucket"; }

# configuration PLACE STATE: of the workflow over PLACE/data with its results in PLACE/results.
configuration() {
  cat <<YAML
data: $1/data/animals/manifest.csv
out: $1/results
state: $2
bucket_cache: $out/blocks
bucket_cache_gb: 0.2
barkbird: $barkbird
folds: 2
retries: 3
seeds: [0]
features:
  logmel: {parts: 3}
  views: {parts: 2, views: 2, options: ["--augment", "light"]}
models:
  cnn: {kind: cnn, features: logmel, options: ["--epochs", 10]}
  cnn_views: {kind: cnn, features: views, folds: false, options: ["--epochs", 3]}
evaluations:
  test: {split: test}
  field: {split: $split, data: $1/data/field/$elsewhere}
anomaly:
  bench: ["--synthetic", 5]
  fit: []
embed: true
compare: {split: test}
predict:
  field: {run: cnn-0, recordings: ["$1/data/field"], parts: 3, options: ["--format", "csv,raven"]}
  events: {run: cnn_views-0, recordings: ["$1/data/animals/manifest.csv"], options: ["--events"]}
resources:
$(for job in scan doctor features augment gather train embed bench detector evaluate compare predict tables report folds; do
  echo "  $job: {threads: 1}"
done)
YAML
}
configuration "$out/disk" "$out/disk/state" >"$out/disk/configuration.yaml"
configuration "s3://$bucket/run" state >"$out/bucket/configuration.yaml"

# workflow FOLDER [FLAGS...]: the workflow in a folder; what Snakemake says is in FOLDER/snakemake.log.
workflow() {
  local folder=$1 pid; shift
  (cd "$out/$folder" && exec setsid "$venv/bin/snakemake" -s "$root/scripts/workflow/Snakefile" --configfile "${configuration:-configuration.yaml}" \
    --workflow-profile "$root/scripts/workflow/profiles/local" "$@") >"$out/$folder/snakemake.log" 2>&1 &
  pid=$!
  started+=("$pid")
  wait "$pid"
}
failed() { tail -40 "$out/$1/snakemake.log" >&2; die "$2: $out/$1/snakemake.log"; }
finished() { grep -c "^Finished jobid" "$out/$1/snakemake.log" || true; }

began=$SECONDS
workflow disk || failed disk "the workflow on the disk has failed"
echo "on the disk: $(finished disk) jobs in $((SECONDS - began)) s"

began=$SECONDS
setsid "$venv/bin/python" "$root/scripts/kill-workers.py" --folder "s3://$bucket/run/results" --seconds 3000 --log "$out/kills.log" \
  features-part augment-part train predict-part &
killer=$!
started+=("$killer")
workflow bucket || failed bucket "the workflow in the bucket has failed"
kill "$killer" 2>/dev/null || true
wait "$killer" 2>/dev/null || true
cat "$out/kills.log"
n_killed=$(grep -c "^killed" "$out/kills.log" || true)
n_again=$(grep -c "Trying to restart" "$out/bucket/snakemake.log" || true)
n_waits=$(cat "$out"/bucket/state/logs/*/* "$out"/bucket/state/logs/*.log 2>/dev/null | grep -c "^in-bucket.sh:" || true)
echo "in the bucket: $(finished bucket) jobs in $((SECONDS - began)) s; $n_killed killed, $n_again started again; $n_waits tries at locks of killed workers"
[ "$n_killed" -ge 1 ] || die "no worker was killed"
[ "$n_again" -ge "$n_killed" ] || die "a killed job was not started again"
[ "$(finished bucket)" = "$(finished disk)" ] || die "the workflow in the bucket has other jobs than that on the disk"

workflow bucket || failed bucket "a second run has failed"
grep -q "Nothing to be done" "$out/bucket/snakemake.log" || failed bucket "a second run does something"
echo "a second run: nothing to be done"

# object WHAT KEY [FILE]: deletes an object, or puts a file there, by the provider's own client.
object() {
  "$moto/bin/python" - "$bucket" "$@" <<'PY'
import sys
import boto3
from botocore.config import Config
s3 = boto3.client("s3", config=Config(retries={"max_attempts": 20, "mode": "standard"}))
bucket, what, key, *file = sys.argv[1:]
if what == "delete":
    s3.delete_object(Bucket=bucket, Key=key)
else:
    s3.upload_file(file[0], bucket, key)
PY
}
object delete run/results/comparison/compare.json
workflow bucket || failed bucket "the workflow in the bucket has failed"
[ "$(finished bucket)" = 2 ] || failed bucket "a lost result: $(finished bucket) jobs, expected compare and all"
echo "a result lost in the bucket: made again, alone"

sed '$d' "$out/disk/data/animals/manifest.csv" >"$out/shorter.csv"
object put run/data/animals/manifest.csv "$out/shorter.csv"
workflow bucket -n || failed bucket "the workflow in the bucket has failed"
grep -q "^rule scan:" "$out/bucket/snakemake.log" || failed bucket "a manifest that was replaced is not scanned again"
object put run/data/animals/manifest.csv "$out/disk/data/animals/manifest.csv"
workflow bucket -n || failed bucket "the workflow in the bucket has failed"
grep -q "Nothing to be done" "$out/bucket/snakemake.log" || failed bucket "the manifest of before is scanned again"
echo "a manifest replaced in the bucket: scanned again"

sed "s#^data: s3://$bucket/run/#data: s3://$bucket/none/#" "$out/bucket/configuration.yaml" >"$out/bucket/wrong.yaml"
if configuration=wrong.yaml workflow bucket -n; then die "recordings that do not exist: not refused"; fi
grep -qF "configuration: data: s3://$bucket/none/data/animals/manifest.csv: no such object" "$out/bucket/snakemake.log" ||
  failed bucket "recordings that do not exist: expected another message"
echo "recordings that do not exist: refused, with the key"

"$moto/bin/python" "$root/scripts/bucket-copy.py" down "$bucket" run/results "$out/copy"
[ -z "$(find "$out/copy" -name '*.journal' ! -name '*.scan.journal')" ] || die "journals are left in the bucket"
[ -z "$(find "$out/copy" -name '.barkbird.lock')" ] || die "locks are left in the bucket"
"$venv/bin/python" "$root/scripts/same-results.py" --places "s3://$bucket/run" "$out/disk" "$out/copy" "$out/disk/results" ||
  die "the workflow in the bucket ends with other results than on the disk"
blocks=$(du -sb "$out/blocks" | cut -f1)
[ "$blocks" -le 240000000 ] || die "the blocks take $blocks bytes, with a limit of 200000000"
# The server writes its counts every second.
sleep 2
if grep -q ': 0[,}]' "$out/counts.json"; then die "expected faults of every kind: $(cat "$out/counts.json")"; fi
echo "$n_killed workers killed; blocks on disk: $blocks bytes; requests and faults: $(cat "$out/counts.json"); all of it in $SECONDS s"
