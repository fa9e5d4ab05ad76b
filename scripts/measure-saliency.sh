#!/usr/bin/env bash
# Whether maps of what a model looked at mark what matters (docs/saliency.md): patches of clips are masked and the clips classified again,
# those that the map marks most, as many random ones, and as many of the loudest. Prints a row a share.
#
#     scripts/measure-saliency.sh RUN MANIFEST OUT [SPLIT...]
#
# OUT is a folder for the results, a JSON file a split (default: test). In the environment: METHOD (usual; rollout or gradient-rollout
# for a transformer) and FILL (quiet; mean). The class is the one that the model says, and clips of other labels are left out.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/measure-saliency.sh RUN MANIFEST OUT [SPLIT...]"
run=${1:?$usage} manifest=${2:?$usage} out=${3:?$usage}
shift 3
[ -e "$run" ] || die "$run: no such run"
[ -f "$manifest" ] || die "$manifest: no such file"
cargo build --release --quiet --manifest-path "$root/Cargo.toml" -p inference --example measure_saliency
measure=${CARGO_TARGET_DIR:-$root/target}/release/examples/measure_saliency
mkdir -p "$out"
results=()
for split in "${@:-test}"; do
  result=$out/$(basename "$run")-$split-${METHOD:-usual}-${FILL:-quiet}.json
  [ -f "$result" ] || "$measure" "$run" "$manifest" "$split" "$result" "${METHOD:-usual}" "${FILL:-quiet}" >&2
  results+=("$result")
done
python3 "$root/scripts/measure-saliency.py" "${results[@]}"
