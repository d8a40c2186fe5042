"""What the committed rounds add up to: how a learner that has just started knows what a former life counted. Reads."""

import json
import sqlite3
from collections.abc import Iterator

from model.store.facts import Json, Outcome
from model.window import LogKey

LOOKED_BACK = 1_000
"""Rounds looked at for what was last known: a limit only, for nearly every round knows."""
EMPTY = "outcome = 'refused' AND fate = 'accepted'"
"""The round had nothing to train: its window is accounted for, and nobody refused anything."""


class Past:
    """Questions about all rounds, answered from indexes: as quick after years as on the first day."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def outcomes(self) -> dict[Outcome, int]:
        """Return how many rounds ended in each way; those with nothing to train are among the refused."""
        rows = self._database.execute(
            "SELECT outcome, count(*) FROM rounds WHERE outcome IS NOT NULL GROUP BY outcome"
        ).fetchall()
        found = {Outcome(outcome): int(count) for outcome, count in rows}
        return {outcome: found.get(outcome, 0) for outcome in Outcome}

    def empty(self) -> int:
        """Return how many rounds had nothing to train."""
        return self._count(f"SELECT count(*) FROM rounds WHERE {EMPTY}")  # noqa: S608 - a constant

    def failures(self) -> int:
        """Return how many attempts at rounds failed, those at the open one included."""
        return self._count("SELECT coalesce(sum(attempt), 0) FROM rounds WHERE attempt > 0")

    def refused_in_row(self) -> int:
        """Return how many rounds were refused since one was published or held; empty ones are none of either."""
        last = "SELECT coalesce(max(round), 0) FROM rounds WHERE outcome IN ('published', 'held')"
        return self._count(
            f"SELECT count(*) FROM rounds WHERE round > ({last}) AND outcome = 'refused' AND fate <> 'accepted'"  # noqa: S608
        )

    def retired_versions(self) -> int:
        """Return how many versions were let go."""
        return self._count(
            "SELECT (SELECT count(*) FROM versions) - (SELECT count(*) FROM versions WHERE retired_at IS NULL)"
        )

    def quarantined_windows(self) -> int:
        """Return how many windows wait in quarantine for a person."""
        return self._count("SELECT count(*) FROM parcels WHERE role = 'quarantined'")

    def found_before(self) -> Iterator[tuple[float | None, Json | None]]:
        """Iterate over (accuracy before learning, evaluation) of the last rounds, newest first."""
        query = (
            "SELECT prequential_accuracy, evaluation FROM rounds WHERE outcome IS NOT NULL ORDER BY round DESC LIMIT ?"
        )
        for accuracy, evaluation in self._database.execute(query, (LOOKED_BACK,)):
            yield accuracy, None if evaluation is None else json.loads(evaluation)

    def offsets(self, high_water: int, last_sample: int) -> dict[int, tuple[LogKey, int]]:
        """Return where the samples with keys in (high_water, last_sample] came from: log and offset, by key."""
        query = (
            "SELECT sample, topic, topic_id, partition, incarnation, offset FROM samples JOIN logs USING (log)"
            " WHERE sample > ? AND sample <= ?"
        )
        return {row[0]: (LogKey(*row[1:5]), row[5]) for row in self._database.execute(query, (high_water, last_sample))}

    def _count(self, query: str) -> int:
        return int(self._database.execute(query).fetchone()[0])
