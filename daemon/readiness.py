"""What /readyz says: each thing that a role depends on is asked, and named with its reason."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """The state of one dependency. `reason` says what is the matter and what to do, or what is fine."""

    name: str
    ok: bool
    reason: str = ""


Ask = Callable[[], Check]
"""Looks at one dependency. Returns at once (what takes time is asked elsewhere and remembered), and never raises."""


def ask_all(asks: Iterable[Ask]) -> tuple[Check, ...]:
    """Return the state of every dependency."""
    return tuple(ask() for ask in asks)


def readiness_body(checks: Sequence[Check]) -> tuple[int, dict[str, Any]]:
    """Return the status code and the JSON body of /readyz: 200 where all is well, else 503."""
    ready = all(check.ok for check in checks)
    listed = [{"name": check.name, "ok": check.ok, "reason": check.reason} for check in checks]
    return (200 if ready else 503), {"ready": ready, "checks": listed}
