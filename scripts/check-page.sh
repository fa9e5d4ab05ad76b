#!/usr/bin/env bash
# Opens the page of `barkbird serve` in headless Chromium and uses it: drops a WAV and a FLAC file, looks, listens, filters,
# downloads, records and follows a made microphone, reviews ten clips by keyboard and compares the CSV with the answers, trains on
# two folders and opens the report, and calibrates with the answers. The same for the static review file. Fails on an error in the
# console, on a request that goes elsewhere, on what axe-core calls serious or critical (1200 and 390 pixels, light and dark), and
# on a page that is wider than a phone. Before that, unit tests of the scripts that page and file share.
#
#     scripts/check-page.sh OUT
#
# Results and screenshots go to OUT; a model of made sounds in OUT/demo is kept for the next time. PAGE_URL names a page that is
# already served, instead, REVIEW_FILE a static review file. FIT_SECONDS is how long training may take (900). Needs node, npm and Chromium
# ($CHROMIUM, or one on the path); puppeteer-core and axe-core are installed into OUT/node.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
out=${1:?usage: scripts/check-page.sh OUT}
mkdir -p "$out"
out=$(cd "$out" && pwd)
REVIEW=$root/crates/report/review/ node --test "$root/scripts/check-page.test.mjs" >"$out/units.log" || { cat "$out/units.log"; exit 1; }
grep -E '^# (pass|fail)|^ℹ (pass|fail)' "$out/units.log"
browser_packages "$out/node" puppeteer-core@25.16.0 axe-core@4.14.1
find_barkbird
[ -d "$out/sounds" ] || "$barkbird" synth --out "$out/sounds" --clips 90 --quiet
# The microphone hears one clip after the other.
python3 - "$out" <<'END'
import glob, sys, wave
out = sys.argv[1]
files = sorted(glob.glob(f"{out}/sounds/*/*-000[1-4].wav"))
with wave.open(f"{out}/microphone.wav", "wb") as joined:
    joined.setparams((1, 2, 44100, 0, "NONE", ""))
    for name in files:
        with wave.open(name) as clip:
            joined.writeframes(clip.readframes(clip.getnframes()))
END
review_file=${REVIEW_FILE:-}
if [ -z "${PAGE_URL:-}" ]; then
  [ -d "$out/demo/run" ] || "$barkbird" demo --out "$out/demo" --clips 240 --epochs 12 >"$out/demo.log" 2>&1 || { cat "$out/demo.log"; exit 1; }
  "$barkbird" predict "$out/demo/run" "$out/sounds" --quiet >"$out/detections.csv"
  if "$barkbird" report --help | grep -q -- --review; then
    review_file=$out/review.html
    "$barkbird" report --review "$out/detections.csv" --out "$review_file" --quiet
  fi
  rm -rf "$out/reviews.csv" "$out/work"
  port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
  "$barkbird" serve "$out/demo/run" --addr "127.0.0.1:$port" --review "$out/detections.csv" --recordings "$out/sounds" \
    --reviews "$out/reviews.csv" --work "$out/work" >"$out/serve.log" 2>&1 &
  server=$!
  trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
  PAGE_URL=http://127.0.0.1:$port/
  for _ in $(seq 100); do
    curl --silent --fail "${PAGE_URL}api/health" >/dev/null && break
    kill -0 "$server" 2>/dev/null || { cat "$out/serve.log"; exit 1; }
    sleep 0.2
  done
fi
cat >"$out/settings.json" <<END
{
  "url": "$PAGE_URL", "wav": "$out/sounds/dog/dog-0001.wav", "flac": "$root/fixtures/audio/tone-s16.flac",
  "microphone": "$out/microphone.wav", "classes": ["$out/sounds/bird", "$out/sounds/dog"],
  "fitSeconds": ${FIT_SECONDS:-900}, "reviewFile": "$review_file"
}
END
cp "$root/scripts/check-page.mjs" "$out/node/check-page.mjs"
node "$out/node/check-page.mjs" "$chromium" "$out" "$out/settings.json"
