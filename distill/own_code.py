"""Code outside Keras that a network computes with: which modules a model's configuration names."""

import sys
from collections.abc import Iterator
from pathlib import Path

import keras

MAIN = "__main__"


def modules_in(config) -> set[str]:
    """Names of the modules outside Keras that define layers, or their functions, of a serialised model.

    Args:
        config: what `keras.saving.serialize_keras_object` gives, or config.json of a .keras file holds.
    """
    return set(_modules(config))


def sources_of(config) -> Iterator[bytes]:
    """What the files of these modules hold, those of this package left out; of modules that have a file."""
    for name in sorted(modules_in(config)):
        file = getattr(sys.modules.get(name), "__file__", None)
        if name.partition(".")[0] != "kdsuite" and file is not None and Path(file).is_file():
            yield Path(file).read_bytes()


def _modules(config) -> Iterator[str]:
    if isinstance(config, dict):
        if {"class_name", "module"} <= config.keys():
            # Keras writes no name for the script that runs.
            module = config["module"] or MAIN
            if config["class_name"] == "function" and (own := keras.saving.get_registered_object(config["config"])):
                module = own.__module__
            if module.partition(".")[0] not in ("keras", "builtins"):
                yield module
        # Nobody loads it compiled.
        config = [value for key, value in config.items() if key != "compile_config"]
    if isinstance(config, list | tuple):
        for part in config:
            yield from _modules(part)
