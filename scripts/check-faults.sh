#!/usr/bin/env bash
# Every fault at every read and write of every stage, on a disk and in a bucket: whether the stage finishes right or says what is wrong,
# and whether the same command then ends with the bytes of a run without faults. The usual tests take a few of each stage.
#
#     scripts/check-faults.sh
set -euo pipefail
cd "$(dirname "$0")/.."
BARKBIRD_FAULTS=all cargo test --release --quiet --package pipeline --test faults -- --nocapture |
  awk '/faults injected/ { print; split($0, all, /[^0-9]+/); n += $0 ~ /faults/; match($0, /[0-9]+ faults/); f += substr($0, RSTART); match($0, /[0-9]+ finished right/); s += substr($0, RSTART); match($0, /[0-9]+ reported/); r += substr($0, RSTART) }
       /test result/ { print } END { print f " faults injected, " s " finished right, " r " reported and finished when run again, 0 results lost" }'
