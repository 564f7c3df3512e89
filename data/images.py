"""One picture to the array a split stores."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from kdsuite.data.errors import DataError

# Below the size at which Pillow itself warns.
MAX_PIXELS = 80_000_000
# What `read_image` gives for the same file; part of a cached folder's version, so raise it with any change of pixels.
DECODING = 2


def read_image(path: Path) -> np.ndarray:
    """Decodes the first frame of a file to uint8 (height, width, 3), turned upright as its EXIF orientation says.

    Transparent pictures are laid on white. Of 16-bit greys the high byte is kept, as Pillow does for 16-bit colours.

    Raises:
        DataError: the file is not a readable image, has more than `MAX_PIXELS` pixels (looked up before anything is
            decoded), or numbers of no agreed range (32-bit integers, floats); the message names it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError(
                        f"{image.width} x {image.height} pixels, expected at most {MAX_PIXELS:,}"
                    )
                ImageOps.exif_transpose(image, in_place=True)
                return np.asarray(_to_rgb(image))
    # Pillow's decoders raise whatever a broken file makes them stumble over: struct.error, KeyError, zlib.error, …
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"cannot read image {path} ({reason}): remove or replace this file") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        if "transparency" in image.info:
            raise ValueError("one of its 16-bit greys is transparent: save it with 8 bits, or with an alpha channel")
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        kind = {"I": "32-bit integers", "F": "floats"}[image.mode]
        raise ValueError(f"its pixels are {kind}, of no agreed range: save it with 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def fit_image(image: np.ndarray, size: int | None, channels: int | None) -> np.ndarray:
    """Converts uint8 (h, w, c) to `channels` (1 or 3) and resizes it bilinearly to (size, size); None keeps either."""
    depth: int = channels or image.shape[-1]
    same_size = size is None or image.shape[:2] == (size, size)
    if same_size and depth == image.shape[-1]:
        return image
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture = picture.convert({1: "L", 3: "RGB"}[depth])
    if size is not None and not same_size:
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(picture).reshape(picture.height, picture.width, depth)
