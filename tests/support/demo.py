"""Views of a demo as it could be, and time that passes at once."""

import threading
from dataclasses import replace

from daemon.demo.board import Measured, Scores, View
from tests.support.manifests import manifest_of

OF = 36
"""Test pictures of each digit."""


def measured(version: int, old: float, new: float) -> Measured:
    """Return a version that has these shares of the digits 0 to 4 and 5 to 9 right."""
    right = {str(digit): round(OF * (old if digit < 5 else new)) for digit in range(10)}
    manifest = replace(manifest_of(version, b"x"), model="digits", version=version)
    return Measured(version, manifest, Scores({digit: (n, OF) for digit, n in right.items()}), 10.0 * version)


def finished() -> View:
    """Return the end of a demo that kept its promises."""
    curve = [(0.9, 0.0), (1.0, 0.0), (1.0, 0.0), (1.0, 0.5), (1.0, 1.0)]
    return View(
        phase="streaming",
        chapter="digits 5 to 9",
        chapter_pictures=716,
        chapter_sent=716,
        sent=1437,
        spoilt={"empty": 2, "undecodable": 1},
        dead={"empty": 2, "undecodable": 1},
        learner={"round": None, "stage": None, "buffer": {"samples": 0}, "store": {"train": 1150, "holdout": 287}},
        versions=tuple(measured(version, old, new) for version, (old, new) in enumerate(curve, 1)),
        champion=5,
    )


class Clockwork(threading.Event):
    """An event whose waits take no time; `at_wait(seconds)` is what happens meanwhile."""

    def __init__(self, at_wait=lambda seconds: None):
        super().__init__()
        self.waited = []
        self.at_wait = at_wait

    def wait(self, timeout=None):
        self.waited.append(timeout)
        self.at_wait(timeout)
        return self.is_set()
