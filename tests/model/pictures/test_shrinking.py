"""A JPEG that libjpeg shrinks while it decodes looks like one decoded in full, however its chroma is stored."""

from io import BytesIO

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from model.pictures import ImageDecoder, sniff
from model.pictures.jpeg_pixels import shrink_factor
from model.pictures.jpeg_sampling import USUAL
from tests.support.jpegs import jpeg, ycc

SIZE = 32
DECODER = ImageDecoder(SIZE, 10_000_000, 50_000_000)
WAYS = {
    "4:4:4": [(1, 1), (1, 1), (1, 1)],
    "4:2:0": [(2, 2), (1, 1), (1, 1)],
    "4:2:2": [(2, 1), (1, 1), (1, 1)],
    "4:4:0": [(1, 2), (1, 1), (1, 1)],
    "4:1:1": [(4, 1), (1, 1), (1, 1)],
    "4:4:1": [(1, 4), (1, 1), (1, 1)],
    "4:1:0": [(4, 2), (1, 1), (1, 1)],
    "3x1": [(3, 1), (1, 1), (1, 1)],
    "2x2,2x1,1x1": [(2, 2), (2, 1), (1, 1)],
}


def detailed(shape: tuple[int, int], seed: int = 3) -> Image.Image:
    rough = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    return rough.resize(shape[::-1], Image.Resampling.BICUBIC)


@pytest.mark.parametrize("shape", [(193, 199), (390, 460), (200, 390)])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_storing_chroma_keeps_its_colours(way: str, shape: tuple[int, int]) -> None:
    data = jpeg(ycc(detailed(shape)), WAYS[way], step=3)
    with Image.open(BytesIO(data)) as full:
        expected = np.asarray(full.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)).astype(int)
    seen = np.frombuffer(DECODER.decode(data), np.uint8).reshape(SIZE, SIZE, 3)
    assert np.abs(seen - expected).max() <= 9
    assert np.abs(seen - expected).mean() <= 1.25


@pytest.mark.parametrize(
    ("way", "at", "factor"),
    [
        ("4:2:0", (192, 192), 2),
        ("4:2:0", (191, 192), 1),
        ("4:2:0", (768, 768), 8),
        ("4:2:2", (192, 384), 2),
        ("4:2:2", (192, 383), 1),
        ("4:4:0", (384, 192), 2),
        ("4:4:1", (767, 400), 1),
        ("4:4:1", (768, 400), 2),
        ("4:1:1", (768, 3072), 8),
    ],
)
def test_chroma_too_keeps_three_times_the_target(way: str, at: tuple[int, int], factor: int) -> None:
    header = sniff(jpeg(np.zeros((8, 8, 3)), WAYS[way]))._replace(height=at[0], width=at[1])
    assert shrink_factor(header, SIZE) == factor


@pytest.mark.parametrize("told", sorted(USUAL), ids=bytes.hex)
def test_simplejpeg_decodes_what_counts_as_usual(told: bytes) -> None:
    factors = [(byte >> 4, byte & 15) for byte in told]
    data = jpeg(np.zeros((8, 8, len(factors))), factors, apart=sum(h * v for h, v in factors) > 10)
    assert sniff(data).factors == told
    assert simplejpeg.decode_jpeg(data).shape == (8, 8, 3)
