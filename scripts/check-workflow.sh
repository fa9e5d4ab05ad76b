#!/usr/bin/env bash
# Runs the workflow (scripts/workflow) on this machine with made sounds and checks that
#   - a second run has nothing to do, and a lost result is made again, alone;
#   - a run whose workers and whose Snakemake are killed goes on, and ends with the results of the unbroken one;
#   - changed options of a model train that model again, and no other;
#   - the examples of configurations are right, and one has every key;
#   - a wrong configuration ends with a message that names the key;
#   - snakemake --lint finds nothing but that no rule names a container (barkbird is one program).
#
#     scripts/check-workflow.sh [OUT] [VENV]
#
# OUT gets the results, in place of those of an earlier check (default: a temporary folder). VENV is where the Python environment is, or is made (default: .venv, which git
# ignores). Three to four minutes on two cores.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
out=${1:-} venv=${2:-$root/.venv}
find_barkbird
barkbird=$(realpath "$barkbird")
make_work
out=${out:-$work}
python_packages "$venv" "$root/scripts/workflow/requirements.txt"
rm -rf "$out/one" "$out/broken"
mkdir -p "$out/one" "$out/broken"
out=$(cd "$out" && pwd)
began=$SECONDS
[ -d "$out/sounds" ] || "$barkbird" synth --out "$out/sounds" --clips 80 --quiet

cat >"$out/configuration.yaml" <<YAML
data: ../sounds/manifest.csv
out: results
barkbird: $barkbird
folds: 2
seeds: [0, 1]
features:
  logmel: {parts: 3}
  views: {parts: 2, views: 2, options: ["--augment", "light"]}
models:
  cnn: {kind: cnn, features: logmel, options: ["--epochs", 10]}
  cnn_views: {kind: cnn, features: views, options: ["--epochs", 2]}
fit: ["--candidate", "cnn", "--minutes", 1]
evaluations:
  test: {split: test}
  stress: {split: test, stress: true}
anomaly:
  bench: ["--synthetic", 5]
  fit: []
embed: true
compare: {split: test}
predict:
  windows: {run: cnn-0, recordings: [../sounds], parts: 3, options: ["--format", "csv,raven"]}
  events: {run: fit, recordings: [../sounds/manifest.csv], options: ["--events"]}
resources:
  fit: {threads: 2}
YAML

# workflow FOLDER [FLAGS...]: the workflow in a folder; what Snakemake says is in FOLDER/snakemake.log.
workflow() {
  local folder=$1; shift
  (cd "$out/$folder" && exec "$venv/bin/snakemake" -s "$root/scripts/workflow/Snakefile" --configfile "${configuration:-../configuration.yaml}" \
    --workflow-profile "$root/scripts/workflow/profiles/local" "$@") >"$out/$folder/snakemake.log" 2>&1
}

# How many jobs the last run of a folder has finished.
finished() { grep -c "^Finished jobid" "$out/$1/snakemake.log" || true; }

workflow one || { tail -40 "$out/one/snakemake.log"; die "the workflow has failed"; }
echo "one run: $(finished one) jobs in $((SECONDS - began)) s"
[ "$(finished one)" -gt 40 ] || die "expected more than 40 jobs"

workflow one
grep -q "Nothing to be done" "$out/one/snakemake.log" || { tail -40 "$out/one/snakemake.log"; die "a second run does something"; }
echo "a second run: nothing to be done"

rm "$out/one/results/runs/cnn_views-1/model.safetensors"
workflow one || { tail -40 "$out/one/snakemake.log"; die "the workflow has failed"; }
again=$(grep -A2 "rule train:" "$out/one/snakemake.log" | grep -c "output:" || true)
[ "$again" = 1 ] || die "a lost model: $again trainings, expected 1"
echo "a lost model: trained again, alone, with what depends on it ($(finished one) jobs)"

# Kills workers of three kinds, then Snakemake itself with all that it has started, and goes on.
"$venv/bin/python" "$root/scripts/kill-workers.py" --folder "$out/broken/results" --seconds 120 --log "$out/broken/kills.log" \
  augment-part train predict-part &
killer=$!
setsid bash -c "$(declare -f workflow); out='$out' venv='$venv' root='$root'; workflow broken" &
snakemake=$!
disown
# Until a training is under way.
for _ in $(seq 1200); do
  [ "$(find "$out/broken/results/workflow/done/train" -name '*.done' 2>/dev/null | wc -l)" -ge 3 ] && break
  kill -0 "$snakemake" 2>/dev/null || break
  sleep 0.1
done
kill -KILL -- "-$snakemake" 2>/dev/null && echo "Snakemake and its workers: killed after $(finished broken) jobs"
while kill -0 "$snakemake" 2>/dev/null; do sleep 0.1; done
(cd "$out/broken" && "$venv/bin/snakemake" -s "$root/scripts/workflow/Snakefile" --configfile ../configuration.yaml --unlock >/dev/null 2>&1)
workflow broken || { tail -40 "$out/broken/snakemake.log"; die "the workflow does not go on"; }
kill "$killer" 2>/dev/null || true
wait "$killer" 2>/dev/null || true
sort -u "$out/broken/kills.log"
grep -q "^killed" "$out/broken/kills.log" || die "no worker was killed"
echo "after the kills, another $(finished broken) jobs; compared with the unbroken run:"
python3 "$root/scripts/same-results.py" "$out/one/results" "$out/broken/results" || die "a broken run ends with other results"
[ -z "$(find "$out/broken/results" -name '*.journal' ! -name '*.scan.journal')" ] || die "journals are left"

