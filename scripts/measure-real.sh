#!/usr/bin/env bash
# The accuracy of the CNN on real recordings: three seeds, the test split of the data set and recordings from elsewhere.
#
#     scripts/measure-real.sh DATA OUT [TRAIN FLAGS...]
#
# DATA/animals and DATA/field hold a manifest.csv each. FEATURE_FLAGS in the environment goes to `barkbird features`:
# FEATURE_FLAGS="--set front_end.kind.mel.n_mels=128 --set front_end.hop=512" is the finer
# front end. Prints one table; everything else goes to OUT.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
data=${1:?usage: scripts/measure-real.sh DATA OUT [TRAIN FLAGS...]}
out=${2:?usage: scripts/measure-real.sh DATA OUT [TRAIN FLAGS...]}
shift 2
for set in animals field; do
  [ -f "$data/$set/manifest.csv" ] || die "$data/$set/manifest.csv: no such file"
done
find_barkbird
mkdir -p "$out"
for set in animals field; do
  "$barkbird" scan "$data/$set/manifest.csv" --out "$out/$set.csv" --quiet 2>"$out/scan-$set.log"
done
"$barkbird" features "$out/animals.csv" --out "$out/animals" --quiet ${FEATURE_FLAGS:-}
"$barkbird" features "$out/field.csv" --out "$out/field" --like "$out/animals" --quiet
for seed in 0 1 2; do
  run=$out/run-$seed
  "$barkbird" train cnn --features "$out/animals" --out "$run" --overwrite --seed "$seed" --quiet "$@"
  "$barkbird" evaluate "$run" --features "$out/animals" --split test --out "$run/test" --quiet
  "$barkbird" evaluate "$run" --features "$out/field" --split field --out "$run/field" --quiet
done
python3 - "$out" <<'PY'
import json, sys
print("| seed | set | clips / groups | balanced accuracy | 95 % interval | accuracy | dog recall | bird recall | AUROC | ECE |")
print("|---|---|---|---|---|---|---|---|---|---|")
for name in ("test", "field"):
    for seed in (0, 1, 2):
        m = json.load(open(f"{sys.argv[1]}/run-{seed}/{name}/metrics.json"))
        low, high = m["intervals"]["balanced_accuracy"]
        c = m["per_class"]
        print(f"| {seed} | {name} | {m['n']} / {m['n_groups']} | {m['balanced_accuracy']:.3f} | {low:.3f} to {high:.3f} | {m['accuracy']:.3f} "
              f"| {c['dog']['recall']:.3f} | {c['bird']['recall']:.3f} | {m['auroc']:.3f} | {m['ece']:.3f} |")
PY
