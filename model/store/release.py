"""What a person decides about a parcel, as requests: `quarantine.release` and `quarantine.drop`."""

import sqlite3

from model.store import parcels
from model.store.errors import RefusedRequestError
from model.store.requests import Request


def release_parcel(database: sqlite3.Connection, request: Request, _now_ms: int) -> str:
    """Take a parcel into the store: from then on its samples are replayed, and judged by."""
    parcel = _parcel(database, request)
    return f"released {parcels.accept(database, parcel)} samples of round {parcel}"


def drop_parcel(database: sqlite3.Connection, request: Request, _now_ms: int) -> str:
    """Delete a parcel's samples."""
    parcel = _parcel(database, request)
    return f"dropped {parcels.drop(database, parcel)} samples of round {parcel}"


def _parcel(database: sqlite3.Connection, request: Request) -> int:
    wanted = request.arguments.get("parcel")
    known = [row[0] for row in database.execute("SELECT parcel FROM parcels ORDER BY parcel").fetchall()]
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted not in known:
        some = ", ".join(map(str, known[-20:])) if known else "none"
        raise RefusedRequestError(f"nothing of round {wanted} is set aside; what is: {some}")
    return wanted
