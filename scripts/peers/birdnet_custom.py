"""A custom classifier as BirdNET-Analyzer 2.4.0 trains one, on frozen embeddings of BirdNET 2.4, and what it measures.

    python birdnet_custom.py SOUNDS MODEL.tflite OUT.json OUT.md [--cache FILE.npz]

SOUNDS is what scripts/bench-birdnet.sh writes with the example stress_sounds: folders SET/CONDITION with WAV files and a
manifest.csv, SET being train, test, field, field2, ood-test and ood-far. MODEL.tflite is BirdNET 2.4 (CC BY-NC-SA: measured and never
passed on).

The recipe is that of the command `birdnet_analyzer.train` of BirdNET-Analyzer 2.4.0 (PyPI) with its defaults:

- Training clips: mixed to one channel, resampled to 48 kHz by resampy's kaiser_fast, the 3 s in the middle (crop mode "center");
  shorter clips are followed by zeros. Padding by noise is in the code and switched off. No augmentation, mixup, label smoothing or
  upsampling.
- Model: one linear layer on the embedding (1024), a sigmoid for each class, weights drawn as Glorot and Bengio do, biases 0. (2.0.0
  normalized the embeddings by batch first.)
- Training: binary cross-entropy, summed over classes, plus 1e-5 times the sum of squared weights; Adam in batches of 32; 50 epochs at
  1e-4, rising linearly over the first tenth of them (5 at most), then falling by half a cosine to a tenth.
- Validation: a fifth of each class's clips, drawn without regard to groups. Training stops when the validation loss has not fallen by
  0.001 for 5 epochs (10 where 100 or more are allowed), and the best epoch is kept. (2.0.0 watched average precision.)
- Analysis, as `birdnet_analyzer.analyze` does: windows of 3 s one after the other; what is left at the end is a window, followed by
  zeros, if it is 1 s or longer, or the only one. The score of a recording for a class is its highest in any window.

The program is our own, and so is the seed: theirs draws validation clips with one seed and the weights with none. A second row of
recipes has 100 epochs at 5e-4, since the defaults make few steps on some hundred clips.
"""

import argparse
import csv
import hashlib
import io
import json
import pathlib
import sys

import numpy as np

CLASSES = ("bird", "dog")
RATE_HZ, WINDOW, SHORTEST = 48000, 144000, 48000
RECORDED = "recorded"
KNOWN, UNKNOWN = ("test", "field"), ("ood-test", "ood-far")
EMBEDDING = "model/GLOBAL_AVG_POOL/Mean"
RECIPES = {"defaults": {"epochs": 50, "learning_rate": 1e-4}, "longer": {"epochs": 100, "learning_rate": 5e-4}}
BATCH, VALIDATION, L2, LEAST_GAIN = 32, 0.2, 1e-5, 0.001
SEEDS = (0, 1, 2)
# How windows become a recording: the highest score of each class is the headline.
POOLING = {"highest window": lambda windows: windows.max(axis=0), "mean of windows": lambda windows: windows.mean(axis=0)}


class Backbone:
    """Embeddings of BirdNET 2.4, computed once for each file."""

    def __init__(self, path, cache):
        import tflite
        from ai_edge_litert.interpreter import Interpreter

        model = bytearray(pathlib.Path(path).read_bytes())
        graph = tflite.Model.GetRootAs(model, 0).Subgraphs(0)
        names = [graph.Tensors(nth).Name().decode() for nth in range(graph.TensorsLength())]
        # The embedding becomes the output, so that it can be read with the fast kernels too.
        graph.OutputsAsNumpy()[0] = names.index(EMBEDDING)
        self.net = Interpreter(model_content=bytes(model), num_threads=2)
        self.net.allocate_tensors()
        self.input, self.output = self.net.get_input_details()[0]["index"], self.net.get_output_details()[0]["index"]
        self.cache, self.kept = cache, {}
        if cache and cache.exists():
            with np.load(cache) as kept:
                self.kept = dict(kept)

    def embed(self, path):
        """Of the middle and of each window of a file, [1 + windows, 1024]."""
        content = path.read_bytes()
        key = hashlib.sha256(content).hexdigest()
        if key not in self.kept:
            samples = at_48_khz(content)
            self.kept[key] = np.array([self.one(window) for window in [middle(samples), *windows(samples)]])
        return self.kept[key]

    def one(self, window):
        self.net.set_tensor(self.input, window[None].astype(np.float32))
        self.net.invoke()
        return self.net.get_tensor(self.output)[0].copy()

    def save(self):
        if self.cache:
            np.savez(self.cache, **self.kept)


def at_48_khz(content):
    import resampy
    import soundfile

    samples, rate_hz = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    return mono if rate_hz == RATE_HZ else resampy.resample(mono, rate_hz, RATE_HZ, filter="kaiser_fast")


def padded(samples):
    return np.concatenate([samples, np.zeros(WINDOW - len(samples), samples.dtype)])


