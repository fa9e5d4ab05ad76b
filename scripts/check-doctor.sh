#!/usr/bin/env bash
# What `barkbird doctor` finds on real recordings, against its targets. Fails where it misses one.
#
#     scripts/check-doctor.sh DATA [OUT]
#
# DATA/animals holds recordings and manifest.csv (path,label,group,split), whose dogs and birds differ in bandwidth and
# noise floor. OUT (a folder of its own by default) gets the doctor's results: `animals` as it is, `equalized` after the
# cure, and `planted`, a copy with known faults (scripts/plant-faults.sh). SEED (0) chooses the faults. VENV is passed to
# plant-faults.sh.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
data=${1:?usage: scripts/check-doctor.sh DATA [OUT]}
[ -f "$data/animals/manifest.csv" ] || die "$data/animals/manifest.csv: no such file"
find_barkbird
make_work
out=${2:-$work}
mkdir -p "$out"
seed=${SEED:-0}
doctor() { "$barkbird" doctor "$@" --seed "$seed" 2>"$3.log" || die "barkbird doctor $*: $(tail -3 "$3.log")"; }

started=$SECONDS
doctor "$data/animals/manifest.csv" --out "$out/animals"
echo "doctor on animals: $((SECONDS - started)) s"
cure=(--equalize band,level,length)
doctor "$data/animals/manifest.csv" --out "$out/equalized" --page-mb 1 "${cure[@]}"
rm -rf "$out/planted-data"
"$root/scripts/plant-faults.sh" "$data/animals" "$out/planted-data" "$seed" ${VENV:+"$VENV"}
doctor "$out/planted-data/manifest.csv" --out "$out/planted" --page-mb 1

python3 - "$out" <<'PY'
import csv, json, random, sys

out = sys.argv[1]
read = lambda name: json.load(open(f"{out}/{name}/doctor.json"))["examination"]
rows, failed = [], False


def row(what, asked, measured, good):
    global failed
    failed |= not good
    rows.append((what, asked, measured, "yes" if good else "NO"))


def figure(f):
    return f"{f['value']:.3f} ({f['low']:.3f} to {f['high']:.3f})"


animals, planted = read("animals"), read("planted")
spectral = ("bandwidth", "noise_floor", "bandwidth_and_noise_floor")
for name in spectral:
    found = next(s for s in animals["shortcuts"] if s["nuisance"] == name)
    good = found["balanced_accuracy"]["value"] >= 0.85
    row(f"recordings: {name} alone", ">= 0.85", figure(found["balanced_accuracy"]), good)
    row("  the summary says so", "in words", found["sentence"][:70] + "...", found["sentence"] in animals["summary"])
for found in read("equalized")["shortcuts_in_clips"]:
    value, bounded = found["balanced_accuracy"], found["nuisance"] in spectral
    asked = "<= 0.65" if bounded else "reported"
    row(f"equalized: {found['nuisance']} alone", asked, figure(value), not bounded or value["value"] <= 0.65)
leak = animals["leak"]
row("content, random split", "reported", figure(leak["random"]), True)
row("content, split by group", "reported", figure(leak["grouped"]), True)
row("the difference", "reported", figure(leak["difference"]), True)

truth = list(csv.DictReader(open(f"{out}/planted-data/truth.csv")))
found = {frozenset(p["paths"]) for p in planted["pairs"]}
copies = [frozenset((t["path"], t["of"])) for t in truth if t["kind"].startswith("duplicate-")]
n = sum(pair in found for pair in copies)
row("planted duplicates found", ">= 98 %", f"{n} of {len(copies)}", n >= 0.98 * len(copies))
for kind in sorted({t["kind"] for t in truth if t["kind"].startswith("duplicate-")}):
    of = [frozenset((t["path"], t["of"])) for t in truth if t["kind"] == kind]
    row(f"  {kind}", "reported", f"{sum(pair in found for pair in of)} of {len(of)}", True)

# Random pairs of different groups that hold different recordings: what was planted together, or found together before
# anything was planted (the set has copies of its own), is not among them.
listed = list(csv.DictReader(open(f"{out}/planted-data/manifest.csv")))
group, original = {r["path"]: r["group"] for r in listed}, {t["path"]: t["of"] for t in truth if t["kind"].startswith("dup")}
base = lambda path: original.get(path, path)
known = {frozenset(p["paths"]) for p in animals["pairs"]} | set(copies)
draw, tried, false = random.Random(0), 0, []
while tried < 1000:
    a, b = (r["path"] for r in draw.sample(listed, 2))
    pair = frozenset((base(a), base(b)))
    if len(pair) < 2 or pair in known or group[base(a)] == group[base(b)]:
        continue
    tried += 1
    if frozenset((a, b)) in found:
        false.append((a, b))
row("false pairs among 1,000 random ones", "0", str(len(false)), not false)

swapped = {t["path"] for t in truth if t["kind"] == "swapped-label"}
ranked = [d["path"] for d in planted["mislabels"]["ranked"]]
n = len(swapped & set(ranked[:60]))
row("swapped labels among the first 60", ">= 80 %", f"{n} of {len(swapped)}", n >= 0.8 * len(swapped))
row("  among as many as there are", "reported", f"{len(swapped & set(ranked[:len(swapped)]))} of {len(swapped)}", True)
likely = {d["path"] for d in planted["mislabels"]["ranked"] if d["likely"]}
row("  called likely, and swapped", "reported", f"{len(likely & swapped)} of {len(likely)} called", True)

faulty = {}
for f in planted["findings"]:
    if f["kind"] == "fault":
        faulty.setdefault(f["path"], []).append(f["evidence"])
kinds = ("silent", "clipped", "truncated", "too-short", "dc", "dead-channel", "hum")
for kind in kinds:
    of = [t["path"] for t in truth if t["kind"] == kind]
    said = {"silent": ("silent", "corrupt: pure silence"), "truncated": ("corrupt",)}.get(kind, (kind,))
    hit = [p for p in of if any(evidence.startswith(said) for evidence in faulty.get(p, []))]
    missed = "" if len(hit) == len(of) else " missed " + ", ".join(sorted(set(of) - set(hit)))
    row(f"planted {kind}", "all", f"{len(hit)} of {len(of)}{missed}", len(hit) == len(of))

widths = [max(len(r[i]) for r in rows + [("what", "asked", "measured", "met")]) for i in range(4)]
for r in [("what", "asked", "measured", "met")] + rows:
    print("  ".join(cell.ljust(width) for cell, width in zip(r, widths)).rstrip())
sys.exit(failed)
PY
