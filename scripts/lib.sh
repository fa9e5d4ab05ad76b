# Sourced by the scripts beside it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Prints a message and exits with 1.
die() { echo "error: $*" >&2; exit 1; }

# Sets $barkbird to the program: $BARKBIRD if set, else the one built here.
find_barkbird() {
  barkbird=${BARKBIRD:-}
  [ -n "$barkbird" ] && return
  cargo build --release --quiet --manifest-path "$root/Cargo.toml"
  barkbird=${CARGO_TARGET_DIR:-$root/target}/release/barkbird
}

# Sets $work to a temporary folder that is removed at the end.
make_work() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
}

# tool NAME CRATE VERSION: sets $tool to a program of crates.io, which is installed under target/ where it is not on the path in
# that version. Installing takes about a minute and a half on two cores.
tool() {
  tool=$1
  if command -v "$1" >/dev/null && "$1" --version | grep -qF "$3"; then return; fi
  local folder=${CARGO_TARGET_DIR:-$root/target}/tools
  tool=$folder/bin/$1
  if [ -x "$tool" ] && "$tool" --version | grep -qF "$3"; then return; fi
  # Unoptimized, since it runs for a second or two and is compiled for a minute.
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root "$folder" --version "=$3" "$2"
}

# python_packages VENV REQUIREMENTS: a Python environment with the packages of a file; made where there is none.
python_packages() {
  [ -x "$1/bin/python" ] || python3 -m venv "$1"
  "$1/bin/pip" install --quiet --disable-pip-version-check -r "$2"
}

# browser_packages FOLDER PACKAGE@VERSION...: npm packages that drive a browser; sets $chromium to one ($CHROMIUM, or one on the path).
browser_packages() {
  local folder=$1 package; shift
  chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
  [ -n "$chromium" ] || die "no Chromium on the path: name one in CHROMIUM"
  mkdir -p "$folder"
  for package in "$@"; do
    [ -d "$folder/node_modules/${package%@*}" ] || npm install --silent --no-audit --no-fund --prefix "$folder" "$package"
  done
}

# fit_pair DATA MODELS OUT: fits DATA/animals as OUT/yamnet and OUT/cnn, with and without YAMNet, where OUT has no such fit.
fit_pair() {
  local data=$1 models=$2 out=$3 set
  for set in animals field; do
    [ -f "$data/$set/manifest.csv" ] || die "$data/$set/manifest.csv: no such file"
  done
  [ -d "$models/yamnet" ] || die "$models/yamnet: no such folder"
  mkdir -p "$out"
  fit_one() {
    [ -f "$out/$1/fit.json" ] || "$barkbird" fit "$data/animals/manifest.csv" --out "$out/$1" --backbone "$2" --overwrite --quiet "${@:3}" \
      2>"$out/$1.log" || { cat "$out/$1.log" >&2; exit 1; }
  }
  fit_one yamnet "$models/yamnet" --candidate evidence
  fit_one cnn none
}

# field_places DATA OUT CONDITION...: DATA/field under conditions of the stress tests, as OUT/places/CONDITION, where it is not there yet;
# needs the example stress_sounds in $built.
field_places() {
  local data=$1 out=$2 place; shift 2
  for place in "$@"; do
    [ -f "$out/places/$place/manifest.csv" ] ||
      "$built/stress_sounds" "$data/field/manifest.csv" field,ood-far "$out/places" "$place" 16000 3 >"$out/places.log"
  done
}

# fit_candidates DATA MODELS OUT NAME...: fits DATA/animals as OUT/NAME for each candidate, where OUT has no such fit.
fit_candidates() {
  local data=$1 models=$2 out=$3 set name; shift 3
  for set in animals field; do
    [ -f "$data/$set/manifest.csv" ] || die "$data/$set/manifest.csv: no such file"
  done
  [ -d "$models/yamnet" ] || die "$models/yamnet: no such folder"
  find_barkbird
  mkdir -p "$out"
  for name in "$@"; do
    [ -f "$out/$name/fit.json" ] || "$barkbird" fit "$data/animals/manifest.csv" --out "$out/$name" --backbone "$models/yamnet" \
      --candidate "$name" --overwrite --quiet 2>"$out/$name.log" || { cat "$out/$name.log" >&2; exit 1; }
  done
}
