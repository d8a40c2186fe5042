"""What a person decides about a parcel, as requests: `quarantine.release`, `quarantine.drop`, `quarantine.skip`."""

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


def answer_skip(database: sqlite3.Connection, request: Request, _now_ms: int) -> str:
    """Say what became of a round that was to be set aside: the learner does so while it stands still at it."""
    number = request.arguments.get("round")
    row = database.execute("SELECT outcome, fate FROM rounds WHERE round = ?", (number,)).fetchone()
    if row is None:
        raise RefusedRequestError(f"there is no round {number}")
    if row[1] != "quarantined":
        raise RefusedRequestError(f"round {number} ended as {row[0]} by itself")
    return f"the window of round {number} is set aside, and the next one is taken"


def _parcel(database: sqlite3.Connection, request: Request) -> int:
    wanted = request.arguments.get("parcel")
    known = [row[0] for row in database.execute("SELECT parcel FROM parcels ORDER BY parcel").fetchall()]
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted not in known:
        some = ", ".join(map(str, known[-20:])) if known else "none"
        raise RefusedRequestError(f"nothing of round {wanted} is set aside; what is: {some}")
    return wanted
