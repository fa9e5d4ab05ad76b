"""Makes many tiny recordings and a manifest of them, for scripts/bench-scale.sh.

    python3 scripts/make-many.py FOLDER N

N recordings of 0.1 s (8 kHz, 16 bits: 1.6 kB), all different, in folders of 1,000 as recorders leave them, and FOLDER/manifest.csv
with a label, a group (recorder and day) and two columns of a user's own. The same N gives the same bytes.
"""
import os
import random
import struct
import sys
from array import array

RATE_HZ, N_SAMPLES, A_FOLDER = 8000, 800, 1000
LABELS = ["robin", "wren", "blackbird", "chiffchaff", "owl", "crow", "fox", "dog", "neither", "woodpecker"]


def main():
    root, n = sys.argv[1], int(sys.argv[2])
    random.seed(0)
    noise = array("h", (random.randrange(-8000, 8000) for _ in range(N_SAMPLES))).tobytes()
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(noise), b"WAVE", b"fmt ", 16, 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16, b"data", len(noise))
    with open(os.path.join(root, "manifest.csv.tmp"), "w") as manifest:
        manifest.write("path,label,group,latitude,habitat\n")
        for i in range(n):
            recorder, nth = divmod(i, A_FOLDER)
            day, minute = divmod(nth, 48)
            name = f"recorder-{recorder:04}/2026-05-{day + 1:02}/SM4-{recorder:04}_202605{day + 1:02}_{minute // 2:02}{minute % 2 * 30:02}00.wav"
            path = os.path.join(root, name)
            if nth % 48 == 0:
                os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(header + struct.pack("<4h", i % 30000, i // 30000, 1000, -1000) + noise[8:])
            label = LABELS[(recorder * 7 + nth) % len(LABELS)]
            manifest.write(f"{name},{label},recorder-{recorder:04}-{day + 1:02},{45 + recorder / 1000:.3f},woodland\n")
    os.replace(os.path.join(root, "manifest.csv.tmp"), os.path.join(root, "manifest.csv"))


main()
