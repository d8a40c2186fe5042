"""The keys of the repository: which versions stay there."""

from typing import Annotated

from pydantic import Field

from daemon.config.section import Section


class Publish(Section):
    """What is kept of the versions that were published. store.versions_kept says which one can roll back to."""

    keep: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Newest versions that stay in the repository, beside champion, its parent and those one can roll back to."""
    keep_s: Annotated[float, Field(ge=0, le=31_536_000)] = 900.0
    """Seconds that a version stays at least after it was champion: longer than the slowest download takes."""
