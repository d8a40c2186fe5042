"""Follows a model's champion over HTTP into a local file. Needs httpx alone; made to be imported by services."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from model.publishing.errors import PullError
from model.publishing.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Pulled:
    """A version that lies whole and checked at `path`."""

    version: int
    path: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Limits:
    """A limit on everything that a server could do to a follower."""

    bytes_max: int = 2_147_483_648
    wait_s: float = 60.0
    download_s: float = 900.0
    backoff_s: float = 0.5
    backoff_max_s: float = 60.0
    attempts: int = 8


class Follower:
    """Keeps the file at `target` equal to the champion of `model` as the server at `url` names it.

    `pause(seconds)` waits and returns True when it is time to stop (`threading.Event().wait` does just that).
    """

    def __init__(
        self,
        url: str,
        model: str,
        target: Path,
        *,
        pause: Callable[[float], bool],
        client: httpx.Client,
        limits: Limits = Limits(),
        failed: Callable[[PullError, float], None] = lambda error, retry_in_s: None,
    ) -> None:
        raise NotImplementedError

    def pull(self) -> Pulled | None:
        """Bring the file up to the champion once; None while the server has none. Raises PullError after the attempts."""
        raise NotImplementedError

    def follow(self) -> Iterator[Pulled]:
        """Yield each version once its file is in place, until `pause` says stop. Failures are told, and retried."""
        raise NotImplementedError
