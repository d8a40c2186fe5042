"""Questions about what was committed: positions, classes, rounds, versions, counts. Reads only."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from model.store import budgets
from model.store.claims import last_challenge, load_claim, load_spans, newest_version
from model.store.class_events import ClassBook, facts_of_round
from model.store.database import connect_read_only
from model.store.facts import Claim, Json, Move, Role, SampleName, Version, VersionSamples, iso_utc
from model.store.kept_answers import predecessors, reference_version
from model.store.lineage import lineage
from model.store.misses import Misses, misses_after
from model.store.parcels import (
    changed_since_retry,
    due_parcel,
    harmful_in_a_row,
    is_last_try,
    learnable_parcels,
)
from model.store.past import EMPTY, Past
from model.store.raised import standing_round
from model.store.recollections import forgotten_by_class, forgotten_share
from model.store.relabels import RelabelBook
from model.store.requests import Event, find_event
from model.store.retention import restorable
from model.window import LogKey

VERSION_COLUMNS = "version, round, parent, manifest, sha256, state, published_at, retired_at"
NAMES = (
    "SELECT sample, sample_id, name, topic, topic_id, partition, incarnation, offset, source, event_time_ms, role"
    " FROM samples JOIN labels USING (label) JOIN logs USING (log)"
)
CLASS_THEN = "(joined_round <= round OR joined_round IS NULL)"
"""The label was a class when the sample came; null: a class that a rollback took away, or none at all."""
LAST_ROUND = 2**63 - 1
"""Above every round."""
PAGE_ROWS = 256
"""Rows read at a time, so that a reader never holds a snapshot for long."""


class Ledger:
    """The database, read. The learner's own comes with StateDirectory; others open their own beside it.

    A connection belongs to the thread that made it.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.relabels = RelabelBook(database)
        self.past = Past(database)

    @classmethod
    def read_only(cls, path: Path) -> Self:
        """Open `<path>/tidemill.db` for reading while a learner may live on it. Raises StateError."""
        return cls(connect_read_only(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def state_id(self) -> str:
        """Return the random name that this state was given when it was made, or taken up again from a backup."""
        return self._meta("state_id")

    def image_size(self) -> int:
        """Return the side of the stored pictures, in pixels."""
        return int(self._meta("image_size"))

    def _meta(self, key: str) -> str:
        return str(self._database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0])

    def positions(self) -> dict[LogKey, int]:
        """Return the next offset to learn of every log that a committed round took from."""
        query = "SELECT topic, topic_id, partition, incarnation, position FROM logs WHERE position IS NOT NULL"
        return {LogKey(*row[:4]): row[4] for row in self._database.execute(query)}

    def classes(self) -> tuple[str, ...]:
        """Return the class names in the order of the head, those of an open claim included."""
        query = "SELECT name FROM labels WHERE class IS NOT NULL ORDER BY class"
        return tuple(row[0] for row in self._database.execute(query))

    def book(self) -> ClassBook:
        """Return what is known of labels at this moment."""
        return ClassBook(self._database)

    def open_claim(self) -> Claim | None:
        """Return the claim that is not committed yet, as it was made."""
        return load_claim(self._database)

    def standing_round(self) -> int | None:
        """Return the open round that learning stands still at; None where it does not."""
        return standing_round(self._database)

    def current_state(self) -> str | None:
        """Return the digest of the weights that the next round starts from; None before there are any."""
        since = (
            "SELECT state FROM champions JOIN versions USING (version)"
            " WHERE cause = 'rollback' AND after_round = rounds.round ORDER BY move DESC LIMIT 1"
        )
        query = (
            f"SELECT coalesce(({since}), result) FROM rounds"  # noqa: S608 - a constant
            " WHERE outcome IS NOT NULL ORDER BY round DESC LIMIT 1"
        )
        row = self._database.execute(query).fetchone()
        return row[0] if row else None

    def champion(self) -> Version | None:
        """Return the version that the champion pointer names; None before the first is published."""
        move = self._database.execute("SELECT version FROM champions ORDER BY move DESC LIMIT 1").fetchone()
        return self.version(move[0]) if move else None

    def unpublished(self) -> Version | None:
        """Return the committed version whose publication is not finished, or None."""
        return self._version("published_at IS NULL")

    def unsettled(self) -> Version | None:
        """Return the version that a rollback made champion while the repository may not say so yet, or None."""
        query = "SELECT version FROM champions WHERE settled_at IS NULL ORDER BY move DESC LIMIT 1"
        move = self._database.execute(query).fetchone()
        return self.version(move[0]) if move else None

    def moves(self) -> list[Move]:
        """Return where the champion pointer was moved, oldest first."""
        query = "SELECT version, cause, moved_at, after_round FROM champions ORDER BY move"
        return [Move(*row) for row in self._database.execute(query)]

    def undone(self) -> set[int]:
        """Return the versions that a rollback has cut off from the champion's past."""
        query = "SELECT version FROM versions JOIN rounds USING (round) WHERE undone = 1"
        return {row[0] for row in self._database.execute(query)}

    def restorable(self) -> list[int]:
        """Return the versions whose weights are kept, ascending: what one can roll back to."""
        return restorable(self._database)

    def version(self, number: int) -> Version | None:
        """Return one version, or None."""
        return self._version("version = ?", number)

    def _version(self, condition: str, *values: int) -> Version | None:
        query = f"SELECT {VERSION_COLUMNS} FROM versions WHERE {condition}"  # noqa: S608 - constants
        row = self._database.execute(query, values).fetchone()
        return _as_version(row) if row else None

    def newest_version(self) -> int:
        """Return the highest version number given so far, those of an abandoned life included; 0 before the first."""
        return newest_version(self._database)

    def versions(self, after: int = 0) -> Iterator[Version]:
        """Iterate over the versions above `after`, oldest first."""
        query = f"SELECT {VERSION_COLUMNS} FROM versions WHERE version > ? ORDER BY version LIMIT ?"  # noqa: S608
        while rows := self._database.execute(query, (after, PAGE_ROWS)).fetchall():
            yield from map(_as_version, rows)
            after = rows[-1][0]

    def due_parcel(self, *, idle: bool = False) -> int | None:
        """Return the suspect parcel to retry next, or None. `idle`: there is nothing else to do."""
        return due_parcel(self._database, idle=idle)

    def is_last_try(self, claim: Claim) -> bool:
        """Tell whether the parcel that the claim retries is quarantined should its candidate be harmful again."""
        return is_last_try(self._database, claim)

    def established(self, before: int, held_out: int) -> int:
        """Return how many classes, in their order, come before the last ones that are arriving.

        Arriving is a class that joined in round `before` or later, after the first version, and of which fewer than
        `held_out` are held out.
        """
        query = (
            "SELECT class FROM labels LEFT JOIN tallies ON tallies.label = labels.label AND role = 'holdout'"
            " WHERE class IS NOT NULL AND NOT (joined_round >= ? AND coalesce(count, 0) < ?"
            " AND joined_round > (SELECT coalesce(min(round), joined_round) FROM versions))"
            " ORDER BY class DESC LIMIT 1"
        )
        row = self._database.execute(query, (before, held_out)).fetchone()
        return int(row[0]) + 1 if row else 0

    def harmful_in_a_row(self, before: int) -> int:
        """Return how many windows before a round were refused for their candidates were harmful, none learnt since."""
        return harmful_in_a_row(self._database, before)

    def was_retry(self, number: int) -> bool:
        """Tell whether a round retried a parcel."""
        row = self._database.execute("SELECT retried FROM rounds WHERE round = ?", (number,)).fetchone()
        return row is not None and row[0] is not None

    def forgotten(self) -> float:
        """Return the share of the training samples evicted among these and those stored; 0 before any eviction."""
        return forgotten_share(self._database)

    def forgotten_by_class(self, classes_n: int) -> NDArray[np.float64]:
        """Return [classes_n], the same of each class."""
        return forgotten_by_class(self._database, classes_n)

    def replay_budget(self) -> budgets.Budget | None:
        """Return what accepted rounds have left for replay, and their mean error, in all and by class; None before."""
        return budgets.read(self._database)

    def last_challenge(self) -> int:
        """Return the last round that held a challenger against a champion; 0 where there is none. A scan."""
        return last_challenge(self._database)

    def last_return(self) -> int:
        """Return a number that grows with each rollback."""
        query = "SELECT coalesce(max(move), 0) FROM champions WHERE cause = 'rollback'"
        return int(self._database.execute(query).fetchone()[0])

    def learnable_parcels(self, claim: Claim, limit: int) -> list[int]:
        """Return the newest other suspect parcels of which one half could be learnt from the other."""
        return learnable_parcels(self._database, claim, limit)

    def changed_since_retry(self, claim: Claim) -> bool:
        """Tell whether a change was accepted since the claim's parcel could be learnt for the first time."""
        return changed_since_retry(self._database, claim)

    def reference(self) -> int | None:
        """Return the version that candidates are held against, beside the champion."""
        return reference_version(self._database)

    def predecessors(self, version: int) -> list[int]:
        """Return the versions that `version` came from, newest first; those of which answers may be kept."""
        return predecessors(self._database, version)

    def last_round(self) -> int:
        """Return the number of the last committed round; 0 before the first."""
        query = "SELECT round FROM rounds WHERE outcome IS NOT NULL ORDER BY round DESC LIMIT 1"
        row = self._database.execute(query).fetchone()
        return int(row[0]) if row else 0

    def committed_at_ms(self) -> int | None:
        """Return when the last round was committed, in milliseconds since the epoch; None before the first."""
        query = "SELECT committed_at FROM rounds WHERE outcome IS NOT NULL ORDER BY round DESC LIMIT 1"
        row = self._database.execute(query).fetchone()
        return int(row[0]) if row else None

    def rounds(self, after: int = 0, until: int | None = None) -> Iterator[Json]:
        """Iterate over the committed rounds in (after, until], oldest first, as `rounds --json` gives them."""
        query = (
            f"SELECT rounds.round, outcome, {EMPTY}, version, reason, prequential_accuracy,"  # noqa: S608 - a constant
            " seconds, committed_at, undone,"
            " json_extract(evaluation, '$.train_accuracy'), json_extract(evaluation, '$.train_holdout_gap')"
            " FROM rounds LEFT JOIN versions USING (round)"
            " WHERE rounds.round > ? AND (? IS NULL OR rounds.round <= ?) AND outcome IS NOT NULL"
            " ORDER BY rounds.round LIMIT ?"
        )
        while rows := self._database.execute(query, (after, until, until, PAGE_ROWS)).fetchall():
            for number, outcome, empty, version, reason, accuracy, seconds, committed_at, undone, trained, gap in rows:
                yield {
                    "round": number,
                    "outcome": outcome,
                    "version": version,
                    "reason": reason,
                    "lineage": lineage(load_spans(self._database, number)),
                    "prequential_accuracy": accuracy,
                    "seconds": seconds,
                    "committed_at": iso_utc(committed_at),
                    **({} if gap is None else {"train_accuracy": trained, "train_holdout_gap": gap}),
                    **({"undone": True} if undone else {}),
                    **({"empty": True} if empty else {}),
                    **facts_of_round(self._database, number),
                }
            after = rows[-1][0]

    def event(self, request: str) -> Event | None:
        """Return the answer to a request, or None while there is none."""
        return find_event(self._database, request)

    def evaluation(self, number: int) -> Json | None:
        """Return what the commit of a round said about its evaluation, or None."""
        row = self._database.execute("SELECT evaluation FROM rounds WHERE round = ?", (number,)).fetchone()
        return _object(row[0]) if row and row[0] is not None else None

    def round_of(self, version: int) -> int:
        """Return the round that made a version; 0 for version 0, the beginning. Raises KeyError for unknown ones."""
        if version == 0:
            return 0
        known = self.version(version)
        if known is None:
            raise KeyError(version)
        return known.round

    def lineage_since(self, version: int) -> list[Json]:
        """Return the lineage of every round after version `version` (0: all), the open claim as if accepted.

        This is the manifest's `lineage` of the version that follows, before its commit as after it. Raises KeyError
        for a number that was not given yet.
        """
        if version > self.newest_version():
            raise KeyError(version)
        query = "SELECT round FROM versions WHERE version > ? ORDER BY version LIMIT 1"
        newer = self._database.execute(query, (version,)).fetchone()
        last = newer[0] if newer else LAST_ROUND
        return lineage(load_spans(self._database, self._last_round_of(version) + 1, last))

    def _last_round_of(self, version: int) -> int:
        """Return the round of the newest version up to `version`; 0 where there is none."""
        query = "SELECT round FROM versions WHERE version <= ? ORDER BY version DESC LIMIT 1"
        row = self._database.execute(query, (version,)).fetchone()
        return int(row[0]) if row else 0

    def samples_of(self, version: int) -> VersionSamples:
        """Return the samples learnt since the version before, as fresh and as replayed. Raises KeyError."""
        first, last = self._last_round_of(version - 1) + 1, self.round_of(version)
        fresh: list[SampleName] = []
        # What a retry accepted was taken in by an earlier round, and learnt by this one.
        query = (
            "SELECT taken.high_water, taken.last_sample FROM rounds AS learnt"
            " JOIN rounds AS taken ON taken.round = coalesce(learnt.retried, learnt.round)"
            " WHERE learnt.round BETWEEN ? AND ? AND coalesce(learnt.fate, 'accepted') = 'accepted'"
            " ORDER BY learnt.round"
        )
        for high_water, last_sample in self._database.execute(query, (first, last)).fetchall():
            fresh.extend(self._names(f"sample > ? AND sample <= ? AND {CLASS_THEN}", high_water, last_sample))
        trained = sum(span.trained for span in load_spans(self._database, first, last))
        # A rollback sets aside what was learnt; it was learnt all the same.
        was = "SELECT 1 FROM aside JOIN samples USING (sample) WHERE sample = ? AND was = 'train' AND accepted NOT NULL"
        learnt = [
            name for name in fresh if name.role is Role.TRAIN or self._database.execute(was, (name.sample,)).fetchone()
        ]
        gone = max(0, trained - len(learnt))
        # What waited for its class was learnt when that joined, not when it came.
        released = self._names("joined_round BETWEEN ? AND ? AND round < joined_round AND role = 'train'", first, last)
        replayed, replayed_gone = self._replayed(first, last)
        return VersionSamples((*learnt, *released), gone, replayed, replayed_gone)

    def _replayed(self, first: int, last: int) -> tuple[tuple[SampleName, ...], int]:
        query = "SELECT samples FROM draws WHERE round BETWEEN ? AND ? ORDER BY round"
        drawn = [key for (blob,) in self._database.execute(query, (first, last)) for key in np.frombuffer(blob, "<i8")]
        keys = dict.fromkeys(int(key) for key in drawn)
        names = tuple(name for key in keys for name in self._names("sample = ?", key))
        return names, len(keys) - len(names)

    def _names(self, condition: str, *values: int) -> Iterator[SampleName]:
        query = f"{NAMES} WHERE {condition} ORDER BY sample"
        for row in self._database.execute(query, values):
            yield SampleName(row[0], row[1], row[2], LogKey(*row[3:7]), row[7], row[8], row[9], Role(row[10]))

    def names(self, samples: Iterable[int]) -> list[SampleName]:
        """Return the samples of these keys that are still stored."""
        return [name for key in samples for name in self._names("sample = ?", key)]

    def aside(self, role: Role, limit: int) -> list[SampleName]:
        """Return up to `limit` samples that are set aside or wait, oldest first."""
        query = "SELECT sample FROM samples WHERE slot IS NULL AND role = ? ORDER BY sample LIMIT ?"
        keys = [row[0] for row in self._database.execute(query, (role, limit)).fetchall()]
        return [name for key in keys for name in self._names("sample = ?", key)]

    def misses_after(self, round_number: int) -> Iterator[Misses]:
        """Iterate over what the champion got wrong on the windows of the rounds after `round_number`, oldest first."""
        return misses_after(self._database, round_number)

    def drift(self) -> Json | None:
        """Return the newest drift alarm, as `{"round", "classes"}`; classes are empty where only the whole drifts."""
        row = self._database.execute("SELECT value FROM meta WHERE key = 'drift'").fetchone()
        return _object(row[0]) if row else None

    def waiting_dropped(self) -> int:
        """Return how many samples were dropped while they waited, since the state was made."""
        row = self._database.execute("SELECT value FROM meta WHERE key = 'waiting_dropped'").fetchone()
        return int(row[0]) if row else 0

    def counts(self) -> dict[str, int]:
        """Return the committed samples of each role, all roles named."""
        rows = dict(self._database.execute("SELECT role, sum(count) FROM tallies GROUP BY role").fetchall())
        return {role.value: int(rows.get(role.value, 0)) for role in Role}

    def class_counts(self, role: Role = Role.TRAIN) -> dict[str, int]:
        """Return the committed samples of each label in a role; labels without any are left out."""
        query = "SELECT name, count FROM tallies JOIN labels USING (label) WHERE role = ? AND count > 0 ORDER BY name"
        return dict(self._database.execute(query, (role,)).fetchall())

    def bytes_used(self) -> int:
        """Return the bytes of the pixels of all committed samples: what `store.bytes_max` caps."""
        return sum(self.counts().values()) * 3 * self.image_size() ** 2


def _object(text: str) -> Json:
    value: dict[str, Any] = json.loads(text)
    return value


def _as_version(row: tuple[Any, ...]) -> Version:
    number, round_number, parent, manifest, *rest = row
    return Version(number, round_number, parent, _object(manifest), *rest)
