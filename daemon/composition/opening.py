"""Opens what the learner owns: state directory and repository. A full disk is waited for; what is wrong is refused."""

import errno
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import structlog

from daemon.composition.clocks import now_ms
from daemon.config import Config
from daemon.errors import PERSON_MUST_ACT, OperatorError
from daemon.learn.faults import DISK
from daemon.outage import Outage
from model.disk import DiskError, is_full, is_read_only, room
from model.network import initial_weights
from model.network.errors import NetworkError, TrainableError
from model.network.spec import NetworkSpec
from model.publishing.errors import ForeignRepositoryError, RepositoryLockedError, RepositoryUnavailableError
from model.publishing.repository import Repository
from model.store import sqlite_errors
from model.store.directory import StateDirectory
from model.store.errors import StateError
from model.store.facts import StoreRules
from model.store.privacy import tighten

UNCHANGED = "Nothing was changed"
PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE})
"""What a disk says that is full or away for a while; no permission, no such folder and the like do not pass."""
PASSING_SQLITE = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
HIDING_SQLITE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})
"""What SQLite says of a full disk, or one remounted read-only, as well as of a missing right: the disk is asked."""

log = structlog.get_logger()

Opened = TypeVar("Opened")


def open_when_there_is_room(
    open_it: Callable[[], Opened], setting: str, outage: Outage, stop: threading.Event, disk: Path | None = None
) -> Opened | None:
    """Return what `open_it` opens, as soon as `disk` lets it; None when stopped before.

    Raises OperatorError for what waiting does not cure.
    """
    while not stop.is_set():
        try:
            opened = open_it()
        except ForeignRepositoryError as error:
            cure = f"{UNCHANGED}. Choose another paths.repository, or take this one over with `tidemill learn --adopt`"
            raise OperatorError(setting, str(error), cure, exit_code=PERSON_MUST_ACT) from error
        except (StateError, RepositoryLockedError, RepositoryUnavailableError, OSError) as error:
            if not passes(error, disk):
                refused = (getattr(error, "setting", setting), str(error), UNCHANGED)
                raise OperatorError(*refused, exit_code=PERSON_MUST_ACT) from error
            told = disk is None or isinstance(error, RepositoryUnavailableError | DiskError)
            reason = f"{error}{'' if told else room(None, disk or Path(), None)}"
            outage.failed(reason, need=DISK.need, what=f"the disk of {setting}", cure=DISK.cure)
            stop.wait(outage.wait_s)
        else:
            outage.recovered()
            return opened
    return None


def passes(error: BaseException | None, disk: Path | None = None) -> bool:
    """Tell whether an error, or what caused it, is a disk's that may be well again. Raises OSError.

    A file system that can only be read is waited for where `disk` has been written to before: the kernel remounts it so
    after errors. A new one is a mistake of whoever mounted it.
    """
    refuses = disk is not None and disk.is_dir() and (is_full(disk) or (is_read_only(disk) and any(disk.iterdir())))
    while error is not None:
        if isinstance(error, OSError) and (error.errno in PASSING or (error.errno == errno.EROFS and refuses)):
            return True
        code = sqlite_errors.primary_code(error)
        if code in PASSING_SQLITE or (code in HIDING_SQLITE and refuses):
            return True
        error = error.__cause__
    return False


def open_state(config: Config, reached: Callable[[str], None]) -> StateDirectory:
    """Open the state directory, making it where there is none. Raises StateError, OSError."""
    store = config.store
    rules = StoreRules(
        bytes_max=store.bytes_max,
        holdout_fraction=store.holdout_fraction,
        holdout_first=store.holdout_first,
        holdout_max=store.holdout_max,
        closed_classes=config.model.classes,
        classes_max=config.model.classes_max,
        class_min_samples=config.model.class_min_samples,
        waiting_max=store.waiting_max,
        relabel_class_max=store.relabel_class_max,
        relabel_holdout_max=store.relabel_holdout_max,
        compact_below=store.segment_compact_below,
        versions_kept=store.versions_kept,
    )
    opened = StateDirectory.open(
        config.paths.state, size=config.image.size, rules=rules, now_ms=now_ms, reached=reached
    )
    try:
        _close_to_others(config)
    except BaseException:
        opened.close()
        raise
    return opened


def _close_to_others(config: Config) -> None:
    """Have the state directory be its owner's alone, also one that an older version made. Raises OSError."""
    state = config.paths.state
    done = tighten(state, config.paths.repository)
    if done.closed:
        log.info("the state directory was open to others, and is no longer", path=str(state), closed=done.closed)
    if done.refused:
        cure = f"chown -R it to the user {os.geteuid()}, or see that nobody else can reach it"
        first = str(done.refused[0])
        log.warning("belongs to somebody else, and stays open", path=first, count=len(done.refused), cure=cure)


def open_repository(
    config: Config, directory: StateDirectory, reached: Callable[[str], None], *, adopt: bool
) -> Repository:
    """Open the model's repository for this state directory. Raises RepositoryError."""
    return Repository(config.paths.repository, config.model.name, reached=reached).open(
        directory.ledger.state_id(), adopt=adopt
    )


def spec_of(config: Config) -> NetworkSpec:
    """Return the network that the configuration asks for."""
    return NetworkSpec(
        config.model.architecture, config.image.size, max(2, len(config.model.classes)), config.model.stem
    )


def check_initial_weights(config: Config, directory: StateDirectory) -> None:
    """Refuse weights that the first round could not start from; later only a challenger needs them."""
    if directory.ledger.current_state() is not None and not config.learning.challenger_turns:
        return
    file, trainable = config.model.initial_weights, config.model.trainable
    try:
        if file:
            facts = initial_weights.check_initial_weights(spec_of(config), Path(file), trainable)
            log.info(
                "initial weights",
                file=file,
                taken_from=facts.place or "the file's own state dict",
                tensors=facts.loaded,
                left_random=facts.left_random,
            )
        elif trainable != "all":
            raise TrainableError(
                f'model.trainable "{trainable}" on random features learns next to nothing; name a file in '
                'model.initial_weights, or set model.trainable to "all"'
            )
    except NetworkError as error:
        raise OperatorError(error.setting, str(error), "Nothing was learnt", exit_code=2) from error
