"""Compares maps of what a model looked at with PyTorch: its autograd through the whole network, and full matrices of attention.

    python check-saliency.py MODEL.safetensors MAPS.safetensors METHOD

MAPS is what the example `explain` wrote with METHOD (usual, rollout or gradient-rollout). Fails where a value differs by more than
the tolerance, or where nothing is compared.
"""
import json
import sys

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch.nn import functional as F

TOLERANCE = 1e-3
torch.set_default_dtype(torch.float64)


def between(cells, first, step, size):
    """Bilinear over two axes, one after the other; beyond the outer centers as there."""
    for axis in (0, 1):
        centers = first[axis] + step[axis] * np.arange(cells.shape[axis])
        cells = np.apply_along_axis(lambda line: np.interp(np.arange(size[axis]), centers, line), axis, cells)
    return cells


def grad_cam(map, score):
    """From maps [N, C, H, W] and a score of them: the positive part of the channels' sum, weighted by their mean gradients."""
    (gradient,) = torch.autograd.grad(score, map)
    return F.relu((gradient.mean((2, 3), keepdim=True) * map).sum(1)).detach().numpy()


class Head:
    """Logits from embedding [D] and log-odds [K]."""

    def __init__(self, architecture, p):
        self.tops, self.p = architecture.get("heads") if architecture["kind"] == "headed" else None, p

    def __call__(self, embedding, log_odds=None):
        p = self.p
        if self.tops is None:
            return p["head.weight"] @ embedding + p["head.bias"]
        total = 0
        for nth, top in enumerate(self.tops):
            x = log_odds if top["head"] == "evidence" else embedding
            if top["head"] == "prototype":
                x = F.normalize(x - p[f"top.{nth}.center"], dim=0)
            logits = p[f"top.{nth}.weight"] @ x + p[f"top.{nth}.bias"]
            if len(self.tops) > 1:
                logits = (logits - logits.mean()) * top["scale"] / len(self.tops)
            total = total + logits
        return total


def cnn(a, p, head, mel, of_class, _):
    down = a.get("downsample", "max-pool")
    assert down != "stride", "a CNN with strides is not part of this check"
    x, halvings = mel[None, None], [0, 0]

    def layer(x, name, residual=0):
        y = F.conv2d(x, p[f"{name}.conv.weight"], padding=1)
        y = F.batch_norm(y, p[f"{name}.norm.running_mean"], p[f"{name}.norm.running_var"], p[f"{name}.norm.weight"],
                         p[f"{name}.norm.bias"], eps=1e-5)
        return F.relu(y + residual)

    for n in range(len(a["channels"])):
        x = layer(x, f"stages.{n}")
        steps = [2 if length >= 2 else 1 for length in x.shape[2:]]
        halvings = [h + (step == 2) for h, step in zip(halvings, steps)]
        x = (F.max_pool2d if down == "max-pool" else F.avg_pool2d)(x, steps)
        if a["residual"] and n > 0:
            x = layer(layer(x, f"stages.{n}.residual.0"), f"stages.{n}.residual.1", x)
    map = x.detach().requires_grad_()
    frames = map.mean(2)
    embedding = torch.cat([frames.mean(2), frames.amax(2)], 1) if a["pooling"] == "mean-max" else frames.mean(2)
    cells = grad_cam(map, head(embedding[0])[of_class])[0]
    step = [2**h for h in halvings]
    return between(cells, [(s - 1) / 2 for s in step], step, mel.shape)


