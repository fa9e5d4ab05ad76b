# Commands, flags and inputs of the rules, as functions of their wildcards.

# data.smk.


def extraction(wildcards):
    """Command and flags that make features of a name: the same for each part and for gathering."""
    wanted = FEATURES[wildcards.features]
    command = ["augment" if "views" in wanted else "features", manifest_of(wildcards.data)]
    command += ["--out", result("features", wildcards.data, wildcards.features), "--seed", config["seed"]]
    if "views" in wanted:
        splits = ["train"] if wildcards.data == "split" else [f"fold-{fold}" for fold in FOLDS]
        command += ["--views", wanted["views"], "--splits", ",".join(splits)]
    return command + wanted["options"]


def kind_of(name):
    return "augment" if "views" in FEATURES[name] else "features"


def all_parts(wildcards):
    """The marks of all parts; where there is one part alone, gathering computes everything."""
    n = FEATURES[wildcards.features]["parts"]
    numbers = range(1, n + 1) if n > 1 else []
    return [mark("features", wildcards.data, f"{wildcards.features}-{part}-of-{n}") for part in numbers]


# models.smk.


def training(wildcards):
    """Command and flags of a training."""
    model, seed, fold = parts_of(wildcards.run)
    wanted = MODELS[model]
    command = ["train", wanted["kind"], "--features", result("features", *features_of(wildcards.run))]
    command += ["--out", folder_of(wildcards.run), "--seed", seed, "--device", config["device"]]
    if fold is not None:
        # What chooses the best epoch would need a fold of its own; the last epoch is taken.
        others = ",".join(f"fold-{other}" for other in FOLDS if other != fold)
        command += ["--train-split", others, "--val-split", "none"]
    return command + wanted["options"]


def unknown(wildcards, command):
    """Flags that both commands about unknown sounds take."""
    flags = [folder_of(wildcards.run), "--features", result("features", *features_of(wildcards.run))]
    flags += ["--seed", config["seed"], "--device", config["device"]]
    if "backbone" in ANOMALY:
        flags += ["--backbone", ANOMALY["backbone"]]
        flags += ["--backbone-features", result("features", "split", ANOMALY["backbone_features"])]
    return flags + ANOMALY[command]


def unknown_input(wildcards):
    """What both need: the run, its features, and those of the backbone."""
    names = {MODELS[parts_of(wildcards.run)[0]]["features"], ANOMALY.get("backbone_features")} - {None}
    return [mark("train", wildcards.run)] + [mark("features", "split", name) for name in sorted(names)]


def recommended(wildcards):
    """The bench to take the method from, where there is one and no method is named."""
    if "bench" in ANOMALY and "--method" not in ANOMALY["fit"]:
        return ["--bench", result("bench", wildcards.run, "anomaly.json")]
    return []


# results.smk.


def of_recordings(evaluation):
    return "data" in evaluation or evaluation["recordings"] or evaluation["stress"]


def evaluation_of(wildcards):
    """The settings of an evaluation; a run of a fold is measured on its fold."""
    _, _, fold = parts_of(wildcards.run)
    if fold is not None:
        return {"split": f"fold-{fold}", "recordings": False, "stress": False, "options": []}
    return EVALUATIONS[wildcards.name]


def measured(wildcards):
    """The manifest of an evaluation that has one of its own."""
    evaluation = evaluation_of(wildcards)
    return [evaluation["data"]] if "data" in evaluation else []


def evaluation_input(wildcards):
    if not of_recordings(evaluation_of(wildcards)):
        return [trained(wildcards.run), mark("features", *features_of(wildcards.run))]
    return [modeled(wildcards.run), mark("scan", "split")] + files(*measured(wildcards))


def evaluating(wildcards):
    """Command and flags of an evaluation. On recordings the detector is measured, too."""
    evaluation = evaluation_of(wildcards)
    if of_recordings(evaluation):
        command = [model_of(wildcards.run), evaluation.get("data", manifest_of("split"))]
        command += ["--stress"] if evaluation["stress"] else []
    else:
        command = [folder_of(wildcards.run), "--features", result("features", *features_of(wildcards.run))]
    command += ["--split", evaluation["split"], "--out", f"{folder_of(wildcards.run)}/{wildcards.name}"]
    return command + ["--seed", config["seed"], "--device", config["device"]] + evaluation["options"]


COMPARED = RUNS + (["fit"] if FIT is not None else [])


def predicting(wildcards):
    """Command and flags of a prediction: the same for each part and for the tables, which parts and tables compare."""
    prediction = PREDICTIONS[wildcards.name]
    command = [model_of(prediction["run"])] + prediction["recordings"] + ["--out", result("predictions", wildcards.name) + "/"]
    return command + ["--device", config["device"]] + prediction["options"]


def predicting_input(wildcards):
    return [modeled(PREDICTIONS[wildcards.name]["run"])] + files(*PREDICTIONS[wildcards.name]["recordings"])


def predicted_parts(wildcards):
    n = PREDICTIONS[wildcards.name]["parts"]
    return [mark("predict", wildcards.name, f"{part}-of-{n}") for part in (range(1, n + 1) if n > 1 else [])]


def reported(wildcards):
    """The runs of a page."""
    return ["fit"] if wildcards.model == "fit" else runs_of(wildcards.model)


def report_input(wildcards):
    runs = reported(wildcards)
    marks = [trained(run) for run in runs] + ([mark("doctor")] if config["doctor"] is not None else [])
    return marks + [mark("evaluate", run, name) for run in runs if run != "fit" for name in EVALUATIONS]


def reporting(wildcards):
    """Folders and flags of a page: all manifests that evaluations were of."""
    data = [manifest_of("split")] + sorted({evaluation["data"] for evaluation in EVALUATIONS.values() if "data" in evaluation})
    flags = [word for manifest in data for word in ("--manifest", manifest)]
    flags += ["--doctor", result("doctor")] if config["doctor"] is not None else []
    return [folder_of(run) for run in reported(wildcards)] + flags + config["report"]
