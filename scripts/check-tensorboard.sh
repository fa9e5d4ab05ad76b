#!/usr/bin/env bash
# Whether TensorBoard reads what `barkbird train --tensorboard` writes: made sounds, a training that is stopped and goes on, and every
# number of metrics.jsonl beside what TensorBoard's own reader gives.
#
#     scripts/check-tensorboard.sh [VENV]
#
# VENV is where the Python environment is, or is made (default: .venv, which git ignores).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
venv=${1:-$root/.venv}
python_packages "$venv" "$root/scripts/check-tensorboard.txt"
find_barkbird
make_work
"$barkbird" synth --clips 200 --out "$work/sounds" --quiet
"$barkbird" scan "$work/sounds/manifest.csv" --out "$work/manifest.csv" --quiet
"$barkbird" features "$work/manifest.csv" --out "$work/features" --quiet
train=("$barkbird" train cnn --features "$work/features" --out "$work/run" --epochs 40 --tensorboard "$work/curves" --quiet)
"${train[@]}" &
while [ ! -f "$work/run/metrics.jsonl" ] || [ "$(wc -l <"$work/run/metrics.jsonl")" -lt 3 ]; do sleep 0.05; done
kill -9 $! && wait $! 2>/dev/null || true
"${train[@]}" --resume
"$venv/bin/python" - "$work/run/metrics.jsonl" "$work/curves/run" <<'PYTHON'
import json
import math
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

TAGS = {
    "loss/training": "train_loss",
    "loss/training, in evaluation mode": "train_loss_eval",
    "loss/validation": "val_loss",
    "accuracy/validation": "val_accuracy",
    "accuracy/validation, balanced": "val_balanced_accuracy",
    "learning rate": "lr",
}
epochs = [json.loads(line) for line in open(sys.argv[1])]
events = EventAccumulator(sys.argv[2])
events.Reload()
for tag, key in TAGS.items():
    # An epoch that was computed again has the same numbers.
    read = {scalar.step: scalar.value for scalar in events.Scalars(tag)}
    expected = {epoch["epoch"]: epoch[key] for epoch in epochs}
    assert read.keys() == expected.keys(), (tag, sorted(read), sorted(expected))
    assert all(math.isclose(read[step], value, rel_tol=1e-6) for step, value in expected.items()), tag
print(f"TensorBoard reads {len(epochs)} epochs of {len(TAGS)} curves, equal to metrics.jsonl")
PYTHON
