#!/usr/bin/env bash
# The effect of each augmentation and of each cure of recorder bias: five folds by group on one data set, the same models on
# another, one line of the table for each.
#
#     scripts/ablate.sh DATA OUT [TRAIN FLAGS...]
#
# DATA/animals and DATA/field hold a manifest.csv each. In the environment: MODEL, what is trained ("cnn"; or "vit --pretrained DIR
# --strategy lora", or "yamnet --pretrained DIR --strategy probe" with FRONT_END=yamnet); SEEDS (0); ONLY, the names of the lines
# to measure (all).
# A line starts from the recipe of the model without augmentation ("off") and adds one thing; the last lines are complete presets
# and the recipe itself. Lines with views see each clip as often as the others, as the clip or as a view; "cured" is the recipe
# with band limits on strong views; for the CNN, the light preset with band limits on strong views.
# Columns "one recorder": the same models on the same clips under equalized recording conditions (one band, one noise floor). What
# they get wrong only there, they decide by the recorder. What is in OUT already is not repeated.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/ablate.sh DATA OUT [TRAIN FLAGS...]"
data=${1:?$usage} out=${2:?$usage}
shift 2
for set in animals field; do
  [ -f "$data/$set/manifest.csv" ] || die "$data/$set/manifest.csv: no such file"
done
find_barkbird
mkdir -p "$out"
seeds=${SEEDS:-0}
read -ra model <<<"${MODEL:-cnn}"
front=()
[ -z "${FRONT_END:-}" ] || front=(--front-end "$FRONT_END")
# A fifth of the epochs where each clip is there five times.
case "${model[*]}" in cnn*) view_epochs=6 ;; *probe*) view_epochs=20 ;; *last*) view_epochs=4 ;; *) view_epochs=3 ;; esac

# quietly LOG COMMAND...: shows what it said only where it failed.
quietly() {
  local log=$1; shift
  "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
}

[ -f "$out/folds.csv" ] || "$barkbird" scan "$data/animals/manifest.csv" --folds 5 --out "$out/folds.csv" --quiet 2>"$out/scan.log"
[ -f "$out/field.csv" ] || "$barkbird" scan "$data/field/manifest.csv" --out "$out/field.csv" --quiet 2>"$out/scan.log"

# features NAME COMMAND FLAGS...: the folds by `barkbird COMMAND`, and field as they are.
features() {
  local name=$1 command=$2; shift 2
  [ -f "$out/$name-folds/index.json" ] || quietly "$out/features.log" "$barkbird" "$command" "$out/folds.csv" --out "$out/$name-folds" --no-cache "$@"
  [ -f "$out/$name-field/index.json" ] || quietly "$out/features.log" "$barkbird" features "$out/field.csv" --out "$out/$name-field" --like "$out/$name-folds" --no-cache
}

# asked RUN NAME FEATURES SPLIT FLAGS...: what a run makes of a split, in RUN/NAME.
asked() {
  local run=$1 name=$2 from=$3 split=$4; shift 4
  [ -f "$run/$name/metrics.json" ] || quietly "$run.log" "$barkbird" evaluate "$run" --features "$from" --split "$split" --out "$run/$name" "$@"
}

# line NAME FEATURES FLAGS...
lines=()
line() {
  local name=$1 kind=$2; shift 2
  case " ${ONLY:-$name} " in *" $name "*) ;; *) return 0 ;; esac
  lines+=("$name")
  local all=fold-0,fold-1,fold-2,fold-3,fold-4
  features plain features "${front[@]}"
  features same features --like "$out/plain-folds" --equalize band
  case $kind in
    plain) ;;
    views-light | views-strong) features "$kind" augment --views 4 --augment "${kind#views-}" --splits $all "${front[@]}" ;;
    views-*) features "$kind" augment --views 4 --augment off --splits $all --set "augment.waveform.${kind#views-}.share=1.0" "${front[@]}" ;;
    equalized-views-*)
      features "$kind" augment --views 4 --augment "${kind#equalized-views-}" --splits $all --equalize band,level,length "${front[@]}" ;;
    equalized-*) features "$kind" features --equalize "${kind#equalized-}" "${front[@]}" ;;
  esac
  local passes=()
  case $kind in *views-*) passes=(--epochs "$view_epochs") ;; esac
  # The CNN's lines start from its light preset, with every clip drawn equally often; its recipe is a line of its own.
  local start=()
  case "${model[0]} $name $*" in
    "cnn recipe "*) ;;
    cnn*--augment*) start=(--set train.group_balance=0) ;;
    cnn*) start=(--augment light --set train.group_balance=0) ;;
  esac
  for seed in $seeds; do
    for fold in 0 1 2 3 4; do
      local run=$out/$name-$seed-fold-$fold others=
      for other in 0 1 2 3 4; do [ "$other" = "$fold" ] || others+=fold-$other,; done
      [ -f "$run/model.safetensors" ] || quietly "$run.log" "$barkbird" train "${model[@]}" --features "$out/$kind-folds" --out "$run" \
        --overwrite --seed "$seed" --train-split "${others%,}" --val-split none "${passes[@]}" "${start[@]}" "$@" "${more[@]}"
      asked "$run" test "$out/$kind-folds" "fold-$fold"
      asked "$run" field "$out/$kind-field" field
      case $kind in
        equalized-*) ;;
        *)
          asked "$run" same-test "$out/same-folds" "fold-$fold" --equalized
          asked "$run" same-field "$out/same-field" field --equalized ;;
      esac
    done
  done
}

