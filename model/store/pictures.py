"""A picture is known by the digest of its stored pixels; the digest also decides which side it is on."""

import hashlib

import numpy as np
from numpy.typing import NDArray

DIGEST_BYTES = 16
FIRST_SHARE = 0.2
"""One in five is held out until enough are."""


def picture_digest(pixels_HWC: NDArray[np.uint8]) -> bytes:
    """Return the blake2b of one picture's pixels."""
    return hashlib.blake2b(np.ascontiguousarray(pixels_HWC).data, digest_size=DIGEST_BYTES).digest()


def fraction(digest: bytes) -> float:
    """Return the digest as a number in [0, 1), evenly spread."""
    return int.from_bytes(digest[:6], "big") / (1 << 48)


def is_held_out(digest: bytes, share: float) -> bool:
    """Tell whether a new picture goes to the holdout when `share` of them do."""
    return fraction(digest) < share


def holdout_share(held: int, first: int, wanted: float, last: float | None) -> float:
    """Return the share of new pictures to hold out, with `held` of them stored.

    `last` is the share of the round before if training samples have been evicted since the store began, else None:
    the share may then only fall. Otherwise a picture that was trained on, was evicted and comes again could be held
    out, and the model be judged by what it has learnt.
    """
    share = FIRST_SHARE if held < first else wanted
    return share if last is None else min(share, last)
