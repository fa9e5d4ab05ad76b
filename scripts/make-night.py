#!/usr/bin/env python3
"""Makes a long recording whose sounds are known: clips at drawn times over low noise, and a table that says where they are.

    python3 scripts/make-night.py CLIPS.csv OUT.wav --hours 24 --rate 22050 --channels 1 --seed 0

CLIPS.csv has the columns path (of WAV files with 16-bit PCM, relative to the table) and label; other columns are ignored.
The noise is pink, at -60 dBFS, and repeats every 61 seconds, so that a day is made in a minute. Clips take turns in drawn
order and do not overlap; each is 0 to 20 dB quieter than its file. Its channels are averaged and put into every channel.
A clip of another rate is resampled by linear interpolation, which adds aliases: resample beforehand where that matters.

Writes OUT.wav (16-bit PCM; RF64 where it is over 4 GB) and OUT.csv, or --truth FILE: start and end in seconds, and label,
in order of time. Equal arguments give equal bytes. Memory holds one clip and 61 seconds. Needs Python 3.9, nothing else.
"""

import argparse
import csv
import math
import os
import random
import struct
import sys
import wave
from array import array
from operator import add

NOISE_S = 61
NOISE_DBFS = -60
FADE_S = 0.1
GAP_S = 0.5
QUIETEST_DB = 20
FULL_SCALE = 32767
# Sizes of RIFF have 32 bits; the header takes 36 bytes of them.
MAX_RIFF_DATA_BYTES = 2**32 - 1 - 36


