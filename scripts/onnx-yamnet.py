"""Writes YAMNet as ONNX, front end included, from its weights in safetensors.

    python onnx-yamnet.py YAMNET_FOLDER OUT.onnx CLASSES.txt

Input `waveform` [B, 15600] at 16 kHz, full scale 1: one patch of 0.975 s. Outputs `embedding` [B, 1024] and `scores`
[B, 521]. The short-time Fourier transform is one Conv with the kernels of a 512-point DFT under a Hann window of 400 samples,
since runtimes read STFT differently or not at all. OpenSoundscape's metadata is written. OUT.toml has the hop that
the built-in YAMNet has, 0.48 s. CLASSES.txt has the names of the classes, one a line.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

RATE_HZ, FRAME, HOP, N_FFT, N_FRAMES, N_MELS = 16000, 400, 160, 512, 96, 64
LOW_HZ, HIGH_HZ = 125.0, 7500.0
STRIDES = [2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]


def mel(hz):
    return 1127.0 * np.log1p(np.asarray(hz, np.float64) / 700.0)


def mel_weights():
    """[257, 64], as tf.signal.linear_to_mel_weight_matrix has them: triangles in mel, none at 0 Hz."""
    bins = mel(np.linspace(0, RATE_HZ / 2, N_FFT // 2 + 1))[1:, None]
    edges = np.linspace(mel(LOW_HZ), mel(HIGH_HZ), N_MELS + 2)
    low, center, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.maximum(0, np.minimum((bins - low) / (center - low), (high - bins) / (high - center)))
    return np.vstack([np.zeros((1, N_MELS)), triangles]).astype(np.float32)


def dft_kernels():
    """[514, 1, 400]: real parts of 257 bins, then imaginary parts."""
    n = np.arange(FRAME)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / FRAME)
    angle = 2 * np.pi * np.outer(np.arange(N_FFT // 2 + 1), n) / N_FFT
    return np.concatenate([np.cos(angle) * window, -np.sin(angle) * window])[:, None].astype(np.float32)


class Writer:
    def __init__(self):
        self.nodes, self.tensors = [], []

    def constant(self, name, value):
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output


def main():
    folder, out, classes = sys.argv[1:]
    weights = {name: value.astype(np.float32) for name, value in load_file(f"{folder}/model.safetensors").items()}
    w = Writer()
    signal = w.add("Unsqueeze", ["waveform", w.constant("axis_1", np.array([1], np.int64))], "signal")
    spectrum = w.add("Conv", [signal, w.constant("dft", dft_kernels())], "spectrum", strides=[HOP])
    squared = w.add("Mul", [spectrum, spectrum], "squared")
    n_bins = N_FFT // 2 + 1
    w.nodes.append(helper.make_node("Split", [squared, w.constant("halves", np.array([n_bins] * 2, np.int64))], ["real", "imaginary"], name="halves_of", axis=1))
    magnitude = w.add("Sqrt", [w.add("Add", ["real", "imaginary"], "power")], "magnitude")
    by_frame = w.add("Transpose", [magnitude], "by_frame", perm=[0, 2, 1])
    bands = w.add("MatMul", [by_frame, w.constant("mel_weights", mel_weights())], "bands")
    log_mel = w.add("Log", [w.add("Add", [bands, w.constant("offset", np.float32(0.001))], "bands_above_0")], "log_mel")
    x = w.add("Unsqueeze", [log_mel, "axis_1"], "patch")  # [B, 1, 96, 64]

    def conv(x, name, stride, groups=1):
        kernel = weights[f"{name}.weight"]
        size = kernel.shape[2]
        # TensorFlow's SAME: with a stride of 2, an even size is padded after its end alone.
        pads = [0] * 4 if size == 1 else [1] * 4 if stride == 1 else [0, 0, 1, 1]
        inputs = [x, w.constant(f"{name}.weight", kernel), w.constant(f"{name}.bias", weights[f"{name}.bias"])]
        return w.add("Relu", [w.add("Conv", inputs, name, strides=[stride] * 2, pads=pads, group=groups)], f"{name}.relu")

    x = conv(x, "layer1.conv", STRIDES[0])
    for nth, stride in enumerate(STRIDES[1:], 2):
        n_in = weights[f"layer{nth}.depthwise_conv.weight"].shape[0]
        x = conv(x, f"layer{nth}.depthwise_conv", stride, n_in)
        x = conv(x, f"layer{nth}.pointwise_conv", 1)
    pooled = w.add("GlobalAveragePool", [x], "pooled")
    w.add("Flatten", [pooled], "embedding", axis=1)
    dense = ["embedding", w.constant("dense.weight", weights["dense.weight"]), w.constant("dense.bias", weights["dense.bias"])]
    w.add("Sigmoid", [w.add("Gemm", dense, "logits", transB=1)], "scores")
    value = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])
    n_samples = FRAME + (N_FRAMES - 1) * HOP
    outputs = [value("embedding", 1024), value("scores", 521)]
    graph = helper.make_graph(w.nodes, "yamnet", [value("waveform", n_samples)], outputs, w.tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="barkbird")
    helper.set_model_props(model, {
        "sample_rate": str(RATE_HZ),
        "sample_duration": str(n_samples / RATE_HZ),
        "classes": json.dumps(pathlib.Path(classes).read_text(encoding="utf-8").splitlines()),
        "class_outputs_key": "scores",
        "embedding_outputs_key": "embedding",
        "license": "Apache-2.0",
    })
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, out)
    pathlib.Path(out).with_suffix(".toml").write_text("hop_s = 0.48\n", encoding="utf-8")


main()
