"""Writes adamw.json: ten steps of PyTorch's AdamW on gradients that are a formula. Run: python adamw.py"""
import json
import math
import pathlib

import torch

torch.set_default_dtype(torch.float32)
w = torch.nn.Parameter(torch.tensor([0.3 * i - 0.5 for i in range(6)]).reshape(2, 3))
b = torch.nn.Parameter(torch.tensor([0.3 * i - 0.5 for i in range(3)]))
groups = [{"params": [w], "weight_decay": 0.05}, {"params": [b], "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), eps=1e-8)
for t in range(1, 11):
    w.grad = torch.tensor([math.sin(t * 0.7 + i) for i in range(6)]).reshape(2, 3)
    b.grad = torch.tensor([math.sin(t * 0.7 + i + 0.5) for i in range(3)])
    torch.nn.utils.clip_grad_norm_([w, b], 2.0)
    for group in optimizer.param_groups:
        group["lr"] = 0.01 * t
    optimizer.step()
golden = {"torch": torch.__version__, "w": w.flatten().tolist(), "b": b.flatten().tolist()}
pathlib.Path(__file__).with_name("adamw.json").write_text(json.dumps(golden, indent=1) + "\n")
