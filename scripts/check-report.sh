#!/usr/bin/env bash
# Opens reports in headless Chromium and uses them: plays a clip, moves the thresholds (the figures at the start must be those of
# metrics.json), opens a cell of the confusion matrix, chooses a point of the map, turns the keyboard on them. Fails on an error in the
# console, on a request that leaves the page, on what axe-core calls serious or critical (light and dark), on a page that is wider than a
# phone, and on a page of 20 MB or one that takes 2 s to open.
#
#     scripts/check-report.sh OUT [REPORT METRICS]...
#
# REPORT is a page of `barkbird report` on one run, METRICS the metrics.json that it is about. Without any, `barkbird demo` makes a run of
# made sounds in OUT/demo and that is checked. Screenshots (1200 and 390 pixels, light and dark) go to OUT. Needs node, npm and Chromium
# ($CHROMIUM, or one on the path); puppeteer-core and axe-core are installed into OUT/node.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/check-report.sh OUT [REPORT METRICS]..."
out=${1:?$usage}
shift
browser_packages "$out/node" puppeteer-core@25.16.0 axe-core@4.14.1
if [ $# -eq 0 ]; then
  find_barkbird
  "$barkbird" demo --out "$out/demo" --clips 240 --epochs 12 >"$out/demo.log" 2>&1 || { cat "$out/demo.log"; exit 1; }
  set -- "$out/demo/report.html" "$out/demo/run/test/metrics.json"
fi
cp "$(dirname "$0")/check-report.mjs" "$out/node/check-report.mjs"
node "$out/node/check-report.mjs" "$chromium" "$out" "$@"
