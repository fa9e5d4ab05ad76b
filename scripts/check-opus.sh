#!/usr/bin/env bash
# Our decoding of Opus beside that of libopus (through libsndfile), on streams that libopus encodes: SILK, hybrid and CELT, 8 to 512
# kbit/s, frames of 2.5 to 60 ms, one to eight channels. Fails where a length differs, or the samples by more than a tolerance. Then
# decodes copies with flipped bytes, none of which may end the program.
#
#     scripts/check-opus.sh [VENV]
#
# VENV is where the Python environment is, or is made (default: .venv, which git ignores). Takes about a minute.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
venv=${1:-$root/.venv}
python_packages "$venv" "$root/scripts/check-opus.txt"
cargo build --release --quiet --manifest-path "$root/Cargo.toml" -p audio-io --example decode_raw
"$venv/bin/python" "$root/scripts/check-opus.py" "${CARGO_TARGET_DIR:-$root/target}/release/examples/decode_raw"
