"""What goes in: data sets as aligned arrays, batches and views drawn by index.

The names below are imported when first used: `data.errors` and `data.files` then cost no import of TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kdsuite.data.errors import DataError
    from kdsuite.data.loading import Dataset, load
    from kdsuite.data.split import Split
    from kdsuite.data.views import Flip, Jitter, ShiftFlip

__all__ = ["DataError", "Dataset", "Flip", "Jitter", "ShiftFlip", "Split", "load"]

_MODULES = {
    "DataError": "errors",
    "Dataset": "loading",
    "load": "loading",
    "Split": "split",
    "Flip": "views",
    "Jitter": "views",
    "ShiftFlip": "views",
}


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
