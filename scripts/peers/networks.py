"""Training steps and forward passes of CNNs, Vision Transformers and YAMNet in PyTorch, clips a second.

    python networks.py NETWORK:MODE[@BATCH]... [--device cpu] [--threads 2] [--runs 7] [--tiny] [--budget SECONDS]

Networks: `cnn` and `cnn_base`, those of `train cnn` (spectrograms of 128 x 216); `vit_small` (ViT-S/16, images of 224 x 224),
`vit_224` (ViT-S/14, the same), `vit_64` (ViT-S/14, spectrograms of 64 bands: 4 x 7 patches), each also with `_lora` (rank 8 in
every linear layer of the blocks, all else frozen but the head); `yamnet` (nine windows of 0.96 s a clip). Modes, of which several
may be joined with a plus: `f32`, `channels_last`, `bf16` (autocast), `compile`. Random input, two classes, AdamW, cross entropy.
BATCH: clips a step. Prints a line of JSON for each case, with the median of the runs. --tiny: one layer and few clips, to see
whether it runs. --budget: cases that would begin later are left out. On a GPU a run is twenty steps, and AdamW is the fused one.
"""

import argparse
import contextlib
import functools
import json
import statistics
import sys
import time

MODES = ("f32", "channels_last", "bf16", "compile")
WARM_UP = 2
# Steps of a run on a GPU, where a single one is shorter than what is between two looks at the clock.
GPU_STEPS = 20
YAMNET_LAYERS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *(((512, 1),) * 5), (1024, 2), (1024, 1))
LORA_RANK, LORA_ALPHA = 8, 16


def cnn(is_tiny):
    """The same layers as `train cnn --preset small` has: 16, 32, 64 and 128 channels, mean pooling, two logits."""
    from torch import nn

    channels = (1, 16, 32, 64, 128)
    blocks = []
    for n_in, n_out in zip(channels, channels[1:]):
        blocks += [nn.Conv2d(n_in, n_out, kernel_size=3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], 2))


def cnn_base(is_tiny):
    """The same layers as `train cnn --preset base` has: twice as wide, and two more convolutions in all stages but the first."""
    from torch import nn

    def convolution(n_in, n_out):
        return [nn.Conv2d(n_in, n_out, kernel_size=3, padding=1), nn.BatchNorm2d(n_out)]

    class Residual(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.inner = nn.Sequential(*convolution(n, n), nn.ReLU(), *convolution(n, n))

        def forward(self, maps):
            return nn.functional.relu(maps + self.inner(maps))

    channels = (1, 32, 64, 128, 256)
    blocks = []
    for nth, (n_in, n_out) in enumerate(zip(channels, channels[1:])):
        blocks += [*convolution(n_in, n_out), nn.ReLU(), nn.MaxPool2d(2)]
        blocks += [Residual(n_out)] if nth > 0 and not is_tiny else []
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], 2))