# Other options of a model: --resume would refuse, and the workflow begins that model again.
sed 's/kind: cnn, features: views, options: \["--epochs", 2\]/kind: cnn, features: views, options: ["--epochs", 2, "--lr", 0.002]/' \
  "$out/configuration.yaml" >"$out/changed.yaml"
configuration=../changed.yaml workflow broken || { tail -40 "$out/broken/snakemake.log"; die "the workflow has failed"; }
again=$(grep -A2 "rule train:" "$out/broken/snakemake.log" | grep -c "output:.*cnn_views" || true)
[ "$again" = 6 ] && ! grep -A2 "rule train:" "$out/broken/snakemake.log" | grep -q "output:.*/cnn-" || die "changed options: $again trainings of cnn_views, expected 6 and no other"
grep -q "begun with other settings" "$out/broken/results/workflow/logs/train/cnn_views-0.log" || die "expected that the training begins again"
echo "changed options of a model: its 6 runs are trained again, and no other"

# refused CHANGE MESSAGE: a configuration that is wrong in one way.
n_refused=0
refused() {
  sed "$1" "$out/configuration.yaml" >"$out/wrong.yaml"
  if configuration=../wrong.yaml workflow one -n --quiet all; then die "$1: not refused"; fi
  grep -qF -- "$2" "$out/one/snakemake.log" || { cat "$out/one/snakemake.log"; die "$1: expected the message: $2"; }
  n_refused=$((n_refused + 1))
}
refused 's/^folds: 2/fold: 2/' "configuration: (the file): Additional properties are not allowed ('fold' was unexpected)"
refused 's/^folds: 2/folds: two/' "configuration: folds: 'two' is not of type 'integer'"
refused 's/^folds: 2/folds: 1/' "configuration: folds: 1: expected 0 (no cross-validation), or 2 and more"
refused 's/parts: 3}/parts: 0}/' "configuration: features.logmel.parts: 0 is less than the minimum of 1"
refused 's/kind: cnn, features: logmel/kind: rnn, features: logmel/' "configuration: models.cnn.kind: 'rnn' is not one of"
refused 's/features: logmel,/features: mel,/' "configuration: models.cnn.features: mel: no such name; those there are: logmel, views"
refused 's/run: cnn-0/run: cnn-7/' "configuration: predict.windows.run: cnn-7: no such name; those there are: cnn-0, cnn-1"
refused 's/^  cnn_views:/  cnn-views:/' "configuration: models: 'cnn-views' does not match"
refused 's#^barkbird:.*#barkbird: no-such-program#' "configuration: barkbird: no-such-program: no such program"
refused 's#^out:.*#out: s3://bucket/run#' "configuration: state: expected a folder for marks and logs"
refused 's#^data:.*#data: nothing.csv#' "configuration: data: nothing.csv: no such file or folder"
refused 's#recordings: \[../sounds\]#recordings: [../night]#' "configuration: predict.windows.recordings: ../night: no such file or folder"
refused 's/^out:.*//' "configuration: (the file): 'out' is a required property"
echo "wrong configurations: $n_refused refused, each with the key"

# All but data and out can be left out, and what can be null is left out by null.
printf '%s\n' "data: ../sounds/manifest.csv" "out: results" "barkbird: $barkbird" "features: {logmel: {}}" "models: {cnn: {kind: cnn, features: logmel}}" \
  >"$out/small.yaml"
printf '%s: null\n' state doctor fit anomaly compare bucket_cache bucket_cache_gb | cat "$out/small.yaml" - >"$out/null.yaml"
for name in small null; do
  configuration=../$name.yaml workflow broken -n || { tail -20 "$out/broken/snakemake.log"; die "$name.yaml: refused"; }
done
echo "small configurations: right"

"$venv/bin/python" - "$root/scripts/workflow" <<'PY'
import sys, jsonschema, yaml
read = lambda name: yaml.safe_load(open(f"{sys.argv[1]}/{name}"))
example, schema = read("config.yaml"), read("config.schema.yaml")
jsonschema.validate(example, schema)
jsonschema.validate(read("config.bucket.yaml"), schema)
missing = set(schema["properties"]) - set(example)
if missing:
    sys.exit(f"error: config.yaml: not in the example: {', '.join(sorted(missing))}")
print(f"the examples: right; one has all {len(example)} keys")
PY
lints=$(cd "$out/one" && "$venv/bin/snakemake" -s "$root/scripts/workflow/Snakefile" --configfile ../configuration.yaml --lint 2>&1 | grep "^    \* " | sort | uniq -c || true)
[ "$(grep -cv "Specify a conda environment or container" <<<"$lints")" = 0 ] || die "snakemake --lint: $lints"
echo "snakemake --lint: nothing else than that rules name no container"
echo "all of it in $((SECONDS - began)) s"
