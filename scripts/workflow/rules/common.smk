# What all rules share: the checked configuration, names of folders and marks, resources.
#
# A stage of barkbird writes a folder, keeps in it what is done, and goes on there after a kill. Snakemake deletes the output of a job
# that has failed. So no result is an output of a rule: each rule has a mark, an empty file that exists once its command has ended
# well. Results are under `out`, which only barkbird reads and writes; marks, logs and benchmarks are under `state`. So recordings and
# results can be in a bucket, of which Snakemake knows nothing: buckets.py asks there what has to be known.

import os
import shlex
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version, validate

min_version("9.0")

HERE = str(workflow.basedir)
sys.path.insert(0, HERE)

import buckets
from buckets import is_url

RESUME = os.path.join(HERE, "resume.sh")
PYTHON = sys.executable

# Threads, memory in MiB and minutes of a job. `resources` of the configuration comes before; a further attempt gets more.
DEFAULTS = {
    "scan": (2, 1000, 30),
    "doctor": (2, 2000, 60),
    "features": (2, 2000, 120),
    "augment": (2, 2000, 240),
    "gather": (2, 2000, 60),
    "train": (2, 3000, 240),
    "fit": (4, 4000, 240),
    "embed": (2, 2000, 60),
    "bench": (2, 3000, 60),
    "detector": (2, 3000, 60),
    "evaluate": (2, 2000, 60),
    "compare": (2, 3000, 60),
    "predict": (2, 2000, 240),
    "tables": (2, 2000, 60),
    "report": (2, 3000, 60),
    "folds": (1, 500, 10),
}


