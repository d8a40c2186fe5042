"""What a person decides about what was set aside, as requests: `quarantine.release`, `.drop`, `.skip`, `.reviewed`."""

import sqlite3

from model.store import parcels, relabelling, relabels
from model.store.errors import RefusedRequestError
from model.store.requests import Request
from model.words import counted


def release_parcel(database: sqlite3.Connection, request: Request, _now_ms: int) -> str:
    """Take a parcel into the store: from then on its samples are replayed, and judged by."""
    parcel = _parcel(database, request)
    told = f"released {counted(parcels.accept(database, parcel), 'sample')} of round {parcel}"
    relabelled, waiting = relabelling.release(database, parcel)
    if relabelled:
        told += f"; {counted(relabelled, 'known picture')} got the labels that it gave them"
    if waiting:
        still = counted(
            waiting, "waits on, for its new label is no class", "wait on, for their new labels are no classes"
        )
        told += f"; {still}"
    return told


def drop_parcel(database: sqlite3.Connection, request: Request, _now_ms: int) -> str:
    """Delete a parcel's samples."""
    parcel = _parcel(database, request)
    told = f"dropped {counted(parcels.drop(database, parcel), 'sample')} of round {parcel}"
    kept = relabels.drop(database, parcel)
    pictures = counted(kept, "known picture keeps its label", "known pictures keep the labels that they had")
    return f"{told}; {pictures}" if kept else told


def review_relabels(database: sqlite3.Connection, _request: Request, _now_ms: int) -> str:
    """Note that a person has looked at what was relabelled: the limits of all sources begin anew."""
    pictures = counted(relabels.look(database), "picture was", "pictures were")
    return f"{pictures} relabelled since the last look; all sources' limits begin anew"


def answer_skip(database: sqlite3.Connection, request: Request, _now_ms: int) -> str:
    """Say what became of a round that was to be set aside: the learner does so while it stands still at it."""
    number = request.arguments.get("round")
    if type(number) is not int:
        raise RefusedRequestError("no round was named: {'round': 7} would be right")
    row = database.execute("SELECT outcome, fate FROM rounds WHERE round = ?", (number,)).fetchone()
    if row is None:
        raise RefusedRequestError(f"there is no round {number}")
    if row[1] != "quarantined":
        raise RefusedRequestError(f"round {number} ended as {row[0]} by itself")
    return f"the window of round {number} is set aside, and the next one is taken"


def _parcel(database: sqlite3.Connection, request: Request) -> int:
    wanted = request.arguments.get("parcel")
    parcelled = {row[0] for row in database.execute("SELECT parcel FROM parcels").fetchall()}
    known = sorted({*parcelled, *relabels.rounds_waiting(database)})
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted not in known:
        some = ", ".join(map(str, known[-20:])) if known else "none"
        raise RefusedRequestError(f"nothing of round {wanted} is set aside; what is: {some}")
    return wanted
