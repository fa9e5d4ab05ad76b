#!/usr/bin/env bash
# ESC-10 by its published folds: a cross-validation in which each fold is tested once by a model of the other four.
#
#     scripts/check-esc10.sh                       a miniature of the archive, made here, from a server on 127.0.0.1; a tiny CNN
#     scripts/check-esc10.sh DATA MODELS OUT       the same on the 174 clips of ESC-10 (5 of its 10 classes) that DATA/field has
#     scripts/check-esc10.sh ESC10 MODELS OUT      CNN, ViT and YAMNet on what `barkbird fetch esc10` has fetched
#
# MODELS holds dinov2-small and yamnet. In the environment: NAMES (cnn vit yamnet). Runs that are in OUT already are taken from there. Prints accuracy by fold, the mean of the
# folds, and a 95 % interval over all of them (whole source recordings drawn with replacement). The miniature is interrupted and
# fetched again, and has to be learned: its classes are tones in made sounds.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
find_barkbird
barkbird=$(realpath "$barkbird")
tools=$root/scripts/check-esc10.py
quietly() { "$@" 2>run.log || { cat run.log >&2; exit 1; }; }

if [ $# = 0 ]; then
  make_work
  out=$work
  cd "$out"
  export XDG_CACHE_HOME=$out/cache
  for variable in HTTP_PROXY http_proxy ALL_PROXY all_proxy; do unset "$variable"; done
  quietly "$barkbird" synth --out sounds --clips 60 --quiet
  mkdir served
  python3 "$tools" archive sounds served/mini.zip
  python3 "$tools" serve served port 2>server.log &
  server=$!
  trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
  for _ in $(seq 100); do [ -f port ] && break; sleep 0.1; done
  mirror=http://127.0.0.1:$(cat port)/mini.zip
  sha256=$(sha256sum served/mini.zip | cut -d' ' -f1)
  # What is not the published archive is refused, unless its checksum is named.
  if "$barkbird" fetch esc10 --out refused --mirror "$mirror" --quiet 2>refused.log; then die "an archive of another content was taken"; fi
  grep -q "is not the published one" refused.log || die "$(cat refused.log)"
  # Killed in the middle, it goes on.
  (timeout --signal=KILL 0.05 "$barkbird" fetch esc10 --out esc10 --mirror "$mirror" --sha256 "$sha256" --quiet || true) 2>killed.log
  quietly "$barkbird" fetch esc10 --out esc10 --mirror "$mirror" --sha256 "$sha256" --quiet
  "$barkbird" fetch esc10 --out esc10 2>&1 | grep -q "nothing to do" || die "what is fetched was not found"
  esc10=esc10 models='' names=cnn
  tiny=(--set 'cnn.channels=[8, 16, 32]' --set train.epochs=40 --set train.batch_size=16 --augment off)
else
  usage="usage: scripts/check-esc10.sh [ESC10 MODELS OUT]"
  esc10=$(realpath -m "$1") models=$(realpath -m "${2:?$usage}") out=$(realpath -m "${3:?$usage}")
  if [ -f "$esc10/field/manifest.csv" ]; then
    [ -d "$out/esc10" ] || { mkdir -p "$out"; python3 "$tools" part "$esc10/field" "$out/esc10"; }
    esc10=$out/esc10
  fi
  for file in "$esc10/meta/esc50.csv" "$models/dinov2-small/model.safetensors" "$models/yamnet"; do
    [ -e "$file" ] || die "$file: no such file"
  done
  mkdir -p "$out"
  cd "$out"
  names=${NAMES:-cnn vit yamnet} tiny=()
fi

# The published folds are the splits, and clips of one source recording one group.
[ -f folds.csv ] || quietly "$barkbird" scan "$esc10" --out folds.csv --quiet

echo "| model | fold 1 | fold 2 | fold 3 | fold 4 | fold 5 | mean | 95 % | n / sources |"
echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
for name in $names; do
  kind=mel flags=() model=(cnn "${tiny[@]}")
  case $name in
    vit) model=(vit --pretrained "$models/dinov2-small" --strategy lora) ;;
    yamnet) kind=yamnet flags=(--front-end yamnet) model=(yamnet --pretrained "$models/yamnet" --strategy last --last 4) ;;
  esac
  [ -f "$kind/index.json" ] || quietly "$barkbird" features folds.csv --out "$kind" --quiet "${flags[@]}"
  runs=()
  for fold in 1 2 3 4 5; do
    run=$name-$fold others=
    for other in 1 2 3 4 5; do [ "$other" = "$fold" ] || others+=fold-$other,; done
    [ -f "$run/model.safetensors" ] ||
      quietly "$barkbird" train "${model[@]}" --features "$kind" --out "$run" --overwrite --quiet --train-split "${others%,}" --val-split none
    [ -f "$run/test/metrics.json" ] || quietly "$barkbird" evaluate "$run" --features "$kind" --split "fold-$fold" --out "$run/test" --quiet
    runs+=("$run/test")
  done
  python3 "$tools" table folds.csv "$name" "${runs[@]}" | tee table.md
done
# The mean of the folds: the miniature's classes are easy, and chance is 0.1.
[ $# != 0 ] || python3 -c 'import sys; mean = float(open("table.md").read().split("|")[7]); sys.exit(mean < 0.5)' || die "the classes were not learned"
