"""Looks at a folder of `barkbird export hub`, serves it as a hub does, and runs the Python of its card; see check-hub.sh."""

import csv
import hashlib
import http.server
import json
import re
import socket
import struct
import subprocess
import sys
from getpass import getuser
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def fail(text):
    sys.exit(f"error: {text}")


def header(model):
    with open(model, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        return json.loads(json.loads(file.read(size))["__metadata__"]["model"])


def look(folder, run):
    """The card by huggingface_hub and a YAML parser, figures, checksums, places."""
    import yaml
    from huggingface_hub import ModelCard
    from huggingface_hub.repocard_data import model_index_to_eval_results

    text = (folder / "README.md").read_text()
    metadata = yaml.safe_load(text.split("---\n")[1])
    card = ModelCard.load(folder / "README.md")
    for key, value in {"library_name": "barkbird", "pipeline_tag": "audio-classification", "license": "cc-by-4.0"}.items():
        if metadata[key] != value or getattr(card.data, key) != value:
            fail(f"{key}: {metadata[key]}")
    name, results = model_index_to_eval_results(metadata["model-index"])
    if name != card.data.model_name or len(results) != len(card.data.eval_results):
        fail("the model index is not what ModelCard reads")
    by_type = {"f1": "macro_f1", "roc_auc": "auroc"}
    n_compared = 0
    for result in results:
        hardest = "hardest" in result.metric_name
        evaluation = re.match(r"evaluation (\w+)", result.dataset_name)
        metrics = json.loads((run / (evaluation[1] if evaluation else "test") / "metrics.json").read_text())
        key = by_type.get(result.metric_type, result.metric_type)
        expected = metrics["stress"]["worst"]["balanced_accuracy"] if hardest else metrics[key]
        if result.metric_value != expected or result.task_type != "audio-classification":
            fail(f"{result}: expected {expected}")
        interval = metrics["stress"]["worst"]["interval"] if hardest else metrics["intervals"].get(key)
        if result.metric_args.get("interval_95") != interval:
            fail(f"{result}: expected {interval}")
        n_compared += 1
    sha256 = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    config = json.loads((folder / "config.json").read_text())
    about = json.loads((folder / "onnx" / "model.json").read_text())
    if not config["model_sha256"] == about["model_sha256"] == sha256:
        fail("config.json, onnx/model.json and model.safetensors are not of one model")
    of_run = header(run / "model.safetensors")
    if [config["id2label"][str(nth)] for nth in range(config["num_labels"])] != of_run["classes"]:
        fail(f"id2label: {config['id2label']}")
    known = [clip["path"] for clip in (of_run["outlier"] or {"known": []})["known"]]
    places = {path for path in known} | {Path(path).name for path in known} | {str(Path.home()), str(run), socket.gethostname()}
    places.add(getuser())
    # A short name is in any file of some size, by chance.
    places = {place for place in places if len(place) > 5 and place not in ("/root", "localhost")}
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    for file in files:
        raw = file.read_bytes()
        for place in places:
            if place.encode() in raw:
                fail(f"{file.name} names {place}")
    left = [clip["path"] for clip in (header(folder / "model.safetensors")["outlier"] or {"known": []})["known"]]
    print(f"{name}: card read by huggingface_hub and PyYAML; license {metadata['license']}, tags {', '.join(metadata['tags'])}; "
          f"{n_compared} figures and intervals are those of metrics.json")
    for result in results:
        print(f"  {result.dataset_name}, {result.dataset_split}: {result.metric_name} = {result.metric_value:.3f}")
    size = sum(file.stat().st_size for file in files) / 1e6
    print(f"{name}: {len(files)} files, {size:.1f} MB; none of {len(places)} names of places is in them "
          f"({len(known)} known clips, now {left[0] if left else 'none'}, ...)")


def serve(folder, repository, address):
    """A hub with one repository."""
    files = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(False)

        def do_GET(self):
            self.answer(True)

        def answer(self, has_body):
            path = self.path.split("?")[0]
            if path in (f"/api/models/{repository}", f"/api/models/{repository}/revision/main", f"/api/models/{repository}/revision/{COMMIT}"):
                siblings = [{"rfilename": name} for name in files]
                body = json.dumps({"id": repository, "modelId": repository, "sha": COMMIT, "private": False, "tags": [], "siblings": siblings})
                return self.send(200, body.encode(), has_body, {})
            found = re.fullmatch(rf"/{re.escape(repository)}/resolve/(main|{COMMIT})/(.+)", path)
            if not found or found[2] not in files:
                return self.send(404, b"", has_body, {"X-Error-Code": "EntryNotFound" if found else "RepoNotFound"})
            body = files[found[2]].read_bytes()
            large = found[2].endswith((".safetensors", ".onnx"))
            etag = hashlib.sha256(body).hexdigest() if large else hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
            self.send(200, body, has_body, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

        def send(self, status, body, has_body, headers):
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if has_body:
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Path(address).write_text(f"http://127.0.0.1:{server.server_address[1]}")
    server.serve_forever()


def python(folder, run, barkbird, work):
    """The Python of the card, as it stands there, beside `barkbird predict` on a recording of three whole windows."""
    import numpy
    import soundfile

    about = json.loads((folder / "onnx" / "model.json").read_text())
    rate, n = about["sample_rate_hz"], about["input_shape"][1]
    draw = numpy.random.default_rng(1)
    seconds = numpy.arange(3 * n) / rate
    sweep = numpy.sin(2 * numpy.pi * (500 + 400 * numpy.sin(2 * seconds)) * seconds) * (0.3 + 0.2 * numpy.sin(9 * seconds))
    sound = (sweep + 0.05 * draw.standard_normal(3 * n)).astype("float32")
    soundfile.write(Path(work) / "recording.wav", sound, rate, subtype="FLOAT")
    code = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=work, capture_output=True, text=True)
    if done.returncode:
        fail(f"the Python of the card: {done.stderr}")
    subprocess.run([barkbird, "predict", run, "recording.wav", "--out", "recording.csv", "--overwrite", "--quiet"], cwd=work, check=True)
    with open(Path(work) / "recording.csv") as file:
        rows = list(csv.DictReader(file))
    lines = done.stdout.strip().splitlines()
    if len(lines) != len(rows):
        fail(f"{len(lines)} windows in Python, {len(rows)} of predict")
    worst = 0.0
    for line, row in zip(lines, rows):
        found = re.fullmatch(r"([\d.]+) s: (.+) \(([\d.]+)\)", line)
        label = found[2] if row["label"] != "unsure" else "unsure"
        if label != row["label"]:
            fail(f"{line}: predict says {row['label']}")
        worst = max(worst, abs(float(found[3]) - float(row["probability"])))
    if worst > 0.0006:
        fail(f"probabilities differ by {worst}")
    print(f"{run.name}: the card's Python, fetched by huggingface_hub: {len(rows)} windows, same labels ({', '.join(row['label'] for row in rows)}), "
          f"probabilities within {worst:.4f} (three digits are printed)")


if __name__ == "__main__":
    command, folder, *rest = sys.argv[1:]
    if command == "look":
        look(Path(folder), Path(rest[0]))
    elif command == "serve":
        serve(Path(folder), *rest)
    else:
        python(Path(folder), Path(rest[0]), *rest[1:])
