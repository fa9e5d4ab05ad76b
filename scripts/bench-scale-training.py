"""The measurements of bench-scale-training.sh: trainings in turn on a set in the file cache and on one that is not."""

import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

barkbird, out, small, middle, large, rounds, epoch_clips, epochs, presets = sys.argv[1:]
rounds, epoch_clips, epochs = int(rounds), int(epoch_clips), int(epochs)
LIMIT = 2 << 30


def folder(size):
    return os.path.join(out, f"gb-{size}")


def shards(size):
    return [os.path.join(folder(size), name) for name in sorted(os.listdir(folder(size))) if name.endswith(".safetensors")]


def evict(size):
    """Takes the files out of the file cache, and no others."""
    for path in shards(size):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def warm(size):
    for path in shards(size):
        with open(path, "rb") as file:
            while file.read(1 << 24):
                pass


class Group:
    """A control group with limited memory; none where there are no rights to make one."""

    def __init__(self):
        self.path = None
        v1, v2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"
        for base, limit, peak in ((v1, "memory.limit_in_bytes", "memory.max_usage_in_bytes"), (v2, "memory.max", "memory.peak")):
            path = os.path.join(base, f"barkbird-scale-{os.getpid()}")
            try:
                os.mkdir(path)
                with open(os.path.join(path, limit), "w") as file:
                    file.write(str(LIMIT))
                self.path, self.peak_file = path, os.path.join(path, peak)
                return
            except OSError:
                if os.path.isdir(path):
                    os.rmdir(path)

    def enter(self):
        if self.path:
            with open(os.path.join(self.path, "cgroup.procs"), "w") as file:
                file.write(str(os.getpid()))

    def close(self):
        """The most memory that the group had, file cache included."""
        if not self.path:
            return None
        with open(self.peak_file) as file:
            peak = int(file.read())
        os.rmdir(self.path)
        return peak


def train(size, preset, n_clips, n_epochs, limited):
    """A training: clips a second of the epochs after the first, seconds until it began, peak memory, and the lines of the program."""
    run = os.path.join(out, "run")
    shutil.rmtree(run, ignore_errors=True)
    with open(os.path.join(folder(size), "index.json")) as file:
        total = json.load(file)["n_clips"]
    parts = max(1, round(total / n_clips))
    command = [barkbird, "train", "cnn", "--preset", preset, "--features", folder(size), "--out", run, "--epochs", str(n_epochs),
               "--set", f"train.epoch_parts={parts}", "--progress", "json", "--threads", str(os.cpu_count())]
    group = Group() if limited else None
    begin = time.time()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                             preexec_fn=group.enter if group else None)
    lines = child.stderr.read().splitlines()
    _, status, usage = os.wait4(child.pid, 0)
    peak_group = group.close() if group else None
    if status != 0:
        sys.exit("\n".join(lines[-5:]))
    began = None
    for line in lines:
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("event") == "task_started" and event["payload"]["task"] == "training":
            stamp = event["timestamp"].replace("Z", "+00:00")
            began = datetime.datetime.fromisoformat(stamp).timestamp()
    with open(os.path.join(run, "metrics.jsonl")) as file:
        metrics = [json.loads(line) for line in file]
    seconds = [epoch["seconds"] for epoch in metrics]
    with open(os.path.join(run, "model.safetensors"), "rb") as file:
        head = file.read(8)
        header = json.loads(file.read(int.from_bytes(head, "little")))
    model = json.loads(next(iter(header["__metadata__"].values())))
    trained = model["split"]["train"]["clips"] / parts
    return {
        "rate": trained / statistics.mean(seconds[1:] or seconds),
        "startup": began - begin if began else float("nan"),
        "rss": usage.ru_maxrss * 1024,
        "group": peak_group,
        "n_clips": total,
        "accuracy": metrics[-1]["val_balanced_accuracy"],
    }


def gib(n_bytes):
    return f"{n_bytes / (1 << 30):.2f}"


failed = []
total_bytes = sum(map(os.path.getsize, shards(large)))
print(f"{total_bytes / 1e9:.1f} GB in {len(shards(large)) - 1} shards; small: {sum(map(os.path.getsize, shards(small))) / 1e9:.1f} GB")
print()
print("| network | set | clips/s of each round | mean | share (median of the pairs, range) | peak resident (GiB) | peak with file cache (GiB) | balanced accuracy |")
print("| --- | --- | --- | --- | --- | --- | --- | --- |")
for preset in presets.split():
    found = {small: [], large: []}
    for nth in range(rounds):
        for size in (small, large) if nth % 2 == 0 else (large, small):
            if size == large:
                evict(large)
            else:
                warm(small)
            found[size].append(train(size, preset, epoch_clips, epochs, size == large))
    rates = {size: [one["rate"] for one in found[size]] for size in found}
    # Pairs are neighbors in time, so what else the machine does disturbs both.
    shares = [b / a for a, b in zip(rates[small], rates[large])]
    share = statistics.median(shares)
    for size, name in ((small, "in the file cache"), (large, "on disk")):
        peak = max(one["group"] or 0 for one in found[size])
        print(f"| {preset} | {size} GB, {name} | {', '.join(f'{rate:.0f}' for rate in rates[size])} | {statistics.mean(rates[size]):.0f} | "
              f"{f'{share:.3f} ({min(shares):.3f} to {max(shares):.3f})' if size == large else ''} | {gib(max(one['rss'] for one in found[size]))} | {gib(peak) if peak else ''} | "
              f"{found[size][-1]['accuracy']:.3f} |", flush=True)
    most = max(max(one["rss"], one["group"] or 0) for one in found[large])
    if share < 0.95:
        failed.append(f"{preset}: {share:.3f} of the speed from memory")
    if most > LIMIT:
        failed.append(f"{preset}: {gib(most)} GiB")

print()
print("| set (GB) | clips | list of clips (bytes a clip) | start-up, files not cached (s) | peak resident (MiB) |")
print("| --- | --- | --- | --- | --- |")
points = []
for size in (small, middle, large):
    runs = []
    for _ in range(3):
        evict(size)
        runs.append(train(size, presets.split()[0], 1000, 1, True))
    one = dict(runs[0], startup=statistics.median(run["startup"] for run in runs), rss=statistics.median(run["rss"] for run in runs))
    list_bytes = os.path.getsize(os.path.join(folder(size), "clips.safetensors")) / one["n_clips"]
    points.append(one)
    print(f"| {size} | {one['n_clips']:,} | {list_bytes:.1f} | {one['startup']:.2f} | {one['rss'] / (1 << 20):.0f} |", flush=True)
# The smallest is read completely for its normalization, the others are not.
first, last = points[1:]
slope = (last["rss"] - first["rss"]) / (last["n_clips"] - first["n_clips"])
seconds = (last["startup"] - first["startup"]) / (last["n_clips"] - first["n_clips"]) * 1e6
clip_bytes = total_bytes / last["n_clips"]
print()
print(f"memory: {slope:.0f} bytes a clip; start-up: {seconds:.2f} s a million clips; a clip: {clip_bytes:.0f} bytes on disk, "
      f"so that a terabyte is {1e12 / clip_bytes / 1e6:.1f} million clips and {gib(slope * 1e12 / clip_bytes)} GiB")
shutil.rmtree(os.path.join(out, "run"), ignore_errors=True)
if failed:
    sys.exit("failed: " + "; ".join(failed))
print("at least 95 % of the speed from memory, in less than 2 GiB")
