"""Reference values of outlier detectors: see check-anomaly.sh.

    check-anomaly.py SCORE_ROWS WORK

Differences are relative: |ours - reference| over the largest absolute reference of that score, but at least 1.
"""
import subprocess
import sys

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import rankdata, spearmanr
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import Isomap
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

D, C, K = 60, 3, 40


def clips(rng, n, unknown=False):
    """Rows about the classes' centers on a curved surface, head logits, and a backbone's scores."""
    fixed = np.random.default_rng(0)
    centers, wide = fixed.normal(size=(C, D)), fixed.normal(size=(8, D))
    head, fires = fixed.normal(size=(C, D)) / 4, fixed.random((C, K)) ** 3
    label = np.arange(n) % C
    along = rng.normal(size=(n, 8)) * np.linspace(2, 0.3, 8)
    rows = 2 * centers[label] + np.tanh(along) @ wide + 0.3 * rng.normal(size=(n, D))
    if unknown:
        rows += 1.5 * rng.normal(size=(n, D)) + 1
    backbone = np.clip(fires[label] * (0.2 if unknown else 1) * rng.random((n, K)) * 1.5, 0, 1)
    return rows.astype("f4"), (rows @ head.T).astype("f4"), backbone.astype("f4"), label


def f8(array):
    return array.astype("f8")


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def nearest(rows, means, covariance):
    """Squared Mahalanobis distances to the nearest of the means."""
    apart = rows[:, None] - means
    return np.einsum("ncd,de,nce->nc", apart, np.linalg.inv(covariance), apart).min(1)


def of_classes(train, label):
    """Means, and the Ledoit-Wolf covariance about them."""
    means = np.stack([train[label == c].mean(0) for c in range(C)])
    return means, LedoitWolf(assume_centered=True).fit(train - means[label]).covariance_


def mahalanobis(train, label, test):
    return nearest(test, *of_classes(train, label))


def relative(train, label, test):
    means, covariance = of_classes(train, label)
    between = means[label] - train.mean(0)
    everything = nearest(test, train.mean(0)[None], covariance + between.T @ between / len(train))
    return nearest(test, means, covariance) - everything


def semantic(backbone, label, test, floor=0.001, n_errors=2.0, n_fired=8):
    odds = lambda p: np.log(np.clip(f8(p), floor, 1 - floor) / (1 - np.clip(f8(p), floor, 1 - floor)))
    of = [odds(backbone[label == c]) for c in range(C)]
    mean, error = [o.mean(0) for o in of], [o.var(0, ddof=1) / len(o) for o in of]
    fired = []
    for c in range(C):
        lift = [mean[c] - mean[c].mean() - n_errors * np.sqrt(error[c])]
        lift += [mean[c] - mean[o] - n_errors * np.sqrt(error[c] + error[o]) for o in range(C) if o != c]
        evidence = np.maximum(np.min(lift, axis=0), 0)
        evidence[np.argsort(-evidence)[n_fired:]] = 0
        fired.append(odds(test) @ (evidence / evidence.sum()))
    return -np.max(fired, axis=0)


def layers(parameters, widths):
    """Weights and biases one after the other as they are stored."""
    widths, at, out = widths.astype(int), 0, []
    for n_in, n_out in zip(widths[:-1], widths[1:]):
        out += [f8(parameters[at:at + n_in * n_out]).reshape(n_out, n_in), f8(parameters[at + n_in * n_out:][:n_out])]
        at += (n_in + 1) * n_out
    return out


def forward(network, rows):
    kept = [rows]
    for i in range(0, len(network), 2):
        rows = rows @ network[i].T + network[i + 1]
        if i + 2 < len(network):
            rows = np.maximum(rows, 0)
        kept.append(rows)
    return kept


