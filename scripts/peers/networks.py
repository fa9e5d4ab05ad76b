"""Training steps and forward passes of a CNN and of a Vision Transformer in PyTorch on the CPU, clips a second.

    python networks.py CNN_OR_VIT:MODE... [--threads 2] [--runs 7]

Networks: `cnn`, the small CNN (four blocks of convolution, batch norm, ReLU and pooling; 32 spectrograms of 128 x 216), and
`vit_small` (ViT-S/16, 8 images of 224 x 224). Modes: `f32`, `channels_last`, `bf16` (autocast), `compile`. Random input, two
classes, AdamW, cross entropy. Prints a line of JSON for each case, with the median of the runs.
"""

import argparse
import contextlib
import json
import statistics
import time

MODES = ("f32", "channels_last", "bf16", "compile")
NETWORKS = ("cnn", "vit_small")
WARM_UP = 2


def cnn():
    """The same layers as `train cnn --set model.size=small` has: 16, 32, 64 and 128 channels, mean pooling, two logits."""
    from torch import nn

    channels = (1, 16, 32, 64, 128)
    blocks = []
    for n_in, n_out in zip(channels, channels[1:]):
        blocks += [nn.Conv2d(n_in, n_out, kernel_size=3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], 2))


def vit_small(size=224, patch=16, dim=384, n_layers=12, n_heads=6):
    """ViT-S/16 with a class token, learned positions and a linear head; blocks of PyTorch with attention first normalized."""
    import torch
    from torch import nn

    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.project = nn.Conv2d(3, dim, kernel_size=patch, stride=patch)
            self.first = nn.Parameter(torch.zeros(1, 1, dim))
            self.positions = nn.Parameter(0.02 * torch.randn(1, 1 + (size // patch) ** 2, dim))

        def forward(self, images):  # [B, 3, H, W] -> [B, tokens, dim]
            patches = self.project(images).flatten(2).mT
            return torch.cat([self.first.expand(patches.shape[0], 1, dim), patches], dim=1) + self.positions

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.linear = nn.LayerNorm(dim, eps=1e-6), nn.Linear(dim, 2)

        def forward(self, tokens):
            return self.linear(self.norm(tokens)[:, 0])

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.before, self.after = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
            self.to_heads, self.from_heads = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
            self.feed = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

        def forward(self, tokens):
            heads = self.to_heads(self.before(tokens)).unflatten(-1, (3, n_heads, dim // n_heads))
            query, key, value = heads.transpose(1, 3).unbind(2)  # [B, heads, tokens, dim of a head] each
            mixed = nn.functional.scaled_dot_product_attention(query, key, value)
            tokens = tokens + self.from_heads(mixed.transpose(1, 2).flatten(2))
            return tokens + self.feed(self.after(tokens))

    return nn.Sequential(Tokens(), *(Block() for _ in range(n_layers)), Head())


def seconds(work, n_runs):
    """The median time of a run, after a few that do not count."""
    times = []
    for run in range(WARM_UP + n_runs):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times[WARM_UP:])


def measure(name, mode, n_runs):
    import torch
    from torch.nn.functional import cross_entropy

    torch.manual_seed(0)
    if name == "cnn":
        network, inputs, rate = cnn(), torch.randn(32, 1, 128, 216), 1e-3
    else:
        network, inputs, rate = vit_small(), torch.randn(8, 3, 224, 224), 1e-4
    labels = torch.randint(2, (inputs.shape[0],))
    if mode == "channels_last":
        network, inputs = (x.to(memory_format=torch.channels_last) for x in (network, inputs))
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate)
    called = torch.compile(network) if mode == "compile" else network

    def precision():
        return torch.autocast("cpu", dtype=torch.bfloat16) if mode == "bf16" else contextlib.nullcontext()

    def step():
        with precision():
            logits = called(inputs)
        optimizer.zero_grad(set_to_none=True)
        cross_entropy(logits.float(), labels).backward()
        optimizer.step()

    @torch.no_grad()
    def forward():
        with precision():
            called(inputs)

    network.train()
    of_step = seconds(step, n_runs)
    network.eval()
    of_forward = seconds(forward, n_runs)
    return {
        "peer": f"PyTorch {torch.__version__}",
        "model": name,
        "mode": mode,
        "threads": torch.get_num_threads(),
        "step_per_s": round(inputs.shape[0] / of_step, 2),
        "forward_per_s": round(inputs.shape[0] / of_forward, 2),
    }


def case(text):
    name, _, mode = text.partition(":")
    if name not in NETWORKS or mode not in MODES:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(NETWORKS)}, a colon and one of {', '.join(MODES)}; got {text}")
    return name, mode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", type=case, metavar="NETWORK:MODE")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args()

    import torch

    torch.set_num_threads(args.threads)
    for name, mode in args.cases:
        print(json.dumps(measure(name, mode, args.runs)), flush=True)


if __name__ == "__main__":
    main()
