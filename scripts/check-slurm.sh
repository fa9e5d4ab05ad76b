#!/usr/bin/env bash
# Runs the workflow (scripts/workflow) on a real Slurm, kills workers in the middle, and compares all results with a run on one machine.
#
#     scripts/check-slurm.sh DATA [MODELS] [OUT]
#
# DATA/animals and DATA/field hold recordings and a manifest.csv. With MODELS, a folder with yamnet/yamnet.tflite, the detectors of unknown
# sounds use YAMNet. OUT gets the results, in place of those of an earlier check (default: a temporary folder). In the environment: VENV,
# where the Python environment is, or is made (default: .venv, which git ignores); JOBS, jobs in the queue at once (default: 24).
#
# Needs root and Debian or Ubuntu: it installs slurm-wlm and munge with apt-get where they are missing, and starts munged, slurmctld and slurmd
# of its own with a configuration of its own, which a private mount namespace shows at /etc/slurm. They are stopped at the end, however it
# ends. What else runs on the machine is left alone.
#
# What it does:
#   1. the workflow on Slurm, with a SIGKILL for a worker of a share of features, one of views, one training and one share of predictions, and
#      scancel for the job of another training; none may write a folder while another does;
#   2. the same on this machine alone, with the plain executor of Snakemake;
#   3. the same stages as plain commands, without parts;
#   4. `sbatch --array` (scripts/workflow/array.sh), with workers killed;
#   5. the same in a bucket of a server on this machine (moto, installed under target/) that fails on purpose;
#   6. all files compared: equal bytes but for seconds and command lines (docs/architecture.md, invariant 9).
# Fails on a difference, and where no worker was killed or a kind of fault was not met. A quarter of an hour on two cores.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/check-slurm.sh DATA [MODELS] [OUT]"
data=$(realpath "${1:?$usage}") models=${2:-} out=${3:-}
for set in animals field; do
  [ -f "$data/$set/manifest.csv" ] || die "$data/$set/manifest.csv: no such file"
done
[ -z "$models" ] || [ -f "$models/yamnet/yamnet.tflite" ] || die "$models/yamnet/yamnet.tflite: no such file"
[ "$(id -u)" = 0 ] || die "expected root: the check installs Slurm and starts its daemons"
find_barkbird
barkbird=$(realpath "$barkbird")

# Once more in a mount namespace of its own.
if [ -z "${CHECK_SLURM_INSIDE:-}" ]; then
  missing=()
  command -v slurmctld >/dev/null && command -v slurmd >/dev/null || missing+=(slurm-wlm)
  command -v munged >/dev/null || missing+=(munge)
  if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    apt-get update -qq >/dev/null 2>&1 || true
    # The packages must not start daemons of their own.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
      die "apt-get install ${missing[*]}: has failed"
  fi
  unshare -m true 2>/dev/null || die "unshare -m: not allowed here (a container without CAP_SYS_ADMIN?)"
  export CHECK_SLURM_INSIDE=yes BARKBIRD=$barkbird
  exec unshare -m "$0" "$@"
fi

scratch=$(mktemp -d)
out=${out:-$scratch/out}
rm -rf "$out"/{slurm,local,plain,array,array-plain,bucket,bucket-plain,kills.log.new}
mkdir -p "$out"/{slurm,local,plain,array} "$scratch"/{etc,run,log,state,spool}
out=$(realpath "$out")
venv=${VENV:-$root/.venv}
moto=${CARGO_TARGET_DIR:-$root/target}/buckets-venv
python_packages "$venv" "$root/scripts/workflow/requirements.txt"
python_packages "$moto" "$root/scripts/check-buckets.txt"

# Ends what was started here, by the numbers that it has written.
stop() {
  local status=$? name pid
  trap - EXIT
  # A second signal must not end this.
  trap '' INT TERM
  set +e
  for pid in ${started[@]+"${started[@]}"}; do kill -KILL -- "-$pid" 2>/dev/null; done
  # All jobs of this Slurm are ours.
  timeout 10 scancel --quiet --partition=main 2>/dev/null
  sleep 1
  # Without cgroups, Slurm may leave the Snakemake of a canceled job behind. These name our folder.
  for pid in $(pgrep -f -- "--executor slurm-jobstep" || true); do
    grep -qzF -- "$out/" "/proc/$pid/cmdline" 2>/dev/null && kill -KILL "$pid"
  done
  for name in slurmd slurmctld munged; do
    pid=$(cat "$scratch/run/$name.pid" 2>/dev/null) || continue
    kill -TERM "$pid" 2>/dev/null || continue
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null || true
  done
  [ "$status" = 0 ] || tail -5 "$scratch"/log/slurm*.log >&2 2>/dev/null || true
  rm -rf "$scratch"
  exit "$status"
}
started=()
trap stop EXIT
trap 'exit 130' INT TERM

