"""What a person decides about a parcel, as requests: `quarantine.release` `quarantine.drop`, `quarantine.reviewed`."""

import sqlite3

from model.store import parcels, relabelling, relabels
from model.store.errors import RefusedRequestError
from model.store.requests import Request


def release_parcel(database: sqlite3.Connection, request: Request, _now_ms: int) -> str:
    """Take a parcel into the store: from then on its samples are replayed, and judged by."""
    parcel = _parcel(database, request)
    told = f"released {parcels.accept(database, parcel)} samples of round {parcel}"
    relabelled, waiting = relabelling.release(database, parcel)
    if relabelled:
        told += f"; {relabelled} known pictures got the labels that it gave them"
    if waiting:
        told += f"; {waiting} wait on, for their new labels are no classes"
    return told


def drop_parcel(database: sqlite3.Connection, request: Request, _now_ms: int) -> str:
    """Delete a parcel's samples."""
    parcel = _parcel(database, request)
    told = f"dropped {parcels.drop(database, parcel)} samples of round {parcel}"
    kept = relabels.drop(database, parcel)
    return f"{told}; {kept} known pictures keep the labels that they had" if kept else told


def review_relabels(database: sqlite3.Connection, _request: Request, _now_ms: int) -> str:
    """Note that a person has looked at what was relabelled: the limits of all sources begin anew."""
    return f"{relabels.look(database)} pictures were relabelled since the last look; all sources' limits begin anew"


def _parcel(database: sqlite3.Connection, request: Request) -> int:
    wanted = request.arguments.get("parcel")
    parcelled = {row[0] for row in database.execute("SELECT parcel FROM parcels").fetchall()}
    known = sorted({*parcelled, *relabels.rounds_waiting(database)})
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted not in known:
        some = ", ".join(map(str, known[-20:])) if known else "none"
        raise RefusedRequestError(f"nothing of round {wanted} is set aside; what is: {some}")
    return wanted