def middle(samples):
    start = max(0, len(samples) - WINDOW) // 2
    return padded(samples[start : start + WINDOW])


def windows(samples):
    starts = [start for start in range(0, len(samples), WINDOW) if start == 0 or len(samples) - start >= SHORTEST]
    return [padded(samples[start : start + WINDOW]) for start in starts]


def rows(folder):
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def log_sigmoid(logits):
    return -np.logaddexp(0, -logits)


class Head:
    def __init__(self, n_inputs, rng):
        limit = np.sqrt(6 / (n_inputs + len(CLASSES)))
        self.weights = [rng.uniform(-limit, limit, (n_inputs, len(CLASSES))), np.zeros(len(CLASSES))]

    def logits(self, inputs):
        return inputs @ self.weights[0] + self.weights[1]

    def loss(self, inputs, targets):
        logits = self.logits(inputs)
        likelihood = targets * log_sigmoid(logits) + (1 - targets) * log_sigmoid(-logits)
        return -likelihood.sum(axis=1).mean() + L2 * (self.weights[0] ** 2).sum()

    def gradients(self, inputs, targets):
        error = (np.exp(log_sigmoid(self.logits(inputs))) - targets) / len(inputs)
        return [inputs.T @ error + 2 * L2 * self.weights[0], error.sum(axis=0)]


def split(targets, rng):
    """Indices of training and validation clips."""
    training, validation = [], []
    for nth in range(len(CLASSES)):
        own = rng.permutation(np.flatnonzero(targets[:, nth]))
        n = max(1, int(len(own) * (1 - VALIDATION)))
        training.append(own[:n])
        validation.append(own[n:])
    return np.concatenate(training), np.concatenate(validation)