# Slurm and munge of our own.
host=$(hostname -s)
memory=$(awk '/MemTotal/ { print int($2 / 1024 * 0.8) }' /proc/meminfo)
cat >"$scratch/etc/slurm.conf" <<CONF
ClusterName=barkbird
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
# A job that goes back into the queue waits until its credential has expired.
AuthInfo=socket=$scratch/run/munge.socket,cred_expire=10
StateSaveLocation=$scratch/state
SlurmdSpoolDir=$scratch/spool
SlurmctldPidFile=$scratch/run/slurmctld.pid
SlurmdPidFile=$scratch/run/slurmd.pid
SlurmctldLogFile=$scratch/log/slurmctld.log
SlurmdLogFile=$scratch/log/slurmd.log
SlurmctldPort=16817
SlurmdPort=16818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MinJobAge=3600
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=120 State=UP
CONF
mkdir -p /etc/slurm
mount --bind "$scratch/etc" /etc/slurm
dd if=/dev/urandom of="$scratch/munge.key" bs=1 count=1024 status=none
chmod 600 "$scratch/munge.key"
munged --force --key-file="$scratch/munge.key" --socket="$scratch/run/munge.socket" --pid-file="$scratch/run/munged.pid" \
  --log-file="$scratch/log/munged.log" --seed-file="$scratch/run/munge.seed" 2>/dev/null
slurmctld -c 2>/dev/null
for _ in $(seq 100); do scontrol ping 2>/dev/null | grep -q UP && break; sleep 0.1; done
slurmd -c 2>/dev/null
for _ in $(seq 100); do sinfo --noheader --format=%T 2>/dev/null | grep -q idle && break; sleep 0.1; done
sinfo --noheader --format=%T | grep -q idle || die "Slurm has no node: $(sinfo 2>&1)"
echo "Slurm $(sinfo --version | cut -d' ' -f2) runs: $(nproc) cores, $memory MiB"

yamnet='' backbone=''
if [ -n "$models" ]; then
  yamnet='  yamnet: {parts: 4, options: ["--front-end", "yamnet"]}'
  backbone="  backbone: $(realpath "$models")/yamnet/yamnet.tflite
  backbone_features: yamnet"
fi
cat >"$out/configuration.yaml" <<YAML
data: $data/animals/manifest.csv
out: results
barkbird: $barkbird
folds: 2
seeds: [0, 1]
retries: 3
features:
  logmel: {parts: 4}
  views: {parts: 4, views: 2, options: ["--augment", "strong"]}
$yamnet
models:
  cnn: {kind: cnn, features: logmel, options: ["--epochs", 12]}
  cnn_views: {kind: cnn, features: views, folds: false, options: ["--epochs", 4]}
evaluations:
  test: {split: test}
  field: {split: field, data: $data/field/manifest.csv}
anomaly:
  bench: ["--synthetic", 5]
  fit: []
$backbone
compare: {split: test}
predict:
  field: {run: cnn-0, recordings: ["$data/field"], parts: 4, options: ["--format", "csv,raven"]}
resources:
$(for job in scan doctor features augment gather train embed bench detector evaluate compare predict tables report folds; do
  echo "  $job: {threads: 1, mem_mb: 1000, runtime: 20}"
done)
YAML
export PATH=$venv/bin:$PATH
snakefile=$root/scripts/workflow/Snakefile

# 1. On Slurm. `timeout`, since a plugin that waits for a job for ever would wait here for ever.
echo "1. the workflow on Slurm"
began=$SECONDS
setsid "$venv/bin/python" "$root/scripts/kill-workers.py" --folder "$out/slurm/results" --seconds 600 --log "$out/kills.log.new" \
  features-part augment-part scancel-train train predict-part &
killer=$!
started+=("$killer")
rm -f "$out/kills.log"
(cd "$out/slurm" && exec setsid timeout 900 snakemake -s "$snakefile" --configfile ../configuration.yaml \
  --workflow-profile "$root/scripts/workflow/profiles/slurm" --jobs "${JOBS:-24}" --latency-wait 15 \
  --default-resources slurm_partition=main slurm_account=local mem_mb=1000 runtime=20 \
  --slurm-init-seconds-before-status-checks 6 --slurm-status-command squeue >snakemake.log 2>&1) &