def has_url(value):
    """Whether a part of the configuration names a bucket."""
    if isinstance(value, (dict, list)):
        return any(has_url(inner) for inner in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and is_url(value)


def refuse(key, text):
    """Ends with a message that names the key of the configuration."""
    raise WorkflowError(f"configuration: {key}: {text}")


if not config:
    refuse("--configfile", "expected a file; scripts/workflow/config.yaml is an example")
# Snakemake's message lists the whole schema; the first lines say what is wrong and where.
try:
    validate(config, os.path.join(HERE, "config.schema.yaml"))
except WorkflowError as error:
    cause = error.__cause__ or error.__context__
    if not hasattr(cause, "absolute_path"):
        raise
    refuse(".".join(str(part) for part in cause.absolute_path) or "(the file)", cause.message)

OUT = config["out"].rstrip("/")
if is_url(OUT) and not config.get("state"):
    refuse("state", f"expected a folder for marks and logs, since out is {OUT}")
STATE = (config.get("state") or f"{OUT}/workflow").rstrip("/")
if is_url(STATE):
    refuse("state", f"{STATE}: expected a folder of a file system that all machines share")

BARKBIRD = shutil.which(config["barkbird"])
if BARKBIRD is None:
    refuse("barkbird", f"{config['barkbird']}: no such program; name its path, or put it on the PATH")
BARKBIRD = os.path.abspath(BARKBIRD)
# Only the Snakemake that plans tries again. On a cluster it submits a job anew, with more memory and time; the one inside a job would begin
# again with what was too little.
RETRIES = config["retries"] if workflow.is_main_process else 0

# In the environment and not in the commands: another place of the program, or of blocks, is no reason to do everything again.
if has_url(config):
    if buckets.obstore is None:
        refuse("(the file)", f"buckets need the Python package obstore beside Snakemake: pip install -r {os.path.join(HERE, 'requirements.txt')}")
    # Variables mean those of the machine on which a job runs, which reads this file, too.
    folder, gigabytes = os.path.expandvars(config.get("bucket_cache") or ""), config.get("bucket_cache_gb") or ""
    environment = {"BARKBIRD": os.path.join(HERE, "in-bucket.sh"), "BARKBIRD_PROGRAM": BARKBIRD}
    environment |= {"BARKBIRD_BLOCKS": folder, "BARKBIRD_BLOCKS_GB": str(gigabytes)}
else:
    environment = {"BARKBIRD": BARKBIRD}
shell.prefix("export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items()) + "; ")

FEATURES, MODELS, SEEDS = config["features"], config["models"], config["seeds"]
FOLDS = list(range(config["folds"]))
EVALUATIONS, PREDICTIONS = config["evaluations"], config["predict"]
FIT, COMPARE, ANOMALY = config.get("fit"), config.get("compare"), config.get("anomaly")


def result(*parts):
    """A place of a result."""
    return os.path.join(OUT, *parts)


def mark(*parts):
    """The mark of a job that has ended well."""
    return f"{os.path.join(STATE, 'done', *parts)}.done"


def log_of(*parts):
    """What barkbird says in a job, all attempts one after the other."""
    return f"{os.path.join(STATE, 'logs', *parts)}.log"


def bench_of(*parts):
    """Seconds and memory of a job."""
    return f"{os.path.join(STATE, 'benchmarks', *parts)}.tsv"


def files(*paths):
    """Those that Snakemake can watch: files, but no folders and no URLs. One that is missing is an error."""
    watched = []
    for path in paths:
        if is_url(path) or os.path.isdir(path):
            continue
        watched.append(path)
    return watched


def in_bucket(key, ask, url):
    """What buckets.py finds out about a URL; a bucket that does not answer ends the workflow with the key of the configuration."""
    try:
        return ask(url)
    except (OSError, ValueError) as error:
        refuse(key, f"{url}: {error}")


def versions(*paths):
    """The versions of those that are objects of a bucket. As parameters of a rule, they do for objects what times do for files: an object
    that was replaced is read again."""
    found = {path: in_bucket("(the file)", buckets.version, path) for path in paths if is_url(path)}
    return [f"{path} {version}" for path, version in found.items() if version is not None]


def asked(job):
    """Threads, memory and minutes of a kind of job."""
    threads, mem_mb, runtime = DEFAULTS[job]
    ours = config["resources"].get(job, {})
    return ours.get("threads", threads), ours.get("mem_mb", mem_mb), ours.get("runtime", runtime)


def threads_of(job):
    return asked(job)[0]


def mem_of(job):
    """Memory that doubles with each attempt."""
    return lambda wildcards, attempt: asked(job)[1] * 2 ** (attempt - 1)


def runtime_of(job):
    """Minutes that double with each attempt: a stage goes on where it was, but a single step may take too long."""
    return lambda wildcards, attempt: asked(job)[2] * 2 ** (attempt - 1)


def manifest_of(data):
    """The manifest of a kind of split: `split` into training, validation and test, or `folds`."""
    return result("manifest.csv" if data == "split" else "folds.csv")


def runs_of(model):
    """The names of a model's runs on the split."""
    return [f"{model}-{seed}" for seed in SEEDS]


def parts_of(run):
    """Model, seed and fold (None on the split) behind the name of a run."""
    words = run.split("-")
    return words[0], int(words[1]), int(words[3]) if len(words) > 2 else None


def folder_of(run):
    """Where a run is; `fit` is the one that `barkbird fit` makes."""
    return result("fit") if run == "fit" else result("runs", run)


def trained(run):
    """The mark of a run."""
    return mark("fit") if run == "fit" else mark("train", run)


def has_detector(run):
    """Whether a detector of unknown sounds is added to a run. `fit` adds one by itself."""
    return run != "fit" and ANOMALY is not None and "fit" in ANOMALY


def model_of(run):
    """The model to use: with its detector, where one is added."""
    return result("detectors", run) if has_detector(run) else folder_of(run)


def modeled(run):
    """The mark of the model to use."""
    return mark("detector", run) if has_detector(run) else trained(run)


def features_of(run):
    """The features of a run: its kind of split, and the name."""
    model, _, fold = parts_of(run)
    return ("split" if fold is None else "folds"), MODELS[model]["features"]


def listed(name, there, key):
    if name not in there:
        refuse(key, f"{name}: no such name; those there are: {', '.join(there) or '(none)'}")


RUNS = [run for model in MODELS for run in runs_of(model)]
FOLDED = [name for name, model in MODELS.items() if model["folds"]]
FOLD_RUNS = [f"{run}-fold-{fold}" for name in FOLDED for run in runs_of(name) for fold in FOLDS]

for name, model in MODELS.items():
    listed(model["features"], FEATURES, f"models.{name}.features")
if len(FOLDS) == 1:
    refuse("folds", "1: expected 0 (no cross-validation), or 2 and more")
if COMPARE is not None and len(MODELS) + (FIT is not None) < 2:
    refuse("compare", "expected two models or more; add one to models, add fit, or remove compare")
if ANOMALY is not None and "backbone_features" in ANOMALY:
    listed(ANOMALY["backbone_features"], FEATURES, "anomaly.backbone_features")
for name, prediction in PREDICTIONS.items():
    listed(prediction["run"], RUNS + (["fit"] if FIT is not None else []), f"predict.{name}.run")
for key, paths in {
    "data": [config["data"]],
    "compare.data": (COMPARE or {}).get("data", []),
    "anomaly.backbone": [(ANOMALY or {}).get("backbone", config["data"])],
    **{f"evaluations.{name}.data": [evaluation.get("data", config["data"])] for name, evaluation in EVALUATIONS.items()},
    **{f"predict.{name}.recordings": prediction["recordings"] for name, prediction in PREDICTIONS.items()},
}.items():
    for path in paths:
        if not is_url(path) and not os.path.exists(path):
            refuse(key, f"{path}: no such file or folder")
        if is_url(path) and workflow.is_main_process and not in_bucket(key, buckets.is_there, path):
            refuse(key, f"{path}: no such object, and none below it")
if not MODELS and FIT is None:
    refuse("models", "expected a model, or fit")
if MODELS and not FEATURES:
    refuse("features", "expected the features that models are trained on")


def results():
    """The marks of all that is asked for, each with the file that its command writes last."""
    found = {}
    models = {"split": list(MODELS)} | ({"folds": FOLDED} if FOLD_RUNS else {})
    for data, names in models.items():
        found[mark("scan", data)] = manifest_of(data)
        for name in sorted({MODELS[model]["features"] for model in names}):
            found[mark("features", data, name)] = result("features", data, name, "index.json")
    if config["doctor"] is not None:
        found[mark("doctor")] = result("doctor", "doctor.json")
    for run in RUNS + FOLD_RUNS + (["fit"] if FIT is not None else []):
        found[trained(run)] = f"{folder_of(run)}/model.safetensors"
    for run in FOLD_RUNS:
        found[mark("evaluate", run, "test")] = f"{folder_of(run)}/test/metrics.json"
    for run in RUNS:
        for name in EVALUATIONS:
            found[mark("evaluate", run, name)] = f"{folder_of(run)}/{name}/metrics.json"
        if ANOMALY is not None and "bench" in ANOMALY:
            found[mark("bench", run)] = result("bench", run, "anomaly.json")
        if has_detector(run):
            found[mark("detector", run)] = result("detectors", run, "model.safetensors")
        if config["embed"]:
            found[mark("embed", run)] = result("embeddings", run, "index.json")
    if FOLD_RUNS:
        found[mark("cross-validation")] = result("cross-validation.csv")
    if COMPARE is not None:
        found[mark("compare")] = result("comparison", "compare.json")
    for name in PREDICTIONS:
        found[mark("predict", name, "tables")] = result("predictions", name)
    for model in list(MODELS) + (["fit"] if FIT is not None else []):
        found[mark("report", model)] = result("report", f"{model}.html")
    return found


RESULTS = results()


def is_there(place):
    """Whether a result is there."""
    return in_bucket("out", buckets.is_there, place) if is_url(place) else os.path.exists(place)


def forget_lost():
    """Removes marks whose results are gone, so that they are made again."""
    marked = {file: there for file, there in RESULTS.items() if os.path.exists(file)}
    with ThreadPoolExecutor(16) as pool:
        for (file, there), found in zip(marked.items(), pool.map(is_there, marked.values())):
            if not found:
                print(f"{there}: gone; it is made again", file=sys.stderr)
                os.remove(file)


if workflow.is_main_process:
    forget_lost()


wildcard_constraints:
    data="split|folds",
    features="[A-Za-z0-9_]+",
    run=r"[A-Za-z0-9_]+-\d+(-fold-\d+)?",
    name="[A-Za-z0-9_]+",
    part=r"\d+",
    parts=r"\d+",
