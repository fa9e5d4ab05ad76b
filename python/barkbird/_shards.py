"""Folders of shards as arrays."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from . import _safetensors
from ._errors import Error
from ._program import PathLike

#: The number for "no label" in a shard.
_NO_LABEL = 0xFFFF_FFFF
#: Tensors of each schema: type, and number of dimensions.
_TENSORS: Dict[str, Dict[str, Tuple[str, int]]] = {
    "spectrogram/1": {"mel": ("f", 3), "frames": ("u4", 1), "label": ("u4", 1), "split": ("u1", 1)},
    "embedding/1": {
        "embedding": ("f", 2),
        "logits": ("f", 2),
        "frames": ("u4", 1),
        "label": ("u4", 1),
        "split": ("u1", 1),
    },
}


@dataclass(frozen=True)
class Shard:
    """One file of at most 256 clips. Arrays are read-only and memory-mapped.

    Attributes:
        path: The file.
        arrays: By name. Of spectrograms: ``mel`` [N, n_mels, n_frames], float32 or float16, in the units of the front end (dB
            for log-mel), low to high band, early to late frame, not normalized. Of embeddings: ``embedding`` [N, D] and
            ``logits`` [N, C], float32. Of both: ``frames`` [N] (uint32, frames with sound; the rest is padding), ``label`` [N]
            (uint32, index into the classes, 4294967295 for none) and ``split`` [N] (uint8, index into the splits).
        clips: What is known of each clip: ``id``, ``path``, ``group``, ``source_sha256``, ``start_s``, ``seconds``, ``view``,
            ``steps``, and ``channel`` where there is one.
    """

    path: Path
    arrays: Dict[str, NDArray[Any]] = field(repr=False)
    clips: List[Dict[str, Any]] = field(repr=False)

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.clips)


@dataclass(frozen=True)
class Shards(Sequence[Shard]):
    """A folder of `barkbird features`, `augment` or `embed`: a sequence of shards, which are opened when they are asked for.

    Attributes:
        folder: The folder.
        schema: "spectrogram/1" or "embedding/1".
        front_end: How spectrograms were computed.
        classes: Class names.
        splits: Split names.
        n_clips: Number of clips in all shards.
        skipped: Why, by recording that was left out.
        provenance: How the folder was made.
    """

    folder: Path
    schema: str
    front_end: Dict[str, Any]
    classes: List[str]
    splits: List[str]
    n_clips: int
    skipped: Dict[str, str]
    provenance: Dict[str, Any] = field(repr=False)
    _files: List[Dict[str, Any]] = field(repr=False)

    def __len__(self) -> int:
        """Return the number of shards."""
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> Shard: ...

    @overload
    def __getitem__(self, index: slice) -> List[Shard]: ...

    def __getitem__(self, index: Union[int, slice]) -> Union[Shard, List[Shard]]:
        """Open a shard.

        Raises:
            Error: A file that is not as the index says.
        """
        if isinstance(index, slice):
            return [self._open(entry) for entry in self._files[index]]
        return self._open(self._files[index])

    def __iter__(self) -> Iterator[Shard]:
        """Open one shard after the other."""
        return (self._open(entry) for entry in self._files)

    def table(self) -> pd.DataFrame:
        """Return a row a clip, in the order of the shards.

        The columns are ``id``, ``path``, ``start_s`` and ``seconds`` (in the recording), ``label`` (a name, or None) and
        ``split`` (a name), ``group``, ``channel``, ``view`` (0 for the recording itself), ``frames`` (with sound),
        ``shard`` and ``row`` (where its arrays are).
        """
        rows = []
        for nth, shard in enumerate(self):
            labels, splits, frames = (shard.arrays[name].tolist() for name in ("label", "split", "frames"))
            for row, clip in enumerate(shard.clips):
                rows.append(
                    {
                        "id": clip["id"],
                        "path": clip["path"],
                        "start_s": clip["start_s"],
                        "seconds": clip["seconds"],
                        "label": None if labels[row] == _NO_LABEL else self.classes[labels[row]],
                        "split": self.splits[splits[row]],
                        "group": clip["group"],
                        "channel": clip.get("channel"),
                        "view": clip["view"],
                        "frames": frames[row],
                        "shard": nth,
                        "row": row,
                    }
                )
        table: pd.DataFrame = pd.DataFrame(rows).astype({"channel": "Int64"})
        return table

    def arrays(self, split: Optional[str] = None) -> Dict[str, NDArray[Any]]:
        """Return the arrays of all shards, joined along the clips; see `Shard` for shapes and units.

        All of it is copied into memory, unless the folder has one shard and no split is named. Iterate over the shards of a
        folder that is larger than that.

        Args:
            split: The name of a split; its clips alone.

        Raises:
            Error: A split that the folder does not have, or a file that is not as the index says.
        """
        if split is not None and split not in self.splits:
            raise Error(f"{self.folder}: split {split}: expected one of {', '.join(self.splits)}")
        parts: Dict[str, List[NDArray[Any]]] = {name: [] for name in _TENSORS[self.schema]}
        for shard in self:
            kept = slice(None) if split is None else shard.arrays["split"] == self.splits.index(split)
            for name, array in shard.arrays.items():
                parts[name].append(array[kept])
        return {name: arrays[0] if len(arrays) == 1 else np.concatenate(arrays) for name, arrays in parts.items()}

    def verify(self) -> None:
        """Compare the SHA-256 of every file with that of the index, which reads all of them.

        Raises:
            Error: A file that has changed.
        """
        for entry in self._files:
            path = self.folder / entry["file"]
            hashed = hashlib.sha256()
            with open(path, "rb") as file:
                for block in iter(lambda: file.read(1 << 20), b""):
                    hashed.update(block)
            if hashed.hexdigest() != entry["sha256"]:
                raise Error(f"{path}: expected SHA-256 {entry['sha256']}, got {hashed.hexdigest()}")

    def _open(self, entry: Dict[str, Any]) -> Shard:
        path = self.folder / entry["file"]
        try:
            n_bytes = path.stat().st_size
        except OSError as error:
            raise Error(f"{path}: cannot be read: {error.strerror}") from error
        if n_bytes != entry["bytes"]:
            raise Error(f"{path}: expected {entry['bytes']} bytes, got {n_bytes}")
        header, arrays = _safetensors.read(path, "shard")
        if _safetensors.schema(header) != self.schema:
            raise Error(f"{path}: expected schema {self.schema}, got {_safetensors.schema(header)}")
        n_clips = entry["clips"]
        clips = header.get("clips")
        if not isinstance(clips, list) or len(clips) != n_clips:
            raise Error(
                f"{path}: expected {n_clips} clips in the header, got {len(clips) if isinstance(clips, list) else 'none'}"
            )
        expected = _TENSORS[self.schema]
        if set(arrays) != set(expected):
            raise Error(f"{path}: expected tensors {sorted(expected)}, got {sorted(arrays)}")
        for name, (kind, n_dimensions) in expected.items():
            array = arrays[name]
            if not array.dtype.str.lstrip("<|").startswith(kind):
                raise Error(f"{path}: tensor {name}: expected {kind}, got {array.dtype}")
            if array.ndim != n_dimensions or array.shape[0] != n_clips:
                raise Error(
                    f"{path}: tensor {name}: expected {n_dimensions} dimensions of {n_clips} clips, got {list(array.shape)}"
                )
        label, split = arrays["label"], arrays["split"]
        if (label[label != _NO_LABEL] >= len(self.classes)).any() or (split >= len(self.splits)).any():
            raise Error(f"{path}: expected labels of {len(self.classes)} classes and splits of {len(self.splits)}, got others")
        return Shard(path, arrays, clips)


def load_shards(folder: PathLike) -> Shards:
    """Open a folder of shards. The index is read at once, the arrays when they are looked at.

    Raises:
        Error: A folder without an index (it was not finished), or one of another version.
    """
    path = Path(folder, "index.json")
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Error(
            f"{path}: cannot be read: {error.strerror}; expected a folder that a stage of barkbird has finished"
        ) from error
    except (ValueError, RecursionError) as error:
        raise Error(f"{path}: expected JSON: {error}") from error
    schema = _safetensors.schema(index)
    if schema not in _TENSORS:
        raise Error(f"{path}: expected schema {' or '.join(_TENSORS)}, got {schema}")
    try:
        files = [{name: entry[name] for name in ("file", "sha256", "bytes", "clips")} for entry in index["shards"]]
        shards = Shards(
            folder=Path(folder),
            schema=schema,
            front_end=index["front_end"],
            classes=index["classes"],
            splits=index["splits"],
            n_clips=index["n_clips"],
            skipped={entry["path"]: entry["reason"] for entry in index["skipped"]},
            provenance=index["provenance"],
            _files=files,
        )
    except (KeyError, TypeError) as error:
        raise Error(f"{path}: expected the index of a folder of shards: {error!r}") from error
    for nth, entry in enumerate(files):
        # No name may lead out of the folder.
        if entry["file"] != f"shard-{nth:05}.safetensors":
            raise Error(f"{path}: expected shard-{nth:05}.safetensors, got {entry['file']}")
    if sum(entry["clips"] for entry in files) != shards.n_clips:
        raise Error(f"{path}: expected {shards.n_clips} clips, got {sum(entry['clips'] for entry in files)} in its shards")
    return shards
