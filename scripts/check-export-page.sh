#!/usr/bin/env bash
# Models as ONNX graphs, in a browser: a page in headless Chromium opens them with onnxruntime-web and computes the windows of the parity
# file, one at a time and by sevens, in one thread of WebAssembly, and some of them with WebGPU; then it decodes, resamples and classifies
# recordings, one of them by the lines of JavaScript in docs/export.md. Fails where probabilities differ from barkbird's own by more than
# 1e-4, on an error in the console and on a request that goes elsewhere. Prints size, time a window and the largest differences.
#
#     scripts/check-export-page.sh                        a small CNN on made sounds
#     scripts/check-export-page.sh DATA MODELS OUT        a CNN and YAMNet of `fit`, and a transformer, on recordings
#
# Arguments are those of check-export.sh. Needs node, npm and Chromium ($CHROMIUM, or one on the path); puppeteer-core and
# onnxruntime-web are installed into NODE_PACKAGES (target/check-export-page).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/check-export-models.sh"
node=$(realpath -m "${NODE_PACKAGES:-${CARGO_TARGET_DIR:-$root/target}/check-export-page}")
browser_packages "$node" puppeteer-core@25.16.0 onnxruntime-web@1.30.0
export_models "$@"
models=()
for folder in "${exported[@]}"; do
  name=${folder##*/onnx-}
  if [[ $name == *-spectrogram ]]; then models+=("{\"folder\": \"$folder\"}"); continue; fi
  predict_some "$name"
  models+=("{\"folder\": \"$folder\", \"predictions\": \"$predictions\"}")
done
(IFS=,; echo "{\"mostOnWebGpu\": 2, \"models\": [${models[*]}]}") >"$out/page.json"
cp "$root/scripts/check-export-page.mjs" "$node/check-export-page.mjs"
node "$node/check-export-page.mjs" "$chromium" "$node" "$root/scripts/check-export-page.html" "$out/page.json" "$root/docs/export.md"
