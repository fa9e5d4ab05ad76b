"""barkbird from Python: sounds to data frames, shards and models to numpy.

The work is done by the program ``barkbird``, which comes with this package; nothing is computed here. See
``docs/python.md`` in the repository for examples, and ``barkbird --help`` for every command.

>>> import barkbird
>>> table = barkbird.predict("run", "recordings/")        # a row a window, a column a class
>>> events = barkbird.predict_events("run", "night.wav")  # a row a stretch in which a class sounds
>>> shards = barkbird.load_shards("features")             # spectrograms as memory-mapped arrays
>>> model = barkbird.load_model("run")                    # classes, front end, weights
"""

from __future__ import annotations

from ._errors import Error, RecordingsError
from ._model import Model, load_model
from ._predict import predict, predict_events
from ._program import Completed, Event, program, run
from ._shards import Shard, Shards, load_shards
from ._version import __version__

__all__ = [
    "Completed",
    "Error",
    "Event",
    "Model",
    "RecordingsError",
    "Shard",
    "Shards",
    "__version__",
    "load_model",
    "load_shards",
    "predict",
    "predict_events",
    "program",
    "run",
]
