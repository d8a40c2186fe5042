"""Many samples on one PNG: a grid of thumbnails, each above its label and what the model took it for."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from daemon.report.pictures import shown

PICTURES_MAX = 200
"""More than these nobody looks through."""
COLUMNS = 10
TILE = 96, 128
"""Width and height of a picture and its two lines."""
GAP = 8
LINE = 15
FONT = Path("mpl-data", "fonts", "ttf", "DejaVuSans.ttf")
FONT_SIZE = 11
TEXT, WRONG = "black", "#b00020"


Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One sample of a sheet."""

    pixels_HWC: NDArray[np.uint8]
    """uint8, [size, size, 3], RGB."""
    label: str
    predicted: str | None
    """What the model took it for; None where that is not known."""


def contact_sheet(thumbnails: Sequence[Thumbnail]) -> bytes:
    """Return the first 200 as the content of a PNG, in reading order. Raises ValueError where there is none."""
    if not thumbnails:
        raise ValueError("a contact sheet needs a picture")
    chosen = thumbnails[:PICTURES_MAX]
    sheet = Image.new("RGB", sheet_size(len(chosen)), "white")
    draw = ImageDraw.Draw(sheet)
    font = letters()
    for place, one in enumerate(chosen):
        left, top = (
            GAP + at * (side + GAP) for at, side in zip((place % COLUMNS, place // COLUMNS), TILE, strict=True)
        )
        picture = shown(one.pixels_HWC)
        sheet.paste(picture, (left, top))
        below = top + picture.height + 1
        draw.text((left, below), fitting(one.label, font), TEXT, font)
        if one.predicted is not None:
            colour = TEXT if one.predicted == one.label else WRONG
            draw.text((left, below + LINE), fitting(f"-> {one.predicted}", font), colour, font)
    encoded = io.BytesIO()
    sheet.save(encoded, "PNG")
    return encoded.getvalue()


def sheet_size(n: int) -> tuple[int, int]:
    """Return width and height in pixels of a sheet of `n` pictures, from 1 on."""
    across, down = min(n, COLUMNS), -(-n // COLUMNS)
    return GAP + across * (TILE[0] + GAP), GAP + down * (TILE[1] + GAP)


def letters() -> Font:
    """Return the font that matplotlib brings, for Pillow's own knows ASCII only and draws boxes for the rest."""
    found = find_spec("matplotlib")  # not loaded by this
    file = Path(found.origin).parent / FONT if found and found.origin else None
    return ImageFont.truetype(file, FONT_SIZE) if file and file.is_file() else ImageFont.load_default(FONT_SIZE)


def fitting(text: str, font: Font) -> str:
    """Return the text as one line, cut where it is wider than a tile."""
    line = " ".join(text.split())
    if font.getlength(line) <= TILE[0]:
        return line
    while line and font.getlength(f"{line}…") > TILE[0]:
        line = line[:-1]
    return f"{line}…"
