"""Opens `tidemill.db`, checks that it is ours, and runs transactions."""

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path

from model.durable import PRIVATE_FILE
from model.store.errors import ImageSizeError, SchemaVersionError, StateUnavailableError, StateUnusableError
from model.store.migrations import OLDEST, migrate, statements
from model.store.sqlite_errors import passes

FILE_NAME = "tidemill.db"
SCHEMA_VERSION = 6
APPLICATION_ID = 0x7D1E_3111
"""Marks a database as Tidemill's (`PRAGMA application_id`)."""
BUSY_TIMEOUT_S = 10.0
CACHE_KIB = 32_768
"""Page cache of a connection, so that memory does not grow with the store."""

WAL_PAGES = 8_000
"""Pages (of 4 KiB) after which the log is written back: several rounds at once, for digests land all over the file."""


def connect(folder: Path) -> sqlite3.Connection:
    """Open the database for the owner of the directory, making it where there is none. Raises StateError."""
    file = folder / FILE_NAME
    try:
        _make_private(file)
        database = sqlite3.connect(file, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        _prepare(database)
        # FULL: a commit is on the disk when it returns. WAL: readers beside the learner neither wait nor block.
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        # A file that may only be read must show now, not at the first claim.
        database.execute("BEGIN IMMEDIATE")
        database.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        raise StateUnusableError(folder, str(error)) from error
    except sqlite3.DatabaseError as error:
        raise SchemaVersionError(f"{file} is not a Tidemill database: {error}") from error
    return database


def _make_private(file: Path) -> None:
    """Make the file where there is none: its owner's alone. SQLite gives the files beside it the same mode."""
    with suppress(OSError):  # SQLite finds out the same, and says it in its own words
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE))


def connect_read_only(folder: Path) -> sqlite3.Connection:
    """Open the database for reading only, beside its owner. Raises StateError."""
    file = folder / FILE_NAME
    if not file.is_file():
        raise StateUnusableError(folder, "no learner has worked there yet (tidemill.db is missing)")
    try:
        database = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
        database.isolation_level = None
        _prepare(database)
        check_schema(database, file)
    except sqlite3.OperationalError as error:
        raise StateUnusableError(folder, str(error)) from error
    except sqlite3.DatabaseError as error:
        raise SchemaVersionError(f"{file} is not a Tidemill database: {error}") from error
    return database


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA foreign_keys = ON")
    database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")


def create_or_check(database: sqlite3.Connection, folder: Path, size: int, now_ms: int) -> None:
    """Write the schema into a new database, bring an older one up to it; hold both to the image size.

    Raises StateError; StateUnavailableError when the disk refuses, and nothing was changed then.
    """
    tables = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if not tables:
        _create(database, size, now_ms)
    _check_known(database, folder / FILE_NAME)
    if _schema_of(database) < SCHEMA_VERSION:
        _migrate(database)
    stored = int(database.execute("SELECT value FROM meta WHERE key = 'image_size'").fetchone()[0])
    if stored != size:
        message = (
            f"image.size={size}, but paths.state={folder} holds pictures of {stored} pixels: "
            f"set image.size={stored}, or give this job another paths.state"
        )
        raise ImageSizeError(message)


def _create(database: sqlite3.Connection, size: int, now_ms: int) -> None:
    schema = resources.files("model.store").joinpath("schema.sql").read_text(encoding="utf-8")
    meta = {"state_id": uuid.uuid4().hex, "image_size": str(size), "created_at_ms": str(now_ms)}
    with transaction(database):
        for statement in statements(schema):
            database.execute(statement)
        database.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _migrate(database: sqlite3.Connection) -> None:
    try:
        migrate(database, SCHEMA_VERSION)
    except sqlite3.OperationalError as error:
        raise StateUnavailableError(f"the state database cannot be brought to its new schema: {error}") from error


def check_schema(database: sqlite3.Connection, file: Path) -> None:
    """Raise SchemaVersionError unless the database is Tidemill's, of this version."""
    _check_known(database, file)
    version = _schema_of(database)
    if version < SCHEMA_VERSION:
        message = f"{file} has schema {version}, this Tidemill reads {SCHEMA_VERSION}"
        raise SchemaVersionError(f"{message}: start `tidemill learn` of this version, it brings it up to that")


def _check_known(database: sqlite3.Connection, file: Path) -> None:
    """Raise SchemaVersionError unless the database is Tidemill's, of this version or of one that can be brought up."""
    application = database.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        raise SchemaVersionError(f"{file} is not a Tidemill database: choose another paths.state")
    version = _schema_of(database)
    if not OLDEST <= version <= SCHEMA_VERSION:
        message = f"{file} has schema {version}, this Tidemill knows {OLDEST} to {SCHEMA_VERSION}"
        raise SchemaVersionError(f"{message}: run the version that wrote it")


def _schema_of(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All or nothing. Raises StateUnavailableError when the disk refuses; nothing was written then."""
    try:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("COMMIT")
    except sqlite3.OperationalError as error:
        _roll_back(database)
        if not passes(error):  # a statement of ours is wrong: no disk is to blame
            raise
        raise StateUnavailableError(f"the state database cannot be written: {error}") from error
    except BaseException:
        _roll_back(database)
        raise


def _roll_back(database: sqlite3.Connection) -> None:
    # SQLite ends some failed transactions (disk full) by itself.
    if database.in_transaction:
        database.execute("ROLLBACK")
