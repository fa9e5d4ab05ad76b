"""Writes the golden values of golden-curves.sh: what scikit-learn computes of fixed rows."""

import json
import sys

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

N_BINS = 15
random = np.random.default_rng(20261129)
classes = ["a", "b", "c"]
truth = random.integers(0, 3, 90)
logits = random.normal(0, 1.2, (90, 3))
logits[np.arange(90), truth] += 1.1
p = np.exp(logits)
p /= p.sum(axis=1, keepdims=True)
# Two decimals make ties; the rows add up to 1 as they do in a table.
p = np.round(p, 2)
p[:, 2] = np.round(1 - p[:, 0] - p[:, 1], 2)
p = np.clip(p, 0, 1)

curves = []
for k, _ in enumerate(classes):
    positive = truth == k
    fpr, tpr, _ = roc_curve(positive, p[:, k], drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(positive, p[:, k])
    curves.append({
        "auroc": roc_auc_score(positive, p[:, k]),
        "average_precision": average_precision_score(positive, p[:, k]),
        "roc": np.stack([fpr, tpr], axis=1).tolist(),
        # From the strictest threshold on, as the ROC curve is.
        "precision_recall": np.stack([recall, precision], axis=1)[::-1].tolist(),
    })
confidence = p.max(axis=1)
right = p.argmax(axis=1) == truth
accuracy, mean = calibration_curve(right, confidence, n_bins=N_BINS, strategy="uniform")
golden = {
    "classes": classes,
    "truth": truth.tolist(),
    "p": p.tolist(),
    "curves": curves,
    "reliability": np.stack([mean, accuracy], axis=1).tolist(),
}
with open(sys.argv[1], "w") as file:
    json.dump(golden, file)
    file.write("\n")
