"""Writes the reference values of the front ends of pretrained models, which the crate `features` is tested against.

    python golden-features-16k.py OUT.safetensors

Like golden-features.py, of which this has the layout of OUT: signals made here, values, and in the metadata for each
case the configuration as the crate reads it. Each case names its reference too:

- `numpy`: YAMNet's front end in 64 bits, written here from TensorFlow's definition (`tf.signal.stft`,
  `tf.signal.linear_to_mel_weight_matrix`).
- `torchaudio`: `torchaudio.compliance.kaldi.fbank` in 64 bits.
- `ASTFeatureExtractor`: the same by transformers as everyone calls it, which is in 32 bits.
- `transformers`: `transformers.audio_utils.spectrogram`, for settings between the two.
"""

import json
import sys
import warnings

import numpy as np
import torch
import torchaudio
import transformers
from safetensors.numpy import save_file
from torchaudio.compliance import kaldi
from transformers import ASTFeatureExtractor
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

RATE_HZ = 16000
FRAME = 400
HOP = 160
N_FFT = 512
EPSILON = 1.1920928955078125e-07


def signals():
    rng = np.random.default_rng(16)
    seconds = np.arange(8017) / RATE_HZ
    bursts = np.zeros(6543)
    bursts[1500:2500] = 0.3 * rng.standard_normal(1000)
    bursts[4000:4300] = 1e-3 * rng.standard_normal(300)
    made = {
        "sweep": 0.7 * np.sin(2 * np.pi * (100 * seconds + 7000 * seconds**2)),
        "noise": 0.1 * rng.standard_normal(5000),
        "bursts": bursts,
        # What taking off the mean is for.
        "offset": 0.5 + 1e-3 * rng.standard_normal(3000),
        # A loud tone under a faint one: where the rounding of a transform shows.
        "faint": 0.9 * np.sin(2 * np.pi * 440 * seconds[:3000]) + 1e-4 * np.sin(2 * np.pi * 7000 * seconds[:3000]),
        "silence": np.zeros(1000),
        "one": np.array([0.5]),
        "short": 0.5 * np.sin(np.arange(300) * 0.2),
        "almost-two": 0.2 * rng.standard_normal(FRAME + HOP - 1),
        "two": 0.2 * rng.standard_normal(FRAME + HOP),
    }
    return {name: signal.astype(np.float32) for name, signal in made.items()}


def at_least_a_frame(y):
    """The references have no frame of a shorter sound; the crate has one, with silence after the sound."""
    return np.pad(y, (0, max(0, FRAME - len(y))))


