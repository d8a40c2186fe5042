"""Writes `status.json` and the quarantine's contact sheet into the repository, for those who have nothing else.

In a thread of its own, with its own connection to the database: whatever becomes of it, rounds and publication do not
wait. What cannot be written is left out, and said once.
"""

import hashlib
import io
import math
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog
from PIL import Image

from daemon.learn.status import StatusBoard
from daemon.readiness import Ask, ask_all
from daemon.report.pictures import SIDE, shown
from daemon.version import VERSION
from model.publishing import learner_status as told
from model.publishing.errors import BrokenRepositoryError
from model.publishing.layout import ModelPaths
from model.store.errors import StateError
from model.store.facts import Role
from model.store.ledger import Ledger
from model.store.viewing import Parcel, Viewed, Viewer

LOOK_S = 1.0
EVERY_S = 5.0
"""At least so often, whatever happens; and within a second of a round's end."""
COLUMNS = 6
WEBP_QUALITY = 80
SUFFIX = ".new"
"""Of a file that is being written: ours alone, taken over by the next write, so that a kill leaves no litter."""
log = structlog.get_logger()


class Bulletin:
    """Looks each second, and writes when a round ended or five seconds are over."""

    def __init__(
        self,
        paths: ModelPaths,
        state: Path,
        board: StatusBoard,
        asks: Sequence[Ask],
        now_ms: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._paths = paths
        self._state = state
        self._board = board
        self._asks = asks
        self._now_ms = now_ms
        self._clock = clock
        self._written = -math.inf
        self._last: object = None
        self._failed = False
        self._sheet: told.Sheet | None = None
        self._sheet_of: object = None
        self._freshness = self._former_freshness()

    def run(self, stop: threading.Event) -> None:
        """Look until `stop`, and once more."""
        while not stop.wait(LOOK_S):
            self.run_once()
        self._written = -math.inf
        self.run_once()

    def run_once(self) -> bool:
        """Write where it is due; return whether it was written."""
        facts = self._board.snapshot()
        ended = facts["last"]
        if self._clock() - self._written < EVERY_S and ended == self._last:
            return False
        self._written, self._last = self._clock(), ended
        try:
            with Ledger.read_only(self._state) as ledger, Viewer(self._state) as viewer:
                status = self._gather(facts, ledger, viewer)
            self._replace(self._paths.status, status.to_bytes())
        except (OSError, StateError, sqlite3.Error, BrokenRepositoryError) as error:
            if not self._failed:
                log.warning("the page's status cannot be written; learning goes on", reason=str(error))
            self._failed = True
            return False
        self._failed = False
        return True

    def _gather(self, facts: Mapping[str, Any], ledger: Ledger, viewer: Viewer) -> told.LearnerStatus:
        parcels = viewer.parcels()
        checks = ask_all(self._asks)
        lag = self._board.unlearnt()
        buffer = facts.get("buffer")
        self._freshness = self._board.freshness() or self._freshness
        return told.LearnerStatus(
            schema=told.SCHEMA,
            written_ms=self._now_ms(),
            every_s=EVERY_S,
            tidemill=VERSION,
            ready=all(one.ok for one in checks),
            checks=tuple(told.CheckSeen(name=one.name, ok=one.ok, reason=one.reason) for one in checks),
            round=_round_now(facts),
            samples_per_second=facts.get("samples_per_second"),
            rounds=_rounds(ledger),
            waiting=told.Waiting(**buffer) if buffer else None,
            lag=_most_behind(lag) if lag is not None else None,
            lag_records=sum(lag.values()) if lag is not None else None,
            freshness=self._freshness,
            parcels=tuple(_parcel(viewer, one) for one in _newest(parcels)[: told.PARCELS_MAX]),
            parcels_in_all=len(parcels),
            sheet=self._drawn(viewer, parcels),
            tasks=tuple(_tasks(ledger, parcels))[: told.TASKS_MAX],
        )

    def _drawn(self, viewer: Viewer, parcels: Sequence[Parcel]) -> told.Sheet | None:
        """Return the sheet of what is set aside, drawn anew where that is another than before."""
        key = [(one.parcel, one.role, one.samples) for one in parcels]
        if key == self._sheet_of:
            return self._sheet
        found: list[tuple[int, Viewed]] = []
        for one in _newest(parcels):
            left = told.PICTURES_MAX - len(found)
            if left and one.samples:
                found += [(one.parcel, viewed) for viewed in viewer.view(viewer.samples(one.parcel, left))]
        if found:
            image = _sheet([viewed for _, viewed in found])
            self._replace(self._paths.sheet, image)
            self._sheet = told.Sheet(
                sha256=hashlib.sha256(image).hexdigest(),
                tile=SIDE,
                columns=COLUMNS,
                pictures=tuple(
                    told.PictureSeen(
                        label=one.name.label, predicted=one.predicted, source=one.name.source, round=number
                    )
                    for number, one in found
                ),
            )
        else:
            self._sheet = None
            self._paths.sheet.unlink(missing_ok=True)
        self._sheet_of = key
        return self._sheet

    def _replace(self, file: Path, data: bytes) -> None:
        aside = file.with_name(file.name + SUFFIX)
        try:
            aside.write_bytes(data)
            aside.replace(file)
        except OSError:
            aside.unlink(missing_ok=True)
            raise

    def _former_freshness(self) -> told.Freshness | None:
        """Return what a former life knew of the newest version: the board learns it only as a version comes."""
        try:
            found = told.read_status(self._paths.status)
        except (OSError, BrokenRepositoryError):
            return None
        return found.freshness if found else None


def _round_now(facts: Mapping[str, Any]) -> told.RoundNow | None:
    if facts["round"] is None:
        return None
    return told.RoundNow(
        round=facts["round"],
        stage=facts["stage"],
        step=facts["step"],
        steps=facts["steps"],
        samples=facts["samples"],
        since_ms=facts["started_ms"],
    )


def _rounds(ledger: Ledger) -> tuple[told.RoundPast, ...]:
    last = ledger.last_round()
    found = [
        told.RoundPast(
            round=one["round"],
            outcome=str(one["outcome"]),
            version=one["version"],
            reason=one["reason"] or "",
            records=sum(span["to"] - span["from"] for span in one["lineage"]),
            trained=sum(span["trained"] for span in one["lineage"]),
            seconds=one["seconds"],
            committed_at=one["committed_at"],
            prequential_accuracy=one["prequential_accuracy"],
            undone=one.get("undone", False),
        )
        for one in ledger.rounds(after=max(0, last - told.ROUNDS_MAX))
    ]
    return tuple(reversed(found))


def _most_behind(unlearnt: Mapping[tuple[str, int], int]) -> tuple[told.PartitionLag, ...]:
    worst = sorted(unlearnt.items(), key=lambda one: (-one[1], one[0]))[: told.PARTITIONS_MAX]
    return tuple(
        told.PartitionLag(topic=topic, partition=partition, records=records)
        for (topic, partition), records in worst
        if records
    )


def _newest(parcels: Sequence[Parcel]) -> list[Parcel]:
    """Return those that wait for a person before those that are retried, the newest of each first."""
    return sorted(parcels, key=lambda one: (one.role is not Role.QUARANTINED, -one.parcel))


def _parcel(viewer: Viewer, one: Parcel) -> told.ParcelSeen:
    blamed = viewer.blamed_sources(one.parcel)
    return told.ParcelSeen(
        round=one.parcel,
        role=one.role.value,
        reason=one.reason,
        samples=one.samples,
        relabels=one.relabels,
        source=(blamed[0].name or None) if blamed else None,
    )


def _tasks(ledger: Ledger, parcels: Sequence[Parcel]) -> list[told.Task]:
    """Return what waits for a person, the most pressing first."""
    found: list[told.Task] = []
    standing = ledger.standing_round()
    if standing is not None:
        found.append(
            told.Task(
                what=f"Learning stands still at round {standing}: windows in a row raised the same error",
                command="tidemill status",
            )
        )
    kept = [one for one in parcels if one.role is Role.QUARANTINED and one.samples]
    if kept:
        what = f"{_count(len(kept), 'window')} in quarantine, {_count(sum(one.samples for one in kept), 'sample')}"
        found.append(told.Task(what=what, command="tidemill quarantine list"))
    if relabels := sum(one.relabels for one in parcels):
        what = f"{_count(relabels, 'known image')} came again under another label"
        found.append(told.Task(what=what, command="tidemill quarantine list"))
    if sources := ledger.relabels.at_limit():
        what = f"{_count(len(sources), 'source')} relabelled as much as one may before a person looks"
        found.append(told.Task(what=what, command="tidemill quarantine relabels"))
    near = [one for one in ledger.book().waiting() if one.near]
    found += [
        told.Task(
            what=f"Label {one.label!r} ({_count(one.pictures, 'image')}) is near to class {one.near!r}",
            command="tidemill classes list",
        )
        for one in near[:5]
    ]
    return found


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _sheet(viewed: Sequence[Viewed]) -> bytes:
    rows = -(-len(viewed) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * SIDE), "white")
    for place, one in enumerate(viewed):
        sheet.paste(shown(one.pixels_HWC), (place % COLUMNS * SIDE, place // COLUMNS * SIDE))
    encoded = io.BytesIO()
    sheet.save(encoded, "WEBP", quality=WEBP_QUALITY)
    return encoded.getvalue()
