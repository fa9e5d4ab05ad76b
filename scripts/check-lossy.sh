#!/usr/bin/env bash
# The lossy codec of the crate `augment` beside LAME at 64 kbit/s, one channel, on eight real clips: signal-to-noise ratios,
# and how far apart the spectra in third-octave bands are. Fails where the means differ by more than a tolerance.
#
#     scripts/check-lossy.sh DATA [VENV]
#
# DATA/animals holds folders `dog` and `bird` of FLAC files. VENV is where the Python environment is, or is made (default:
# .venv, which git ignores). KBIT_S (64) is the bit rate.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
data=${1:?usage: scripts/check-lossy.sh DATA [VENV]}
venv=${2:-$root/.venv}
[ -d "$data/animals" ] || die "$data/animals: no such folder"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/scripts/check-lossy.txt"
cargo build --release --quiet --manifest-path "$root/Cargo.toml" -p augment --example lossy_raw
"$venv/bin/python" "$root/scripts/check-lossy.py" "${CARGO_TARGET_DIR:-$root/target}/release/examples/lossy_raw" "$data" --kbit-s "${KBIT_S:-64}"
