#!/usr/bin/env bash
# Packs the program that was built under target/release for a release: with its licenses, manual pages and completions. Prints the
# name of the archive.
#
#     scripts/pack-release.sh TARGET OUT
#
# TARGET names the archive, as in x86_64-unknown-linux-gnu. The archive is OUT/barkbird-VERSION-TARGET.tar.gz, or .zip for Windows
# (with 7z, which the machines of the CI host have). BARKBIRD names another program to pack.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/pack-release.sh TARGET OUT"
target=${1:?$usage} out=${2:?$usage}
suffix=
case "$target" in *windows*) suffix=.exe ;; esac
program=${BARKBIRD:-${CARGO_TARGET_DIR:-$root/target}/release/barkbird$suffix}
[ -x "$program" ] || die "$program: no such program; build it with cargo build --release"
version=$("$program" -V | tr -d '\r')
name=barkbird-${version#barkbird }-$target
mkdir -p "$out"
out=$(cd "$out" && pwd)
make_work
folder=$work/$name
mkdir -p "$folder/man" "$folder/completions"
cp "$program" "$folder/"
[ -n "$suffix" ] || strip "$folder/barkbird"
cp "$root"/LICENSE-* "$root/README.md" "$root/CHANGELOG.md" "$folder/"
"$program" --quiet man "$folder/man"
for shell in bash elvish fish powershell zsh; do
  "$program" completions "$shell" > "$folder/completions/barkbird.$shell"
done
cd "$work"
if [ -n "$suffix" ]; then
  7z a -bd "$out/$name.zip" "$name" > "$work/7z.log" || { cat "$work/7z.log" >&2; exit 1; }
  echo "$out/$name.zip"
else
  tar -czf "$out/$name.tar.gz" "$name"
  echo "$out/$name.tar.gz"
fi
