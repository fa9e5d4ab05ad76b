#!/usr/bin/env bash
# Folders of `export hub`: the card is read by huggingface_hub and its figures are compared with those of the run, no file names a place of
# this machine, a hub on 127.0.0.1 serves the folder to `predict`, `train --pretrained` and the card's own Python, and all say what the
# run says.
#
#     scripts/check-hub.sh                        a small CNN on made sounds
#     scripts/check-hub.sh DATA MODELS OUT        a CNN and YAMNet of `fit`, on DATA/field
#
# DATA/animals and DATA/field hold a manifest.csv each; MODELS holds yamnet. Fits that are in OUT already are taken from there. VENV is
# where the Python environment is, or is made.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
venv=$(realpath -m "${VENV:-${CARGO_TARGET_DIR:-$root/target}/check-hub/venv}")
find_barkbird
python_packages "$venv" "$root/scripts/check-hub.txt"
make_work
exported() { # RUN RECORDINGS KIND TRAINING FLAGS...: exports the run, and looks at everything; predict has the flags, and KIND is trained from
  # it on the manifest TRAINING.
  local run=$1 recordings=$2 kind=$3 training=$4 name
  name=$(basename "$run")
  local folder=$work/$name-hub
  "$barkbird" export hub "$run" --out "$folder" --name "acme/$name" --license CC-BY-4.0 --data-name "Recordings of check-hub.sh" \
    --quiet 2>"$work/export.log" || { cat "$work/export.log" >&2; exit 1; }
  "$venv/bin/python" "$root/scripts/check-hub.py" look "$folder" "$run"
  "$venv/bin/python" "$root/scripts/check-hub.py" serve "$folder" "acme/$name" "$work/address" &
  local server=$!
  trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
  for _ in $(seq 100); do [ -s "$work/address" ] && break; sleep 0.1; done
  [ -s "$work/address" ] || die "the hub did not start"
  local hub=(env -u HTTP_PROXY -u http_proxy -u ALL_PROXY -u all_proxy -u HF_TOKEN HF_HOME="$work/home" HF_HUB_CACHE="$work/cache"
    HF_ENDPOINT="$(cat "$work/address")" HF_HUB_DISABLE_TELEMETRY=1)
  "$barkbird" predict "$run" "$recordings" --out "$work/of-run.csv" --overwrite --quiet "${@:5}" || [ $? = 3 ]
  "${hub[@]}" "$barkbird" predict "acme/$name" "$recordings" --out "$work/of-hub.csv" --overwrite --quiet "${@:5}" || [ $? = 3 ]
  cmp "$work/of-run.csv" "$work/of-hub.csv"
  echo "$name: $(($(wc -l <"$work/of-run.csv") - 1)) windows: predict acme/$name writes the bytes that predict of the run writes"
  "${hub[@]}" "$venv/bin/python" "$root/scripts/check-hub.py" python "$folder" "$run" "$barkbird" "$work"
  rm -rf "$work/features" "$work/again"
  "${hub[@]}" "$barkbird" features "$training" --like "acme/$name" --out "$work/features" --quiet 2>"$work/features.log" || [ $? = 3 ] ||
    { cat "$work/features.log" >&2; exit 1; }
  "${hub[@]}" "$barkbird" train "$kind" --features "$work/features" --out "$work/again" --pretrained "acme/$name" --epochs 1 \
    2>"$work/train.log" || { cat "$work/train.log" >&2; exit 1; }
  echo "$name: train $kind --pretrained acme/$name: $(grep -m1 -oE 'begins with the weights.*|head over.*' "$work/train.log"); $(tail -1 "$work/train.log")"
  kill $server
  wait $server 2>/dev/null || true
  trap 'rm -rf "$work"' EXIT
  rm -rf "$work/cache" "$work/address"
}
if [ $# = 0 ]; then
  cd "$work"
  "$barkbird" synth --out sounds --clips 160 --quiet
  "$barkbird" scan sounds/manifest.csv --out manifest.csv --quiet 2>scan.log
  "$barkbird" features manifest.csv --out features-first --quiet
  "$barkbird" train cnn --features features-first --out run --quiet --set 'cnn.channels=[8, 8, 16]' --set train.epochs=20 --set train.lr=0.003
  "$barkbird" anomaly fit run --features features-first --method knn --quiet 2>fit.log || { cat fit.log >&2; exit 1; }
  "$barkbird" evaluate run manifest.csv --split test --stress --out run/test --quiet 2>evaluate.log || { cat evaluate.log >&2; exit 1; }
  exported "$work/run" manifest.csv cnn manifest.csv
  exit
fi
usage="usage: scripts/check-hub.sh [DATA MODELS OUT]"
data=$(realpath -m "$1") models=$(realpath -m "${2:?$usage}") out=$(realpath -m "${3:?$usage}")
fit_pair "$data" "$models" "$out"
"$barkbird" scan "$data/animals/manifest.csv" --out "$work/manifest.csv" --quiet 2>"$work/scan.log"
for model in cnn yamnet; do
  cp -r "$out/$model" "$work/$model"
  "$barkbird" evaluate "$work/$model" "$data/field/manifest.csv" --split field,ood-far --out "$work/$model/field" --quiet 2>"$work/evaluate.log" ||
    [ $? = 3 ] || { cat "$work/evaluate.log" >&2; exit 1; }
  exported "$work/$model" "$data/field/manifest.csv" "$model" "$work/manifest.csv" --coverage 0.9
  cp "$work/$model-hub/README.md" "$out/card-$model.md"
done
