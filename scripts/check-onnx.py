"""Compares what barkbird computes with an ONNX model with a reference, and its time with onnxruntime's.

    python check-onnx.py yamnet GOLDEN.safetensors MODEL.onnx OUTPUTS BARKBIRD
    python check-onnx.py birdnet MODEL.tflite MODEL.onnx OUTPUTS BARKBIRD

OUTPUTS is the program of crates/models-onnx/examples/outputs.rs, BARKBIRD the binary with the feature `onnx`. Fails where
values differ by more than is allowed.
"""

import json
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime

# Largest differences. The two sets of kernels of BirdNET's own runtime differ by 6e-6 and 1e-6.
ALLOWED = {"yamnet": {"embedding": 1e-3, "scores": 1e-3}, "birdnet": {"embedding": 1e-4, "scores": 1e-5}}


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits.astype(np.float64)))


def from_golden(path):
    from safetensors.numpy import load_file

    golden = load_file(path)
    return golden["waveform"][None], golden["embedding"][None], golden["scores"][None]


def made_sounds(n_windows, n_samples, rate_hz):
    """Chirps with harmonics, ever louder, over noise."""
    rng = np.random.default_rng(24)
    seconds = np.arange(n_samples) / rate_hz
    windows = []
    for nth in range(n_windows):
        sweep = 2 * np.pi * (1500 * (nth + 1) * seconds + 400 * np.sin(2 * np.pi * (2 + nth) * seconds))
        call = (np.sin(sweep) + 0.3 * np.sin(2 * sweep)) * (np.sin(2 * np.pi * 1.5 * seconds) > 0)
        windows.append(0.1 * (nth + 1) * call + 0.02 * rng.standard_normal(n_samples))
    return np.array(windows, np.float32)


def from_tflite(path):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    waveform = made_sounds(4, 144000, 48000)
    found = []
    for kind in (OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES, OpResolverType.BUILTIN_REF):
        net = Interpreter(path, num_threads=1, experimental_op_resolver_type=kind, experimental_preserve_all_tensors=True)
        net.allocate_tensors()
        embedding = next(of["index"] for of in net.get_tensor_details() if of["name"] == "model/GLOBAL_AVG_POOL/Mean")
        for window in waveform:
            net.set_tensor(net.get_input_details()[0]["index"], window[None])
            net.invoke()
            found.append([net.get_tensor(embedding)[0], net.get_tensor(net.get_output_details()[0]["index"])[0]])
    n = len(waveform)
    embeddings, logits = (np.array([of[which] for of in found]) for which in (0, 1))
    scores = sigmoid(logits)
    print(f"birdnet: its own runtime with its plain kernels differs by {np.abs(embeddings[:n] - embeddings[n:]).max():.1e} (embedding), {np.abs(scores[:n] - scores[n:]).max():.1e} (scores)")
    return waveform, embeddings[:n], scores[:n]


def milliseconds(session, name, window):
    times = []
    for _ in range(20):
        began = time.perf_counter()
        session.run(None, {name: window[None]})
        times.append(1e3 * (time.perf_counter() - began))
    return float(np.median(times))


def main():
    kind, reference, model, outputs, barkbird = sys.argv[1:]
    waveform, embedding, scores = from_golden(reference) if kind == "yamnet" else from_tflite(reference)
    with tempfile.TemporaryDirectory() as work:
        waveform.astype("<f4").tofile(f"{work}/windows.f32")
        subprocess.run([outputs, model, f"{work}/windows.f32", f"{work}/out.json"], check=True)
        with open(f"{work}/out.json", encoding="utf-8") as file:
            ours = json.load(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    theirs = dict(zip([of.name for of in session.get_outputs()], session.run(None, {name: waveform})))
    if "scores" not in theirs:
        theirs["scores"] = sigmoid(theirs["logits"])
    wrong = []
    for what, expected in (("embedding", embedding), ("scores", scores)):
        got = np.array(ours[what]).reshape(expected.shape)
        difference, of_ort = np.abs(got - expected).max(), np.abs(theirs[what] - expected).max()
        allowed = ALLOWED[kind][what]
        print(f"{kind}: {what}: differs by {difference:.1e} from the reference (at most {allowed:.0e}; onnxruntime by {of_ort:.1e}); the reference goes to {np.abs(expected).max():.3f}")
        if not difference <= allowed:
            wrong.append(what)
    check = json.loads(subprocess.run([barkbird, "backbone", "check", model, "--json", "--quiet"], check=True, stdout=subprocess.PIPE).stdout)
    ours_ms, theirs_ms = check["window_ms"], milliseconds(session, name, waveform[0])
    print(f"{kind}: {ours_ms:.2f} ms a window on one thread, onnxruntime {theirs_ms:.2f} ms: {ours_ms / theirs_ms:.1f} times")
    sys.exit(f"{kind}: too different: {', '.join(wrong)}" if wrong else 0)


main()
