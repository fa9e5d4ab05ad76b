"""Our decoding of Opus beside that of libopus. Called by check-opus.sh, which says what it does."""

import pathlib
import random
import subprocess
import sys
import tempfile

import av
import numpy as np
import soundfile

RATE_HZ, SECONDS = 48000, 6
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 6: "5.1", 8: "7.1"}
# Of the level (root mean square) of a channel.
TOLERANCE = 1e-3
FLIPPED_COPIES = 25


def cases():
    """Application, kbit/s, channels, milliseconds of a frame."""
    for application in ("voip", "audio", "lowdelay"):
        for kbit_s in (8, 16, 24, 32, 64, 128):
            for channels in (1, 2):
                yield application, kbit_s, channels, 20
    for frame_ms in (2.5, 5, 10, 40, 60):
        yield "audio", 48, 2, frame_ms
        yield "voip", 16, 1, frame_ms
        yield "voip", 32, 2, frame_ms
    for channels in (3, 4, 6, 8):
        yield "audio", 64 * channels, channels, 20


def sound(channels, generator):
    """Sweeps, noise and pauses, another one a channel."""
    time_s = np.arange(RATE_HZ * SECONDS + 123) / RATE_HZ
    all_channels = []
    for channel in range(channels):
        pitch_hz = 200 + 3000 * (0.5 + 0.5 * np.sin(2 * np.pi * 0.3 * time_s + channel))
        samples = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ) + 0.05 * generator.standard_normal(len(time_s))
        samples *= np.sin(2 * np.pi * 1.7 * time_s + channel) > -0.6
        all_channels.append(samples + 0.1 * np.sin(2 * np.pi * (100 + 50 * channel) * time_s))
    return np.array(all_channels, dtype=np.float32)


def encode(path, application, kbit_s, channels, frame_ms, samples):
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE_HZ)
        stream.layout, stream.bit_rate = LAYOUTS[channels], 1000 * kbit_s
        stream.options = {"application": application, "frame_duration": str(frame_ms)}
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T.reshape(1, -1)), format="flt", layout=LAYOUTS[channels])
        frame.rate = RATE_HZ
        resampler = av.AudioResampler(format="flt", layout=LAYOUTS[channels], rate=RATE_HZ)
        for part in resampler.resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


def decoded(program, folder, paths):
    """What decode_raw prints of each file, and its samples."""
    run = subprocess.run([program, folder, *paths], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"error: decode_raw ended with {run.returncode}: {run.stderr[-500:]}")
    return [line.split("\t") for line in run.stdout.splitlines()]


def relative_error(ours, theirs):
    """Root mean square of the difference, by the level; channels are matched, since orders differ."""
    worst = 0
    for channel in theirs.T:
        best = min(np.sqrt(np.mean((other - channel) ** 2)) for other in ours.T)
        worst = max(worst, best / np.sqrt(np.mean(channel**2) + 1e-12))
    return worst


def flipped(paths, folder):
    """Copies with one to three changed bytes in the middle of packets, whose pages have the checksums of the change."""
    draw = random.Random(0)
    for path in paths:
        for nth in range(FLIPPED_COPIES):
            data = bytearray(path.read_bytes())
            pages = [at for at in range(len(data) - 4) if data[at : at + 4] == b"OggS"][2:]
            for _ in range(draw.randint(1, 3)):
                at = draw.choice(pages)
                body = at + 27 + data[at + 26]
                end = body + sum(data[at + 27 : body])
                if end > body:
                    data[draw.randrange(body, end)] ^= 1 << draw.randrange(8)
            for at in pages:
                body = at + 27 + data[at + 26]
                end = body + sum(data[at + 27 : body])
                data[at + 22 : at + 26] = bytes(4)
                data[at + 22 : at + 26] = crc(data[at:end]).to_bytes(4, "little")
            copy = folder / f"{path.stem}-{nth}.opus"
            copy.write_bytes(data)
            yield copy


def crc_table():
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = ((value << 1) ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
        table.append(value)
    return table


TABLE = crc_table()


def crc(data):
    value = 0
    for byte in data:
        value = ((value << 8) & 0xFFFFFFFF) ^ TABLE[(value >> 24) ^ byte]
    return value


def main():
    program = sys.argv[1]
    generator = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        paths = []
        for application, kbit_s, channels, frame_ms in cases():
            path = folder / f"{application}-{kbit_s}-{channels}-{frame_ms}.opus"
            encode(path, application, kbit_s, channels, frame_ms, sound(channels, generator))
            paths.append(path)
        errors, speeds, refused = [], {}, []
        for path, said in zip(paths, decoded(program, folder, paths)):
            if said[1] == "error":
                sys.exit(f"error: {path.name}: {said[2]}")
            rate_hz, channels, frames, seconds = int(said[1]), int(said[2]), int(said[3]), float(said[4])
            speeds.setdefault(channels, []).append(frames / rate_hz / seconds)
            try:
                theirs, _ = soundfile.read(path, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:
                refused.append(path.name)
                continue
            if len(theirs) != frames:
                sys.exit(f"error: {path.name}: expected {len(theirs)} frames, got {frames}")
            ours = np.fromfile(folder / f"{path.name}.f32", dtype="<f4").reshape(-1, channels)
            errors.append((relative_error(ours, theirs), path.name))
        worst, where = max(errors)
        print(f"{len(errors)} streams: lengths are equal; largest difference {worst:.1e} of the level ({where}), of {TOLERANCE:.0e}")
        if refused:
            print(f"refused by libsndfile, so not compared: {', '.join(refused)}")
        for channels, all_speeds in sorted(speeds.items()):
            print(f"{channels} channel(s): {min(all_speeds):.0f} to {max(all_speeds):.0f} times real time, on one core")
        copies = list(flipped(paths, folder))
        n_errors = 0
        for start in range(0, len(copies), 100):
            n_errors += sum(said[1] == "error" for said in decoded(program, folder, copies[start : start + 100]))
        print(f"{len(copies)} streams with flipped bytes: none ended the program, {n_errors} are refused")
        if worst > TOLERANCE:
            sys.exit("error: the difference is above the tolerance")


main()
