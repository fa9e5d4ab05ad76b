"""Writes golden values of a transformer's layer: PyTorch's own functions in 64 bits, output and gradients of each case.

    python golden-transformer.py OUT.safetensors

Tensors are named CASE/input/*, CASE/parameter/*, CASE/gradient/*, CASE/output; gradients are those of the sum of the output
times CASE/input/weight. The metadata has one key, `golden`, with the versions and the form of each case as JSON.
"""
import json
import platform
import sys

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

# Clips, tokens, width, width between the linear layers, heads, whether the halves are scaled.
CASES = {"even": (2, 16, 32, 64, 4, False), "odd": (3, 7, 18, 22, 3, True)}
EPSILON = 1e-6


def layer(x, p, heads):
    clips, tokens, dim = x.shape
    y = F.layer_norm(x, (dim,), p["norm1.scale"], p["norm1.shift"], EPSILON)
    qkv = F.linear(y, p["qkv.weight"], p["qkv.bias"]).view(clips, tokens, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
    y = F.scaled_dot_product_attention(*qkv).transpose(1, 2).reshape(clips, tokens, dim)
    x = x + p.get("scale1", 1.0) * F.linear(y, p["out.weight"], p["out.bias"])
    y = F.layer_norm(x, (dim,), p["norm2.scale"], p["norm2.shift"], EPSILON)
    y = F.linear(F.gelu(F.linear(y, p["up.weight"], p["up.bias"])), p["down.weight"], p["down.bias"])
    return x + p.get("scale2", 1.0) * y


def main():
    tensors, forms = {}, {}
    for name, (clips, tokens, dim, hidden, heads, scaled) in CASES.items():
        draw = torch.Generator().manual_seed(len(name))
        normal = lambda *shape, size=1.0: size * torch.randn(*shape, generator=draw, dtype=torch.float64)
        p = {}
        for norm in ("norm1", "norm2"):
            p[f"{norm}.scale"], p[f"{norm}.shift"] = 1 + normal(dim, size=0.3), normal(dim, size=0.3)
        for linear, n_out, n_in in (("qkv", 3 * dim, dim), ("out", dim, dim), ("up", hidden, dim), ("down", dim, hidden)):
            p[f"{linear}.weight"], p[f"{linear}.bias"] = normal(n_out, n_in, size=n_in**-0.5), normal(n_out, size=0.2)
        if scaled:
            p["scale1"], p["scale2"] = normal(dim, size=0.5), normal(dim, size=0.5)
        # What is written is what was computed with.
        p = {key: value.float().double().requires_grad_() for key, value in p.items()}
        x = normal(clips, tokens, dim).float().double().requires_grad_()
        weight = normal(clips, tokens, dim).float().double()
        out = layer(x, p, heads)
        (out * weight).sum().backward()
        tensors |= {f"{name}/input/tokens": x, f"{name}/input/weight": weight, f"{name}/output": out,
                    f"{name}/gradient/tokens": x.grad}
        tensors |= {f"{name}/parameter/{key}": value for key, value in p.items()}
        tensors |= {f"{name}/gradient/{key}": value.grad for key, value in p.items()}
        forms[name] = {"heads": heads, "epsilon": EPSILON}
    golden = {"python": platform.python_version(), "torch": torch.__version__, "cases": forms}
    save_file({key: value.detach().float().contiguous() for key, value in tensors.items()}, sys.argv[1],
              {"golden": json.dumps(golden, sort_keys=True)})


main()
