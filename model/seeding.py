"""Random numbers that are the same after any restart: a generator follows from (seed, round, purpose) alone."""

import hashlib

import numpy as np


def seed_of(seed: int, round_number: int, purpose: str) -> int:
    """Return 63 bits from SHA-256 of the three: purposes and rounds are independent of each other.

    The same in every process and version of Python, unlike `hash`. Fit for `torch.Generator().manual_seed`.
    """
    digest = hashlib.sha256(f"tidemill:{seed}:{round_number}:{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def seeded(seed: int, round_number: int, purpose: str) -> np.random.Generator:
    """Return NumPy's generator for one purpose (a plain word, as `order` or `replay`) of one round."""
    return np.random.Generator(np.random.PCG64(seed_of(seed, round_number, purpose)))
