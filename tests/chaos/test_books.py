"""The checks of the books catch what they are there for."""

import sqlite3
from types import SimpleNamespace

import numpy as np
import pytest

from model.store.ledger import Ledger
from tests.chaos import books
from tests.chaos.producer import Kind, Sent
from tests.support.learners import LOG, Bench


@pytest.fixture
def cluster(tmp_path):
    """A state directory of three rounds, as a cluster that is at rest."""
    bench = Bench(tmp_path)
    learner = bench.learner()
    for _ in range(3):
        bench.feed(200)
        learner.run_once()
    bench.die()
    one = SimpleNamespace(state=tmp_path / "state", repository=tmp_path / "models")
    one.ledger = lambda: Ledger.read_only(one.state)
    one.end = bench.end

    def last_round():
        with one.ledger() as ledger:
            return ledger.last_round()

    one.last_round = last_round
    return one


def write(cluster, *statements):
    with sqlite3.connect(cluster.state / "tidemill.db") as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            database.execute(statement)


def sent(*offsets, digest=b""):
    return {LOG.partition: {offset: Sent(Kind.PICTURE, f"id-{offset}", "dark", digest) for offset in offsets}}


def test_books_that_are_right_pass(cluster):
    ranges = books.check_taken(cluster, sent(0, 5, cluster.end - 1))
    assert ranges.records == cluster.end
    assert ranges.rounds == 3
    assert books.check_holdout(cluster) == 2
    assert books.check_versions(cluster) == 3
    books.check_pulled(cluster, [1, 3])


def test_a_version_that_is_gone_and_not_retired_shows(cluster):
    home = cluster.repository / "default"
    (home / "1").rename(home / "elsewhere")
    with pytest.raises(AssertionError, match=r"the repository has \[2, 3\], kept are \[1, 2, 3\]"):
        books.check_versions(cluster)
    write(cluster, "UPDATE versions SET retired_at = 1 WHERE version = 1")
    with pytest.raises(AssertionError, match=r"no reader knows that these are retired: \[1\]"):
        books.check_versions(cluster)
    (home / "retired.json").write_text('{"retired": [[1, 1]]}')
    assert books.check_versions(cluster) == 3


def test_an_acknowledged_record_that_no_round_took_is_lost(cluster):
    with pytest.raises(AssertionError, match=f"partition 0: {cluster.end} acknowledged"):
        books.check_taken(cluster, sent(0, cluster.end))


def test_a_range_taken_twice_shows(cluster):
    write(cluster, "UPDATE spans SET start = start - 1, trained = trained + 1 WHERE round = 2")
    with pytest.raises(AssertionError, match="is followed by"):
        books.check_ranges(cluster)


def test_a_record_that_is_not_counted_shows(cluster):
    write(cluster, "UPDATE spans SET trained = trained - 1 WHERE round = 2")
    with pytest.raises(AssertionError, match="records in the books"):
        books.check_ranges(cluster)


def test_a_picture_that_is_gone_strange_or_mislabelled_shows(cluster):
    with sqlite3.connect(cluster.state / "tidemill.db") as database:
        stored = dict(database.execute("SELECT digest, name FROM samples JOIN labels USING (label)").fetchall())
    assert books.check_pictures(cluster, {}, stored) == len(stored)
    with pytest.raises(AssertionError, match="1 pictures are not stored under their label"):
        books.check_pictures(cluster, sent(0, digest=b"another"), stored)
    light = next(digest for digest, label in stored.items() if label == "light")
    with pytest.raises(AssertionError, match="not stored under their label"):
        books.check_pictures(cluster, sent(0, digest=light), stored)
    with pytest.raises(AssertionError, match="never sent"):
        books.check_pictures(cluster, {}, {light: "light"})


def test_training_on_the_holdout_shows(cluster):
    with sqlite3.connect(cluster.state / "tidemill.db") as database:
        (held,) = database.execute("SELECT min(sample) FROM samples WHERE role = 'holdout'").fetchone()
        database.execute("UPDATE draws SET samples = ? WHERE round = 3", (np.array([held], "<i8").tobytes(),))
    with pytest.raises(AssertionError, match=f"round 3 trained on held-out samples {held}"):
        books.check_holdout(cluster)


@pytest.mark.parametrize("seen", [[2, 1], [1, 3, 2], [4]])
def test_a_version_that_goes_back_without_a_rollback_shows(cluster, seen):
    with pytest.raises(AssertionError, match="a reader saw"):
        books.check_pulled(cluster, seen)


def test_a_recorded_rollback_may_go_back(cluster):
    write(
        cluster,
        "INSERT INTO champions (version, moved_at, cause, after_round, settled_at)"
        " SELECT 1, 0, 'rollback', max(round), 0 FROM rounds",
    )
    books.check_pulled(cluster, [2, 3, 1])


def test_a_version_that_is_not_in_the_repository_shows(cluster):
    (cluster.repository / "default" / "2").rename(cluster.repository / "default" / "two")
    with pytest.raises(AssertionError, match="the repository has"):
        books.check_versions(cluster)
