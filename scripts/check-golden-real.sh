#!/usr/bin/env bash
# Compares log-mel of real recordings with librosa's, on the same samples: fails above 1e-4 dB.
#
#     scripts/check-golden-real.sh DATA [VENV] [CLIPS]
#
# DATA holds recordings and manifest.csv with a column `path`; VENV is as in golden-features.sh; CLIPS (default 40) are
# taken evenly over the manifest, each at its own rate.
set -euo pipefail
if [ $# -lt 1 ]; then sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
if [ ! -f "$1/manifest.csv" ]; then echo "$1/manifest.csv: no such file: nothing was compared" >&2; exit 1; fi
data=$(cd "$1" && pwd)
case ${2:-.venv} in /*) venv=$2 ;; *) venv=$PWD/${2:-.venv} ;; esac
[ $# -ge 2 ] || venv=$(cd "$(dirname "$0")/.." && pwd)/.venv
clips=${3:-40}
cd "$(dirname "$0")/.."
if [ ! -x "$venv/bin/python" ]; then python3 -m venv "$venv"; fi
"$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/golden-features.txt
cargo build --quiet --release -p features --example log_mel_raw
target=${CARGO_TARGET_DIR:-target}
"$venv/bin/python" scripts/check-golden-real.py "$target/release/examples/log_mel_raw" "$data" "$clips"