def yamnet(a, p, head, mel, of_class, _):
    hop = a["hop_frames"]
    starts = list(range(0, mel.shape[1] - 96 + 1, hop))
    x = torch.stack([mel[:, s:s + 96].T for s in starts])[:, None]  # [P, 1, 96, M]

    def same(x, stride):
        pads = [max((-(-n // stride) - 1) * stride + 3 - n, 0) for n in x.shape[2:]]
        return F.pad(x, (pads[1] // 2, pads[1] - pads[1] // 2, pads[0] // 2, pads[0] - pads[0] // 2))

    x = F.relu(F.conv2d(same(x, 2), p["layer1.conv.weight"], p["layer1.conv.bias"], 2))
    for nth in range(2, 15):
        stride = 2 if nth in (3, 5, 7, 13) else 1
        name = f"layer{nth}"
        x = F.relu(F.conv2d(same(x, stride), p[f"{name}.depthwise_conv.weight"], p[f"{name}.depthwise_conv.bias"], stride,
                            groups=x.shape[1]))
        x = F.relu(F.conv2d(x, p[f"{name}.pointwise_conv.weight"], p[f"{name}.pointwise_conv.bias"]))
    map = x.detach().requires_grad_()  # [P, 1024, 3, 2]
    embeddings = map.mean((2, 3))
    most = np.log(1e4 - 1)
    odds = (embeddings @ p["dense.weight"].T + p["dense.bias"]).clamp(-most, most).exp().mean(0).log()
    cells = grad_cam(map, head(embeddings.mean(0), odds)[of_class])
    total, times = np.zeros(mel.shape), np.zeros(mel.shape[1])
    for start, of_window in zip(starts, cells):
        # A layer with stride 2 has centers 2i + 1 of an even number of places: five of them 32i + 31.
        total[:, start:start + 96] += between(of_window.T, [31, 31], [32, 32], (64, 96))
        times[start:start + 96] += 1
    return total / np.maximum(times, 1)


def vit(a, p, head, mel, of_class, method):
    (image_h, image_w), dim = a["resize"] or a["input"], a["dim"]
    assert a["input"] == [image_h, image_w], "a transformer that resizes is not part of this check"
    x = (mel * a["input_scale"])[None, None].repeat(1, a["channels"], 1, 1)
    weight = p["patch.weight"].reshape(dim, a["channels"], *a["patch"])
    patches = F.conv2d(x, weight, p["patch.bias"], a["stride"])
    rows, columns = patches.shape[2:]
    tokens = patches.flatten(2).transpose(1, 2)[0]
    outputs = [p["class"][0]] + ([p["distillation"][0]] if a["distillation"] else [])
    n = len(outputs)
    position = p["position"][0]
    x = torch.cat([torch.cat(outputs) + position[:n]] + ([p["registers"][0]] if a["registers"] else []) + [tokens + position[n:]])
    x = x.detach().requires_grad_()
    attentions, length = [], x.shape[0]
    for nth in range(a["layers"]):
        q = lambda part: p[f"layers.{nth}.{part}"]
        y = F.layer_norm(x, (dim,), q("norm1.weight"), q("norm1.bias"), a["epsilon"])
        qkv = F.linear(y, q("qkv.weight"), q("qkv.bias")).view(length, 3, a["heads"], -1).permute(1, 2, 0, 3)
        attention = torch.softmax(qkv[0] @ qkv[1].transpose(1, 2) / qkv.shape[3] ** 0.5, -1)
        attention.retain_grad()
        attentions.append(attention)
        y = (attention @ qkv[2]).transpose(0, 1).reshape(length, dim)
        x = x + (q("scale1") if a["layer_scale"] else 1) * F.linear(y, q("out.weight"), q("out.bias"))
        y = F.layer_norm(x, (dim,), q("norm2.weight"), q("norm2.bias"), a["epsilon"])
        y = F.linear(F.gelu(F.linear(y, q("up.weight"), q("up.bias"))), q("down.weight"), q("down.bias"))
        x = x + (q("scale2") if a["layer_scale"] else 1) * y
    first = n + a["registers"]
    normal = F.layer_norm(x, (dim,), p["norm.weight"], p["norm.bias"], a["epsilon"])
    # The embedding as sums over tokens, each with a share that has a gradient.
    shares = {"class": torch.zeros(length), "mean": torch.zeros(length)}
    shares["class"][:n if a["pooling"] == "class-distillation" else 1] = 1 / (n if a["pooling"] == "class-distillation" else 1)
    shares["mean"][first:] = 1 / (length - first)
    shares = {key: share.requires_grad_() for key, share in shares.items()}
    parts = {"class": ["class"], "class-distillation": ["class"], "mean": ["mean"], "class-mean": ["class", "mean"]}[a["pooling"]]
    head(torch.cat([shares[part] @ normal for part in parts]))[of_class].backward()
    relevance, identity = torch.eye(length), torch.eye(length)
    for attention in attentions:
        if method == "rollout":
            step = attention.detach().mean(0) + identity
            step = step / step.sum(1, keepdim=True)
        else:
            step = identity + (attention * attention.grad).detach().clamp(min=0).mean(0)
        relevance = step @ relevance
    if method == "rollout" or a["pooling"] == "class":
        start = sum(shares[part].detach() for part in parts) / len(parts)
    else:
        start = sum((shares[part] * shares[part].grad).detach() for part in parts).clamp(min=0)
    cells = (start @ relevance)[first:].reshape(rows, columns).numpy()
    return between(cells, [(size - 1) / 2 for size in a["patch"]], a["stride"], mel.shape)


def main():
    model, maps, method = sys.argv[1:]
    header = json.loads(safe_open(model, "pt").metadata()["model"])
    tensors = {name: tensor.double() for name, tensor in load_file(model).items()}
    architecture = header["architecture"]
    if architecture["kind"] == "average":
        members = [(m["architecture"], m["normalization"], f"member.{nth}.") for nth, m in enumerate(architecture["members"])]
    else:
        members = [(architecture, header["normalization"], "")]
    maps, worst, n, marked = load_file(maps), 0.0, 0, 0
    for name in sorted(key[:-4] for key in maps if key.endswith("/map")):
        of, normalization, prefix = members[int(name.split("/")[1])]
        p = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        body = of["body"] if of["kind"] == "headed" else of
        mean, std = (torch.tensor(normalization[key])[:, None] for key in ("mean", "std"))
        mel = (maps[f"{name}/mel"].double() - mean) / std
        network = {"cnn": cnn, "yamnet": yamnet, "vit": vit}[body["kind"]]
        expected = network(body, p, Head(of, p), mel, int(maps[f"{name}/class"]), method)
        if expected.max() > 0:
            expected, marked = expected / expected.max(), marked + 1
        worst, n = max(worst, float(np.abs(expected - maps[f"{name}/map"].numpy()).max())), n + 1
    print(f"{n} maps ({marked} not empty), largest difference {worst:.2e} (at most {TOLERANCE:.0e})")
    sys.exit(0 if marked > 0 and worst <= TOLERANCE else 1)


main()
