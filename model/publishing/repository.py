"""The learner's side of the model repository: one owner, staged versions, publication by renames."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from model.publishing.manifest import Manifest


def utc_now() -> datetime:
    """Return the time of day, in UTC."""
    return datetime.now(UTC)


class Repository:
    """One model of a repository, owned by this process while it is open.

    `reached(point)` is called before and after each rename of a publication: tests stop the world there.
    """

    def __init__(
        self,
        root: Path,
        model: str,
        *,
        now: Callable[[], datetime] = utc_now,
        reached: Callable[[str], None] = lambda point: None,
    ) -> None:
        raise NotImplementedError

    def open(self, state_id: str, *, adopt: bool = False, keep: Collection[int] = ()) -> Self:
        """Take the lock for life, check whose repository this is, sweep what earlier lives staged.

        `keep`: rounds that are committed but not yet published; their staging folders stay.
        Raises RepositoryUnavailableError, RepositoryLockedError, or ForeignRepositoryError (unless `adopt`).
        """
        raise NotImplementedError

    def close(self) -> None:
        """Give the lock back. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def last_version(self) -> int:
        """Return the highest version ever made visible, 0 when there is none. The next version is above it."""
        raise NotImplementedError

    def stage_dir(self, round_number: int) -> Path:
        """Return the round's empty staging folder, which becomes the version folder. What lay there is removed."""
        raise NotImplementedError

    def seal(self, staged: Path, manifest: Manifest) -> None:
        """Complete a staged version before it is committed: manifest, labels, Triton's config; all fsynced.

        Checks the staged artefact's length and digest against the manifest (BrokenRepositoryError).
        """
        raise NotImplementedError

    def publish(self, version: int, staged: Path, manifest: Manifest) -> datetime:
        """Make a sealed version visible and the champion; return when it became so. Safe to repeat after any crash."""
        raise NotImplementedError

    def drop(self, round_number: int) -> None:
        """Remove what a refused round staged."""
        raise NotImplementedError
