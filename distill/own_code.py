"""Code outside Keras that a network computes with: which modules define its layers and their functions."""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import keras

MAIN = "__main__"
NOT_OWN = ("keras", "kdsuite", "tensorflow", "builtins")


def modules_in(config) -> set[str]:
    """Names of the modules outside Keras that define layers, or their functions, of a serialised model.

    Args:
        config: what `keras.saving.serialize_keras_object` gives, or config.json of a .keras file holds.
    """
    return set(_modules(config))


def sources_of(model: keras.Model, config) -> Iterator[bytes]:
    """What the files hold that define a model's own layers and functions, or, of those without a file, their source.

    A function that is not registered is named in no configuration: it is found where a layer holds it.

    Args:
        model: whose layers they are.
        config: of the model, as for `modules_in`.
    """
    layers = list(model._flatten_layers(include_self=True))
    held = [*map(type, layers), *(value for layer in layers for value in vars(layer).values())]
    own = {one for one in held if isinstance(one, type | FunctionType) and _is_own(one.__module__ or MAIN)}
    names = {name for name in modules_in(config) if _is_own(name)} | {one.__module__ or MAIN for one in own}
    for name in sorted(names):
        if (file := _file_of(name)) is not None:
            yield file.read_bytes()
    for one in sorted(own, key=lambda one: one.__qualname__):
        if _file_of(one.__module__ or MAIN) is None:
            try:
                yield inspect.getsource(one).encode()
            except (OSError, TypeError):  # Typed at a prompt: nothing holds its source.
                continue


def _file_of(module: str) -> Path | None:
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file) if file is not None and Path(file).is_file() else None


def _is_own(module: str) -> bool:
    return module.partition(".")[0] not in NOT_OWN


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
