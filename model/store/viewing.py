"""Looks at samples with their pixels: what is set aside, who is to blame, suspects. Reads only, beside a learner."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from model.store import relabels, suspects
from model.store.database import connect_read_only
from model.store.errors import MissingFileError
from model.store.facts import Role, SampleName
from model.store.ledger import Ledger
from model.store.relabels import RelabelFacts
from model.store.replay import class_counts, evaluation_slots, samples_at
from model.store.segments import SEGMENTS_FOLDER, Place, Segments
from model.store.suspects import Suspect

BLAMED_MAX = 10
"""Producers and labels named at most."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Samples that were set aside together."""

    parcel: int
    """The number of the round that took them in."""
    role: Role
    reason: str
    since: int
    """The round after which it was set aside."""
    tries: int
    samples: int
    relabels: int = 0
    """Known pictures that came with them under other labels, and did not get these."""


@dataclass(frozen=True, slots=True)
class Blamed:
    """A producer or a label of a parcel, and how many of its samples the champion took for another class."""

    name: str
    samples: int
    doubted: int | None
    """None where the champion was not asked, as about what a rollback set aside."""


@dataclass(frozen=True, slots=True)
class Viewed:
    """One sample with its pixels."""

    name: SampleName
    predicted: str | None
    """What the champion took it for when it was set aside; None where it was not asked."""
    pixels_HWC: NDArray[np.uint8]


class Viewer:
    """The state directory, for looking at samples. A connection belongs to the thread that made it."""

    def __init__(self, path: Path) -> None:
        """Raises StateError."""
        self._database: sqlite3.Connection = connect_read_only(path)
        self._ledger = Ledger(self._database)
        self._segments = Segments(path / SEGMENTS_FOLDER, self._ledger.image_size())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._segments.close()
        self._database.close()

    def parcels(self) -> list[Parcel]:
        """Return all that is set aside, oldest first; samples that wait for their label to become a class are not."""
        query = (
            "SELECT parcel, parcels.role, reason, since, tries, count(*) FROM parcels JOIN aside USING (parcel)"
            " GROUP BY parcel ORDER BY parcel"
        )
        waiting = self._ledger.relabels.waiting()
        rows = self._database.execute(query).fetchall()
        found = [
            Parcel(number, Role(role), reason, since, tries, samples, waiting.pop(number, 0))
            for number, role, reason, since, tries, samples in rows
        ]
        found += [
            Parcel(number, Role.QUARANTINED, relabels.why_waiting(self._database, number), number, 0, 0, pictures)
            for number, pictures in waiting.items()
        ]
        return sorted(found, key=lambda one: one.parcel)

    def blamed_sources(self, parcel: int) -> list[Blamed]:
        """Return the producers of a parcel, those with the most doubted samples first."""
        return self._blamed(parcel, "source")

    def blamed_labels(self, parcel: int) -> list[Blamed]:
        """Return the labels of a parcel, those with the most doubted samples first."""
        return self._blamed(parcel, "name")

    def _blamed(self, parcel: int, column: str) -> list[Blamed]:
        doubted = "CASE WHEN count(wrong) THEN sum(wrong) END"
        query = (
            f"WITH sent AS (SELECT {relabels.SENDER} AS source, name,"  # noqa: S608 - our own words
            " CASE WHEN said IS NOT NULL THEN said IS NOT class END AS wrong"
            " FROM aside JOIN samples USING (sample) JOIN labels USING (label) WHERE parcel = ?1"
            " UNION ALL SELECT source, new, CASE WHEN outcome IN ('contradicted', 'distrusted') THEN 1 END"
            f" FROM relabels WHERE {relabels.ASIDE} AND round = ?1)"
            f" SELECT {column}, count(*), {doubted} AS doubted FROM sent"
            f" GROUP BY {column} ORDER BY doubted DESC, count(*) DESC, {column} LIMIT ?2"
        )
        rows = self._database.execute(query, (parcel, BLAMED_MAX)).fetchall()
        return [Blamed(name, count, None if doubted is None else int(doubted)) for name, count, doubted in rows]

    def samples(self, parcel: int, limit: int, after: int = 0) -> list[int]:
        """Return up to `limit` keys of a parcel's samples above `after`, in order."""
        query = "SELECT sample FROM aside WHERE parcel = ? AND sample > ? ORDER BY sample LIMIT ?"
        return [row[0] for row in self._database.execute(query, (parcel, after, limit))]

    def relabels(self, parcel: int, limit: int) -> list[RelabelFacts]:
        """Return up to `limit` of the relabels that a round's window brought and that wait."""
        return relabels.facts(self._database, parcel, limit)

    def suspects(self, limit: int) -> list[Suspect]:
        """Return up to `limit` training samples that are likely to carry a wrong label, the likeliest first.

        Their source is the producer that gave them the label that they have.
        """
        ranked = {one.sample: one for one in suspects.rank(self._database, limit)}
        names = [replace(one, source=relabels.sender(self._database, one.sample)) for one in self._ledger.names(ranked)]
        return [Suspect(name, ranked[name.sample]) for name in names]

    def observed(self) -> int:
        """Return how many stored training samples have a score."""
        return suspects.observed(self._database)

    def stored_by_label(self) -> dict[str, int]:
        """Return how many training samples are stored under each label."""
        return suspects.stored(self._database, "name")

    def stored_by_source(self) -> dict[str, int]:
        """Return how many training samples of each producer are stored."""
        return suspects.stored(self._database, relabels.SENDER)

    def held_out(self, limit: int) -> list[int]:
        """Return the accepted held-out samples that judging uses: at most `limit`, evened out by class."""
        counts = class_counts(self._database, Role.HOLDOUT, len(self._ledger.classes()))
        return samples_at(self._database, Role.HOLDOUT, evaluation_slots(counts, limit))

    def view(self, samples: Sequence[int]) -> list[Viewed]:
        """Return the samples, whatever their role, with pixels; those that are gone are left out. Raises OSError."""
        try:
            return self._view(samples)
        except MissingFileError:
            return self._view(samples)  # a learner beside us has just moved them to another segment

    def _view(self, samples: Sequence[int]) -> list[Viewed]:
        names = self._ledger.names(samples)
        query = (
            "SELECT digest, position, (SELECT name FROM labels WHERE class = said) FROM segments"
            " JOIN (SELECT sample, segment, position FROM samples) USING (segment) LEFT JOIN aside USING (sample)"
            " WHERE sample = ?"
        )
        rows = [self._database.execute(query, (name.sample,)).fetchone() for name in names]
        found = [(name, row) for name, row in zip(names, rows, strict=True) if row]
        pixels = self._segments.read([Place(row[0], row[1]) for _, row in found])
        return [Viewed(name, row[2], one) for (name, row), one in zip(found, pixels, strict=True)]
