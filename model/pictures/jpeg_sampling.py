"""A JPEG's sampling factors: which of them the fast decoder takes, and how far each lets a decoder shrink by itself."""

from functools import lru_cache
from typing import NamedTuple

_FACTORS = (8, 4, 2)
_BLOCK_SIDE = 8
_TIMES_TARGET = 3


def _of(*pairs: str) -> bytes:
    return bytes.fromhex("".join(pairs))


_THREE = frozenset(
    (
        *(_of(luma, "11", "11") for luma in ("11", "21", "22", "12", "41", "14")),
        *(_of(all_alike, all_alike, all_alike) for all_alike in ("21", "12")),
        *(_of("22", chroma, chroma) for chroma in ("12", "21")),
    )
)
USUAL = frozenset((*_THREE, *(factors + factors[:1] for factors in _THREE)))
"""Sampling factors of three components, and of four, that libjpeg-turbo's plain interface decodes. Of one component the
factors mean nothing."""


class Shrink(NamedTuple):
    """A factor by which the decoder may shrink, and what the picture's sides must be at least, in targets."""

    factor: int
    across: int
    down: int


def is_usual(factors: bytes) -> bool:
    """Return whether simplejpeg decodes pictures of these factors."""
    return len(factors) == 1 or factors in USUAL


@lru_cache(maxsize=256)
def shrinks(factors: bytes) -> tuple[Shrink, ...]:
    """Return the factors by which libjpeg may shrink, the largest first.

    What is left of every component, chroma too, must be at least three times the target each way. libjpeg leaves of a
    component that is stored at a fraction as much as it can: a component halved both ways loses nothing at a half, one
    that is halved one way does. Measured against a decode in full: `tests/model/pictures/test_shrinking.py`.
    """
    pairs = [(max(1, byte >> 4), max(1, byte & 15)) for byte in factors]
    across_max, down_max = max(across for across, _ in pairs), max(down for _, down in pairs)
    found = []
    for factor in _FACTORS:
        least = _BLOCK_SIDE // factor
        needed = (0.0, 0.0)
        for across, down in pairs:
            kept = least
            while (
                kept < _BLOCK_SIDE
                and (across_max * least) % (across * kept * 2) == 0
                and (down_max * least) % (down * kept * 2) == 0
            ):
                kept *= 2
            share = (_BLOCK_SIDE * across_max / (across * kept), _BLOCK_SIDE * down_max / (down * kept))
            needed = (max(needed[0], share[0]), max(needed[1], share[1]))
        # Rounded up: factors of three beside two leave fractions.
        found.append(Shrink(factor, -int(-_TIMES_TARGET * needed[0] // 1), -int(-_TIMES_TARGET * needed[1] // 1)))
    return tuple(found)
