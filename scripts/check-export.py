"""Replays the parity file of an exported graph in onnxruntime; see check-export.sh."""

import json
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime
from onnxruntime.tools.mobile_helpers import usability_checker
from safetensors.numpy import load_file

folder, most = Path(sys.argv[1]), float(sys.argv[2])
model = onnx.load(folder / "model.onnx")
onnx.checker.check_model(model, full_check=True)
inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
shaped = {value.name for value in (*inferred.graph.value_info, *inferred.graph.output)}
unknown = [name for node in model.graph.node for name in node.output if name not in shaped]
if unknown:
    sys.exit(f"error: values without a shape: {unknown}")
operations = {node.op_type for node in model.graph.node}
banned = operations & {"DFT", "STFT", "HannWindow", "MelWeightMatrix", "Loop", "If", "Scan"}
if banned:
    sys.exit(f"error: operations that runtimes lack: {banned}")
metadata = {prop.key: prop.value for prop in model.metadata_props}
classes = json.loads(metadata["classes"])
outputs = [output.name for output in model.graph.output]
if metadata["class_outputs_key"] not in outputs or metadata["embedding_outputs_key"] not in outputs:
    sys.exit(f"error: metadata names outputs that are not there: {metadata}")
parity = load_file(folder / "parity.safetensors")
n = len(parity["inputs"])
if parity["probabilities"].shape != (n, len(classes)):
    sys.exit("error: the parity file does not fit the metadata")
worst = {}
for threads in (1, 2):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(folder / "model.onnx", options)
    for batch in (1, 7, 32):
        parts = [session.run(None, {"inputs": parity["inputs"][at : at + batch]}) for at in range(0, n, batch)]
        for name, values in zip((output.name for output in session.get_outputs()), map(numpy.concatenate, zip(*parts))):
            expected = parity[name]
            size = 1 if name in ("probabilities", "p_value") else max(1e-9, float(numpy.abs(expected).max()))
            worst[name] = max(worst.get(name, 0), float(numpy.abs(values - expected).max()) / size)
megabytes = (folder / "model.onnx").stat().st_size / 1e6
figures = ", ".join(f"{name} {value:.1e}" for name, value in worst.items())
print(f"{folder.name}: {n} windows, {megabytes:.1f} MB, {len(operations)} kinds of operations; largest difference: {figures}")
# By operations alone, and for a batch of fixed size; both take nothing of a graph whose batch has any size.
mobile = {
    "NNAPI": usability_checker.check_nnapi_partitions(inferred, False),
    "CoreML": usability_checker.check_coreml_partitions(inferred, False, "coreml_supported_mlprogram_ops.md"),
}
for name, of in mobile.items():
    lacks = ", ".join(sorted(operation.removeprefix("ai.onnx:") for operation in of.unsupported_ops))
    print(f"  {name}: {of.num_supported_nodes} of {of.num_nodes} operations in {of.num_partitions} parts, without {lacks or 'none'}")
if not worst["probabilities"] <= most:
    sys.exit(f"error: probabilities differ by more than {most}")