more=("$@")
a=train.augment
line off plain --augment off
line roll plain --augment off --set $a.roll=true
line gain plain --augment off --set $a.gain_db=6
line tilt plain --augment off --set $a.tilt_db=6
line filter-curve plain --augment off --set $a.filter_curve_db=6
line masks plain --augment off --set $a.time_masks=1 --set $a.time_mask_share=0.1 --set $a.frequency_masks=1 --set $a.frequency_mask_bands=12
line band-dropout plain --augment off --set $a.band_dropout_share=0.1
line mixup plain --augment off --set $a.mixup_alpha=0.2
line cutmix plain --augment off --set $a.cutmix_alpha=1.0
line time-warp plain --augment off --set $a.time_warp_share=0.1
line frequency-shift plain --augment off --set $a.frequency_shift_share=0.19
line noise plain --augment off --set $a.noise_share=0.5
line band-limit plain --augment off --set $a.band_limit_share=0.5
line excerpt plain --augment off --set $a.excerpt_share=0.5
line groups plain --augment off --set train.group_balance=1.0
for step in speed stretch pitch shift room noise high_pass low_pass band_limit polarity gain clipping low_rate codec; do
  line "views-$step" "views-$step" --augment off
done
line views-light views-light --augment off
line views-strong views-strong --augment off
line cured views-strong --set $a.band_limit_share=0.5
line equalized-band equalized-band
line equalized-length equalized-length
line equalized-all equalized-band,level,length
line equalized-views equalized-views-strong
line light plain --augment light
line strong plain --augment strong
line recipe plain
python3 - "$root/scripts" "$out" "$seeds" "${lines[@]}" <<'PY'
import json, os, sys
sys.path.insert(0, sys.argv[1])
from folds import balanced, groups_in, interval, rows_of
out, seeds, names = sys.argv[2], sys.argv[3].split(), sys.argv[4:]
groups = groups_in(f"{out}/folds.csv")
def shown(values):
    return f"{sum(values) / len(values):.3f} ({min(values):.3f} to {max(values):.3f})"
def away(runs, name):
    return [json.load(open(f"{run}/{name}/metrics.json")) for run in runs]
print("| line | 5 folds, by group | field, mean of the models (least to greatest) | AUROC there | folds, one recorder | field, one recorder |")
print("|---|---|---|---|---|---|")
def pooled(runs, name):
    rows = [row for run in runs for row in rows_of(f"{run}/{name}", groups)]
    low, high = interval(rows)
    return rows, f"{balanced(rows):.3f} [{low:.3f}, {high:.3f}]"
for name in names:
    runs = [f"{out}/{name}-{seed}-fold-{fold}" for seed in seeds for fold in range(5)]
    rows, folds = pooled(runs, "test")
    field = away(runs, "field")
    same = os.path.exists(f"{runs[0]}/same-test")
    columns = [folds, shown([m["balanced_accuracy"] for m in field]),
               f"{sum(m['auroc'] for m in field) / len(field):.3f}",
               pooled(runs, "same-test")[1] if same else "",
               shown([m["balanced_accuracy"] for m in away(runs, "same-field")]) if same else ""]
    print(f"| {name} | {' | '.join(columns)} |")
print(f"\nBalanced accuracy; {len(rows) // len(seeds)} clips of {len({row[2] for row in rows})} groups, {len(seeds)} seed(s); field: {field[0]['n']} clips of {field[0]['n_groups']} groups.")
PY
