#!/usr/bin/env bash
# What `barkbird compare` says, computed again with scikit-learn (balanced accuracy) and SciPy (bootstrap over groups). Fails where they
# differ by more than a tolerance.
#
#     scripts/check-compare.sh COMPARISON MANIFEST [VENV]
#
# COMPARISON is a folder that `compare --out` wrote, of models with one run each; MANIFEST the manifest that it was given. VENV is where
# the Python environment is, or is made (default: .venv, which git ignores). Takes about a minute.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/check-compare.sh COMPARISON MANIFEST [VENV]"
comparison=${1:?$usage} manifest=${2:?$usage} venv=${3:-$root/.venv}
[ -f "$comparison/compare.json" ] || die "$comparison/compare.json: no such file"
[ -f "$manifest" ] || die "$manifest: no such file"
python_packages "$venv" "$root/scripts/check-compare.txt"
"$venv/bin/python" -W ignore "$root/scripts/check-compare.py" "$comparison" "$manifest"