def vit(is_tiny, size=(224, 224), patch=16, lora=False, dim=384, n_layers=12, n_heads=6):
    """ViT-S with a class token, learned positions and a linear head; blocks of PyTorch with attention first normalized."""
    import torch
    from torch import nn

    n_patches = (size[0] // patch) * (size[1] // patch)

    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.project = nn.Conv2d(3, dim, kernel_size=patch, stride=patch)
            self.first = nn.Parameter(torch.zeros(1, 1, dim))
            self.positions = nn.Parameter(0.02 * torch.randn(1, 1 + n_patches, dim))

        def forward(self, images):  # [B, 3, H, W] -> [B, tokens, dim]
            patches = self.project(images).flatten(2).mT
            return torch.cat([self.first.expand(patches.shape[0], 1, dim), patches], dim=1) + self.positions

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.linear = nn.LayerNorm(dim, eps=1e-6), nn.Linear(dim, 2)

        def forward(self, tokens):
            return self.linear(self.norm(tokens)[:, 0])

    class Adapted(nn.Module):
        """A frozen linear layer with a trained change of low rank."""

        def __init__(self, n_in, n_out):
            super().__init__()
            self.base = nn.Linear(n_in, n_out)
            self.down, self.up = nn.Linear(n_in, LORA_RANK, bias=False), nn.Linear(LORA_RANK, n_out, bias=False)
            nn.init.zeros_(self.up.weight)

        def forward(self, rows):
            return self.base(rows) + (LORA_ALPHA / LORA_RANK) * self.up(self.down(rows))

    linear = Adapted if lora else nn.Linear

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.before, self.after = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
            self.to_heads, self.from_heads = linear(dim, 3 * dim), linear(dim, dim)
            self.feed = nn.Sequential(linear(dim, 4 * dim), nn.GELU(), linear(4 * dim, dim))

        def forward(self, tokens):
            heads = self.to_heads(self.before(tokens)).unflatten(-1, (3, n_heads, dim // n_heads))
            query, key, value = heads.transpose(1, 3).unbind(2)  # [B, heads, tokens, dim of a head] each
            mixed = nn.functional.scaled_dot_product_attention(query, key, value)
            tokens = tokens + self.from_heads(mixed.transpose(1, 2).flatten(2))
            return tokens + self.feed(self.after(tokens))

    head = Head()
    network = nn.Sequential(Tokens(), *(Block() for _ in range(1 if is_tiny else n_layers)), head)
    if lora:
        trained = {id(weight) for weight in head.parameters()}
        for name, weight in network.named_parameters():
            weight.requires_grad = ".down." in name or ".up." in name or id(weight) in trained
    return network


def yamnet(is_tiny):
    """MobileNet v1 with batch norm folded into its weights, over windows of 96 frames and 64 bands; the mean of their embeddings."""
    from torch import nn

    class Windows(nn.Module):
        def __init__(self):
            super().__init__()
            layers, n_in = [nn.Conv2d(1, 32, 3, stride=2, padding=1), nn.ReLU()], 32
            for n_out, stride in YAMNET_LAYERS:
                layers += [nn.Conv2d(n_in, n_in, 3, stride=stride, padding=1, groups=n_in), nn.ReLU()]
                layers += [nn.Conv2d(n_in, n_out, 1), nn.ReLU()]
                n_in = n_out
            self.layers, self.head = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Linear(n_in, 2)

        def forward(self, clips):  # [B, windows, 96, 64] -> [B, 2]
            embeddings = self.layers(clips.flatten(0, 1).unsqueeze(1))
            return self.head(embeddings.unflatten(0, clips.shape[:2]).mean(1))

    return Windows()


SPECTROGRAM, IMAGE, STRIP = (1, 128, 216), (3, 224, 224), (3, 56, 98)
# What builds each network, a clip's shape, clips a step on the CPU, and the learning rate.
NETWORKS = {
    "cnn": (cnn, SPECTROGRAM, 32, 1e-3),
    "cnn_base": (cnn_base, SPECTROGRAM, 32, 1e-3),
    "vit_small": (vit, IMAGE, 8, 1e-4),
    "vit_224": (functools.partial(vit, patch=14), IMAGE, 8, 1e-4),
    "vit_224_lora": (functools.partial(vit, patch=14, lora=True), IMAGE, 8, 1e-4),
    "vit_64": (functools.partial(vit, size=STRIP[1:], patch=14), STRIP, 32, 1e-4),
    "vit_64_lora": (functools.partial(vit, size=STRIP[1:], patch=14, lora=True), STRIP, 32, 1e-4),
    "yamnet": (yamnet, (9, 96, 64), 16, 1e-4),
}


def seconds(work, n_runs, finish):
    """The median time of a run, after a few that do not count; `finish` waits for the device."""
    times = []
    for run in range(WARM_UP + n_runs):
        began = time.perf_counter()
        work()
        finish()
        times.append(time.perf_counter() - began)
    return statistics.median(times[WARM_UP:])


def measure(name, modes, batch, args):
    import torch
    from torch.nn.functional import cross_entropy

    torch.manual_seed(0)
    torch.compiler.reset()
    build, shape, usual, rate = NETWORKS[name]
    is_gpu = args.device.startswith("cuda")
    batch = 2 if args.tiny else batch or usual
    network, inputs = build(args.tiny).to(args.device), torch.randn(batch, *shape, device=args.device)
    labels = torch.randint(2, (batch,), device=args.device)
    if "channels_last" in modes:
        network, inputs = (x.to(memory_format=torch.channels_last) for x in (network, inputs))
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=rate, **({"fused": True} if is_gpu else {}))
    called = torch.compile(network) if "compile" in modes else network
    n_steps = GPU_STEPS if is_gpu and not args.tiny else 1

    def precision():
        kind = "cuda" if is_gpu else "cpu"
        return torch.autocast(kind, dtype=torch.bfloat16) if "bf16" in modes else contextlib.nullcontext()

    def finish():
        if is_gpu:
            torch.cuda.synchronize()

    def steps():
        for _ in range(n_steps):
            with precision():
                logits = called(inputs)
            optimizer.zero_grad(set_to_none=True)
            cross_entropy(logits.float(), labels).backward()
            optimizer.step()

    @torch.no_grad()
    def forward():
        for _ in range(n_steps):
            with precision():
                called(inputs)

    began = time.perf_counter()
    network.train()
    of_steps = seconds(steps, args.runs, finish)
    network.eval()
    of_forward = seconds(forward, args.runs, finish)
    return {
        "peer": f"PyTorch {torch.__version__}",
        "model": name,
        "mode": "+".join(modes),
        "device": args.device,
        "threads": torch.get_num_threads(),
        "batch": batch,
        "step_per_s": round(n_steps * batch / of_steps, 2),
        "forward_per_s": round(n_steps * batch / of_forward, 2),
        "seconds": round(time.perf_counter() - began, 1),
    }


def case(text):
    name, _, rest = text.partition(":")
    joined, _, batch = rest.partition("@")
    modes = tuple(joined.split("+"))
    if name not in NETWORKS or not set(modes) <= set(MODES):
        networks, known = ", ".join(NETWORKS), ", ".join(MODES)
        raise argparse.ArgumentTypeError(f"expected one of {networks}, a colon and one or more of {known}; got {text}")
    return name, modes, int(batch or 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", type=case, metavar="NETWORK:MODE[@BATCH]")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--budget", type=float, metavar="SECONDS")
    args = parser.parse_args()
    began = time.perf_counter()

    import torch

    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    for name, modes, batch in args.cases:
        if args.budget and time.perf_counter() - began > args.budget:
            print(f"{name}:{'+'.join(modes)}: left out, the budget of {args.budget:g} s is spent", file=sys.stderr)
            continue
        print(json.dumps(measure(name, modes, batch, args)), flush=True)


if __name__ == "__main__":
    main()
