"""The lossy codec of the crate `augment` beside LAME: one channel, constant bit rate, the same clips. Called by
check-lossy.sh. Prints for each clip the signal-to-noise ratio of both, and how far apart their spectra are."""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import lameenc
import numpy as np
import soundfile

# Clips of each class that are compared.
N_CLIPS = 4
# Tolerances on the mean over clips, in dB.
SNR_DB = 2.0
ENVELOPE_DB = 1.5
# Bands of the spectral envelope: a third of an octave each, from 100 Hz to 15 kHz.
EDGES_HZ = 100.0 * 2.0 ** (np.arange(0, 23) / 3.0)
# Bands this far below the loudest one are at the level of a 16-bit file's noise and count as equal.
FLOOR_DB = 70.0


def with_lame(clean, rate_hz, kbit_s, folder):
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(kbit_s)
    encoder.set_in_sample_rate(rate_hz)
    encoder.set_out_sample_rate(rate_hz)
    encoder.set_channels(1)
    encoder.set_quality(2)
    encoder.silence()
    pcm = np.clip(np.round(clean * 32768), -32768, 32767).astype("<i2")
    padded = np.concatenate([pcm, np.zeros(4 * 1152, dtype="<i2")])
    path = folder / "lame.mp3"
    path.write_bytes(bytes(encoder.encode(padded.tobytes()) + encoder.flush()))
    decoded, decoded_hz = soundfile.read(path, dtype="float32")
    assert decoded_hz == rate_hz
    # The encoder delays by a number of samples that depends on the decoder: the best match is the right one.
    size = 1 << int(np.ceil(np.log2(len(decoded) + len(clean))))
    match = np.fft.irfft(np.fft.rfft(decoded, size) * np.conj(np.fft.rfft(clean, size)))
    delay = int(np.argmax(match[: len(decoded) - len(clean) + 1]))
    aligned = decoded[delay : delay + len(clean)]
    # LAME lowers the level by 5 % against clipping.
    return aligned * (np.dot(aligned, clean) / np.dot(aligned, aligned))


def with_ours(program, clean, rate_hz, kbit_s, folder):
    before, after = folder / "in", folder / "out"
    clean.astype("<f4").tofile(before)
    subprocess.run([program, str(kbit_s), str(rate_hz), before, after], check=True)
    return np.fromfile(after, dtype="<f4")


def snr_db(clean, coded):
    return 10 * np.log10(np.sum(clean**2) / np.sum((coded - clean) ** 2))


def envelope_db(sound, rate_hz):
    power = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / rate_hz)
    edges = EDGES_HZ[EDGES_HZ < rate_hz / 2]
    sums = [power[(hz >= low) & (hz < high)].sum() for low, high in zip(edges, edges[1:])]
    return 10 * np.log10(np.array(sums) + 1e-12)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--kbit-s", type=int, default=64)
    arguments = parser.parse_args()
    clips = [path for name in ("dog", "bird") for path in sorted((arguments.data / "animals" / name).glob("*.flac"))[::11][:N_CLIPS]]
    if not clips:
        sys.exit(f"error: {arguments.data}/animals: no clips of dogs and birds")
    rows = []
    print(f"{'clip':<20} {'SNR of LAME':>12} {'SNR of ours':>12} {'envelope: mean and most':>24}   (dB)")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for path in clips:
            clean, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
            clean = np.ascontiguousarray(clean[:, 0])
            theirs = with_lame(clean, rate_hz, arguments.kbit_s, folder)
            ours = with_ours(arguments.program, clean, rate_hz, arguments.kbit_s, folder)
            expected, got = envelope_db(theirs, rate_hz), envelope_db(ours, rate_hz)
            floor = envelope_db(clean, rate_hz).max() - FLOOR_DB
            difference = np.abs(np.maximum(got, floor) - np.maximum(expected, floor))
            rows.append((snr_db(clean, theirs), snr_db(clean, ours), difference.mean(), difference.max()))
            print(f"{path.stem:<20} {rows[-1][0]:>12.1f} {rows[-1][1]:>12.1f} {rows[-1][2]:>14.2f} {rows[-1][3]:>9.2f}")
    lame, ours, mean, most = np.mean(rows, axis=0)
    print(f"{'mean':<20} {lame:>12.1f} {ours:>12.1f} {mean:>14.2f} {most:>9.2f}")
    if abs(ours - lame) > SNR_DB or mean > ENVELOPE_DB:
        sys.exit(f"error: expected SNRs within {SNR_DB} dB and envelopes within {ENVELOPE_DB} dB")


main()