snakemake=$!
started+=("$snakemake")
wait "$snakemake" || { tail -60 "$out/slurm/snakemake.log"; die "the workflow on Slurm has failed: $out/slurm/snakemake.log"; }
kill "$killer" 2>/dev/null || true
wait "$killer" 2>/dev/null || true
mv "$out/kills.log.new" "$out/kills.log"
cat "$out/kills.log"
n_killed=$(grep -c "^killed" "$out/kills.log" || true)
n_again=$(grep -c "Trying to restart" "$out/slurm/snakemake.log" || true)
slurm_s=$((SECONDS - began))
echo "   $(grep -c '^Finished jobid' "$out/slurm/snakemake.log") jobs in $slurm_s s; $n_killed killed, $n_again submitted again"
[ "$n_killed" -ge 3 ] || die "expected at least three kills"
[ "$n_again" -ge "$n_killed" ] || die "a killed job was not submitted again"
if grep -rq "another barkbird" "$out/slurm/results/workflow/logs"; then
  grep -r "another barkbird" "$out/slurm/results/workflow/logs"
  die "two jobs have written to one folder at once"
fi
(cd "$out/slurm" && snakemake -s "$snakefile" --configfile ../configuration.yaml -n 2>&1) | grep -q "Nothing to be done" ||
  die "the workflow on Slurm is not done"

echo "2. the workflow on this machine"
began=$SECONDS
(cd "$out/local" && exec setsid timeout 900 snakemake -s "$snakefile" --configfile ../configuration.yaml \
  --workflow-profile "$root/scripts/workflow/profiles/local" >snakemake.log 2>&1) &
started+=("$!")
wait "$!" ||
  { tail -60 "$out/local/snakemake.log"; die "the workflow on this machine has failed: $out/local/snakemake.log"; }
echo "   $(grep -c '^Finished jobid' "$out/local/snakemake.log") jobs in $((SECONDS - began)) s"

echo "3. plain commands, without parts"
began=$SECONDS
mkdir -p "$out/plain/results"
(
  cd "$out/plain"
  quiet() { "$barkbird" "$@" --quiet >>plain.log 2>&1 || { tail -3 plain.log; exit 1; }; }
  quiet scan "$data/animals/manifest.csv" --out results/manifest.csv
  quiet scan "$data/animals/manifest.csv" --folds 2 --out results/folds.csv
  quiet doctor results/manifest.csv --out results/doctor
  for set in split folds; do
    manifest=results/manifest.csv
    [ "$set" = split ] || manifest=results/folds.csv
    quiet features "$manifest" --out "results/features/$set/logmel"
  done
  quiet augment results/manifest.csv --out results/features/split/views --views 2 --augment strong
  for seed in 0 1; do
    for model in cnn cnn_views; do
      kind=logmel epochs=12
      [ "$model" = cnn ] || kind=views epochs=4
      run=results/runs/$model-$seed
      quiet train cnn --features "results/features/split/$kind" --out "$run" --seed "$seed" --epochs "$epochs"
      quiet evaluate "$run" --features "results/features/split/$kind" --split test --out "$run/test"
      [ "$model" = cnn ] || continue
      for fold in 0 1; do
        quiet train cnn --features "results/features/folds/$kind" --out "$run-fold-$fold" --seed "$seed" --epochs "$epochs" \
          --train-split "fold-$((1 - fold))" --val-split none
        quiet evaluate "$run-fold-$fold" --features "results/features/folds/$kind" --split "fold-$fold" --out "$run-fold-$fold/test"
      done
    done
  done
)
echo "   in $((SECONDS - began)) s"

echo "4. sbatch --array"
began=$SECONDS
rm -f "$out/array-kills.log"
setsid "$venv/bin/python" "$root/scripts/kill-workers.py" --folder "$out/array/results" --seconds 300 --log "$out/array-kills.log" \
  features-part train predict-part &
killer=$!
started+=("$killer")
BARKBIRD=$barkbird PARTS=4 SEEDS=0,1 TRAIN="cnn --epochs 6" THREADS=1 MEMORY=500M MINUTES=20 SBATCH="--partition=main" WAIT=yes \
  setsid timeout 600 "$root/scripts/workflow/array.sh" "$data/animals/manifest.csv" "$out/array/results" "$data/field" >"$out/array/jobs.log" &
