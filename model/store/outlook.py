"""What an operator wants to know first of a state: the open round, refusals in a row, the quarantine. Reads only."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from model.store.database import connect_read_only

LOOK_BACK = 1_000
"""Rounds that are looked through for refusals in a row."""


@dataclass(frozen=True, slots=True)
class OpenRound:
    """The round that is claimed and not committed."""

    round: int
    since_ms: int
    """When it was claimed, in milliseconds since the epoch."""
    stands_still: str
    """What windows in a row raised, where learning stands still at it; else empty."""


@dataclass(frozen=True, slots=True)
class LastRound:
    """The round that was committed last."""

    round: int
    outcome: str
    version: int | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """See the module."""

    open: OpenRound | None
    last: LastRound | None
    refused: int
    """Rounds refused since one was published or held; LOOK_BACK at most."""
    refused_reason: str
    """Of the newest of these."""
    quarantined: int
    """Parcels in quarantine."""
    quarantined_lately: int
    """Of these, those that came since the moment asked for."""
    newest_quarantined: int | None
    """The parcel that came last."""


def read_outlook(folder: Path, since_ms: int) -> Outlook:
    """Read `<folder>/tidemill.db`. `since_ms`: what counts as lately. Raises StateError."""
    with closing(connect_read_only(folder)) as database:
        found = database.execute(
            "SELECT round, claimed_at, (SELECT said FROM raised WHERE raised.round = rounds.round AND faultless = 1)"
            " FROM rounds WHERE outcome IS NULL"
        ).fetchone()
        last = database.execute(
            "SELECT rounds.round, outcome, version, committed_at FROM rounds LEFT JOIN versions USING (round)"
            " WHERE outcome IS NOT NULL ORDER BY rounds.round DESC LIMIT 1"
        ).fetchone()
        refused = []
        query = "SELECT outcome, reason FROM rounds WHERE outcome IS NOT NULL ORDER BY round DESC LIMIT ?"
        for outcome, reason in database.execute(query, (LOOK_BACK,)):
            if outcome != "refused":
                break
            refused.append(reason or "")
        # A class that a person retired is in quarantine by that person's word: nobody needs to be told of it.
        parcels = database.execute(
            "SELECT parcel, coalesce(committed_at, 0) >= ? AND parcels.reason NOT LIKE 'class %was retired'"
            " FROM parcels LEFT JOIN rounds ON rounds.round = since"
            " WHERE role = 'quarantined' ORDER BY since DESC, parcel DESC",
            (since_ms,),
        ).fetchall()
    return Outlook(
        open=OpenRound(found[0], found[1], found[2] or "") if found else None,
        last=LastRound(*last) if last else None,
        refused=len(refused),
        refused_reason=refused[0] if refused else "",
        quarantined=len(parcels),
        quarantined_lately=sum(lately for _, lately in parcels),
        newest_quarantined=parcels[0][0] if parcels else None,
    )
