"""The tables of measure-outliers.sh: measure-outliers.py OUT CONFIGS SEEDS [DOC]."""

import json
import sys

out, configs, seeds = sys.argv[1], sys.argv[2].split(), sys.argv[3].split()
doc = sys.argv[4] if len(sys.argv) > 4 else None
NAMES = {"cnn": "CNN from scratch", "vit-lora": "DINOv2-small, LoRA", "vit-full": "DINOv2-small, fully fine-tuned"}
SETS = [
    ("ood-val", "validation", "choice"),
    ("ood-test", "test", "near"),
    ("ood-test", "field", "near"),
    ("ood-far", "test", "far"),
    ("ood-far", "field", "far"),
    ("synthetic", "test", "noises"),
    ("synthetic", "field", "noises"),
]
KINDS = ["white_noise", "gaussian_noise", "uniform_noise", "pink_noise", "silence", "tone", "music"]


def bench(config, seed):
    return json.load(open(f"{out}/bench-{config}-{seed}/anomaly.json"))


def key(unknown, known):
    return f"{unknown} vs {known}"


lines = []
results = {(config, seed): bench(config, seed) for config in configs for seed in seeds}
first = results[(configs[0], seeds[0])]
order = list(first["descriptions"])
BASELINE = ["max_softmax", "knn", "background_class", "isomap"]
AUTOENCODERS = ["autoencoder", "latent_regions"]


def rank(name):
    groups = [BASELINE, AUTOENCODERS]
    for place, group in enumerate(groups):
        if name in group:
            return (place, group.index(name))
    return (2 + (name.startswith("backbone_") or "semantic" in name or name == "fusion"), order.index(name))


def mean(values):
    return sum(values) / len(values)


for config in configs:
    of_config = [results[(config, seed)] for seed in seeds]
    lines.append(f"### {NAMES.get(config, config)}, seeds {', '.join(seeds)}: AUROC\n")
    header = "| method | " + " | ".join(f"{unknowns} / {known}" for _, known, unknowns in SETS) + " |"
    lines += [header, "|---" * (len(SETS) + 1) + "|"]
    for name in sorted(of_config[0]["methods"], key=rank):
        if not all(name in result["methods"] for result in of_config):
            continue  # one that could not be fitted with every seed
        if rank(name)[0] == 3 and config != configs[0]:
            continue  # of the backbone alone: the same numbers whatever the classifier
        cells = []
        for unknown, known, _ in SETS:
            values = [result["methods"][name][key(unknown, known)]["auroc"] for result in of_config]
            learned = name in first["learned_from_unknowns"] and unknown == "ood-val"
            spread = f" ({min(values):.2f}–{max(values):.2f})" if max(values) - min(values) > 0.005 else ""
            cells.append("(learned)" if learned else f"{mean(values):.3f}{spread}")
        mark = "**" if any(result["chosen"]["method"] == name for result in of_config) else ""
        like = first["ranks_like"].get(name)
        described = first["descriptions"][name] + (f"; ranks as {like} does" if like else "")
        lines.append(f"| {mark}`{name}`{mark}: {described} | " + " | ".join(cells) + " |")
    lines.append("")

lines.append("### Changes of training: the CNN, AUROC of three of its own methods\n")
TRAININGS = [
    ("cnn", "as it is"),
    ("cnn-exposed", "cows, frogs and sheep beside the clips, every class alike (`train.exposure.split`)"),
    ("cnn-made", "unknown sounds made from the clips, beside them: shuffled, inverted, noise (`train.exposure.made`)"),
    ("cnn-logit-norm", "normalized logits (`train.logit_norm`)"),
]
lines += ["| training | method | " + " | ".join(f"{unknowns} / {known}" for _, known, unknowns in SETS[1:]) + " | balanced accuracy, field |", "|---" * 9 + "|"]
for training, words in TRAININGS:
    of_training = [bench(training, seed) for seed in seeds]
    field = mean([json.load(open(f"{out}/{training}-{seed}/field/metrics.json"))["balanced_accuracy"] for seed in seeds])
    for name in ["max_softmax", "energy", "knn"]:
        cells = [mean([result["methods"][name][key(unknown, known)]["auroc"] for result in of_training]) for unknown, known, _ in SETS[1:]]
        first_row = name == "max_softmax"
        lines.append(f"| {words if first_row else ''} | `{name}` | " + " | ".join(f"{cell:.3f}" for cell in cells) + f" | {f'{field:.3f}' if first_row else ''} |")