started+=("$!")
wait "$!" ||
  { cat "$out/array/jobs.log"; tail -5 "$out"/array/results/logs/*; die "sbatch --array has failed"; }
kill "$killer" 2>/dev/null || true
wait "$killer" 2>/dev/null || true
cat "$out/array-kills.log"
echo "   $(wc -l <"$out/array/jobs.log") jobs in $((SECONDS - began)) s; $(cat "$out"/array/results/logs/* | grep -c 'back into the queue') back into the queue"
grep -q "^killed" "$out/array-kills.log" || die "no task was killed"
# plain_array DATA RESULTS: the same by plain commands, with whole paths, as array.sh names them.
plain_array() {
  local log=${2%/*}/plain.log
  quiet() { "$barkbird" "$@" --quiet >>"$log" 2>&1 || { tail -3 "$log"; exit 1; }; }
  rm -rf "$2"
  mkdir -p "$2"
  quiet scan "$1/animals/manifest.csv" --out "$2/manifest.csv"
  quiet features "$2/manifest.csv" --out "$2/features"
  for seed in 0 1; do
    quiet train cnn --features "$2/features" --out "$2/runs/seed-$seed" --seed "$seed" --epochs 6
    quiet evaluate "$2/runs/seed-$seed" --features "$2/features" --split test --out "$2/runs/seed-$seed/test"
  done
  quiet predict "$2/runs/seed-0" "$1/field" --out "$2/predictions.csv"
}
# In a folder at the same depth.
(plain_array "$data" "$out/array-plain/results")

echo "5. sbatch --array in a bucket whose server fails in one of twenty requests"
began=$SECONDS
mkdir -p "$out"/bucket "$out"/bucket-plain
cp -r "$data/animals" "$data/field" "$out/bucket-plain"
port=$((20000 + RANDOM % 20000))
setsid "$moto/bin/python" "$root/scripts/faulty-s3.py" "$port" "$out/bucket/counts.json" 0 0.05 >"$out/bucket/server.log" 2>&1 &
started+=("$!")
disown
# Of a name that no other check on this machine has: workers are found by it.
bucket=array-$port
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 AWS_ENDPOINT_URL=http://127.0.0.1:$port
for _ in $(seq 300); do [ -s "$out/bucket/counts.json" ] && break; sleep 0.2; done
for set in animals field; do "$moto/bin/python" "$root/scripts/bucket-copy.py" up "$out/bucket-plain/$set" "$bucket" "run/$set"; done
setsid "$venv/bin/python" "$root/scripts/kill-workers.py" --folder "s3://$bucket/run/results" --seconds 900 --log "$out/bucket/kills.log" \
  features-part train predict-part &
killer=$!
started+=("$killer")
LOGS=$out/bucket/logs BLOCKS=$out/bucket/blocks BARKBIRD=$barkbird PARTS=4 SEEDS=0,1 TRAIN="cnn --epochs 6" THREADS=1 MEMORY=500M MINUTES=20 \
  SBATCH="--partition=main" WAIT=yes setsid timeout 1200 "$root/scripts/workflow/array.sh" "s3://$bucket/run/animals/manifest.csv" \
  "s3://$bucket/run/results" "s3://$bucket/run/field" >"$out/bucket/jobs.log" &
started+=("$!")
wait "$!" ||
  { cat "$out/bucket/jobs.log"; tail -5 "$out"/bucket/logs/*; die "sbatch --array in a bucket has failed"; }
kill "$killer" 2>/dev/null || true
wait "$killer" 2>/dev/null || true
cat "$out/bucket/kills.log"
grep -q "^killed" "$out/bucket/kills.log" || die "no task was killed"
"$moto/bin/python" "$root/scripts/bucket-copy.py" down "$bucket" run/results "$out/bucket/results"
sleep 2 # The server writes its counts every second.
echo "   $(wc -l <"$out/bucket/jobs.log") jobs in $((SECONDS - began)) s; $(cat "$out"/bucket/logs/* | grep -c 'back into the queue') back into the queue;" \
  "requests and faults: $(cat "$out/bucket/counts.json")"
if grep -q ': 0[,}]' "$out/bucket/counts.json"; then die "expected faults of every kind"; fi
(plain_array "$out/bucket-plain" "$out/bucket-plain/results")

echo "6. comparisons"
failed=0
same() { echo; echo "$1"; shift; "$venv/bin/python" "$root/scripts/same-results.py" "$@" || failed=1; }
same "Slurm with kills, and this machine alone:" "$out/slurm/results" "$out/local/results"
same "Slurm with kills, and plain commands:" "$out/slurm/results" "$out/plain/results" manifest.csv folds.csv doctor \
  features/{split/logmel,split/views,folds/logmel} {runs/cnn-{0,1}{,-fold-0,-fold-1},runs/cnn_views-{0,1}}/{model,best,last}.safetensors \
  {runs/cnn-{0,1}{,-fold-0,-fold-1},runs/cnn_views-{0,1}}/{metrics.jsonl,run.json,test}
same "sbatch --array with kills, and plain commands:" "$out/array/results" "$out/array-plain/results" manifest.csv features runs \
  predictions.csv predictions.csv.json
same "sbatch --array in a bucket with kills, and plain commands on disk:" --places "s3://$bucket/run" "$out/bucket-plain" "$out/bucket/results" "$out/bucket-plain/results"
[ -z "$(find "$out" -name '*.journal' ! -name '*.scan.journal')" ] || { find "$out" -name '*.journal' ! -name '*.scan.journal'; die "journals are left"; }
echo
[ "$failed" = 0 ] && echo "no difference; all of it in $SECONDS s" || die "there are differences"
