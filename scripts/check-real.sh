#!/usr/bin/env bash
# The checks that need real recordings.
#
#     scripts/check-real.sh DATA
#
# DATA holds three folders, each with a manifest.csv: animals (path,label,group,split), field (other microphones and
# places) and odd-wavs (WAV files of every encoding, with the frames that libsndfile decodes).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
data=${1:?usage: scripts/check-real.sh DATA}
for set in animals field odd-wavs; do
  [ -f "$data/$set/manifest.csv" ] || die "$data/$set/manifest.csv: no such file"
done
find_barkbird
export BARKBIRD=$barkbird
"$root/scripts/check-odd-wavs.sh" "$data/odd-wavs"
"$root/scripts/check-flac-real.sh" "$data/animals"
"$root/scripts/check-flac-real.sh" "$data/field"
"$root/scripts/check-golden-real.sh" "$data/animals"
"$root/scripts/check-golden-real.sh" "$data/field"
