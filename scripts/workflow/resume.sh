#!/usr/bin/env bash
# Runs a barkbird command with --resume, and again with --overwrite where barkbird says that what is there was begun with other settings.
#
#     resume.sh LOG COMMAND...
#
# What the command says is added to LOG. The exit code is the command's.
set -uo pipefail
log=$1; shift
touch "$log"
before=$(stat -c %s "$log")
"$@" --resume 2>>"$log"
status=$?
if [ "$status" = 1 ] && tail -c "+$((before + 1))" "$log" | grep -q -e "--overwrite"; then
  echo "resume.sh: begun with other settings, so it begins again" >>"$log"
  "$@" --overwrite 2>>"$log"
  status=$?
fi
exit "$status"
