"""Writes the reference values that the crate `features` is tested against.

    python golden-features.py OUT.safetensors

The signals are made here, of sines, a seeded generator and clicks; librosa computes every front end on them. OUT holds
the signals, the values, and in its metadata (JSON under `golden`) the versions of the libraries and, for each case, the
configuration as the crate reads it. To keep the file small a long case keeps every n-th frame only (`stride`), which is
recorded with it.
"""

import json
import sys
import warnings

import librosa
import numpy as np
import scipy
from safetensors.numpy import save_file

RATE_HZ = 22050


def signals():
    rng = np.random.default_rng(20)
    seconds = np.arange(17001) / RATE_HZ
    sweep = 0.7 * np.sin(2 * np.pi * (100 * seconds + 6000 * seconds**2))
    bursts = np.zeros(12345)
    bursts[3000:5000] = 0.3 * rng.standard_normal(2000)
    bursts[8000:8600] = 1e-3 * rng.standard_normal(600)
    clicks = np.zeros(9216)
    clicks[[0, 1000, 1001, 5120, 9215]] = [1.0, -0.5, 0.25, 1e-4, 0.9]
    # A loud tone under a faint one: where the rounding of a transform shows.
    faint = 0.9 * np.sin(2 * np.pi * 440 * seconds[:8191]) + 1e-4 * np.sin(2 * np.pi * 7000 * seconds[:8191])
    made = {
        "sweep": sweep,
        "noise": 0.1 * rng.standard_normal(11025),
        "bursts": bursts,
        "clicks": clicks,
        "faint": faint,
        "silence": np.zeros(4000),
        "short": 0.5 * np.sin(np.arange(300) * 0.2),
        "one": np.array([0.5]),
        "hop": 0.2 * rng.standard_normal(1024),
    }
    return {name: signal.astype(np.float32) for name, signal in made.items()}


def mel_spectrum(y, c, mel, power):
    return librosa.feature.melspectrogram(
        y=y,
        sr=c["sample_rate_hz"],
        n_fft=c["n_fft"],
        hop_length=c["hop"],
        win_length=c.get("n_window"),
        power=power,
        n_mels=mel["n_mels"],
        fmin=mel["f_min_hz"],
        fmax=mel.get("f_max_hz"),
        htk=mel["scale"] == "htk",
        norm=None if mel["norm"] == "none" else mel["norm"],
    )


def scaled(values, kind):
    output = kind["output"]
    if output == "linear":
        return values
    reference = {"one": 1.0, "max": np.max}[output["db"]["reference"]]
    to_db = librosa.power_to_db if kind["spectrum"] == "power" else librosa.amplitude_to_db
    return to_db(values, ref=reference, top_db=output["db"].get("top_db"))


def compute(y, c):
    kind = c["kind"]
    power = {"power": 2.0, "magnitude": 1.0}[kind.get("spectrum", "power")]
    if kind["name"] == "log-mel":
        return scaled(mel_spectrum(y, c, kind["mel"], power), kind)
    if kind["name"] == "pcen":
        return librosa.pcen(
            mel_spectrum(y, c, kind["mel"], power) * kind["input_scale"],
            sr=c["sample_rate_hz"],
            hop_length=c["hop"],
            gain=kind["gain"],
            bias=kind["bias"],
            power=kind["power"],
            time_constant=kind["time_constant_s"],
            eps=kind["eps"],
        )
    if kind["name"] == "stft":
        bins = np.abs(librosa.stft(y, n_fft=c["n_fft"], hop_length=c["hop"], win_length=c.get("n_window"))) ** power
        hz = librosa.fft_frequencies(sr=c["sample_rate_hz"], n_fft=c["n_fft"])
        top = kind.get("f_max_hz") or c["sample_rate_hz"] / 2
        return scaled(bins[(hz >= kind["f_min_hz"]) & (hz <= top)], kind)
    if kind["name"] == "mfcc":
        mel = scaled(mel_spectrum(y, c, kind["mel"], 2.0), {**kind, "spectrum": "power"})
        return librosa.feature.mfcc(S=mel, n_mfcc=kind["n_mfcc"])
    raise ValueError(kind["name"])


def db(reference="one", top_db=80.0):
    return {"db": {"reference": reference, "top_db": top_db}}


def mel(n_mels=128, **others):
    return {"n_mels": n_mels, "f_min_hz": 0.0, "scale": "slaney", "norm": "slaney", **others}


def front_end(kind, n_fft=2048, hop=512, sample_rate_hz=RATE_HZ, **others):
    return {"sample_rate_hz": sample_rate_hz, "n_fft": n_fft, "hop": hop, "kind": kind, **others}


def log_mel(output=None, spectrum="power", **bands):
    return {"name": "log-mel", "mel": mel(**bands), "spectrum": spectrum, "output": output or db()}


