"""One picture to the array a split stores."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from kdsuite.data.errors import DataError


def read_image(path: Path) -> np.ndarray:
    """Decodes a file to uint8 (height, width, 3).

    Raises:
        DataError: the file is not a readable image; the message names it.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        reason = str(error).replace("\n", " ")
        raise DataError(f"cannot read image {path} ({reason}): remove or replace this file") from error


def fit_image(image: np.ndarray, size: int | None, channels: int | None) -> np.ndarray:
    """Converts uint8 (h, w, c) to `channels` (1 or 3) and resizes it bilinearly to (size, size); None keeps either."""
    channels = channels or image.shape[-1]
    same_size = size is None or image.shape[:2] == (size, size)
    if same_size and channels == image.shape[-1]:
        return image
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture = picture.convert({1: "L", 3: "RGB"}[channels])
    if not same_size:
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(picture).reshape(picture.height, picture.width, channels)