def rate(epoch, epochs, learning_rate):
    n_rising = min(5, epochs // 10)
    if epoch < n_rising:
        return learning_rate * (epoch + 1) / n_rising
    progress = (epoch - n_rising) / (epochs - n_rising)
    return learning_rate * (0.1 + 0.45 * (1 + np.cos(np.pi * progress)))


def train(inputs, targets, seed, epochs, learning_rate):
    """The head of the best epoch, and how many epochs it took."""
    rng = np.random.default_rng(seed)
    training, validation = split(targets, rng)
    head = Head(inputs.shape[1], rng)
    moments = [[np.zeros_like(weights), np.zeros_like(weights)] for weights in head.weights]
    best, kept, waited, step = np.inf, None, 0, 0
    for epoch in range(epochs):
        order, step_size = rng.permutation(training), rate(epoch, epochs, learning_rate)
        for start in range(0, len(order), BATCH):
            batch, step = order[start : start + BATCH], step + 1
            for weights, gradient, moment in zip(head.weights, head.gradients(inputs[batch], targets[batch]), moments):
                moment[0] += 0.1 * (gradient - moment[0])
                moment[1] += 0.001 * (gradient**2 - moment[1])
                first, second = moment[0] / (1 - 0.9**step), moment[1] / (1 - 0.999**step)
                weights -= step_size * first / (np.sqrt(second) + 1e-7)
        loss = head.loss(inputs[validation], targets[validation])
        if loss < best - LEAST_GAIN:
            best, kept, waited = loss, (epoch + 1, [weights.copy() for weights in head.weights]), 0
        else:
            waited += 1
        if waited >= min(10, max(5, epochs // 10)):
            break
    epoch, head.weights = kept
    return head, epoch


def auroc(known, unknown):
    """Probability that a known sound scores higher than an unknown one."""
    both = np.sort(np.concatenate([known, unknown]))
    rank = lambda scores: (np.searchsorted(both, scores, "left") + np.searchsorted(both, scores, "right") + 1) / 2
    return (rank(known).sum() - len(known) * (len(known) + 1) / 2) / (len(known) * len(unknown))


class Measured:
    """Figures of all seeds, by what they are of."""

    def __init__(self):
        self.seeds = {}

    def add(self, key, value):
        self.seeds.setdefault(key, []).append(float(value))

    def summary(self, names):
        return [dict(zip(names, key), **summary(values)) for key, values in self.seeds.items()]

    def cell(self, *key):
        values = summary(self.seeds[key])
        return f"{values['mean']:.3f} ({values['min']:.3f}-{values['max']:.3f})"


def summary(values):
    return {"mean": round(np.mean(values), 4), "min": round(min(values), 4), "max": round(max(values), 4)}


def measure(clips, training, targets):
    classes, unknown, epochs = Measured(), Measured(), {}
    for recipe, settings in RECIPES.items():
        for seed in SEEDS:
            head, epoch = train(training, targets, seed, **settings)
            epochs.setdefault(recipe, []).append(epoch)
            for pooling, pool in POOLING.items():
                scores = {key: np.array([pool(head.logits(one)) for one in of["windows"]]) for key, of in clips.items()}
                for (name, condition), of in clips.items():
                    if name in UNKNOWN:
                        continue
                    called = scores[name, condition].argmax(axis=1)
                    shares = {label: np.mean(called[of["labels"] == label] == nth) for nth, label in enumerate(CLASSES) if label in of["labels"]}
                    key = (recipe, pooling, condition, name)
                    for label, share in shares.items():
                        classes.add((*key, f"recall_{label}"), share)
                    if len(shares) == len(CLASSES):
                        classes.add((*key, "balanced_accuracy"), np.mean(list(shares.values())))
                    else:
                        for nth, label in enumerate(CLASSES):
                            classes.add((*key, f"called_{label}"), np.mean(called == nth))
                for known in KNOWN:
                    for name in UNKNOWN:
                        values = [scores[of, RECORDED].max(axis=1) for of in (known, name)]
                        unknown.add((recipe, pooling, known, name), auroc(*values))
    return classes, unknown, epochs


def tables(clips, n, classes, unknown, conditions):
    lines = []
    for recipe, settings in RECIPES.items():
        pooling = next(iter(POOLING))
        lines += ["", f"Recipe \"{recipe}\": {settings['epochs']} epochs at most, learning rate {settings['learning_rate']:g}. Mean over "
                  f"{len(SEEDS)} seeds (min-max).", "",
                  "| condition | test, balanced accuracy | field, balanced accuracy | field2, birds called dog | field2, birds called bird |",
                  "| --- | --- | --- | --- | --- |"]
        for condition in conditions:
            cells = [classes.cell(recipe, pooling, condition, name, "balanced_accuracy") for name in KNOWN]
            cells += [classes.cell(recipe, pooling, condition, "field2", f"called_{label}") for label in ("dog", "bird")]
            lines.append(f"| {condition} | {' | '.join(cells)} |")
        lines += ["", "| unknown sounds, as recorded | AUROC, against test | AUROC, against field |", "| --- | --- | --- |"]
        for name in UNKNOWN:
            lines.append(f"| {name} | {' | '.join(unknown.cell(recipe, pooling, known, name) for known in KNOWN)} |")
    lines += ["", "| set | clips | groups | labels |", "| --- | --- | --- | --- |"]
    for name, of in n.items():
        labels = ", ".join(f"{count} {label}" for label, count in of["labels"].items())
        lines.append(f"| {name} | {of['clips']} | {of['groups']} | {labels} |")
    return "\n".join(lines[1:]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sounds", type=pathlib.Path)
    parser.add_argument("model")
    parser.add_argument("json", type=pathlib.Path)
    parser.add_argument("markdown", type=pathlib.Path)
    parser.add_argument("--cache", type=pathlib.Path, help="keeps embeddings by the SHA-256 of files")
    args = parser.parse_args()

    backbone, clips, n = Backbone(args.model, args.cache), {}, {}
    conditions = sorted(path.parent.name for path in (args.sounds / "test").glob("*/manifest.csv"))
    # The order that they were written in.
    conditions.sort(key=lambda name: (args.sounds / "test" / name / "manifest.csv").stat().st_mtime_ns)
    for name in ("train", *KNOWN, "field2", *UNKNOWN):
        for condition in conditions if name in (*KNOWN, "field2") else [RECORDED]:
            folder = args.sounds / name / condition
            listed = rows(folder)
            embedded = [backbone.embed(folder / row["path"]) for row in listed]
            clips[name, condition] = {"labels": np.array([row["label"] for row in listed]), "middle": [of[0] for of in embedded],
                                      "windows": [of[1:].astype(np.float64) for of in embedded]}
            print(f"{name}, {condition}: {len(listed)} clips", flush=True)
            if condition == RECORDED:
                labels = sorted({row["label"] for row in listed})
                n[name] = {"clips": len(listed), "groups": len({row["group"] for row in listed}),
                           "labels": {label: sum(row["label"] == label for row in listed) for label in labels}}
        backbone.save()
    of = clips.pop(("train", RECORDED))
    if others := set(of["labels"]) - set(CLASSES):
        sys.exit(f"error: training clips of {', '.join(sorted(others))}; expected {' and '.join(CLASSES)} alone")
    targets = np.array([[label == name for name in CLASSES] for label in of["labels"]], np.float64)
    classes, unknown, epochs = measure(clips, np.array(of["middle"], np.float64), targets)
    result = {
        "peer": "the custom classifier of BirdNET-Analyzer 2.4.0 on BirdNET 2.4, trained by our own program",
        "recipes": {name: {**settings, "batch_size": BATCH, "validation_share": VALIDATION, "best_epochs": epochs[name]} for name, settings in RECIPES.items()},
        "seeds": SEEDS,
        "sets": n,
        "classes": classes.summary(("recipe", "recording", "condition", "set", "figure")),
        "unknown_auroc": unknown.summary(("recipe", "recording", "known", "unknown")),
    }
    args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    text = tables(clips, n, classes, unknown, conditions)
    args.markdown.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
