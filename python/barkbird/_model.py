"""A model file as plain values and arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

from numpy.typing import NDArray

from . import _safetensors
from ._errors import Error
from ._program import PathLike

_SCHEMA = "model/1"
_FILE = "model.safetensors"


@dataclass(frozen=True)
class Model:
    """What is in a model file; `crates/classifier/src/model_file.rs` in the repository specifies it.

    Attributes:
        path: The file.
        classes: Class names, in the order of the logits.
        front_end: How spectrograms are computed: rates in Hz, lengths in samples or seconds as the keys say.
        architecture: The network: an object with ``kind``.
        version: Of the program that wrote it.
        seed: Of the run.
        temperature: By which logits are divided before softmax; None if not calibrated.
        header: All of the header, these fields included.
        weights: Weights of the network by name, float32, read-only and memory-mapped.
        detectors: Arrays of the detectors of unknown sounds by name, float32, the same way.
    """

    path: Path
    classes: List[str]
    front_end: Dict[str, Any]
    architecture: Dict[str, Any]
    version: str
    seed: int
    temperature: Optional[float]
    header: Dict[str, Any] = field(repr=False)
    weights: Dict[str, NDArray[Any]] = field(repr=False)
    detectors: Dict[str, NDArray[Any]] = field(repr=False)


def load_model(path: PathLike) -> Model:
    """Read a model file, or the one in the folder of a run. Arrays stay on the disk until they are looked at.

    Raises:
        Error: A file that cannot be read, or is no model.
    """
    file = Path(path)
    if file.is_dir():
        file = file / _FILE
    header, tensors = _safetensors.read(file, "model")
    if _safetensors.schema(header) != _SCHEMA:
        raise Error(f"{file}: expected schema {_SCHEMA}, got {_safetensors.schema(header)}")
    try:
        return _model(file, header, tensors)
    except (KeyError, TypeError, AttributeError) as error:
        raise Error(f"{file}: expected the header of a model: {error!r}") from error


def _model(file: Path, header: Dict[str, Any], tensors: Dict[str, NDArray[Any]]) -> Model:
    calibration = header["calibration"]
    return Model(
        path=file,
        classes=list(header["classes"]),
        front_end=header["front_end"],
        architecture=header["architecture"],
        version=header["version"],
        seed=header["seed"],
        temperature=None if calibration is None else calibration.get("temperature"),
        header=header,
        weights={name: array for name, array in tensors.items() if not name.startswith("outlier.")},
        detectors={name: array for name, array in tensors.items() if name.startswith("outlier.")},
    )
