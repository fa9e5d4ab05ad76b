#!/usr/bin/env bash
# Builds the program with CUDA on a machine that need not have a card, and runs it on the CPU; and compiles the kernels.
#
#     scripts/check-cuda-build.sh [FOLDER]
#
# FOLDER: where nvcc is installed if there is none on the path (1.3 GB, scripts/install-nvcc.sh), and where the build goes
# (4 GB); target/cuda if none is named. The first build takes an hour on two cores: candle's own kernels are many.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
folder=$(realpath -m "${1:-$root/target/cuda}")
cd "$root"
if ! command -v nvcc >/dev/null; then
  settings=$(scripts/install-nvcc.sh "$folder/nvcc")
  eval "$settings"
fi
nvcc --version | grep release
export CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-90}

for source in crates/kernels/cuda/*.cu; do
  nvcc -std=c++17 -O3 -arch="sm_$CUDA_COMPUTE_CAP" -Xptxas -v -Werror all-warnings --cubin -o /dev/null "$source" 2>&1 |
    awk -v source="$(basename "$source")" '/Compiling entry/ { gsub("\047", "", $6); name = $6 }
      /spill stores/ && $5 > 0 { print source, name, "spills", $5, "bytes"; failed = 1 } /Used [0-9]+ registers/ { n++ }
      /error|warning/ { print; failed = 1 } END { print source ": " n " kernels"; exit failed }'
done

CARGO_TARGET_DIR=$folder/target cargo build --release --features cuda
barkbird=$folder/target/release/barkbird
"$barkbird" --version
make_work
"$barkbird" synth --out "$work/sounds" --clips 12 --quiet
"$barkbird" scan "$work/sounds/manifest.csv" --out "$work/manifest.csv" --quiet
[ -s "$work/manifest.csv" ] || die "scan has written nothing"
# Without a card asking for one is an error; with one it is none.
if "$barkbird" features "$work/manifest.csv" --out "$work/mel" --quiet --device cuda; then
  echo "a program with CUDA, on a machine with a card"
else
  echo "a program with CUDA, which runs on the CPU of a machine without a card"
fi
"$barkbird" features "$work/manifest.csv" --out "$work/mel" --quiet --device cpu --overwrite
"$barkbird" train cnn --features "$work/mel" --out "$work/run" --quiet --device cpu --epochs 1
