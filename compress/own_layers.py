"""Modules that define a network's own layers: a process has to import them before it loads the network's file."""

import importlib
import json
import sys
import zipfile
from pathlib import Path

import keras

from kdsuite.compress.errors import CompressionError, first_line
from kdsuite.distill.own_code import MAIN, modules_in


def modules_of(model: keras.Model | Path) -> list[str]:
    """Names of the modules outside Keras that define layers, or their functions, of a model or its .keras file.

    Raises:
        OSError, KeyError, ValueError, zipfile.BadZipFile: the file is none that Keras wrote.
    """
    if isinstance(model, Path):
        with zipfile.ZipFile(model) as archive:
            config = json.loads(archive.read("config.json"))
    else:
        config = keras.saving.serialize_keras_object(model)
    return sorted(modules_in(config))


def read(path: Path) -> keras.Model:
    """Loads a .keras file for inference.

    Raises:
        CompressionError: Keras cannot; the message is the reason alone.
    """
    _import_ours(path)
    try:
        return keras.models.load_model(path, compile=False)
    # A damaged file raises whatever the part of Keras that met the damage raises.
    except Exception as error:
        raise CompressionError(_why_unread(path, error)) from error


def _import_ours(path: Path) -> None:
    """Imports the modules of this package that a .keras file needs, such as that of `models.airbench`.

    A file names no other module that is imported: whoever made it could have any code run.
    """
    try:
        ours = [name for name in modules_of(path) if name.startswith("kdsuite.")]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return  # Keras says what is wrong with the file.
    for name in ours:
        importlib.import_module(name)


def _why_unread(path: Path, error: Exception) -> str:
    """Why Keras could not read a .keras file: layers that nobody imported, or the error's first line."""
    try:
        missing = [name for name in modules_of(path) if name not in sys.modules or name == MAIN]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        missing = []
    if not missing:
        return first_line(error)
    where = ", ".join("a script" if name == MAIN else f"module {name}" for name in missing)
    return f"it has layers of its own from {where}: import them in Python and call kdsuite.compress there"


def importable(model: keras.Model | Path) -> list[str]:
    """The modules that a fresh process has to import before it loads a model that this one has loaded.

    Raises:
        CompressionError: a layer is defined in a script or a notebook, which no other process can import.
    """
    names = modules_of(model)
    if MAIN in names:
        raise CompressionError(
            "the model has layers of your own that are defined in the script or notebook that runs: put them into a "
            "module and import it, so that the student's file can be loaded and measured in a process of its own"
        )
    return [name for name in names if name in sys.modules]


def check_own_layers(model: keras.Model) -> None:
    """Builds each layer again from its configuration, as whoever loads the model's file does.

    Raises:
        CompressionError: one that cannot be: of one's own, or of Keras with a function of one's own.
    """
    for layer in model._flatten_layers(include_self=False):
        kind = type(layer)
        is_keras = kind.__module__.partition(".")[0] == "keras"
        # What a layer of Keras makes for itself is built with that layer.
        if isinstance(layer, keras.Model) or (is_keras and not hasattr(keras.layers, kind.__name__)):
            continue
        try:
            kind.from_config(layer.get_config())
        except Exception as error:  # Whatever its constructor raises.
            what = f"layer {layer.name!r} of class {kind.__name__}"
            if is_keras:
                raise CompressionError(
                    f"{what} holds a function that the model's file cannot name: put it into a module, as the call of "
                    "a layer of your own or behind @keras.saving.register_keras_serializable()"
                ) from error
            raise CompressionError(
                f"{what} cannot be built again from its get_config ({first_line(error)}): have get_config give all "
                "arguments of __init__, and __init__ take **kwargs"
            ) from error
