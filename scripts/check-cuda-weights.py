"""Networks of the real sizes with random weights, for check-cuda.sh: check-cuda-weights.py DIR [--few-layers].

DIR/vit-s has the form of facebook/dinov2-small, DIR/yamnet that of YAMNet. What they say is worthless; how long they take is
not, and neither is whether two devices say the same. With --few-layers the transformer has two.
"""

import array
import json
import math
import os
import random
import struct
import sys

CHOICES = random.Random(0)


def uniform(n, std):
    """n values within root 3 deviations."""
    scale = 2 * math.sqrt(3) * std / 255
    return array.array("f", ((byte - 127.5) * scale for byte in CHOICES.randbytes(n)))


def write(path, tensors):
    """A safetensors file of (name, shape, values)."""
    header, at = {}, 0
    for name, shape, values in tensors:
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * len(values)]}
        at += 4 * len(values)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, values in tensors:
            values.tofile(file)


def drawn(name, shape, std):
    return name, shape, uniform(math.prod(shape), std)


def constant(name, shape, value):
    return name, shape, array.array("f", [value]) * math.prod(shape)


def vit_s(folder, dim=384, layers=12, heads=6, patch=14, side=518):
    os.makedirs(folder)
    config = {
        "model_type": "dinov2", "hidden_size": dim, "num_hidden_layers": layers, "num_attention_heads": heads,
        "mlp_ratio": 4, "hidden_act": "gelu", "layer_norm_eps": 1e-6, "image_size": side, "patch_size": patch,
        "num_channels": 3, "qkv_bias": True, "layerscale_value": 1.0, "use_swiglu_ffn": False,
    }
    json.dump(config, open(f"{folder}/config.json", "w"))
    tensors = [
        drawn("embeddings.cls_token", [1, 1, dim], 0.02),
        drawn("embeddings.position_embeddings", [1, 1 + (side // patch) ** 2, dim], 0.02),
        drawn("embeddings.patch_embeddings.projection.weight", [dim, 3, patch, patch], 0.02),
        constant("embeddings.patch_embeddings.projection.bias", [dim], 0.0),
        constant("layernorm.weight", [dim], 1.0),
        constant("layernorm.bias", [dim], 0.0),
    ]
    for layer in range(layers):
        name = f"encoder.layer.{layer}"
        parts = [(f"attention.attention.{part}", dim, dim) for part in ("query", "key", "value")]
        parts += [("attention.output.dense", dim, dim), ("mlp.fc1", 4 * dim, dim), ("mlp.fc2", dim, 4 * dim)]
        for part, n_out, n_in in parts:
            tensors += [drawn(f"{name}.{part}.weight", [n_out, n_in], 0.03), drawn(f"{name}.{part}.bias", [n_out], 0.02)]
        for norm in ("norm1", "norm2"):
            tensors += [constant(f"{name}.{norm}.weight", [dim], 1.0), constant(f"{name}.{norm}.bias", [dim], 0.0)]
        tensors += [constant(f"{name}.layer_scale{half}.lambda1", [dim], 1.0) for half in (1, 2)]
    write(f"{folder}/model.safetensors", tensors)


def yamnet(folder):
    os.makedirs(folder)
    tensors = []

    def layer(name, shape):
        tensors.append(drawn(f"{name}.weight", shape, math.sqrt(2 / math.prod(shape[1:]))))
        tensors.append(drawn(f"{name}.bias", shape[:1], 0.02))

    layer("layer1.conv", [32, 1, 3, 3])
    n_in = 32
    for nth, n_out in enumerate([64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024], start=2):
        layer(f"layer{nth}.depthwise_conv", [n_in, 1, 3, 3])
        layer(f"layer{nth}.pointwise_conv", [n_out, n_in, 1, 1])
        n_in = n_out
    layer("dense", [521, 1024])
    write(f"{folder}/model.safetensors", tensors)


folder = sys.argv[1]
vit_s(f"{folder}/vit-s", layers=2 if "--few-layers" in sys.argv else 12)
yamnet(f"{folder}/yamnet")
