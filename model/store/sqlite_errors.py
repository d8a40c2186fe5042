"""What SQLite's own errors say: the disk's, damage, or a fault of our own statements.

Its classes do not tell them apart: a full disk and a misspelt column are both an OperationalError.
"""

import sqlite3

PASSING = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,  # also where no journal can be made: no inode, no folder
        sqlite3.SQLITE_READONLY,  # also where the file system was remounted
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOMEM,
    }
)
"""Nothing was changed, and the same statement may go well later."""
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
PRIMARY_CODE = 0xFF
"""Extended codes carry the primary one in their last byte."""


def primary_code(error: BaseException) -> int | None:
    """Return SQLite's primary result code; None where the error is none of its."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & PRIMARY_CODE if isinstance(error, sqlite3.Error) and isinstance(code, int) else None


def passes(error: BaseException) -> bool:
    """Return whether the disk, or another process, is to blame, and waiting may cure it.

    An OperationalError without a code is no answer to a statement: what else is wrong is of another class.
    """
    code = primary_code(error)
    return isinstance(error, sqlite3.OperationalError) if code is None else code in PASSING


def is_damage(error: BaseException) -> bool:
    """Return whether the database file is damaged: no waiting cures it."""
    return primary_code(error) in DAMAGED