class Clip:
    """A row of CLIPS.csv: where the sound is, what it is, and how long."""

    def __init__(self, path, label):
        self.path, self.label = path, label
        with self.open() as file:
            self.rate, self.channels, self.frames = file.getframerate(), file.getnchannels(), file.getnframes()
            width = file.getsampwidth()
        if width != 2:
            sys.exit(f"{path}: expected 16-bit PCM, got {8 * width} bits: {self.how_to_convert()}")
        if not self.frames:
            sys.exit(f"{path}: holds no sound")

    def open(self):
        try:
            return wave.open(self.path, "rb")
        except OSError as error:
            sys.exit(f"{self.path}: cannot be read: {error.strerror}")
        except (wave.Error, EOFError) as error:
            sys.exit(f"{self.path}: expected a WAV file with 16-bit PCM ({error}): {self.how_to_convert()}")

    def how_to_convert(self):
        return "convert it first, for example by `ffmpeg -i IN -c:a pcm_s16le -bitexact OUT.wav`"

    def frames_at(self, rate):
        """Frames once it has this rate."""
        return max(1, self.frames * rate // self.rate)

    def samples(self, rate, gain, peak):
        """The clip as one channel at this rate, multiplied by `gain`, or less where that is over `peak`."""
        with self.open() as file:
            sound = array("h", file.readframes(self.frames))
        if len(sound) != self.frames * self.channels:
            found = len(sound) // self.channels
            sys.exit(f"{self.path}: expected {self.frames} frames by its header, got {found}: the file is cut")
        if sys.byteorder == "big":
            sound.byteswap()
        if self.channels > 1:
            parts = [sound[channel :: self.channels] for channel in range(self.channels)]
            sound = array("h", [sum(frame) // self.channels for frame in zip(*parts)])
        loudest = max(max(sound), -min(sound))
        if loudest == 0:
            sys.exit(f"{self.path}: is silent, so that nobody could find it: leave it out")
        gain = min(gain, peak / loudest)
        if self.rate == rate:
            return array("h", [int(sample * gain) for sample in sound])
        divisor = math.gcd(self.rate, rate)
        ahead, per = self.rate // divisor, rate // divisor
        sound.append(sound[-1])
        mixed = array("h")
        for n in range(self.frames_at(rate)):
            at, part = divmod(n * ahead, per)
            here = sound[at]
            mixed.append(int((here + (sound[at + 1] - here) * part / per) * gain))
        return mixed


def read_clips(table):
    """The clips of a table."""
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        sys.exit(f"{table}: cannot be read: {error.strerror}")
    if not rows:
        sys.exit(f"{table}: has no rows")
    for column in ("path", "label"):
        if any(row.get(column) is None for row in rows):
            sys.exit(f"{table}: expected a column `{column}` with a value in each row")
    return [Clip(os.path.join(os.path.dirname(table), row["path"]), row["label"]) for row in rows]


def pink_noise(rate, draw):
    """NOISE_S seconds of noise whose end leads to its beginning."""
    n_frames, n_fade = NOISE_S * rate, max(1, int(FADE_S * rate))
    slow = middle = fast = 0.0
    sound = array("d")
    # Three filters of first order (Paul Kellet's) fall by 3 dB an octave together. The first second lets them settle.
    for n in range(-rate, n_frames + n_fade):
        white = draw.random() - 0.5
        slow = 0.99765 * slow + white * 0.0990460
        middle = 0.96300 * middle + white * 0.2965164
        fast = 0.57000 * fast + white * 1.0526913
        if n >= 0:
            sound.append(slow + middle + fast + white * 0.1848)
    for n in range(n_fade):
        angle = math.pi / 2 * n / n_fade
        sound[n] = sound[n] * math.sin(angle) + sound[n_frames + n] * math.cos(angle)
    del sound[n_frames:]
    rms = math.sqrt(sum(sample * sample for sample in sound) / n_frames)
    gain = 10 ** (NOISE_DBFS / 20) * FULL_SCALE / rms
    return array("h", [round(sample * gain) for sample in sound])


def in_channels(noise, channels):
    """The noise in interleaved channels, each from another place on."""
    mixed = array("h", bytes(2 * channels * len(noise)))
    for channel in range(channels):
        cut = len(noise) * channel // channels
        mixed[channel::channels] = noise[cut:] + noise[:cut]
    return mixed


def place(clips, n_clips, n_frames, rate, draw):
    """(first frame, clip) in order of time: every way to place them with GAP_S between them is equally likely."""
    chosen = []
    while len(chosen) < n_clips:
        turn = clips[:]
        draw.shuffle(turn)
        chosen += turn[: n_clips - len(chosen)]
    gap = int(GAP_S * rate)
    lengths = [clip.frames_at(rate) + gap for clip in chosen]
    free = n_frames - sum(lengths) - gap
    if free < 0:
        needed, there = sum(lengths) / rate, n_frames / rate
        sys.exit(f"{n_clips} clips take {needed:.0f} s, the recording has {there:.0f} s: lower --per-hour")
    starts, taken = [], gap
    for start, length in zip(sorted(draw.randrange(free + 1) for _ in chosen), lengths):
        starts.append(start + taken)
        taken += length
    return list(zip(starts, chosen))


def header(n_data_bytes, rate, channels):
    """The header of a WAV file; of an RF64 file where the sizes need more than 32 bits."""
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16)
    if n_data_bytes <= MAX_RIFF_DATA_BYTES:
        return b"RIFF" + struct.pack("<I", 36 + n_data_bytes) + b"WAVE" + fmt + b"data" + struct.pack("<I", n_data_bytes)
    sizes = struct.pack("<QQQI", 72 + n_data_bytes, n_data_bytes, n_data_bytes // (2 * channels), 0)
    ds64 = b"ds64" + struct.pack("<I", len(sizes)) + sizes
    return b"RF64" + struct.pack("<I", 2**32 - 1) + b"WAVE" + ds64 + fmt + b"data" + struct.pack("<I", 2**32 - 1)


def little_endian(sound):
    """The bytes of interleaved samples as files have them."""
    if sys.byteorder == "big":
        sound = sound[:]
        sound.byteswap()
    return sound.tobytes()


class Night:
    """The recording as it is written, with the noise below it."""

    def __init__(self, file, noise, channels):
        self.file, self.noise, self.channels = file, noise, channels
        self.bytes = memoryview(little_endian(noise))
        self.n_noise, self.at = len(noise) // channels, 0

    def blocks(self, n_frames):
        """The noise for the next frames: (frames before it, begin, end) in the buffer."""
        done = 0
        while done < n_frames:
            begin = (self.at + done) % self.n_noise
            end = min(self.n_noise, begin + n_frames - done)
            yield done, begin, end
            done += end - begin
        self.at += n_frames

    def write_noise(self, n_frames):
        width = 2 * self.channels
        for _, begin, end in self.blocks(n_frames):
            self.file.write(self.bytes[begin * width : end * width])

    def write_clip(self, samples):
        for done, begin, end in self.blocks(len(samples)):
            mixed = self.noise[begin * self.channels : end * self.channels]
            part = samples[done : done + end - begin]
            for channel in range(self.channels):
                mixed[channel :: self.channels] = array("h", map(add, mixed[channel :: self.channels], part))
            self.file.write(little_endian(mixed))


def seconds(frame, rate):
    """A time in seconds with three decimals, from integers."""
    ms = (frame * 1000 + rate // 2) // rate
    return f"{ms // 1000}.{ms % 1000:03d}"


def write_whole(path, mode, write):
    """Writes a file under another name first, so that a part of it is never taken for the whole."""
    part = f"{path}.part"
    try:
        with open(part, mode, **({} if "b" in mode else {"newline": "", "encoding": "utf-8"})) as file:
            write(file)
        os.replace(part, path)
    except OSError as error:
        sys.exit(f"{part}: cannot be written: {error.strerror}")
    finally:
        if os.path.exists(part):
            os.remove(part)


def positive(text):
    """A finite number above 0, for an argument."""
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", metavar="CLIPS.csv")
    parser.add_argument("out", metavar="OUT.wav")
    parser.add_argument("--hours", type=positive, default=24, help="length in hours [24]")
    parser.add_argument("--rate", type=int, default=22050, help="sample rate in Hz [22050]")
    parser.add_argument("--channels", type=int, default=1, help="number of channels [1]")
    parser.add_argument("--seed", type=int, default=0, help="seed of times, order, gains and noise [0]")
    parser.add_argument("--per-hour", type=positive, default=40, help="clips an hour [40]")
    parser.add_argument("--truth", metavar="FILE", help="where the table goes [OUT.csv]")
    args = parser.parse_args()
    if not 1000 <= args.rate <= 768_000:
        parser.error(f"--rate: expected 1000 to 768000 Hz, got {args.rate}")
    if not 1 <= args.channels <= 32:
        parser.error(f"--channels: expected 1 to 32, got {args.channels}")
    args.truth = args.truth or os.path.splitext(args.out)[0] + ".csv"
    if len({os.path.realpath(path) for path in (args.clips, args.out, args.truth)}) < 3:
        parser.error("CLIPS.csv, OUT.wav and the table have to be three files: name another one by --truth")
    return args


def main():
    args = arguments()
    rate, channels = args.rate, args.channels
    clips = read_clips(args.clips)
    others = sum(clip.rate != rate for clip in clips)
    if others:
        print(f"{others} of {len(clips)} clips do not have {rate} Hz: interpolated linearly, with aliases", file=sys.stderr)
    n_frames = round(args.hours * 3600 * rate)
    n_clips = round(args.hours * args.per_hour)
    placed = place(clips, n_clips, n_frames, rate, random.Random(f"{args.seed} places"))
    gains = random.Random(f"{args.seed} gains")
    noise = pink_noise(rate, random.Random(f"{args.seed} noise"))
    peak = FULL_SCALE - max(max(noise), -min(noise))
    truth = []

    def write_sound(file):
        file.write(header(n_frames * channels * 2, rate, channels))
        night = Night(file, in_channels(noise, channels), channels)
        for start, clip in placed:
            samples = clip.samples(rate, 10 ** (-gains.uniform(0, QUIETEST_DB) / 20), peak)
            night.write_noise(start - night.at)
            night.write_clip(samples)
            truth.append((seconds(start, rate), seconds(night.at, rate), clip.label))
        night.write_noise(n_frames - night.at)

    def write_truth(file):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("start", "end", "label"))
        table.writerows(truth)

    write_whole(args.out, "wb", write_sound)
    write_whole(args.truth, "w", write_truth)
    print(f"{args.out}: {args.hours:g} h, {len(truth)} clips of {len({clip.label for clip in clips})} classes; {args.truth}")


if __name__ == "__main__":
    main()