def backward(network, kept, slope):
    gradients = [None] * len(network)
    for i in reversed(range(0, len(network), 2)):
        if i + 2 < len(network):
            slope = slope * (kept[i // 2 + 1] > 0)
        gradients[i], gradients[i + 1] = slope.T @ kept[i // 2], slope.sum(0)
        slope = slope @ network[i]
    return gradients, slope


def adam(networks, gradient, n_steps, rate=1e-3):
    """Every network's arrays, moved in place."""
    first = [[np.zeros_like(a) for a in n] for n in networks]
    second = [[np.zeros_like(a) for a in n] for n in networks]
    for step in range(1, n_steps + 1):
        for network, slopes, m, v in zip(networks, gradient(), first, second):
            for array, slope, mean, square in zip(network, slopes, m, v):
                mean += 0.1 * (slope - mean)
                square += 0.001 * (slope ** 2 - square)
                array -= rate * (mean / (1 - 0.9 ** step)) / (np.sqrt(square / (1 - 0.999 ** step)) + 1e-8)


def autoencoder(fitted, train, test):
    network = layers(fitted["fitted.autoencoder.0.network"], fitted["fitted.autoencoder.0.network_widths"])

    def gradient():
        kept = forward(network, train)
        return [backward(network, kept, 2 * (kept[-1] - train) / train.size)[0]]

    adam([network], gradient, 20)
    return ((forward(network, test)[-1] - test) ** 2).mean(1)


def latent_regions(fitted, train, label, test, n_steps):
    """With the weights that training ended at: the classifier that is dropped begins from weights that are not kept."""
    name = f"fitted.latent_regions.{n_steps}"
    encoder = layers(fitted[f"{name}.encoder"], fitted[f"{name}.encoder_widths"])
    decoder = layers(fitted[f"{name}.decoder"], fitted[f"{name}.decoder_widths"])
    parts = []
    latent = forward(encoder, train)[-1]
    for rows in (train, test):
        z = forward(encoder, rows)[-1]
        error = ((forward(decoder, z)[-1] - rows) ** 2).mean(1)
        parts.append((error, mahalanobis(latent, label, z)))
    (e0, d0), (e, d) = parts
    return 0.5 * e / e0.mean() + 0.5 * d / d0.mean()


def ranks(validation, scores):
    """The i-th of n has rank i / (n + 1); equal scores share."""
    return np.mean([rankdata(v)[np.argmin(np.abs(v[:, None] - s), axis=0)] / (len(v) + 1)
                    for v, s in zip(validation, scores)], axis=0)


def main():
    program, work = sys.argv[1:]
    train, train_logits, train_backbone, label = clips(np.random.default_rng(1), 240)
    known, known_logits, known_backbone, _ = clips(np.random.default_rng(2), 60)
    unknown, unknown_logits, unknown_backbone, _ = clips(np.random.default_rng(3), 60, unknown=True)
    unknowns = clips(np.random.default_rng(4), 50, unknown=True)[0]
    test, test_logits = np.concatenate([known, unknown]), np.concatenate([known_logits, unknown_logits])
    test_backbone = np.concatenate([known_backbone, unknown_backbone])
    given = {"train": train, "train_logits": train_logits, "train_backbone": train_backbone, "unknowns": unknowns,
             "test": test, "test_logits": test_logits, "test_backbone": test_backbone, "label": label.astype("f4")}
    save_file(given, f"{work}/rows.safetensors")
    subprocess.run([program, f"{work}/rows.safetensors", f"{work}/scores.safetensors"], check=True)
    ours = load_file(f"{work}/scores.safetensors")

    train, test, unknowns, z = f8(train), f8(test), f8(unknowns), f8(test_logits)
    failed = False

    def report(name, got, expected, tolerance, by):
        nonlocal failed
        difference = np.abs(f8(got) - expected).max() / max(np.abs(expected).max(), 1)
        failed |= not difference <= tolerance
        print(f"{name:<34}{difference:>10.1e}   at most {tolerance:.0e}   {by}")

    def check(name, expected, tolerance, by):
        report(name, ours[f"score.{name}"], expected, tolerance, by)

    probability = softmax(z, axis=1)
    check("max_softmax", 1 - probability.max(1), 1e-6, "formula")
    check("max_logit", -z.max(1), 1e-6, "formula")
    check("energy", -logsumexp(z, axis=1), 1e-6, "formula")
    check("generalized_entropy", ((probability * (1 - probability)) ** 0.1).sum(1), 1e-6, "formula")
    neighbors = NearestNeighbors(n_neighbors=5).fit(unit(train))
    check("knn", neighbors.kneighbors(unit(test))[0][:, -1], 1e-6, "sklearn NearestNeighbors")
    for suffix, of in (("", lambda rows: rows), ("_normalized", unit)):
        check(f"mahalanobis{suffix}", mahalanobis(of(train), label, of(test)), 1e-5, "sklearn LedoitWolf, formula")
        check(f"relative_mahalanobis{suffix}", relative(of(train), label, of(test)), 1e-5, "sklearn LedoitWolf, formula")
    share = LedoitWolf(assume_centered=True).fit(train - np.stack([train[label == c].mean(0) for c in range(C)])[label])
    report("Ledoit-Wolf share", ours["fitted.mahalanobis.shrinkage"], np.array([share.shrinkage_]), 1e-6, "sklearn LedoitWolf")

    centered, mean = train - train.mean(0), train.mean(0)
    outside = np.linalg.eigh(centered.T @ centered)[1][:, :-10]
    residual = lambda rows: np.linalg.norm((rows - mean) @ outside, axis=1)
    factor = f8(train_logits).max(1).mean() / residual(train).mean()
    check("vim", factor * residual(test) - logsumexp(z, axis=1), 1e-5, "formula")
    pca = PCA(n_components=10, svd_solver="full").fit(train)
    lost = test - pca.inverse_transform(pca.transform(test))
    check("pca_residual", np.linalg.norm(lost, axis=1), 1e-5, "sklearn PCA")
    lof = LocalOutlierFactor(n_neighbors=20, novelty=True).fit(train)
    check("local_outlier_factor", -lof.score_samples(test), 1e-5, "sklearn LocalOutlierFactor")

    isomap = Isomap(n_neighbors=10, n_components=3, eigen_solver="dense").fit(train)
    known_places, places = isomap.embedding_, isomap.transform(test)
    signs = np.sign((ours["isomap.places"] * places).sum(0))
    report("isomap, places", ours["isomap.places"] * signs, places, 1e-4, "sklearn Isomap, axes turned alike")
    fifth = NearestNeighbors(n_neighbors=5).fit(known_places).kneighbors(places)[0][:, -1]
    check("isomap", fifth, 1e-4, "sklearn Isomap, NearestNeighbors")

    rows, classes = np.concatenate([train, unknowns]), np.concatenate([label, np.full(len(unknowns), C)])
    scaler = StandardScaler().fit(rows)
    logistic = LogisticRegression(C=1.0, tol=1e-10, max_iter=10000).fit(scaler.transform(rows), classes)
    log_p = log_softmax(logistic.decision_function(scaler.transform(test)), axis=1)
    check("background_class", log_p[:, C] - logsumexp(log_p[:, :C], axis=1), 1e-3, "sklearn LogisticRegression")
    check("semantic", semantic(train_backbone, label, test_backbone), 1e-5, "formula")

    scaler = StandardScaler().fit(train)
    scaled, scaled_test = scaler.transform(train), scaler.transform(test)
    check("autoencoder.20", autoencoder(ours, scaled, scaled_test), 1e-3, "formula, Adam from our first weights")
    for n_steps in (0, 20):
        expected = latent_regions(ours, scaled, label, scaled_test, n_steps)
        check(f"latent_regions.{n_steps}", expected, 1e-3, "formula, our weights")

    two = [f8(ours["score.knn"]), f8(ours["score.relative_mahalanobis"])]
    is_unknown = np.arange(len(test)) >= len(test) // 2
    scaled = StandardScaler().fit_transform(np.stack(two, axis=1))
    # Two logits with half the weight each are penalized half as much as one.
    fusion = LogisticRegression(C=2.0, tol=1e-10, max_iter=10000).fit(scaled, is_unknown)
    check("logistic_fusion", fusion.decision_function(scaled), 1e-3, "sklearn LogisticRegression")
    # Ours are ranks of scores in f64 among scores in f32.
    check("rank_mean", ranks(two, two), 1e-3, "scipy rankdata")
    fpr, tpr, _ = roc_curve(is_unknown, two[0], drop_intermediate=False)
    expected = [roc_auc_score(is_unknown, two[0]), average_precision_score(is_unknown, two[0]), fpr[tpr >= 0.95][0]]
    report("AUROC, AUPR, FPR95", ours["metrics"], np.array(expected), 1e-6, "sklearn")

    # Other random cuts: scores of different seeds agree only in the mean.
    forests = [-IsolationForest(n_estimators=100, random_state=seed).fit(train).score_samples(test) for seed in range(6)]
    among = np.mean([spearmanr(a, b)[0] for i, a in enumerate(forests) for b in forests[:i]])
    with_ours = np.mean([spearmanr(ours["score.isolation_forest"], a)[0] for a in forests])
    level = abs(ours["score.isolation_forest"].mean() - np.mean(forests))
    print(f"isolation_forest: rank correlation {with_ours:.3f} with sklearn's (among its own seeds {among:.3f}), "
          f"mean score {level:.3f} off")
    failed |= with_ours < among - 0.03 or level > 0.01
    if failed:
        sys.exit("a difference is above its tolerance")


if __name__ == "__main__":
    main()
