"""Predicts and embeds the windows of a parity file with OpenSoundscape; see check-opensoundscape.sh."""

import json
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy
import soundfile
from opensoundscape.ml.onnx_model import ONNXModel
from safetensors.numpy import load_file

folder, most = Path(sys.argv[1]), float(sys.argv[2])
about = json.loads((folder / "model.json").read_text())
parity = load_file(folder / "parity.safetensors")
model = ONNXModel(folder / "model.onnx")
if model.classes != about["classes"] or model.preprocessor.sample_rate != about["sample_rate_hz"]:
    sys.exit(f"error: classes {model.classes} at {model.preprocessor.sample_rate} Hz, expected those of model.json")
n = len(parity["inputs"])
with tempfile.TemporaryDirectory() as work:
    files = [f"{work}/{nth:04}.wav" for nth in range(n)]
    for file, samples in zip(files, parity["inputs"]):
        soundfile.write(file, samples[0], model.preprocessor.sample_rate, subtype="FLOAT")
    begin = time.monotonic()
    # Its raise_errors=True fails on every sample in 0.13.2; the list of invalid samples says the same.
    scores, invalid = model.predict(files, batch_size=7, progress_bar=False, return_invalid_samples=True)
    seconds = time.monotonic() - begin
    embedding = model.embed(files, batch_size=1, progress_bar=False).to_numpy()
if len(invalid) or len(scores) != n:
    sys.exit(f"error: {len(scores)} rows of {n}, {len(invalid)} of them invalid")
probabilities = float(numpy.abs(scores[about["classes"]].to_numpy() - parity["probabilities"]).max())
size = float(numpy.abs(parity["embedding"]).max())
embedded = float(numpy.abs(embedding - parity["embedding"]).max()) / size
print(
    f"{folder.name}: OpenSoundscape {version('opensoundscape')}, onnxruntime {version('onnxruntime')}, {n} windows, "
    f"{1000 * seconds / n:.0f} ms a window; largest difference: probabilities {probabilities:.1e}, embedding {embedded:.1e}"
)
if not probabilities <= most:
    sys.exit(f"error: probabilities differ by more than {most}")

# Recordings that it decodes and resamples itself, beside `barkbird predict`. Where they are shorter than a window, it adds silence.
rows = json.loads(Path(sys.argv[3]).read_text())["predictions"]
length = about["window_s"]
rows = [row for row in rows if row["start"] == 0 and soundfile.info(row["path"]).duration >= length]
if rows:
    scores = model.predict([row["path"] for row in rows], batch_size=1, progress_bar=False)
    scores = scores[scores.index.get_level_values("start_time") == 0][about["classes"]].to_numpy()
    expected = numpy.array([[row["probabilities"][name] for name in about["classes"]] for row in rows])
    differences = numpy.abs(scores - expected).max(axis=1)
    same = int((scores.argmax(axis=1) == expected.argmax(axis=1)).sum())
    print(
        f"{folder.name}: {len(rows)} windows that OpenSoundscape decodes and resamples: same class in {same}; "
        f"difference from predict: median {numpy.median(differences):.1e}, largest {differences.max():.1e}"
    )
