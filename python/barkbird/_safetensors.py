"""Files of shards and models: safetensors, memory-mapped."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
from numpy.typing import NDArray

from ._errors import Error

#: Little-endian, whatever the machine is.
_DTYPES = {"F32": "<f4", "F16": "<f2", "U32": "<u4", "U8": "|u1"}
#: The length of the header comes first.
_LENGTH_BYTES = 8
#: More than any header of ours.
_MOST_HEADER_BYTES = 256 << 20


def read(path: Path, key: str) -> Tuple[Dict[str, Any], Dict[str, NDArray[Any]]]:
    """Return the JSON under a metadata key, and the tensors by name as read-only arrays on the file.

    Raises:
        Error: A file that cannot be read, or is none of ours.
    """
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            n_header = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            if n_header > min(size - _LENGTH_BYTES, _MOST_HEADER_BYTES):
                raise Error(f"{path}: expected a safetensors file, got {size} bytes with a header of {n_header}")
            text = file.read(n_header)
    except OSError as error:
        raise Error(f"{path}: cannot be read: {error.strerror}") from error
    try:
        header = json.loads(text)
        metadata = header.pop("__metadata__")
        described = json.loads(metadata[key])
        tensors = _tensors(path, header, _LENGTH_BYTES + n_header, size)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Error(f"{path}: expected a safetensors file with metadata `{key}`: {error!r}") from error
    return described, tensors


def schema(described: Any) -> Any:
    """Return the name of a format, or None where there is none."""
    return described.get("schema") if isinstance(described, dict) else None


def _tensors(path: Path, header: Dict[str, Any], offset: int, size: int) -> Dict[str, NDArray[Any]]:
    n_bytes = size - offset
    # An empty file cannot be mapped.
    data: NDArray[np.uint8] = np.empty(0, np.uint8)
    if n_bytes:
        data = np.memmap(path, dtype=np.uint8, mode="r", offset=offset, shape=(n_bytes,))
    tensors = {}
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        shape = tuple(tensor["shape"])
        if tensor["dtype"] not in _DTYPES:
            raise Error(f"{path}: tensor {name}: expected one of {', '.join(_DTYPES)}, got {tensor['dtype']}")
        dtype = np.dtype(_DTYPES[tensor["dtype"]])
        if not all(type(number) is int and number >= 0 for number in (begin, end, *shape)):
            raise Error(f"{path}: tensor {name}: expected whole numbers, got shape {shape}, bytes {begin} to {end}")
        expected = math.prod(shape) * dtype.itemsize
        if not begin <= end <= n_bytes or end - begin != expected:
            raise Error(f"{path}: tensor {name}: expected {expected} bytes, got {begin} to {end} of {n_bytes}")
        part = data[begin:end]
        # The format does not promise that a tensor begins at a multiple of its size.
        tensors[name] = part.view(dtype).reshape(shape)
    return tensors
