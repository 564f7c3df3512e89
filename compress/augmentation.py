"""Layers of augmentation within a model, which draw at random in training and pass images on else."""

import inspect

import keras

from kdsuite.prune.flattening import flatten
from kdsuite.prune.graph import inputs_like, rebuild


def augmentation_layers(model: keras.Model) -> list[str]:
    """Names of the layers like `RandomFlip` of a model and those within it, sorted."""
    return sorted(layer.name for layer in model._flatten_layers(include_self=False) if _augments(layer))


def without_augmentation(model: keras.Model) -> keras.Model:
    """The same layers without those of augmentation: a flat model, or the given one where it has none."""
    if not augmentation_layers(model):
        return model
    graph = flatten(model)

    def call(operation, *args, **kwargs):
        return args[0] if _augments(operation) else operation(*args, **kwargs)

    inputs = inputs_like(graph.input)
    return keras.Model(inputs, rebuild(graph, inputs, call), name=model.name)


def _augments(layer) -> bool:
    """Whether it is a layer like `RandomFlip`."""
    training = inspect.signature(layer.call).parameters.get("training")
    return hasattr(layer, "generator") and training is not None and training.default is True
