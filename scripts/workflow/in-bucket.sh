#!/usr/bin/env bash
# Runs a barkbird command whose places are in buckets.
#
#     in-bucket.sh ARGUMENTS...
#
# A worker that was killed leaves the lock of its folder in the bucket for two minutes. Where barkbird says that another one writes to
# the folder, this waits and tries again, for three minutes. The exit code is the last one of barkbird's. In the environment:
#   BARKBIRD_PROGRAM    the program
#   BARKBIRD_BLOCKS     folder for blocks of what is read (--bucket-cache), or empty
#   BARKBIRD_BLOCKS_GB  gigabytes of it (--bucket-cache-gb), or empty
set -uo pipefail
program=${BARKBIRD_PROGRAM:?in-bucket.sh: name the program in BARKBIRD_PROGRAM}
flags=()
[ -z "${BARKBIRD_BLOCKS:-}" ] || flags+=(--bucket-cache "$BARKBIRD_BLOCKS")
[ -z "${BARKBIRD_BLOCKS_GB:-}" ] || flags+=(--bucket-cache-gb "$BARKBIRD_BLOCKS_GB")
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
while :; do
  status=0
  { "$program" "$@" "${flags[@]}" 2>&1 >&3 | tee "$said" >&2; } 3>&1 || status=$?
  { [ "$status" = 1 ] && [ "$SECONDS" -lt 180 ] && grep -q "another barkbird is writing" "$said"; } || exit "$status"
  echo "in-bucket.sh: the lock may be that of a worker that was killed; tried again in 10 s" >&2
  sleep 10
done
