#!/usr/bin/env bash
# Makes the pictures of README and docs again: docs/images/*.png, from `barkbird demo` and a comparison of its model with a smaller one.
#
#     scripts/make-pictures.sh OUT
#
# Needs node, npm and Chromium as check-report.sh does, and installs puppeteer-core into OUT/node. About five minutes.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
out=${1:?usage: scripts/make-pictures.sh OUT}
find_barkbird
mkdir -p "$out"
out=$(cd "$out" && pwd)
browser_packages "$out/node" puppeteer-core@25.16.0
barkbird=$(realpath "$barkbird")
# The demo's commands name its folder, so it runs beside it.
cd "$out"
rm -rf barkbird-demo
{ echo '$ barkbird demo'; "$barkbird" demo 2>&1; } >demo.log
"$barkbird" train cnn --features barkbird-demo/features --out barkbird-demo/small --set cnn.channels='[8, 8, 16, 16]' --overwrite --quiet
"$barkbird" compare barkbird-demo/run barkbird-demo/small --manifest barkbird-demo/manifest.csv --stress --out barkbird-demo/comparison --quiet
cp "$root/scripts/make-pictures.mjs" "$out/node/make-pictures.mjs"
mkdir -p "$root/docs/images"
node "$out/node/make-pictures.mjs" "$chromium" "$out" "$root/docs/images"
