"""Models of one output and of several, seen alike: outputs by key, and settings for each of them."""

import keras

from kdsuite.distill.errors import DistillationError


def by_key(outputs) -> dict:
    """Outputs of a model by their key: None for a single one, the position in a list, the name in a dict."""
    if isinstance(outputs, dict):
        return dict(outputs)
    if isinstance(outputs, list | tuple):
        return {None: outputs[0]} if len(outputs) == 1 else dict(enumerate(outputs))
    return {None: outputs}


def as_functional(model: keras.Model) -> keras.Model:
    """The same layers as a functional model; a model that is not Sequential as it is.

    Raises:
        DistillationError: a Sequential model without input shape.
    """
    if isinstance(model, keras.Sequential):
        if not getattr(model, "inputs", None):
            raise DistillationError(f"model {model.name!r} has no input shape yet: start it with keras.Input(shape)")
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return model


def known_outputs(model: keras.Model) -> dict | None:
    """Symbolic outputs of a model by key, or None of a model that has none (subclassed, or not built)."""
    if not getattr(model, "outputs", None):
        return None
    return by_key(outputs_of(model))


def outputs_of(model: keras.Model):
    """Symbolic outputs of a functional or built Sequential model, nested as a call gives them."""
    return model.outputs[0] if isinstance(model, keras.Sequential) else model.output


def for_outputs(setting, keys, names, what: str) -> list:
    """One value of a setting for each output.

    Args:
        setting: one value for all outputs, a list by position (of the sorted names, where outputs are a dict), or a
            dict by key or output name.
        keys: from `by_key`.
        names: the model's output names, or None.
        what: name of the setting, for the error.

    Raises:
        DistillationError: the setting lacks an output or has one too many.
    """
    keys = list(keys)
    if isinstance(setting, dict):
        names = names if names and len(names) == len(keys) else keys
        found = [setting[key] if key in setting else setting.get(name) for key, name in zip(keys, names, strict=True)]
        if len(setting) == len(keys) and all(value is not None for value in found):
            return found
        expected = [key if isinstance(key, str) else name for key, name in zip(keys, names, strict=True)]
        raise DistillationError(f"{what} for {list(setting)}: expected one for each of {expected}")
    if isinstance(setting, list | tuple):
        if len(setting) != len(keys):
            raise DistillationError(f"{len(setting)} of {what}: expected one for each of {len(keys)} outputs")
        # Keras takes the outputs of a dict in the order of their names.
        order = sorted(keys) if all(isinstance(key, str) for key in keys) else keys
        by_name = dict(zip(order, setting, strict=True))
        return [by_name[key] for key in keys]
    return [setting] * len(keys)
