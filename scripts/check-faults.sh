#!/usr/bin/env bash
# Every fault at every read and write of every stage, on a disk and in a bucket: whether the stage finishes right or says what is wrong,
# and whether the same command then ends with the bytes of a run without faults. The usual tests take a few of each stage.
#
#     scripts/check-faults.sh
set -euo pipefail
cd "$(dirname "$0")/.."
BARKBIRD_FAULTS=all cargo test --release --quiet --package pipeline --test faults -- --nocapture |
  awk '/faults injected/ { print
         for (i = 1; i < NF; i++) { if ($(i + 1) == "faults") injected += $i; if ($(i + 1) == "finished" && $(i + 2) == "right,") right += $i
           if ($(i + 1) == "reported") reported += $i; if ($(i + 1) == "results") lost += $i } }
       /test result/ { print }
       END { print injected + 0 " faults injected, " right + 0 " finished right, " reported + 0 " reported and finished when run again, " lost + 0 " results lost" }'
