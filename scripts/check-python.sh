#!/usr/bin/env bash
# The program as Python and R people get it. Builds the wheel with maturin, installs it in a clean environment, and there runs the demo,
# the tests of the Python package, the code blocks of docs/python.md and docs/r.md as they are, and compares what both languages read.
# Types (mypy --strict), lints and format (ruff) come first; completions and manual pages last.
#
#     scripts/check-python.sh [--without-r] [--cargo-install] [WORK]
#
# --without-r: for a machine without R (r-base-core and r-cran-jsonlite of Debian). --cargo-install: `cargo install` into a temporary
# root, too, from what is built. WORK is where wheel and environments stay (default: under target/). PYTHON is the interpreter of the
# clean environment (default python3). Package versions are those of check-python.txt; with PYTHON the newest that it takes.
# WHEEL names a wheel to check in place of building one. Takes two minutes after the build of the program (`cargo build --release`).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
r=1 install=
while [ $# -gt 0 ]; do
  case "$1" in
    --without-r) r= ;;
    --cargo-install) install=1 ;;
    -*) die "$1: unknown flag" ;;
    *) break ;;
  esac
  shift
done
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
keep=$(realpath -m "${1:-$CARGO_TARGET_DIR/check-python}")
mkdir -p "$keep"
step() { printf '\n== %s\n' "$*"; }
if [ -n "$r" ]; then
  command -v Rscript >/dev/null || die "no Rscript on the path: install R (apt-get install r-base-core r-cran-jsonlite), or leave it out with --without-r"
  Rscript --vanilla -e 'stopifnot(requireNamespace("jsonlite"))' 2>/dev/null || die "R without jsonlite: install it (apt-get install r-cran-jsonlite)"
fi

step "types, lints, format"
python_packages "$keep/tools" "$root/scripts/check-python.txt"
cd "$root"
"$keep/tools/bin/ruff" check --cache-dir "$keep/ruff"
"$keep/tools/bin/ruff" format --check --cache-dir "$keep/ruff"
"$keep/tools/bin/mypy" --cache-dir "$keep/mypy"

step "wheel"
wheel=${WHEEL:-}
if [ -z "$wheel" ]; then
  rm -rf "$keep/wheels"
  "$keep/tools/bin/maturin" build --release --locked --out "$keep/wheels" 2>"$keep/maturin.log" || { tail -30 "$keep/maturin.log" >&2; exit 1; }
  grep -q 'Finished `release` profile \[optimized\]' "$keep/maturin.log" || die "$keep/maturin.log: expected the profile release, optimized"
  wheel=$(echo "$keep"/wheels/barkbird-*.whl)
fi
wheel=$(realpath "$wheel")
python3 - "$wheel" <<'PY'
import sys, zipfile

names = zipfile.ZipFile(sys.argv[1]).namelist()
programs = [name for name in names if ".data/scripts/" in name]
expected = {f"barkbird/{name}" for name in "__init__.py __main__.py _errors.py _model.py _predict.py _program.py _safetensors.py _shards.py _version.py py.typed".split()}
package = {name for name in names if name.startswith("barkbird/")}
licenses = [name for name in names if "/licenses/" in name]
assert len(programs) == 1 and package == expected and len(licenses) == 2, names
assert not [name for name in names if "test" in name], names
PY
echo "$(basename "$wheel"): $(($(stat -c %s "$wheel") / 1000000)) MB"

step "clean environment"
rm -rf "$keep/venv"
"${PYTHON:-python3}" -m venv "$keep/venv"
bin=$keep/venv/bin
pins=("--constraint" "$root/scripts/check-python.txt")
[ -n "${PYTHON:-}" ] && pins=()
"$bin/pip" install --quiet --disable-pip-version-check "${pins[@]}" "$wheel" pytest safetensors
make_work
cd "$work"
# Nothing but the wheel may be found: no program of this machine, no sources.
cargo_path=$PATH
export PATH=$bin:/usr/bin:/bin
unset PYTHONPATH BARKBIRD
[ "$(command -v barkbird)" = "$bin/barkbird" ] || die "expected $bin/barkbird, got $(command -v barkbird)"
"$bin/python" -c 'import sys, barkbird, numpy, pandas; print("Python", sys.version.split()[0] + ", numpy", numpy.__version__ + ", pandas", pandas.__version__ + ", barkbird", barkbird.__version__, "of", barkbird.program())'
barkbird --version

step "demo"
barkbird demo --quiet
step "tests"
"$bin/python" -m pytest -q -p no:cacheprovider --rootdir "$root" "$root/python/tests" --demo="$work/barkbird-demo"

step "docs/python.md"
"$bin/python" "$root/scripts/doc-blocks.py" "$root/docs/python.md" python >blocks.py
"$bin/python" blocks.py
if [ -n "$r" ]; then
  step "docs/r.md"
  "$bin/python" "$root/scripts/doc-blocks.py" "$root/docs/r.md" r >blocks.R
  # What R has read, for Python to compare.
  cat >>blocks.R <<'R'
write.table(embedding, "embedding.txt", row.names = FALSE, col.names = FALSE)
write.table(windows[, c("start", "end", "p_dog", "outlier_p")], "windows.txt", row.names = FALSE, col.names = FALSE)
R
  Rscript --vanilla blocks.R
  "$bin/python" - <<'PY'
import numpy as np
import barkbird

embedding = barkbird.load_shards("embeddings").arrays()["embedding"]
read = np.loadtxt("embedding.txt")
assert read.shape == embedding.shape and np.abs(read - embedding).max() <= 1e-6 * np.abs(embedding).max()
windows = barkbird.predict("barkbird-demo/run", "barkbird-demo/sounds/dog").reset_index()
assert np.array_equal(np.loadtxt("windows.txt"), windows[["start_time", "end_time", "dog", "outlier_p"]].to_numpy())
print(f"R and Python read the same: {embedding.shape[0]} embeddings of {embedding.shape[1]} values, {len(windows)} windows")
PY
fi

step "completions and manual pages"
barkbird --quiet man man1
for shell in bash zsh fish; do
  barkbird completions "$shell" >"completions.$shell"
  if command -v "$shell" >/dev/null; then "$shell" -n "completions.$shell"; else echo "no $shell here to check its completions"; fi
done
if command -v groff >/dev/null; then
  warnings=$(groff -man -Tutf8 -ww man1/*.1 2>&1 >/dev/null)
  [ -z "$warnings" ] || die "$warnings"
else
  echo "no groff here to check the pages"
fi
BARKBIRD=$bin/barkbird "$root/scripts/pack-release.sh" "$(uname -m)-unknown-linux-gnu" dist
tar -tzf dist/barkbird-*.tar.gz >files; grep -q man/barkbird-predict.1 files; grep -q completions/barkbird.zsh files

if [ -n "$install" ]; then
  step "cargo install"
  (export PATH=$cargo_path; cd "$root" && cargo install --quiet --locked --path crates/barkbird --root "$work/root")
  "$work/root/bin/barkbird" --version
fi
printf '\nthe wheel works in a clean environment\n'
