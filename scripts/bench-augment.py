"""Time stretch and pitch shift of the crate `augment` beside librosa: time, and distance to sounds whose stretched and
shifted forms are synthesized exactly. Called by bench-augment.sh; prints a table and writes it as JSON."""

import argparse
import json
import pathlib
import subprocess
import time

import librosa
import numpy as np

RATE = 22050
SECONDS = 5.0
STRETCHES = (0.8, 0.9, 1.1, 1.25)
SHIFTS = (-4.0, -2.0, 2.0, 4.0)
# A tone may be this far from where it should be, and a click.
TONE_CENTS = 2.0
CLICK_MS = 1.0
# Cells this far below the loudest count as equal.
FLOOR_DB = 60.0


def voiced(pieces, formants, speed, pitch, highest):
    """Harmonics of gliding pitches under formants: (start, seconds, pitches, attack, release) each. `speed` and `pitch`
    change the formulas, not the samples."""
    n = int(round(SECONDS * RATE / speed))
    sound = np.zeros(n)
    for start, seconds, hz, attack, release in pieces:
        t = np.arange(int(seconds / speed * RATE)) / RATE * speed
        f0 = np.interp(t / seconds, np.linspace(0, 1, len(hz)), hz) * pitch
        phase = 2 * np.pi * np.cumsum(f0) / RATE
        envelope = np.minimum(1, t / attack) * np.minimum(1, np.maximum(0, (seconds - t) / release))
        piece = np.zeros(len(t))
        for k in range(1, int(highest / min(hz)) + 1):
            f = k * f0 / pitch
            gain = sum(g / (1 + ((f - c) / w) ** 2) for c, w, g in formants) * (f < highest)
            piece += gain * np.sin(k * phase + k * k)
        at = int(round(start / speed * RATE))
        piece = (piece * envelope)[: max(0, n - at)]
        sound[at : at + len(piece)] += piece
    return sound


def bark_like(speed, pitch):
    draws = np.random.default_rng(1)
    pieces, at = [], 0.2
    while at < SECONDS - 0.4:
        seconds, top = draws.uniform(0.1, 0.25), draws.uniform(300, 700)
        pieces.append((at, seconds, [0.7 * top, top, 0.95 * top, 0.6 * top], draws.uniform(0.005, 0.02), 0.5 * seconds))
        at += seconds + draws.uniform(0.1, 0.5)
    return voiced(pieces, [(950, 400, 1.0), (1750, 500, 0.7), (3000, 900, 0.3)], speed, pitch, 8000)


def speech_like(speed, pitch):
    draws = np.random.default_rng(2)
    pieces, at = [], 0.1
    while at < SECONDS - 0.5:
        seconds = draws.uniform(0.15, 0.4)
        pieces.append((at, seconds, list(draws.uniform(100, 180, 4)), 0.03, 0.06))
        at += seconds + draws.uniform(0.0, 0.1)
    return voiced(pieces, [(600, 120, 1.0), (1300, 160, 0.6), (2500, 250, 0.25)], speed, pitch, 5000)


def song_like(speed, pitch):
    draws = np.random.default_rng(3)
    pieces, at = [], 0.1
    while at < SECONDS - 0.4:
        seconds = draws.uniform(0.05, 0.3)
        pieces.append((at, seconds, list(draws.uniform(2000, 4500, 3)), 0.01, 0.03))
        at += seconds + draws.uniform(0.03, 0.2)
    return voiced(pieces, [(3000, 2000, 1.0)], speed, pitch, 8000)


SOUNDS = {"bark-like": bark_like, "speech-like": speech_like, "song-like": song_like}


