"""Measures manifests of many recordings; see scripts/bench-scale.sh.

    python3 scripts/bench-scale.py BARKBIRD OUT N...
"""
import filecmp
import os
import shutil
import signal
import subprocess
import sys
import time

MOST_SECONDS, MOST_MIB, LIMITED_FROM = 60.0, 1024.0, 1_000_000
SHARE = "1/10000"
HERE = os.path.dirname(os.path.abspath(__file__))


def run(command, folder, until=None):
    """Seconds, greatest resident memory in MiB; `until` ends it with SIGKILL."""
    began = time.monotonic()
    with open(os.path.join(folder, "log.txt"), "wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=log)
        while until and process.poll() is None and not until():
            time.sleep(0.02)
        if until and process.poll() is None:
            process.send_signal(signal.SIGKILL)
        _, status, usage = os.wait4(process.pid, 0) if process.returncode is None else (0, 0, None)
        process.returncode = process.returncode if process.returncode is not None else status
    seconds = time.monotonic() - began
    if until:
        if process.returncode != signal.SIGKILL:
            sys.exit(f"{' '.join(command)}: ended before it could be killed")
        return seconds, usage.ru_maxrss / 1024
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: failed:\n{open(os.path.join(folder, 'log.txt')).read()[-2000:]}")
    return seconds, usage.ru_maxrss / 1024


def size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def model(barkbird, out):
    """A small network of made sounds, to share recordings out to."""
    folder = os.path.join(out, "model")
    if not os.path.exists(os.path.join(folder, "run", "model.safetensors")):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for command in ["synth --out sounds --clips 60", "scan sounds/manifest.csv --out m.csv", "features m.csv --out f", "train cnn --features f --out run --epochs 1"]:
            run([barkbird, *command.split()], folder)
    return os.path.join(folder, "run")


def main():
    barkbird, out, sizes = sys.argv[1], sys.argv[2], [int(n) for n in sys.argv[3:]]
    network = model(barkbird, out)
    misses = []
    print(f"{'recordings':>10}  {'step':<44} {'seconds':>8} {'MiB':>7}")
    for n in sizes:
        folder = os.path.join(out, str(n))
        data = os.path.join(folder, "data")
        if not os.path.exists(os.path.join(data, "manifest.csv")):
            os.makedirs(data, exist_ok=True)
            subprocess.run([sys.executable, os.path.join(HERE, "make-many.py"), data, str(n)], check=True)
        for name in ["whole", "killed"]:
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
            os.makedirs(os.path.join(folder, name))
        whole, killed = os.path.join(folder, "whole"), os.path.join(folder, "killed")

        def step(name, command, place, limited, until=None):
            seconds, mib = run([barkbird, *command.split()], place, until)
            mark = ""
            if limited and n >= LIMITED_FROM and (seconds > MOST_SECONDS or mib > MOST_MIB):
                misses.append(f"{name} of {n}")
                mark = "  MISSED"
            print(f"{n:>10}  {name:<44} {seconds:>8.1f} {mib:>7.0f}{mark}", flush=True)

        scan = "scan ../data/manifest.csv --out m.csv"
        step("scan", scan, whole, False)
        journal = os.path.join(killed, "m.scan.journal")
        half = size(os.path.join(whole, "m.scan.journal")) // 2
        step("scan, killed when half was done", scan, killed, False, until=lambda: size(journal) >= half)
        step("scan, the other half", scan, killed, False)
        for name in ["m.csv", "m.scan.json"]:
            if not filecmp.cmp(os.path.join(whole, name), os.path.join(killed, name), shallow=False):
                sys.exit(f"{name}: the resumed scan differs from the unbroken one")
        step("scan --resume, nothing new", f"{scan} --resume", whole, True)
        step("scan --resume --folds 5, nothing new", f"{scan} --folds 5 --resume", killed, True)
        step(f"features --part {SHARE}", f"features m.csv --out f --part {SHARE}", whole, True)
        step(f"predict --part {SHARE}", f"predict {network} m.csv --out t.csv --part {SHARE}", whole, True)
        files = {name: size(os.path.join(whole, name)) / n for name in ["m.csv", "m.scan.json", "m.scan.journal"]}
        print(f"{n:>10}  " + ", ".join(f"{name} {bytes_a_row:.0f} bytes a recording" for name, bytes_a_row in files.items()), flush=True)
    if misses:
        sys.exit(f"more than {MOST_SECONDS:.0f} s or {MOST_MIB:.0f} MiB: {', '.join(misses)}")


main()
