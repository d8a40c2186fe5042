import json
from pathlib import Path

import numpy as np
import pytest

from model.store import Ledger, SchemaVersionError, StateDirectory, StateUnusableError
from model.window import LogKey
from tests.support.windows import LOG, held, join, labelled, open_state, published, refused, take, window

SECOND = LogKey(LOG.topic, LOG.topic_id, 1)


def publish(state: StateDirectory, one, **changes) -> int:
    claim = state.claim(one, seed=1, state=state.ledger.current_state())
    commit = published(state, claim)
    for key, value in changes.items():
        object.__setattr__(commit, key, value)
    state.commit(claim, commit)
    state.mark_published(claim.version)
    return claim.version


def test_lineage_covers_every_round_since_the_version_and_tiles(tmp_path: Path):
    with open_state(tmp_path) as state:
        publish(state, join(window(labelled(range(20)), 5), window(labelled(range(20, 30)), log=SECOND)))
        take(state, labelled(range(30, 50)), refused())
        claim = state.claim(
            join(
                window(labelled(range(40, 60)), 45, dead=3, expired=2), window(labelled(range(60, 65)), 10, log=SECOND)
            ),
            seed=1,
            state=None,
        )
        staged = state.ledger.lineage_since(1)
        state.commit(claim, published(state, claim))
        state.mark_published(2)
        take(state, labelled(range(70, 90)))
        assert state.ledger.lineage_since(1) == staged, "what the manifest says before the commit is so after it"
        first, second = staged
        assert (first["partition"], first["from"], first["to"]) == (0, 25, 70)
        assert (first["suspect"], first["duplicate"], first["dead_lettered"], first["expired"]) == (20, 10, 3, 2)
        assert first["trained"] + first["holdout"] == 10
        assert (second["partition"], second["from"], second["to"]) == (1, 10, 15)
        assert set(second) == {"topic", "topic_id", "partition", "from", "to", "trained", "holdout", "dead_lettered"}
        every = [state.ledger.lineage_since(version) for version in range(3)]
        assert [one[0]["from"] for one in every] == [5, 25, 70] and [one[0]["to"] for one in every] == [25, 70, 90]
        counts = ("trained", "holdout", "dead_lettered", "duplicate", "waiting", "suspect", "expired")
        for entry in (entry for one in every for entry in one):
            assert sum(entry.get(kind, 0) for kind in counts) == entry["to"] - entry["from"]
        with pytest.raises(KeyError):
            state.ledger.lineage_since(3)


def test_another_incarnation_of_a_log_has_its_own_entry(tmp_path: Path):
    released = LogKey(LOG.topic, LOG.topic_id, 0, 1)
    with open_state(tmp_path) as state:
        publish(state, join(window(labelled(range(20)), 100), window(labelled(range(20, 25)), log=released)))
        first, second = state.ledger.lineage_since(0)
        assert (first["from"], first["to"]) == (100, 120) and "incarnation" not in first
        assert (second["incarnation"], second["from"], second["to"]) == (1, 0, 5)


def test_rounds_are_told_as_the_contract_says(tmp_path: Path):
    with open_state(tmp_path) as state:
        publish(state, window(labelled(range(20))), prequential_accuracy=0.5, reason="first")
        take(state, labelled(range(20, 40)), refused())
        state.claim(window(labelled(range(40, 50)), 40), seed=1, state=None)
        rounds = list(state.ledger.rounds())
        assert rounds[0] == {
            "round": 1,
            "outcome": "published",
            "version": 1,
            "reason": "first",
            "lineage": state.ledger.lineage_since(0),
            "prequential_accuracy": 0.5,
            "seconds": 1.5,
            "committed_at": "2026-09-21T14:13:20.000Z",
        }
        assert [(one["round"], one["outcome"], one["version"]) for one in rounds[1:]] == [(2, "refused", None)]
        json.dumps(rounds)
        assert [one["round"] for one in state.ledger.rounds(after=1)] == [2]
        assert [one["round"] for one in state.ledger.rounds(until=1)] == [1]
        assert state.ledger.last_round() == 2


def test_long_histories_come_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("model.store.ledger.PAGE_ROWS", 2)
    with open_state(tmp_path) as state:
        for number in range(5):
            publish(state, window(labelled(range(10 * number, 10 * number + 10)), 10 * number))
        assert [one["round"] for one in state.ledger.rounds()] == [1, 2, 3, 4, 5]
        assert [one.version for one in state.ledger.versions()] == [1, 2, 3, 4, 5]
        assert [one.version for one in state.ledger.versions(after=3)] == [4, 5]


def test_the_samples_of_a_version_are_named(tmp_path: Path):
    with open_state(tmp_path) as state:
        publish(state, window(labelled(range(20))))
        take(state, labelled(range(20, 30)), held(replayed=np.array([3, 1], np.int64)))
        claim = state.claim(window(labelled(range(30, 40)), 30), seed=1, state=None)
        commit = published(state, claim)
        object.__setattr__(commit, "replayed", np.array([1, 999], np.int64))
        state.commit(claim, commit)
        samples = state.ledger.samples_of(2)
        entries = list(state.ledger.rounds(after=1))
        assert len(samples.fresh) == sum(entry["trained"] for one in entries for entry in one["lineage"])
        assert all(name.sample_id == f"id-{name.offset}" and name.log == LOG for name in samples.fresh)
        assert [name.sample for name in samples.replayed] == [3, 1]
        assert (samples.fresh_evicted, samples.replayed_evicted) == (0, 1)
        assert samples.fresh[0].source == "camera-1" and samples.fresh[0].label in ("cat", "dog")
        with pytest.raises(KeyError):
            state.ledger.samples_of(3)


def test_a_reader_sees_commits_while_the_learner_lives(tmp_path: Path):
    with open_state(tmp_path) as state:
        take(state, labelled(range(20)))
        with Ledger.read_only(tmp_path) as reader:
            assert reader.positions() == {LOG: 20} and reader.classes() == ("cat", "dog")
            claim = state.claim(window(labelled(range(20, 40)), 20), seed=1, state=None)
            assert reader.open_claim() == claim and reader.positions() == {LOG: 20}
            state.commit(claim, held(evaluation={"holdout": 4}))
            assert reader.positions() == {LOG: 40} and reader.counts() == state.ledger.counts()
            assert reader.evaluation(2) == {"holdout": 4} and reader.evaluation(1) is None
            with pytest.raises(Exception, match="readonly"):
                reader._database.execute("DELETE FROM samples")
    with Ledger.read_only(tmp_path) as reader:
        assert reader.last_round() == 2 and reader.image_size() == 4


def test_reading_where_no_learner_has_been_says_so(tmp_path: Path):
    with pytest.raises(StateUnusableError, match=r"paths\.state=.*no learner has worked there"):
        Ledger.read_only(tmp_path)
    (tmp_path / "tidemill.db").write_bytes(b"no database at all, only text. " * 100)
    with pytest.raises(SchemaVersionError):
        Ledger.read_only(tmp_path)
