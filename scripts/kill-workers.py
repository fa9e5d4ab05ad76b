"""Kills workers of the workflow in the middle of their work: one of each kind that is named, with SIGKILL, or a job with scancel.

    kill-workers.py --folder RESULTS --seconds N --log FILE KIND...

RESULTS is the folder that the workers write to (`out` of the configuration), or its URL. A KIND is a command of barkbird, with `-part` where it works on
a share (features-part, augment-part, train, predict-part), and scancel-train. A training is killed when two epochs are done and no model
is there, a share some hundredths of a second after it has begun. FILE gets a line for each kill. Ends when all are killed, or after N seconds.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "workflow"))
import buckets

# Seconds after which a share is in the middle.
MIDDLE_S = 0.05


# Seconds after which a process that is none of barkbird's is not looked at again: a shell may become one.
SETTLED_S = 3.0


def workers(folder, seen):
    """(process, words) of barkbird processes that write under a folder. `seen`: when others were first seen."""
    now = time.monotonic()
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or now - seen.setdefault(entry, now) > SETTLED_S:
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
            if not words[0].endswith("barkbird") or "--out" not in words:
                continue
            out = words[words.index("--out") + 1]
            place = out if buckets.is_url(out) else os.path.realpath(os.path.join(f"/proc/{entry}/cwd", out))
            if place.startswith(f"{folder}/"):
                seen[entry] = now
                yield int(entry), words
        except OSError:
            continue


def is_in_training(run):
    """Whether some epochs are done, and the run is not."""
    try:
        if buckets.read(f"{run}/metrics.jsonl").count("\n") < 2:
            return False
        model = f"{run}/model.safetensors"
        return not (buckets.is_there(model) if buckets.is_url(model) else os.path.exists(model))
    except OSError:
        return False


def kill(kind, pid, words, begun):
    """Kills a worker of a kind if it is in the middle; says so in words, or nothing."""
    command = words[1]
    part = words[words.index("--part") + 1] if "--part" in words else None
    out = words[words.index("--out") + 1].rstrip("/")
    if (f"{command}-part" if part else command) != kind.removeprefix("scancel-"):
        return None
    if command == "train":
        if not is_in_training(out if buckets.is_url(out) else os.path.join(os.readlink(f"/proc/{pid}/cwd"), out)):
            return None
    elif time.monotonic() - begun < MIDDLE_S:
        return None
    if kind.startswith("scancel-"):
        # The plugin names rule and wildcards in the comment.
        name = os.path.basename(out)
        queue = subprocess.run(["squeue", "--noheader", "--states=RUNNING", "--format=%i|%k"], capture_output=True, text=True).stdout
        jobs = [line.split("|")[0] for line in queue.splitlines() if re.search(rf"\|rule_train_.*[_-]{re.escape(name)}$", line)]
        if not jobs:
            return None
        subprocess.run(["scancel", jobs[0]], check=True)
        return f"killed: the Slurm job {jobs[0]}, train {name}, with scancel"
    os.kill(pid, signal.SIGKILL)
    return f"killed: barkbird {command} {part or os.path.basename(out)}, {time.monotonic() - begun:.2f} s after it was seen"


parser = argparse.ArgumentParser()
parser.add_argument("--folder", required=True)
parser.add_argument("--seconds", type=float, required=True)
parser.add_argument("--log", required=True)
parser.add_argument("kinds", nargs="+")
args = parser.parse_args()
folder = args.folder.rstrip("/") if buckets.is_url(args.folder) else os.path.realpath(args.folder)
kinds, first = list(args.kinds), {}
killed, seen = set(), {}
end = time.monotonic() + args.seconds
with open(args.log, "a", buffering=1) as log:
    while kinds and time.monotonic() < end:
        for pid, words in workers(folder, seen):
            begun = first.setdefault(pid, time.monotonic())
            for kind in kinds:
                try:
                    said = None if pid in killed else kill(kind, pid, words, begun)
                except (OSError, ValueError, IndexError):
                    continue
                if said:
                    log.write(said + "\n")
                    killed.add(pid)
                    kinds.remove(kind)
                    break
        time.sleep(0.01)
    for kind in kinds:
        log.write(f"no worker in the middle was met: {kind}\n")