def pcen(**others):
    constants = {"input_scale": 2.0**31, "gain": 0.98, "bias": 2.0, "power": 0.5, "time_constant_s": 0.4, "eps": 1e-6}
    return {"name": "pcen", "mel": mel(40), "spectrum": "magnitude", **constants, **others}


def cases():
    """Name, signal, configuration, and every how manieth frame is kept."""
    default = front_end(log_mel())
    for signal in ["sweep", "noise", "bursts", "clicks", "faint", "silence", "short", "one", "hop"]:
        yield f"log-mel/{signal}", signal, default, 3 if signal in ("sweep", "noise") else 2
    for signal in ["bursts", "faint"]:
        yield f"log-mel-max/{signal}", signal, front_end(log_mel(db("max"))), 3
        yield f"log-mel-all/{signal}", signal, front_end(log_mel(db("one", None))), 3
    yield "log-mel-max-all/sweep", "sweep", front_end(log_mel(db("max", None))), 5
    yield "log-mel-silence-max/silence", "silence", front_end(log_mel(db("max"))), 4
    yield "mel-power/noise", "noise", front_end(log_mel("linear")), 5
    yield "mel-magnitude/noise", "noise", front_end(log_mel("linear", "magnitude")), 5
    yield "log-mel-magnitude/sweep", "sweep", front_end(log_mel(None, "magnitude")), 5
    yield "htk/sweep", "sweep", front_end(log_mel(n_mels=64, scale="htk", norm="none", f_max_hz=8000.0)), 4
    yield "htk-slaney/noise", "noise", front_end(log_mel(n_mels=64, scale="htk", f_min_hz=50.0)), 4
    yield "slaney-none/clicks", "clicks", front_end(log_mel(n_mels=80, norm="none")), 4
    yield "short-hop/bursts", "bursts", front_end(log_mel(n_mels=40), n_fft=512, hop=100), 7
    yield "long-hop/noise", "noise", front_end(log_mel(n_mels=40), n_fft=512, hop=700), 1
    yield "not-a-power-of-two/sweep", "sweep", front_end(log_mel(n_mels=48), n_fft=1200, hop=441), 4
    yield "window/sweep", "sweep", front_end(log_mel(n_mels=40), n_fft=1024, hop=441, n_window=551), 4
    yield "window-even/noise", "noise", front_end(log_mel(n_mels=40), n_fft=1024, hop=441, n_window=600), 4
    yield "rate-48000/sweep", "sweep", front_end(log_mel(), sample_rate_hz=48000), 4
    yield "rate-8012/noise", "noise", front_end(log_mel(n_mels=64), sample_rate_hz=8012, n_fft=1024), 4
    for signal in ["sweep", "bursts", "silence", "one"]:
        yield f"pcen/{signal}", signal, front_end(pcen()), 1
    yield "pcen-log/bursts", "bursts", front_end(pcen(power=0.0)), 2
    yield "pcen-no-bias/noise", "noise", front_end(pcen(bias=0.0, power=0.4)), 2
    yield "pcen-small/noise", "noise", front_end(pcen(input_scale=1.0, power=0.25, bias=10.0, spectrum="power")), 2
    for signal in ["sweep", "bursts", "silence"]:
        mfcc = {"name": "mfcc", "mel": mel(), "n_mfcc": 20, "output": db()}
        yield f"mfcc/{signal}", signal, front_end(mfcc), 1
    linear = {"name": "stft", "f_min_hz": 0.0, "spectrum": "power", "output": db()}
    band = {**linear, "f_min_hz": 500.0, "f_max_hz": 4000.0}
    yield "stft/clicks", "clicks", front_end(linear, n_fft=256, hop=128), 9
    yield "stft/short", "short", front_end(linear, n_fft=512, hop=128), 1
    yield "stft-band/sweep", "sweep", front_end(band), 6
    yield "stft-band-amplitude/sweep", "sweep", front_end({**band, "spectrum": "magnitude"}), 9
    yield "stft-magnitude/noise", "noise", front_end({**band, "spectrum": "magnitude", "output": "linear"}), 9


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    warnings.simplefilter("ignore")  # signals shorter than a frame are meant
    made = signals()
    tensors = {f"signal/{name}": signal for name, signal in made.items()}
    described = {}
    for name, signal, config, stride in cases():
        values = np.asarray(compute(made[signal], config), dtype=np.float32)
        assert np.isfinite(values).all(), name
        tensors[f"values/{name}"] = np.ascontiguousarray(values[:, ::stride])
        described[name] = {"signal": signal, "stride": stride, "n_frames": values.shape[1], "front_end": config}
    versions = {"librosa": librosa.__version__, "numpy": np.__version__, "scipy": scipy.__version__}
    # One key: several are written in any order, and equal values are to give equal bytes.
    metadata = {"golden": json.dumps({"cases": described, "versions": versions}, sort_keys=True)}
    save_file(tensors, sys.argv[1], metadata)
    print(f"{sys.argv[1]}: {len(described)} cases, {sum(t.nbytes for t in tensors.values())} bytes of values")


if __name__ == "__main__":
    main()
