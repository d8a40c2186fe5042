"""How the C library hands memory out: what large blocks took goes back to the system as soon as they are free.

glibc raises the size from which it maps blocks apart, up to 32 MB, whenever one is freed; below it, what a few large
pictures took stays with the process for good, in pieces: an ingestor whose decoders take 160 MB was seen at 530 MB.
"""

import ctypes

LARGE_BLOCK_BYTES = 12_582_912
"""Mapped apart, each page of a block is asked of the system anew. So what is read from Kafka at once, and what common
pictures are decoded to, lies below; large pictures lie above."""
KEPT_BYTES = 33_554_432
"""Of freed memory at each heap's end, for the next fetch and the next picture."""
ARENAS_MAX = 4
"""Threads share so many heaps; by default there are eight for each core, and each keeps what its threads once took."""

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8


def return_large_blocks() -> bool:
    """Fix the limits for this process; return whether the C library has them (musl does so by itself)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    limits = (
        (_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES),
        (_M_TRIM_THRESHOLD, KEPT_BYTES),
        (_M_ARENA_MAX, ARENAS_MAX),
    )
    taken = [mallopt(which, limit) == 1 for which, limit in limits]
    return all(taken)
