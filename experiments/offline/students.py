"""Study 5's students by name. Imports no TensorFlow."""

import re

from experiments.engine.errors import UsageError


def convolutions(name: str) -> tuple[int, int, int]:
    """Depth, filters of the first convolution, and hidden dense layers of a student such as "cnn_3_32_1".

    Raises:
        UsageError: the name is not of that form.
    """
    numbers = re.fullmatch(r"cnn_(\d+)_(\d+)_(\d+)", name)
    depth, width, dense = map(int, numbers.groups()) if numbers else (0, 0, 0)
    if not depth or not width:
        raise UsageError(f"student {name!r}: expected cnn_DEPTH_WIDTH_DENSE, such as cnn_3_32_1")
    return depth, width, dense
