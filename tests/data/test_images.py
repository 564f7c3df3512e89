import warnings

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kdsuite.data import DataError
from kdsuite.data.images import read_image

GREYS = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def saved(tmp_path, image, name="picture.png", **arguments):
    image.save(tmp_path / name, **arguments)
    return tmp_path / name


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_honoured(tmp_path, orientation):
    # EXIF 2.32, tag 0x0112: where row 0 and column 0 of the stored picture are in the upright one.
    store = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: np.rot90,
        7: lambda a: np.rot90(a.T, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, Image.fromarray(np.ascontiguousarray(store(GREYS))), exif=exif)
    np.testing.assert_array_equal(read_image(path)[..., 0], GREYS)


def test_transparency_is_laid_on_white(tmp_path):
    pixels = np.array([[[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 51]]], np.uint8)
    expected = [[200, 100, 0], [255, 255, 255], [244, 224, 204]]
    np.testing.assert_array_equal(read_image(saved(tmp_path, Image.fromarray(pixels)))[0], expected)
    grey = Image.fromarray(np.array([[[200, 255], [200, 0]]], np.uint8), "LA")
    np.testing.assert_array_equal(read_image(saved(tmp_path, grey))[0, :, 0], [200, 255])
    palette = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    palette.putpalette([10, 20, 30, 40, 50, 60])
    path = saved(tmp_path, palette, transparency=1)
    np.testing.assert_array_equal(read_image(path)[0], [[10, 20, 30], [255, 255, 255]])
    path = saved(tmp_path, Image.fromarray(GREYS), transparency=20)
    np.testing.assert_array_equal(read_image(path)[0, :, 0], [0, 255, 40, 60])


@pytest.mark.parametrize("name", ["picture.png", "picture.tif"])
def test_of_16_bit_greys_the_high_byte_is_kept(tmp_path, name):
    values = np.array([[0, 255, 256, 65535, 40000]], np.uint16)
    np.testing.assert_array_equal(
        read_image(saved(tmp_path, Image.fromarray(values), name))[0, :, 1], [0, 0, 1, 255, 156]
    )


def test_16_bit_colours_are_treated_like_16_bit_greys(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (4, 5, 3)).astype(np.uint16)
    (tmp_path / "picture.png").write_bytes(tf.io.encode_png(values).numpy())
    np.testing.assert_array_equal(read_image(tmp_path / "picture.png"), values >> 8)


def test_other_modes_become_their_colours(tmp_path):
    cases = {
        "palette.png": (Image.fromarray(GREYS).convert("P"), GREYS[..., None].repeat(3, -1)),
        "one-bit.png": (Image.fromarray(GREYS > 100), (GREYS > 100)[..., None].repeat(3, -1) * 255),
        "cmyk.tif": (Image.new("CMYK", (4, 3), (0, 255, 0, 0)), np.full((3, 4, 3), (255, 0, 255))),
        "frames.gif": (Image.fromarray(GREYS), GREYS[..., None].repeat(3, -1)),
    }
    for name, (image, expected) in cases.items():
        more = {"save_all": True, "append_images": [Image.new("L", (4, 3), 7)]} if name == "frames.gif" else {}
        np.testing.assert_array_equal(read_image(saved(tmp_path, image, name, **more)), expected, err_msg=name)


def test_numbers_of_no_agreed_range_are_refused_by_name(tmp_path):
    for dtype, kind in ((np.float32, "floats"), (np.int32, "32-bit integers")):
        path = saved(tmp_path, Image.fromarray(GREYS.astype(dtype)), "picture.tif")
        with pytest.raises(DataError, match=rf"picture\.tif \(its pixels are {kind}"):
            read_image(path)


def test_a_picture_too_large_is_refused_before_it_is_decoded(tmp_path):
    # Headers of bitmaps without any pixel: decoding would fail otherwise than by size.
    for side in (9_000, 12_000, 60_000):
        size = side.to_bytes(4, "little")
        header = b"BM" + bytes(8) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little") + size + size
        (tmp_path / "huge.bmp").write_bytes(header + b"\1\0\30\0" + bytes(24))
        with pytest.raises(DataError, match=r"huge\.bmp .*pixels"), warnings.catch_warnings():
            warnings.simplefilter("error")
            read_image(tmp_path / "huge.bmp")
