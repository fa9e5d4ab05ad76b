"""What check-esc10.sh needs beside the program: a miniature archive, a server, and the table.

    check-esc10.py archive SOUNDS ARCHIVE      a ZIP archive in the layout of ESC-50 from made sounds
    check-esc10.py serve FOLDER PORT_FILE      a server on 127.0.0.1
    check-esc10.py part FIELD FOLDER           the clips of ESC-10 in a folder of data, by their names, in the layout of ESC-50
    check-esc10.py table MANIFEST NAME RUN...  accuracy by fold, and of all folds with its interval
"""

import array
import functools
import http.server
import io
import math
import os
import random
import sys
import wave
import zipfile

import folds

CATEGORIES = [
    ("dog", 0), ("rooster", 1), ("rain", 10), ("sea_waves", 11), ("crackling_fire", 12),
    ("crying_baby", 20), ("sneezing", 21), ("clock_tick", 38), ("helicopter", 40), ("chainsaw", 41),
]
SOURCES, TAKES = 2, 2  # of each category in each fold
SECONDS = 2


def clip(source, category, draw):
    """A made sound as the background of pulses whose pitch and pace are those of its category."""
    with wave.open(source) as file:
        rate, samples = file.getframerate(), array.array("h", file.readframes(file.getnframes()))
    pitch, pace = 300 * 1.35**category * draw.uniform(0.97, 1.03), 1.5 + category % 5
    out = array.array("h")
    for i in range(SECONDS * rate):
        t = i / rate
        pulse = math.sin(2 * math.pi * pitch * t) * math.exp(-6 * ((t * pace) % 1))
        out.append(int(max(-32767, min(32767, 0.3 * samples[i % len(samples)] + 9000 * pulse))))
    body = io.BytesIO()
    with wave.open(body, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(out.tobytes())
    return body.getvalue()


def archive(sounds, path):
    draw = random.Random(0)
    sources = sorted(os.path.join(root, name) for root, _, names in os.walk(sounds) for name in names if name.endswith(".wav"))
    table = "filename,fold,target,category,esc10,src_file,take\n"
    # Deflated, with a folder in common and files that nobody wants, as the published one.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        def add(name, body):
            out.writestr(zipfile.ZipInfo(f"ESC-50-mini/{name}", (2020, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)

        add("LICENSE", "made sounds, of nobody\n")
        add("esc50.gif", b"GIF89a")
        number = 0
        for fold in range(1, 6):
            for nth, (category, target) in enumerate(CATEGORIES):
                for _ in range(SOURCES):
                    number += 1
                    source = draw.choice(sources)
                    for take in "AB"[:TAKES]:
                        name = f"{fold}-{number}-{take}-{target}.wav"
                        add(f"audio/{name}", clip(source, nth, draw))
                        table += f"{name},{fold},{target},{category},True,{number},{take}\n"
        # One recording that is not of ESC-10.
        add("audio/1-9999-A-5.wav", clip(sources[0], 3, draw))
        table += "1-9999-A-5.wav,1,5,cat,False,9999,A\n"
        add("meta/esc50.csv", table)


def serve(folder, port_file):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        with open(port_file + ".new", "w") as file:
            file.write(str(server.server_address[1]))
        os.rename(port_file + ".new", port_file)
        server.serve_forever()


def part(field, folder):
    """ESC-50 names its clips FOLD-SOURCE-TAKE-TARGET; a copy may have left the target out."""
    os.makedirs(os.path.join(folder, "audio"))
    os.makedirs(os.path.join(folder, "meta"))
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    categories = sorted(name for name in os.listdir(field) if os.path.isdir(os.path.join(field, name)))
    for target, category in enumerate(categories):
        for name in sorted(os.listdir(os.path.join(field, category))):
            words = os.path.splitext(name)[0].split("-")
            if len(words) < 3 or words[0] not in "12345" or not words[1].isdigit():
                continue
            os.symlink(os.path.abspath(os.path.join(field, category, name)), os.path.join(folder, "audio", name))
            rows.append(f"{name},{words[0]},{target},{category},True,{words[1]},{words[2]}")
    with open(os.path.join(folder, "meta", "esc50.csv"), "w") as out:
        out.write("\n".join(rows) + "\n")
    print(f"{len(rows) - 1} clips of ESC-10")


def table(manifest_path, name, *runs):
    groups = folds.groups_in(manifest_path)
    each = [folds.rows_of(run, groups) for run in runs]
    share = [folds.accuracy(rows) for rows in each]
    every = [row for rows in each for row in rows]
    low, high = folds.interval(every, folds.accuracy)
    n_groups = len({group for _, _, group in every})
    print(
        f"| {name} | " + " | ".join(f"{value:.3f}" for value in share)
        + f" | {sum(share) / len(share):.3f} | {low:.3f} to {high:.3f} | {len(every)} / {n_groups} |"
    )


{"archive": archive, "serve": serve, "part": part, "table": table}[sys.argv[1]](*sys.argv[2:])