def yamnet(y):
    """`features.py` of YAMNet, in 64 bits. [bands, frames]"""

    def hertz_to_mel(hz):
        return 1127.0 * np.log(1.0 + hz / 700.0)

    y = at_least_a_frame(y).astype(np.float64)
    frames = np.stack([y[start : start + FRAME] for start in range(0, len(y) - FRAME + 1, HOP)])
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(FRAME) / FRAME)
    magnitude = np.abs(np.fft.rfft(frames * window, N_FFT))  # zeros after the frame; [frames, 257]
    bins_mel = hertz_to_mel(np.linspace(0.0, RATE_HZ / 2, N_FFT // 2 + 1)[1:, None])  # without that of 0 Hz
    edges_mel = np.linspace(hertz_to_mel(125.0), hertz_to_mel(7500.0), 64 + 2)
    lower, center, upper = edges_mel[:-2], edges_mel[1:-1], edges_mel[2:]
    rising = (bins_mel - lower) / (center - lower)
    falling = (upper - bins_mel) / (upper - center)
    weights = np.pad(np.maximum(0.0, np.minimum(rising, falling)), [[1, 0], [0, 0]])  # [257, bands]
    return np.log(magnitude @ weights + 0.001).T


def ast(y):
    """The arguments of ASTFeatureExtractor, in 64 bits. [bands, frames]"""
    torch.set_default_dtype(torch.float64)  # of the bands
    waveform = torch.from_numpy(at_least_a_frame(y).astype(np.float64))[None]
    values = kaldi.fbank(waveform, sample_frequency=RATE_HZ, window_type="hanning", num_mel_bins=128)
    torch.set_default_dtype(torch.float32)
    return values.numpy().T


def ast_in_32_bits(y):
    n_frames = 1 + (len(y) - FRAME) // HOP
    extractor = ASTFeatureExtractor(max_length=n_frames, do_normalize=False)
    return extractor(y, sampling_rate=RATE_HZ, return_tensors="np")["input_values"][0].T


def between(y, c):
    """Any log-mel or linear-frequency configuration without the mean and emphasis of librosa's. [bands, frames]"""
    kind = c["kind"]
    frame = c.get("n_window") or c["n_fft"]
    filters = None
    if kind["name"] == "log-mel":
        mel = kind["mel"]
        filters = mel_filter_bank(
            num_frequency_bins=c["n_fft"] // 2 + 1,
            num_mel_filters=mel["n_mels"],
            min_frequency=mel["f_min_hz"],
            max_frequency=mel["f_max_hz"],
            sampling_rate=c["sample_rate_hz"],
            norm=None if mel["norm"] == "none" else mel["norm"],
            mel_scale=mel["scale"],
            triangularize_in_mel_space=mel.get("linear_in") == "mel",
        )
    values = spectrogram(
        y,
        window_function(frame, "hann", periodic=c.get("window") != "symmetric-hann"),
        frame_length=frame,
        hop_length=c["hop"],
        fft_length=c["n_fft"],
        power={"power": 2.0, "magnitude": 1.0}[kind["spectrum"]],
        center=c.get("framing") != "inside",
        pad_mode="constant",
        preemphasis=c.get("pre_emphasis"),
        remove_dc_offset=c.get("remove_dc", False),
        mel_filters=filters,
        mel_floor=0.0,
    )
    if kind["output"] == "linear":
        return values
    guard = kind["output"]["ln"]
    return np.log(values + guard["offset"] if "offset" in guard else np.maximum(values, guard["floor"]))


def log_mel(n_mels, f_min_hz, f_max_hz, spectrum, output, scale="htk", norm="none", **others):
    mel = {"n_mels": n_mels, "f_min_hz": f_min_hz, "f_max_hz": f_max_hz, "scale": scale, "norm": norm, **others}
    return {"name": "log-mel", "mel": mel, "spectrum": spectrum, "output": output}


def front_end(kind, **others):
    return {"sample_rate_hz": RATE_HZ, "n_fft": N_FFT, "n_window": FRAME, "hop": HOP, "kind": kind, **others}


YAMNET = front_end(
    log_mel(64, 125.0, 7500.0, "magnitude", {"ln": {"offset": 0.001}}, linear_in="mel"),
    framing="inside",
)
AST = front_end(
    log_mel(128, 20.0, 8000.0, "power", {"ln": {"floor": EPSILON}}, "kaldi", linear_in="mel", empty_bands="allow"),
    framing="inside",
    remove_dc=True,
    pre_emphasis=0.97,
    window="symmetric-hann",
)


def cases():
    """Name, signal, configuration, reference and its values, and every how manieth frame is kept."""
    made = signals()
    for signal, y in made.items():
        stride = 4 if signal == "sweep" else 2
        yield f"yamnet/{signal}", signal, YAMNET, "numpy", yamnet(y), stride
        yield f"ast/{signal}", signal, AST, "torchaudio", ast(y), stride
    for signal in ["noise", "offset", "bursts"]:
        yield f"ast-32-bits/{signal}", signal, AST, "ASTFeatureExtractor", ast_in_32_bits(made[signal]), 4
    floor, offset = {"ln": {"floor": 1e-5}}, {"ln": {"offset": 1e-4}}
    slaney = log_mel(40, 0.0, 8000.0, "power", floor, "slaney", "slaney")
    linear = {"name": "stft", "f_min_hz": 0.0, "spectrum": "power", "output": "linear"}
    others = {
        "centred-emphasis": ("sweep", front_end(slaney, pre_emphasis=0.9)),
        "centred-level": ("offset", front_end(slaney, remove_dc=True, window="symmetric-hann")),
        "centred-mel-triangles": ("noise", front_end(log_mel(40, 50.0, 7000.0, "magnitude", offset, linear_in="mel"))),
        "inside-hz-triangles": ("noise", front_end(log_mel(40, 50.0, 7000.0, "magnitude", offset), framing="inside")),
        "inside-whole": ("bursts", front_end(linear, framing="inside", n_fft=FRAME, n_window=None, hop=150)),
        "inside-level": ("offset", front_end(linear, framing="inside", remove_dc=True, n_window=333)),
        "inside-emphasis": ("sweep", front_end(linear, framing="inside", pre_emphasis=1.0, n_fft=500, hop=600)),
    }
    for name, (signal, config) in others.items():
        yield f"{name}/{signal}", signal, config, "transformers", between(made[signal], config), 7


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    warnings.simplefilter("ignore")  # bands without a bin are meant
    tensors = {f"signal/{name}": signal for name, signal in signals().items()}
    described = {}
    for name, signal, config, reference, values, stride in cases():
        assert np.isfinite(values).all(), name
        tensors[f"values/{name}"] = np.ascontiguousarray(values[:, ::stride].astype(np.float32))
        described[name] = {
            "signal": signal,
            "stride": stride,
            "n_frames": values.shape[1],
            "reference": reference,
            "front_end": config,
        }
    libraries = {"numpy": np, "torch": torch, "torchaudio": torchaudio, "transformers": transformers}
    versions = {name: library.__version__ for name, library in libraries.items()}
    # One key: several are written in any order, and equal values are to give equal bytes.
    metadata = {"golden": json.dumps({"cases": described, "versions": versions}, sort_keys=True)}
    save_file(tensors, sys.argv[1], metadata)
    print(f"{sys.argv[1]}: {len(described)} cases, {sum(t.nbytes for t in tensors.values())} bytes of values")


if __name__ == "__main__":
    main()
