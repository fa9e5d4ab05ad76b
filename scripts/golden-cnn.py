"""Writes golden values of the CNN: the same small networks in PyTorch, one training step's loss and gradients each.

    python golden-cnn.py OUT.safetensors

Tensors are named CASE/input/*, CASE/parameter/*, CASE/gradient/*, CASE/after/*, CASE/output/*; the metadata has one key,
`golden`, with the versions and the form of each case as JSON.
"""
import json
import platform
import sys

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F


class ConvNorm(nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(n_out)

    def forward(self, x, residual=0):
        return F.relu(self.norm(self.conv(x)) + residual)


class Stage(ConvNorm):
    def __init__(self, n_in, n_out, residual, downsample):
        super().__init__(n_in, n_out, 2 if downsample == 'stride' else 1)
        self.pool = {'max-pool': F.max_pool2d, 'average-pool': F.avg_pool2d, 'stride': lambda x, _: x}[downsample]
        if residual:
            self.residual = nn.ModuleList([ConvNorm(n_out, n_out), ConvNorm(n_out, n_out)])

    def forward(self, x):
        x = super().forward(x)
        x = self.pool(x, [2 if n >= 2 else 1 for n in x.shape[2:]])
        if hasattr(self, 'residual'):
            x = self.residual[1](self.residual[0](x), x)
        return x


class Cnn(nn.Module):
    def __init__(self, channels, residual, pooling, n_classes, downsample='max-pool'):
        super().__init__()
        ends = [1] + channels
        self.stages = nn.Sequential(
            *[Stage(a, b, residual and i > 0, downsample) for i, (a, b) in enumerate(zip(ends, channels))])
        self.pooling = pooling
        self.head = nn.Linear(channels[-1] * (2 if pooling == 'mean-max' else 1), n_classes)

    def forward(self, mel):
        frames = self.stages(mel[:, None]).mean(2)
        embedding = frames.mean(2)
        if self.pooling == 'mean-max':
            embedding = torch.cat([embedding, frames.amax(2)], 1)
        return embedding, self.head(embedding)


CASES = {
    'even': dict(channels=[4, 8], residual=False, pooling='mean-max', mel=[3, 16, 24]),
    'odd': dict(channels=[5, 7, 11], residual=False, pooling='mean-max', mel=[2, 13, 21]),
    'residual-even': dict(channels=[6, 10, 16], residual=True, pooling='mean-max', mel=[4, 16, 32]),
    'residual-odd': dict(channels=[3, 9, 17], residual=True, pooling='mean', mel=[3, 15, 27]),
    'one-clip': dict(channels=[4, 8], residual=True, pooling='mean-max', mel=[1, 11, 14]),
    'flat': dict(channels=[4, 8, 12], residual=False, pooling='mean-max', mel=[5, 3, 19]),
    'average-pool': dict(channels=[4, 9], residual=True, pooling='mean-max', mel=[3, 11, 18], downsample='average-pool'),
    'stride-even': dict(channels=[8, 16], residual=True, pooling='mean-max', mel=[3, 16, 24], downsample='stride'),
    'stride-odd': dict(channels=[5, 7, 11], residual=False, pooling='mean', mel=[2, 13, 21], downsample='stride'),
}
N_CLASSES = 3


def run(name, form, tensors):
    model = Cnn(form['channels'], form['residual'], form['pooling'], N_CLASSES, form.get('downsample', 'max-pool'))
    with torch.no_grad():
        for key, value in model.named_parameters():
            if 'norm' in key:
                value += 0.2 * torch.randn_like(value)
    mel = torch.randn(form['mel'])
    mel[0, :, -5:] = 0.5  # padding: equal neighbors, whose maxima are tied
    label = torch.arange(form['mel'][0]) % N_CLASSES

    def put(part, values):
        tensors.update({f'{name}/{part}/{key}': value.detach().clone().contiguous().float()
                        for key, value in values if 'num_batches' not in key})

    put('parameter', model.state_dict().items())
    put('input', [('mel', mel), ('label', label)])
    model.train()
    embedding, logits = model(mel)
    loss = F.cross_entropy(logits, label)
    loss.backward()
    put('output', [('embedding', embedding), ('logits', logits), ('loss', loss[None])])
    put('gradient', [(key, value.grad) for key, value in model.named_parameters()])
    put('after', [(key, value) for key, value in model.named_buffers()])
    model.eval()
    with torch.no_grad():
        embedding, logits = model(mel)
    put('output', [('eval_embedding', embedding), ('eval_logits', logits)])


def main():
    torch.manual_seed(20)
    tensors = {}
    for name, form in CASES.items():
        run(name, form, tensors)
    versions = {'torch': torch.__version__, 'python': platform.python_version()}
    golden = {'made_by': 'scripts/golden-cnn.py', 'versions': versions, 'cases': CASES, 'n_classes': N_CLASSES}
    save_file(tensors, sys.argv[1], metadata={'golden': json.dumps(golden, sort_keys=True)})


main()
