"""A training run as a notebook does it: librosa features and augmentation, a CNN in PyTorch, on the CPU.

    python baseline.py MANIFEST.csv [--epochs 20] [--seed 0] [--threads 2]

MANIFEST has the columns path, label and split. Trains on the clips of the split `train` with the labels dog and bird, each in
four views (as it is, stretched, shifted in pitch, with noise) that are computed once, beforehand; Adam at 1e-3, halved every
five epochs, batches of 32. Then measures accuracy and balanced accuracy on the split `test`. Prints a line of JSON; `train_s` is
the training alone, `features_s` what comes before it.
"""

import argparse
import json
import time

from features import RATE_HZ, log_mel, rows, waveform

CLASSES = ("dog", "bird")
BATCH = 32


def picture(samples):
    """A log-mel spectrogram in about -0.5 to 0.5, [bands, frames]."""
    import numpy as np

    return (log_mel(samples, ref=np.max) / 80 + 0.5).astype(np.float32)


def views(samples, draws):
    """The clip and three views of it."""
    import librosa
    import numpy as np

    yield samples
    yield librosa.effects.time_stretch(samples, rate=draws.uniform(0.8, 1.25))
    yield librosa.effects.pitch_shift(samples, sr=RATE_HZ, n_steps=draws.uniform(-3, 3))
    yield samples + draws.normal(scale=0.005, size=len(samples)).astype(np.float32)


def dataset(clips, draws=None):
    """Spectrograms [N, 1, bands, frames] and labels [N]; with `draws`, four views of each clip."""
    import numpy as np
    import torch

    pictures, labels = [], []
    for clip in clips:
        samples = waveform(clip["path"])
        for view in [samples] if draws is None else views(samples, draws):
            pictures.append(picture(view))
            labels.append(CLASSES.index(clip["label"]))
    return torch.from_numpy(np.stack(pictures)).unsqueeze(1), torch.tensor(labels)


def train(network, inputs, labels, n_epochs):
    import torch
    from torch.nn.functional import cross_entropy

    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.5)
    network.train()
    for _ in range(n_epochs):
        for batch in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad()
            cross_entropy(network(inputs[batch]), labels[batch]).backward()
            optimizer.step()
        schedule.step()


def evaluate(network, inputs, labels):
    import torch

    network.eval()
    with torch.no_grad():
        predicted = torch.cat([network(batch).argmax(1) for batch in inputs.split(BATCH)])
    correct = (predicted == labels).float()
    recalls = [correct[labels == nth].mean().item() for nth in range(len(CLASSES)) if (labels == nth).any()]
    return {"n": len(labels), "accuracy": round(correct.mean().item(), 4), "balanced_accuracy": round(sum(recalls) / len(recalls), 4)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    import numpy as np
    import torch

    from networks import cnn

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    clips = [row for row in rows(args.manifest) if row["label"] in CLASSES]
    began = time.perf_counter()
    training = dataset([clip for clip in clips if clip["split"] == "train"], np.random.default_rng(args.seed))
    test = dataset([clip for clip in clips if clip["split"] == "test"])
    made = time.perf_counter()
    network = cnn()
    train(network, *training, args.epochs)
    trained = time.perf_counter()
    print(json.dumps({
        "peer": f"librosa and PyTorch {torch.__version__}",
        "n_training": len(training[0]),
        "features_s": round(made - began, 1),
        "train_s": round(trained - made, 1),
        "test": evaluate(network, *test),
    }))


if __name__ == "__main__":
    main()
