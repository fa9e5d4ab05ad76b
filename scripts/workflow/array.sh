#!/usr/bin/env bash
# The stages on Slurm with `sbatch --array` alone, without Snakemake: features by parts, one training for each seed, predictions by parts.
#
#     scripts/workflow/array.sh MANIFEST OUT [RECORDINGS]
#
# MANIFEST is a CSV with path,label,group,split, or a folder with one folder a class; OUT a folder that all machines share. RECORDINGS (a
# folder or a manifest) are classified by the model of the first seed. All three may be URLs of a bucket. In the environment:
#   BARKBIRD   the program (default: barkbird on the PATH)
#   PARTS      tasks that share the recordings (8)
#   SEEDS      seeds of the trainings (0,1,2)
#   TRAIN      model and flags of `barkbird train` ("cnn")
#   THREADS, MEMORY, MINUTES   of a task (2, 2000M, 120)
#   SBATCH     further flags of sbatch ("--partition=main --account=lab")
#   LOGS       folder for what each task says (OUT/logs); has to be named if OUT is a URL
#   BLOCKS     folder for blocks of what is read from a bucket, on the machine of the task (the user's caches)
#   RETRIES    how often a task that has failed or was killed goes back into the queue (2)
#   WAIT=yes   end when the last job has ended
#
# Prints the number of each job. A stage goes on where it was: after more than RETRIES kills, run the same command again.
set -euo pipefail
usage="usage: scripts/workflow/array.sh MANIFEST OUT [RECORDINGS]"
data=${1:?$usage} out=${2:?$usage} recordings=${3:-}
is_url() { [[ "$1" == *://* ]]; }
# place PATH: the whole path of a file or folder, or a URL as it is.
place() {
  if is_url "$1"; then echo "${1%/}"; return; fi
  [ -e "$1" ] || { echo "error: $1: no such file or folder" >&2; return 1; }
  realpath -s "$1"
}
data=$(place "$data")
[ -z "$recordings" ] || recordings=$(place "$recordings")
barkbird=$(command -v "${BARKBIRD:-barkbird}") || { echo "error: ${BARKBIRD:-barkbird}: no such program; name it in BARKBIRD" >&2; exit 1; }
barkbird=$(realpath "$barkbird")
parts=${PARTS:-8} seeds=${SEEDS:-0,1,2} threads=${THREADS:-2} retries=${RETRIES:-2}
read -r -a train <<<"${TRAIN:-cnn}"
read -r -a flags <<<"${SBATCH:-}"
here=$(cd "$(dirname "$0")" && pwd)
resume=$here/resume.sh
if is_url "$out"; then
  out=${out%/} logs=${LOGS:?OUT is a URL: name a folder that all machines share for what tasks say}
else
  mkdir -p "$out"
  out=$(place "$out")
  logs=${LOGS:-$out/logs}
fi
mkdir -p "$logs"
logs=$(cd "$logs" && pwd)
program="BARKBIRD=$(printf %q "$barkbird")"
if is_url "$data" || is_url "$out" || is_url "$recordings"; then
  program=$(printf 'BARKBIRD=%q BARKBIRD_PROGRAM=%q BARKBIRD_BLOCKS=%q' "$here/in-bucket.sh" "$barkbird" "${BLOCKS:-}")
fi

# submit NAME AFTER TASKS SCRIPT: a job, or an array where TASKS says so, that begins when AFTER has ended well. Prints its number.
# A task that fails goes back into the queue: Slurm counts how often (SLURM_RESTART_COUNT).
submit() {
  local name=$1 after=$2 tasks=$3 script=$4 more=()
  [ -z "$after" ] || more+=(--dependency="afterok:$after" --kill-on-invalid-dep=yes)
  [ -z "$tasks" ] || more+=(--array="$tasks")
  sbatch --parsable --requeue --open-mode=append --job-name="barkbird-$name" --output="$logs/$name${tasks:+-%a}.log" \
    --cpus-per-task="$threads" --mem="${MEMORY:-2000M}" --time="${MINUTES:-120}" "${flags[@]}" "${more[@]}" <<SBATCH
#!/usr/bin/env bash
set -uo pipefail
export $program
work() {
set -e
$script
}
(work)
status=\$?
if [ "\$status" != 0 ] && [ "\${SLURM_RESTART_COUNT:-0}" -lt $retries ]; then
  echo "status \$status: back into the queue"
  scontrol requeue "\$SLURM_JOB_ID"
  sleep 60
fi
exit "\$status"
SBATCH
}

q() { printf '%q ' "$@"; }
l=$(printf %q "$logs")
first=${seeds%%,*}
last=
step() { last=$(submit "$@"); echo "$1: job $last"; }

features="$(q features "$out/manifest.csv" --out "$out/features" --threads "$threads")"
step scan "" "" "\"\$BARKBIRD\" $(q scan "$data" --out "$out/manifest.csv" --threads "$threads")"
step features-parts "$last" "1-$parts" "\"\$BARKBIRD\" $features --part \$SLURM_ARRAY_TASK_ID/$parts"
step features "$last" "" "\"\$BARKBIRD\" $features"
step train "$last" "$seeds" "run=$(printf %q "$out")/runs/seed-\$SLURM_ARRAY_TASK_ID
$(q "$resume") $l/train-\$SLURM_ARRAY_TASK_ID.txt \"\$BARKBIRD\" train $(q "${train[@]}") $(q --features "$out/features" --threads "$threads") \
--out \"\$run\" --seed \$SLURM_ARRAY_TASK_ID
\"\$BARKBIRD\" evaluate \"\$run\" $(q --features "$out/features" --split test --threads "$threads") --out \"\$run/test\""
if [ -n "$recordings" ]; then
  # Exit code 3: recordings that could not be used are listed in the table.
  predict="$(q predict "$out/runs/seed-$first" "$recordings" --out "$out/predictions.csv" --threads "$threads")"
  step predict-parts "$last" "1-$parts" "$(q "$resume") $l/predict-\$SLURM_ARRAY_TASK_ID.txt \"\$BARKBIRD\" $predict \
--part \$SLURM_ARRAY_TASK_ID/$parts || [ \$? = 3 ]"
  step predict "$last" "" "$(q "$resume") $l/predict.txt \"\$BARKBIRD\" $predict || [ \$? = 3 ]"
fi
if [ "${WAIT:-}" = yes ]; then
  while :; do
    state=$(squeue --noheader --states=all --jobs="$last" --format=%T 2>/dev/null || true)
    case $state in
      COMPLETED) break ;;
      "" | PENDING | RUNNING | COMPLETING | CONFIGURING | REQUEUED | SUSPENDED) [ -n "$state" ] || break; sleep 2 ;;
      *) echo "error: job $last: $state; the logs are in $logs" >&2; exit 1 ;;
    esac
  done
fi