lines += ["", f"Means of seeds {', '.join(seeds)}.", ""]

lines.append("### Recommended methods\n")
for (config, seed), result in results.items():
    chosen = result["chosen"]
    beside = "" if chosen["best"] == chosen["method"] else f"; largest: `{chosen['best']}`, {chosen['best_auroc']:.3f}"
    lines.append(f"- {NAMES.get(config, config)}, seed {seed}: `{chosen['method']}`, AUROC {chosen['auroc']:.3f} on {chosen['on']}{beside}.")
lines += ["", f"### The recommended method for {NAMES.get(configs[0], configs[0])}, seed {seeds[0]}, in full\n"]
lines += ["| unknown sounds | known sounds | AUROC | AUPR | FPR95 | at alpha 0.05: detected | false rejections |", "|---|---|---|---|---|---|---|"]
chosen = first["chosen"]["method"]


def with_interval(measured, figure):
    low, high = measured["intervals"][figure]
    return f"{measured[figure]:.3f} [{low:.3f}, {high:.3f}]"


rows = [row for row in SETS if row[0] != "synthetic"] + [(kind, known, kind.replace("_", " ")) for kind in ["synthetic", *KINDS] for known in ["test", "field"]]
for unknown, known, unknowns in rows:
    name = key(unknown, known)
    measured, info = first["methods"][chosen][name], first["sets"][name]
    rates = measured["at_alpha"]
    figures = " | ".join(with_interval(measured, figure) for figure in ["auroc", "aupr", "fpr95"])
    what = unknowns if unknown != "synthetic" else "all noises together"
    lines.append(
        f"| {what} ({info['unknowns']} clips of {info['unknown_groups']} groups) | {known} ({info['knowns']} of {info['known_groups']}) | {figures} | "
        f"{rates['detected']:.0%} | {rates['false_rejections']:.0%} |"
    )
lines += ["", "### Baseline: softmax threshold of 0.8\n", "| unknown sounds | known sounds | detected | false rejections |", "|---|---|---|---|"]
for unknown, known, unknowns in SETS[1:]:
    at = [results[(configs[0], seed)]["methods"]["max_softmax"][key(unknown, known)]["at_baseline_threshold"] for seed in seeds]
    detected, false_rejections = (mean([one[rate] for one in at]) for rate in ("detected", "false_rejections"))
    lines.append(f"| {unknowns} | {known} | {detected:.0%} | {false_rejections:.0%} |")
lines += ["", f"(`max_softmax` of the {NAMES.get(configs[0], configs[0])}, mean of seeds {', '.join(seeds)}.)", ""]
lines.append("### The guarantee, tested on recordings\n")
parted = first["random_splits"]
rates = "; ".join(f"at alpha {rate['alpha']} {rate['mean']:.3f} (standard error of the mean {rate['standard_error']:.3f})" for rate in parted["rates"])
lines.append(
    f"`{chosen}`, {parted['groups']} groups of known sounds (validation, test and elsewhere) split at random {parted['random_splits']} times, half for calibration, "
    f"half as new recordings. Mean rate of false rejections: {rates}."
)
text = "\n".join(lines) + "\n"
print(text)
if doc:
    mark = "<!-- measured -->\n"
    parts = open(doc).read().split(mark)
    if len(parts) != 3:
        sys.exit(f"{doc}: expected two lines {mark.strip()}, got {len(parts) - 1}")
    open(doc, "w").write(parts[0] + mark + "\n" + text + "\n" + mark + parts[2])
