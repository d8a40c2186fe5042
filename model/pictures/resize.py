"""From an image of any mode to `size` x `size` RGB bytes: what the manifest calls `bilinear-antialias`.

The whole picture is squeezed into the square, nothing is cropped: Pillow's `resize((size, size), BILINEAR)`, which is a
triangle filter as wide as the reduction. Anyone who does the same to the same picture gets the model's input.
"""

import numpy as np
from PIL import Image

# From eight times the target on, whole pixels are averaged first: on average within a level of the filter alone, and at
# least twice as fast.
_REDUCING_GAP = 4.0
_BAND_PIXELS = 100_000
_WHITE = (255, 255, 255, 255)

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What EXIF's orientations ask for; the transpositions of a square stay within it, so that they may come last."""


_WEIGHED = {"LA": "La", "RGBA": "RGBa"}
"""Colours weighed by their opacity, so that what cannot be seen does not shine through."""

Extent = tuple[float, float]


def square_rgb(image: Image.Image, size: int, orientation: int, extent: Extent | None = None) -> bytes:
    """Return RGB, uint8, size x size x 3 in C order, of an image of mode L, LA, RGB, RGBX or RGBA.

    `extent`: width and height that the picture has within the image, in fractions of its pixels; None: all of it.

    Transparency is laid over white: that is how a person sees such a picture on a page, and what those who draw
    one on a transparent ground have in mind.
    """
    extent = image.size if extent is None else extent
    small = image if image.size == extent == (size, size) else _resize(image, size, extent)
    if orientation in _UPRIGHT:
        small = small.transpose(_UPRIGHT[orientation])
    if small.mode in ("LA", "RGBA"):
        # After the resize, for it weighs colours by their opacity: the same result as before it, on far fewer pixels.
        small = Image.alpha_composite(Image.new("RGBA", small.size, _WHITE), small.convert("RGBA"))
    elif small.mode == "L":
        small = small.convert("RGB")
    return small.tobytes("raw", "RGB")


def _resize(image: Image.Image, size: int, extent: Extent) -> Image.Image:
    if image.mode in _WEIGHED:
        # As newer Pillows do it by themselves: older ones forget the gap here, and filter every row of a tall picture.
        return _resize(image.convert(_WEIGHED[image.mode]), size, extent).convert(image.mode)
    return image.resize((size, size), Image.Resampling.BILINEAR, (0, 0, *extent), reducing_gap=_REDUCING_GAP)


def plain_mode(image: Image.Image, bits: int) -> Image.Image:
    """Return a loaded PNG or WebP in mode L, LA, RGB or RGBA, 8 bits a sample, as a person expects to see it.

    `bits`: per sample in the file. 16 bits keep their upper half; Pillow by itself would clip grey ones at 255. A
    palette is resolved. A colour that stands for *transparent* becomes opacity.
    """
    key = image.info.get("transparency")
    if image.mode.startswith("I"):
        return _from_grey16(image, key)
    if image.mode == "P":
        return image.convert("RGB" if key is None else "RGBA")
    if key is not None and image.mode in ("1", "L", "RGB"):
        image.info["transparency"] = _scaled_key(key, bits)
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image


def _from_grey16(image: Image.Image, key: object) -> Image.Image:
    """Return mode L or LA, made in bands: the whole picture at once would be held five times over."""
    grey = Image.new("L" if key is None else "LA", image.size)
    rows = max(1, _BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        values = np.asarray(image.crop(box)).astype(np.uint16)
        band = Image.fromarray((values >> 8).astype(np.uint8))
        if key is not None:
            band = Image.merge("LA", (band, Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8))))
        grey.paste(band, box)
    return grey


def keyed_rgb16(upper: Image.Image, lower: Image.Image, key: tuple[int, ...]) -> Image.Image:
    """Return mode RGBA of the upper and lower bytes of 16 bits: a colour is `key` where both bytes of it are."""
    keyed = Image.new("RGBA", upper.size)
    rows = max(1, _BAND_PIXELS // upper.width)
    for top in range(0, upper.height, rows):
        box = (0, top, upper.width, min(top + rows, upper.height))
        high, low = np.asarray(upper.crop(box)), np.asarray(lower.crop(box))
        same = np.all((high == [one >> 8 for one in key]) & (low == [one & 255 for one in key]), axis=2)
        keyed.paste(Image.fromarray(np.dstack((high, np.where(same, 0, 255).astype(np.uint8)))), box)
    return keyed


def _scaled_key(key: int | tuple[int, ...], bits: int) -> int | tuple[int, ...]:
    """Return the transparent colour in 8 bits: a file gives it in its own depth, Pillow compares scaled samples."""
    if isinstance(key, tuple):
        return tuple(_scaled_sample(sample, bits) for sample in key)
    return _scaled_sample(key, bits)


def _scaled_sample(sample: int, bits: int) -> int:
    if bits > 8:
        return sample >> (bits - 8)
    return (sample & ((1 << bits) - 1)) * 255 // ((1 << bits) - 1)
