"""The books: what Kafka acknowledged, held against what the learner's database, the repository and Kafka say.

Every check raises AssertionError with what is wrong. `check_ranges` is cheap, and holds at any moment; the others want
rest: everything learnt and published.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.publishing.reader import RepositoryReader
from tests.chaos.cluster import MODEL, Cluster
from tests.chaos.producer import Kind, Sent
from tests.support.accounting import check_tiles

SHOWN = 5
Acknowledged = Mapping[int, Mapping[int, Sent]]


@dataclass(frozen=True, slots=True)
class Ranges:
    """What committed rounds took in: for each partition (from, to), and all records together."""

    taken: dict[int, tuple[int, int]]
    records: int
    rounds: int


def check_ranges(cluster: Cluster) -> Ranges:
    """Ranges of rounds tile without gap or overlap, and each holds as many records as it spans.

    The topic has neither transactions nor compaction nor retention, so every offset is a record.
    """
    if not cluster.last_round():
        return Ranges({}, 0, 0)
    with cluster.ledger() as ledger:
        rounds = list(ledger.rounds())
    totals = check_tiles(one["lineage"] for one in rounds)
    for log, (first, end, records) in totals.items():
        assert records == end - first, f"{log}: offsets {first} to {end} hold {records} records in the books"
    taken = {log[2]: (first, end) for log, (first, end, _) in totals.items()}
    return Ranges(taken, sum(records for _, _, records in totals.values()), len(rounds))


def check_taken(cluster: Cluster, acknowledged: Acknowledged) -> Ranges:
    """Every acknowledged offset lies in exactly one window: the ranges tile, and reach over all of them."""
    ranges = check_ranges(cluster)
    for partition, records in acknowledged.items():
        first, end = ranges.taken.get(partition, (0, 0))
        lost = [offset for offset in records if not first <= offset < end]
        assert not lost, f"partition {partition}: {_some(lost)} acknowledged, but learnt are {first} to {end}"
        assert first == 0, f"partition {partition} begins at {first}"
    return ranges


def check_pictures(cluster: Cluster, acknowledged: Acknowledged, offered: Mapping[bytes, str]) -> int:
    """Every acknowledged picture is stored once, with its pixels and its label, and none that was never sent.

    Returns how many are stored. Wants a store that evicts nothing.
    """
    with _database(cluster) as database:
        stored = dict(database.execute("SELECT digest, name FROM samples JOIN labels USING (label)").fetchall())
        rows = database.execute("SELECT count(*) FROM samples").fetchone()[0]
    assert rows == len(stored), f"{rows - len(stored)} pictures are stored twice"
    wanted = {one.digest: one.label for records in acknowledged.values() for one in records.values() if one.digest}
    missing = [digest.hex() for digest, label in wanted.items() if stored.get(digest) != label]
    assert not missing, f"{len(missing)} pictures are not stored under their label: {_some(missing)}"
    strange = [digest.hex() for digest in stored if digest not in offered]
    assert not strange, f"{len(strange)} stored pictures were never sent: {_some(strange)}"
    return rows


def check_holdout(cluster: Cluster) -> int:
    """No picture of the holdout was ever replayed, and each has one row, so one role. Returns the draws looked at."""
    with _database(cluster) as database:
        held = {row[0] for row in database.execute("SELECT sample FROM samples WHERE role = 'holdout'")}
        draws = database.execute("SELECT round, samples FROM draws").fetchall()
        twice = database.execute("SELECT count(*) - count(DISTINCT digest) FROM samples").fetchone()[0]
    assert twice == 0, f"{twice} pictures have more than one role"
    for number, blob in draws:
        trained_on = held.intersection(np.frombuffer(blob, "<i8").tolist())
        assert not trained_on, f"round {number} trained on held-out samples {_some(sorted(trained_on))}"
    return len(draws)


def check_versions(cluster: Cluster) -> int:
    """Versions count up by one, their lineages tile, and the repository has exactly those that are not retired.

    Returns the newest. A version that is retired just now may still be there.
    """
    reader = RepositoryReader(cluster.repository, MODEL)
    visible = set(reader.versions())
    with cluster.ledger() as ledger:
        versions = list(ledger.versions())
    numbers = [one.version for one in versions]
    assert numbers == list(range(1, len(numbers) + 1)), f"versions are {numbers}"
    unpublished = [one.version for one in versions if one.published_at_ms is None]
    assert not unpublished, f"not published at rest: {unpublished}"
    check_tiles(one.manifest["lineage"] for one in versions)
    kept = {one.version for one in versions if one.retired_at_ms is None}
    assert kept <= visible <= set(numbers), f"the repository has {sorted(visible)}, kept are {sorted(kept)}"
    unknown = [one for one in set(numbers) - set(reader.versions()) if not reader.is_retired(one)]
    assert not unknown, f"no reader knows that these are retired: {unknown}"
    champion = reader.champion()
    assert not numbers or (champion is not None and champion.version in kept), "the champion is retired"
    return numbers[-1] if numbers else 0


def check_dead_letters(cluster: Cluster, acknowledged: Acknowledged) -> tuple[int, int]:
    """Every bad record is in the topic of dead letters, none that is good. Returns (letters, twins among them)."""
    letters = cluster.records(f"{cluster.topic}.dlq")
    names = [_origin(one) for one in letters]
    bad = {
        (partition, offset)
        for partition, records in acknowledged.items()
        for offset, one in records.items()
        if one.kind is Kind.BAD
    }
    lost = sorted(bad - set(names))
    assert not lost, f"{len(lost)} dead letters never arrived: {_some(lost)}"
    good = [one for one in letters if not one.value.startswith(b"no picture")]
    assert not good, f"{len(good)} good records were dead-lettered: {_some([_origin(one) for one in good])}"
    return len(letters), len(names) - len(set(names))


def check_announced(cluster: Cluster) -> None:
    """The last announcement is the champion."""
    with cluster.ledger() as ledger:
        champion = ledger.champion()
    announced = [json.loads(one.value)["version"] for one in cluster.records(cluster.announced)]
    if champion is not None:
        assert announced, "no version was ever announced"
        assert announced[-1] == champion.version, f"announced was {announced[-1]}, champion is {champion.version}"


def check_pulled(cluster: Cluster, seen: Sequence[int]) -> None:
    """A reader's versions follow the pointer's recorded moves: never back but by a rollback that is written down."""
    with _database(cluster) as database:
        moves = [row[0] for row in database.execute("SELECT version FROM champions ORDER BY move")]
    at = 0
    for version in seen:
        assert version in moves[at:], f"a reader saw {list(seen)}, the champion pointer moved {moves}"
        at = moves.index(version, at)


def check_verified(cluster: Cluster) -> None:
    """`tidemill verify` finds nothing, not even a file that the next start would sweep."""
    done = cluster.tidemill.run("verify", "--json", timeout_s=300)
    answer: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"findings": [done.stderr]}
    serious = [one for one in answer["findings"] if not (isinstance(one, dict) and one["harmless"])]
    assert not serious, f"tidemill verify: {serious}"
    assert done.returncode == 0, done.stderr


def _origin(letter: Any) -> tuple[int, int]:
    headers = dict(letter.headers)
    return int(headers["__connect.errors.partition"]), int(headers["__connect.errors.offset"])


def _database(cluster: Cluster) -> "closing[sqlite3.Connection]":
    file = cluster.state / "tidemill.db"
    return closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=10))


def _some(many: Sequence[Any]) -> str:
    more = f" and {len(many) - SHOWN} more" if len(many) > SHOWN else ""
    return f"{', '.join(map(str, many[:SHOWN]))}{more}"
