"""Writes tiny pretrained networks of every layout, as the hub has them, and what the transformers library makes of them.

    python golden-checkpoints.py OUT_DIR

A folder each: config.json, weights (whole or in shards, in 32 or 16 bits), golden.safetensors. The weights are drawn, not
trained.
"""
import json
import os
import shutil
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (ASTConfig, ASTForAudioClassification, DeiTConfig, DeiTForImageClassificationWithTeacher, DeiTModel,
                          Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel, ViTConfig,
                          ViTForImageClassification, ViTModel)

SIZE = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
IMAGE = dict(SIZE, intermediate_size=40, image_size=32, patch_size=8)
DINO = dict(SIZE, mlp_ratio=2, image_size=28, patch_size=7)


def randomize(model, seed):
    """Larger values than a fresh network has, so that a wrong place shows; scales and norms away from 1."""
    draw = torch.Generator().manual_seed(seed)
    for name, value in sorted(model.state_dict().items()):
        if value.is_floating_point():
            around = 1.0 if name.endswith(("norm1.weight", "norm2.weight", "before.weight", "after.weight", "layernorm.weight", "lambda1")) else 0.0
            value.copy_(around + 0.2 * torch.randn(value.shape, generator=draw))
    return model.eval()


def image(seed, height, width, channels=3):
    return torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


def outputs(backbone, pixels, n_special, interpolate, values=None):
    values = pixels if values is None else values
    more = {"interpolate_pos_encoding": True} if interpolate else {}
    with torch.no_grad():
        out = backbone(values, output_hidden_states=True, **more)
    last = out.last_hidden_state
    return {"pixel_values": pixels, "cls": last[:, 0], "patch_mean": last[:, n_special:].mean(1), "hidden_1_cls": out.hidden_states[1][:, 0]}


def write(out, name, model, cases, dtype=None, shard=None):
    folder = os.path.join(out, name)
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    if dtype:
        path = os.path.join(folder, "model.safetensors")
        save_file({key: value.to(dtype) for key, value in load_file(path).items()}, path, {"format": "pt"})
    golden = {f"{case}.{key}": value.contiguous().float() for case, values in cases.items() for key, value in values.items()}
    reference = f"transformers {transformers.__version__}, torch {torch.__version__}"
    save_file(golden, os.path.join(folder, "golden.safetensors"), {"reference": reference})
    path = os.path.join(folder, "config.json")
    config = json.load(open(path))
    json.dump(config, open(path, "w"), indent=1, sort_keys=True)
    for other in os.listdir(folder):
        os.chmod(os.path.join(folder, other), 0o644)


def main():
    out = sys.argv[1]
    square, wide = image(1, 32, 32), image(2, 24, 64)
    def sizes(backbone, special): return {"square": outputs(backbone, square, special, False), "wide": outputs(backbone, wide, special, True)}

    vit = randomize(ViTForImageClassification(ViTConfig(**IMAGE)), 1)
    write(out, "vit", vit, sizes(vit.vit, 1))
    # Half precision: what is written is what was computed with.
    for name, dtype in (("vit-f16", torch.float16), ("vit-bf16", torch.bfloat16)):
        half = randomize(ViTModel(ViTConfig(**IMAGE)), 2)
        half.load_state_dict({key: value.to(dtype).float() for key, value in half.state_dict().items()})
        write(out, name, half, sizes(half, 1), dtype=dtype)
    write(out, "vit-shards", vit, sizes(vit.vit, 1), shard="12KB")
    deit = randomize(DeiTForImageClassificationWithTeacher(DeiTConfig(**IMAGE)), 3)
    write(out, "deit", deit, sizes(deit.deit, 2))
    bare = randomize(DeiTModel(DeiTConfig(**IMAGE)), 4)
    write(out, "deit-bare", bare, sizes(bare, 2))

    square, wide = image(3, 28, 28), image(4, 21, 56)
    dino = randomize(Dinov2Model(Dinov2Config(**DINO)), 5)
    write(out, "dinov2", dino, {"square": outputs(dino, square, 1, False), "wide": outputs(dino, wide, 1, False)})
    registers = randomize(Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**DINO, num_register_tokens=3)), 6)
    write(out, "dinov2-registers", registers, {"square": outputs(registers, square, 4, False), "wide": outputs(registers, wide, 4, False)})

    config = ASTConfig(**SIZE, intermediate_size=40, patch_size=16, frequency_stride=10, time_stride=10, max_length=64, num_mel_bins=32)
    ast = randomize(ASTForAudioClassification(config), 7)
    pixels = image(5, 32, 64, channels=1)
    values = outputs(ast.audio_spectrogram_transformer, pixels, 2, False, values=pixels[:, 0].transpose(1, 2))
    with torch.no_grad():
        values["pooled"] = ast.audio_spectrogram_transformer(pixels[:, 0].transpose(1, 2)).pooler_output
    write(out, "ast", ast, {"whole": values})


main()