def picture(sound, n_fft):
    power = np.abs(librosa.stft(sound.astype(np.float32), n_fft=n_fft, hop_length=n_fft // 4)) ** 2
    mel = librosa.filters.mel(sr=RATE, n_fft=n_fft, n_mels=128 if n_fft > 1024 else 64) @ power
    return 10 * np.log10(np.maximum(mel, mel.max() * 10 ** (-FLOOR_DB / 10)) / mel.max())


def distance_db(sound, truth):
    """Root mean square of the differences of log-mel spectrograms at two resolutions, over the cells that hold sound."""
    out = []
    for n_fft in (512, 2048):
        a, b = picture(sound, n_fft), picture(truth, n_fft)
        n = min(a.shape[1], b.shape[1])
        a, b = a[:, :n], b[:, :n]
        heard = np.maximum(a, b) > -FLOOR_DB + 1
        out.append(np.sqrt(np.mean((a - b)[heard] ** 2)))
    return float(np.mean(out))


def tone_cents(sound, hz):
    part = sound[RATE // 2 : -RATE // 2] * np.blackman(len(sound) - 2 * (RATE // 2))
    power = np.abs(np.fft.rfft(part, 1 << 20)) ** 2
    k = int(np.argmax(power))
    left, middle, right = np.log(power[k - 1 : k + 2])
    found = (k + 0.5 * (left - right) / (left - 2 * middle + right)) * RATE / (1 << 20)
    return 1200 * np.log2(found / hz)


def click_ms(sound, places):
    """The largest distance of a place from the loudest sample within 50 ms."""
    reach = RATE // 20
    def one(place):
        at = int(round(place))
        low = max(0, at - reach)
        return abs(low + int(np.argmax(np.abs(sound[low : at + reach]))) - place) / RATE * 1000
    return max(one(place) for place in places)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    args = parser.parse_args()

    def ours(sound, step, amount, rounds=1):
        source, result = args.work / "in.f32", args.work / "out.f32"
        sound.astype("<f4").tofile(source)
        command = [args.ours, step, repr(amount), str(RATE), source, result, str(rounds)]
        seconds = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return np.fromfile(result, "<f4"), seconds

    def theirs(sound, step, amount):
        sound = sound.astype(np.float32)
        if step == "stretch":
            return librosa.effects.time_stretch(sound, rate=amount)
        return librosa.effects.pitch_shift(sound, sr=RATE, n_steps=amount)

    report = {"librosa": librosa.__version__, "time": {}, "tone_cents": {}, "click_ms": {}, "distance_db": {}}
    cases = [("stretch", amount) for amount in STRETCHES] + [("pitch", amount) for amount in SHIFTS]
    clip = bark_like(1, 1) + 0.01 * np.random.default_rng(0).standard_normal(int(SECONDS * RATE))
    # On a machine with other work the long calls are interrupted more: processor time for librosa, the wall's for ours.
    # Ours is a new process each turn, whose first calls are those of a cold cache; librosa is warm from the start.
    print(f"one 5 s clip at {RATE} Hz, one thread each (processor time for librosa), the fastest of {args.rounds} turns")
    for step, amount in cases:
        theirs(clip, step, amount)
        mine, other = [], []
        for _ in range(args.rounds):
            for _ in range(5):
                begin = time.process_time()
                theirs(clip, step, amount)
                other.append(time.process_time() - begin)
            mine.append(ours(clip, step, amount, 20)[1])
        a, b = min(mine), min(other)
        report["time"][f"{step} {amount:g}"] = {"ours_s": a, "librosa_s": b, "ratio": b / a}
        print(f"  {step} {amount:5g}: ours {a * 1e3:6.2f} ms, librosa {b * 1e3:6.2f} ms, ratio {b / a:5.1f}")

    print(f"a tone's frequency (tolerance {TONE_CENTS} cents) and a click's place (tolerance {CLICK_MS} ms)")
    failed = False
    t = np.arange(int(SECONDS * RATE)) / RATE
    for step, amount in cases:
        pitch = 2 ** (amount / 12) if step == "pitch" else 1.0
        speed = amount if step == "stretch" else 1.0
        worst = {"ours": 0.0, "librosa": 0.0}
        for hz in (220.0, 1000.0, 3333.0):
            tone = 0.5 * np.sin(2 * np.pi * hz * t)
            for name, sound in (("ours", ours(tone, step, amount)[0]), ("librosa", theirs(tone, step, amount))):
                worst[name] = max(worst[name], abs(tone_cents(sound, hz * pitch)))
        clicks = 0.001 * np.random.default_rng(4).standard_normal(len(t)) + 0.05 * np.sin(2 * np.pi * 440 * t)
        places = [11025, 30000, 52345, 80001]
        clicks[places] = 1.0
        expected = [place / speed for place in places]
        place = {"ours": click_ms(ours(clicks, step, amount)[0], expected),
                 "librosa": click_ms(theirs(clicks, step, amount), expected)}
        report["tone_cents"][f"{step} {amount:g}"], report["click_ms"][f"{step} {amount:g}"] = worst, place
        failed |= worst["ours"] > TONE_CENTS or place["ours"] > CLICK_MS
        print(f"  {step} {amount:5g}: tone ours {worst['ours']:.3f}, librosa {worst['librosa']:.3f} cents; "
              f"click ours {place['ours']:.3f}, librosa {place['librosa']:.3f} ms")

    print("distance to the truth, dB (log-mel, root mean square)")
    for name, make in SOUNDS.items():
        for step, amount in cases:
            truth = make(amount, 1) if step == "stretch" else make(1, 2 ** (amount / 12))
            a = distance_db(ours(make(1, 1), step, amount)[0], truth)
            b = distance_db(theirs(make(1, 1), step, amount), truth)
            report["distance_db"][f"{name} {step} {amount:g}"] = {"ours": a, "librosa": b}
            print(f"  {name:>11} {step} {amount:5g}: ours {a:5.2f}, librosa {b:5.2f}")
    args.out.write_text(json.dumps(report, indent=2) + "\n")
    if failed:
        raise SystemExit("a tone or a click is beyond its tolerance")


if __name__ == "__main__":
    main()
