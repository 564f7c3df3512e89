"""One call from a trained model and a folder to a smaller, exported, measured model.

The names below are imported when first used: the command parses its options before TensorFlow is imported, and the
process that times a file loads none.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kdsuite.compress.errors import CompressionError
    from kdsuite.compress.export_measuring import Measured, logits, measure
    from kdsuite.compress.exporting import export
    from kdsuite.compress.formats import FORMATS
    from kdsuite.compress.pipeline import compress
    from kdsuite.compress.planning import Plan, plan
    from kdsuite.compress.recovery import Training
    from kdsuite.compress.result import Result

__all__ = [
    "FORMATS",
    "CompressionError",
    "Measured",
    "Plan",
    "Result",
    "Training",
    "compress",
    "export",
    "logits",
    "measure",
    "plan",
]

_MODULES = {
    "CompressionError": "errors",
    "FORMATS": "formats",
    "Measured": "export_measuring",
    "Plan": "planning",
    "Result": "result",
    "Training": "recovery",
    "compress": "pipeline",
    "export": "exporting",
    "logits": "export_measuring",
    "measure": "export_measuring",
    "plan": "planning",
}


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
