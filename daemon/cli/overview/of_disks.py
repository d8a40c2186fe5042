"""Looks at the folders of this host: what is free below them, and whether the champion's files are whole."""

import shutil
from collections.abc import Iterator

from daemon.cli.overview.facts import Disk, State, Trouble
from daemon.config import Config
from model.publishing.errors import BrokenRepositoryError, RepositoryError
from model.publishing.reader import RepositoryReader

VERIFY = "see what `tidemill verify` says; `tidemill verify --repair`, with the learner stopped, mends what it can"


def look_at_disks(config: Config) -> tuple[Disk, ...]:
    """Return the file systems of the folders that are there."""
    found = []
    folders = (("paths.state", config.paths.state), ("paths.repository", config.paths.repository))
    for setting, folder in folders:
        try:
            size = shutil.disk_usage(folder)
        except OSError:
            continue  # not on this host
        found.append(Disk(setting, str(folder), size.free, size.total))
    return tuple(found)


def look_at_repository(config: Config, state: State | None) -> Iterator[Trouble]:
    """Yield what is wrong with the champion in the repository. Sizes are compared, not digests: that is `verify`'s."""
    folder = config.paths.repository
    if not folder.exists():
        return
    try:
        served = RepositoryReader(folder, config.model.name).champion()
    except BrokenRepositoryError as error:
        yield Trouble("repository", str(error), VERIFY)
        return
    except (RepositoryError, OSError) as error:
        cure = "give the right to read it, or set paths.repository"
        yield Trouble("repository", f"{folder} cannot be read: {error}", cure)
        return
    champion = state.champion if state else None
    if champion is not None and champion.published_at_ms is not None and served is None:
        yield Trouble("repository", f"{folder} names no champion, and version {champion.version} is it", VERIFY)
