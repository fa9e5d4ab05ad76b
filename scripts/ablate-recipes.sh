#!/usr/bin/env bash
# What each step of the CNN's recipe is for: recipes, measured as they are and under stress tests, one line of the table for each
# recipe and set.
#
#     scripts/ablate-recipes.sh DATA OUT [MODELS]
#
# DATA/animals, DATA/field and DATA/field2 hold a manifest.csv each, with the splits train, val and test; field; field2. With
# MODELS, which holds dinov2-small and yamnet, the pretrained networks are measured too. In the environment: SEEDS ("0 1 2",
# pooled), ONLY, the names of the recipes to measure (all). What is in OUT already is not repeated. It takes about 5 minutes on
# two free cores, and half an hour with MODELS.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/ablate-recipes.sh DATA OUT [MODELS]"
data=${1:?$usage} out=${2:?$usage} models=${3:-}
for set in animals field field2; do
  [ -f "$data/$set/manifest.csv" ] || die "$data/$set/manifest.csv: no such file"
done
find_barkbird
mkdir -p "$out"
seeds=${SEEDS:-0 1 2}

# quietly LOG COMMAND...: shows what it said only where it failed.
quietly() {
  local log=$1; shift
  "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
}

# recipe NAME CLIPS FLAGS...: trains with each seed on features with the clip settings CLIPS, and measures on each set. `model` is
# what is trained, `kind` the features that it takes.
names=() model=(cnn) kind=features
recipe() {
  local name=$1 clips=$2; shift 2
  case " ${ONLY:-$name} " in *" $name "*) ;; *) return 0 ;; esac
  names+=("$name")
  local features=$out/$kind${clips:+-$clips} settings=(features "$data/animals/manifest.csv" --no-cache)
  case $kind in
    yamnet) settings+=(--front-end yamnet) ;;
    views) settings=(augment "$data/animals/manifest.csv" --views 4 --augment strong) ;;
  esac
  [ -z "$clips" ] || settings+=(--set "clip.$clips")
  [ -f "$features/index.json" ] || quietly "$features.log" "$barkbird" "${settings[@]}" --out "$features"
  for seed in $seeds; do
    local run=$out/$name-$seed
    [ -f "$run/model.safetensors" ] || quietly "$run.log" "$barkbird" train "${model[@]}" --features "$features" --out "$run" --overwrite --seed "$seed" "$@"
    for set in animals/test field/field field2/field2; do
      local split=${set#*/}
      [ -f "$run/$split/stress.csv" ] || quietly "$run.log" "$barkbird" evaluate "$run" "$data/${set%/*}/manifest.csv" --split "$split" --stress --out "$run/$split"
    done
  done
}

a=train.augment
recipe light "" --augment light --set train.group_balance=0
recipe recipe ""
recipe no-gate "" --set $a.gate_share=0
recipe no-noise "" --set $a.noise_share=0
recipe no-band-limit "" --set $a.band_limit_share=0
recipe no-groups "" --set train.group_balance=0
recipe trimmed trim_db=50.0
kind=views
recipe strong-views "" --augment light --set train.group_balance=0
if [ -n "$models" ]; then
  as_before=(--set $a.gate_share=0 --set $a.noise_share=0 --set $a.band_limit_share=0)
  cured=(--set $a.gate_share=0.5 --set $a.noise_share=0.5 --set "$a.noise_below_db=[0.0, 50.0]"
    --set $a.band_limit_share=0.8 --set $a.band_limit_lowest=0.4)
  model=(vit --pretrained "$models/dinov2-small" --strategy lora) kind=features
  recipe vit-lora "" "${as_before[@]}"
  recipe vit-lora-cured "" "${cured[@]}"
  recipe vit-lora-noise "" "${as_before[@]}" --set $a.noise_share=0.5
  model=(vit --pretrained "$models/dinov2-small" --strategy full)
  recipe vit-full "" "${as_before[@]}"
  recipe vit-full-cured "" "${cured[@]}"
  model=(yamnet --pretrained "$models/yamnet/yamnet.tflite" --strategy last --last 4) kind=yamnet
  recipe yamnet-last ""
  recipe yamnet-last-cured "" "${cured[@]}"
fi
python3 - "$out" "$seeds" "${names[@]}" <<'PY'
import csv, json, sys
out, seeds, names = sys.argv[1], sys.argv[2].split(), sys.argv[3:]
shown = ["rate_16k", "rate_8k", "noise_10db", "equalized"]
sets = [("test", "test"), ("field", "field"), ("field2", "field2, recall of bird")]
print("| recipe | set | plain | " + " | ".join(shown) + " | worst |")
print("|---|---|---|" + "---|" * len(shown) + "---|")
for name in names:
    for split, called in sets:
        pooled = {}
        for seed in seeds:
            folder = f"{out}/{name}-{seed}/{split}"
            rows = list(csv.DictReader(open(f"{folder}/stress.csv")))
            values = {row["condition"]: float(row["balanced_accuracy"]) for row in rows}
            values["plain"] = json.load(open(f"{folder}/metrics.json"))["balanced_accuracy"]
            for condition, value in values.items():
                pooled.setdefault(condition, []).append(value)
        mean = {condition: sum(values) / len(values) for condition, values in pooled.items()}
        worst = min((c for c in mean if c != "plain"), key=mean.get)
        figures = [f"{mean['plain']:.2f} ({min(pooled['plain']):.2f} to {max(pooled['plain']):.2f})"]
        figures += [f"{mean[condition]:.2f}" for condition in shown]
        print(f"| {name} | {called} | {' | '.join(figures)} | {mean[worst]:.2f} ({worst}) |")
print(f"\nBalanced accuracy; recall where a set has one class. Means over {len(seeds)} seed(s), for plain with the least and the greatest.")
PY
