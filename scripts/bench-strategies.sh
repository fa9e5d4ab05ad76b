#!/usr/bin/env bash
# Training clips a second of each fine-tuning strategy of a Vision Transformer on spectrograms, with the spectrogram's own grid of
# patches, with patchout, and with the spectrogram stretched to an image of 224 x 224.
#
#     scripts/bench-strategies.sh CHECKPOINT_DIR
#
# Synthetic sounds, two threads; the median of the epochs after the first; as little evaluation on training clips as possible
# (16 clips).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
checkpoint=$(cd "${1:?usage: scripts/bench-strategies.sh CHECKPOINT_DIR}" && pwd)
[ -f "$checkpoint/config.json" ] || die "$checkpoint/config.json: no such file"
find_barkbird
make_work
cd "$work"
"$barkbird" synth --out sounds --clips 120 --quiet
"$barkbird" scan sounds/manifest.csv --out manifest.csv --quiet
"$barkbird" features manifest.csv --out coarse --quiet
"$barkbird" features manifest.csv --out fine --quiet --set front_end.kind.mel.n_mels=128 --set front_end.hop=512

# rate NAME FEATURES FLAGS...: one line of the table.
rate() {
  local name=$1 features=$2; shift 2
  "$barkbird" train vit --pretrained "$checkpoint" --features "$features" --out run --overwrite --threads 2 --epochs 4 \
    --val-split none --set train.train_eval_clips=16 "$@" >log 2>&1 || { cat log >&2; exit 1; }
  python3 - run "$name" "$(grep -o 'over [0-9]* x [0-9]* patches' log | head -1)" <<'PY'
import json, re, statistics, sys
run, name, patches = sys.argv[1:]
seconds = statistics.median(json.loads(line)["seconds"] for line in list(open(f"{run}/metrics.jsonl"))[1:])
n = int(re.search(r"(\d+) training", open("log").read()).group(1))
print(f"| {name} | {patches.removeprefix('over ').removesuffix(' patches')} | {n / seconds:.1f} |")
PY
}

echo "| strategy | patches | clips a second |"
echo "|---|---|---|"
rate "probe (kept embeddings)" coarse --strategy probe
rate "last 4 (kept tokens)" coarse --strategy last
rate "LoRA" coarse --strategy lora
rate "full" coarse --strategy full
rate "LoRA, 128 bands" fine --strategy lora
rate "full, 128 bands" fine --strategy full
rate "full, 128 bands, patchout 2 rows, 4 columns" fine --strategy full --set "vit.patchout=[2, 4]"
rate "full, stretched to an image" coarse --strategy full --set vit.view=as-image
rate "LoRA, stretched to an image" coarse --strategy lora --set vit.view=as-image
