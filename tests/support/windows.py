"""Windows of small random pictures, and a state directory to put them into."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from model.durable import file_sha256
from model.store import Claim, Commit, Fate, NewVersion, Outcome, StateDirectory, StoreRules
from model.window import Arrival, LogKey, Span, Window

SIZE = 4
LOG = LogKey("images", "8jTiUWkgTTyrPRtbzy4wkg", 0)


def picture(seed: int, size: int = SIZE) -> np.ndarray:
    """Return one picture: the same for the same seed."""
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def window(
    pictures: Sequence[tuple[int, str]], start: int = 0, *, log: LogKey = LOG, dead: int = 0, expired: int = 0
) -> Window:
    """Return a window of one log: pictures as (seed, label) at offsets from `start` on, dead letters after them."""
    first = start + expired
    end = first + len(pictures) + dead
    return Window(
        spans=(Span(log, start, end, dead, expired),),
        arrivals=tuple(
            Arrival(log, first + index, f"id-{first + index}", label, 1_790_000_000_000 + first + index, "camera-1")
            for index, (_, label) in enumerate(pictures)
        ),
        pixels_NHWC=np.stack([picture(seed) for seed, _ in pictures])
        if pictures
        else np.empty((0, SIZE, SIZE, 3), np.uint8),
    )


def join(*windows: Window) -> Window:
    """Return one window of several logs."""
    ordered = sorted(windows, key=lambda one: one.spans[0].log)
    return Window(
        tuple(span for one in ordered for span in one.spans),
        tuple(arrival for one in ordered for arrival in one.arrivals),
        np.concatenate([one.pixels_NHWC for one in ordered]),
    )


def labelled(seeds: range, labels: Sequence[str] = ("cat", "dog")) -> list[tuple[int, str]]:
    """Return pictures whose labels take turns."""
    return [(seed, labels[seed % len(labels)]) for seed in seeds]


def open_state(
    path: Path, rules: StoreRules | None = None, reached: Callable[[str], None] = lambda _step: None, size: int = SIZE
) -> StateDirectory:
    """Open a state directory whose clock stands still."""
    return StateDirectory.open(
        path, size=size, rules=rules or StoreRules(), now_ms=lambda: 1_790_000_000_000, reached=reached
    )


def held(**changes: object) -> Commit:
    """Return a commit that accepts its window without a version."""
    return replace(Commit(outcome=Outcome.HELD, reason="", fate=Fate.ACCEPTED, seconds=1.5), **changes)


def refused(fate: Fate = Fate.SUSPECT) -> Commit:
    """Return a commit that refuses its candidate."""
    return held(outcome=Outcome.REFUSED, fate=fate, reason="harmful")


def take(state: StateDirectory, pictures: Sequence[tuple[int, str]], commit: Commit | None = None) -> Claim:
    """Claim the next window of the one log and commit it."""
    start = state.ledger.positions().get(LOG, 0)
    claim = state.claim(window(pictures, start), seed=7, state=state.ledger.current_state())
    state.commit(claim, commit or held())
    return claim


def adopt(state: StateDirectory, content: str) -> str:
    """Adopt a weights file with this content; return its digest."""
    file = state.path / "weights" / "staged"
    file.write_text(content)
    digest = file_sha256(file)
    state.adopt_weights(file, digest)
    return digest


def published(state: StateDirectory, claim: Claim) -> Commit:
    """Return a commit that publishes the claim's version, its weights adopted."""
    digest = adopt(state, f"weights of {claim.version}")
    new = NewVersion(claim.version, {"version": claim.version}, "ab" * 32)
    return held(outcome=Outcome.PUBLISHED, state=digest, version=new)
