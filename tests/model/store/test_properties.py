"""Any history of windows, fates, crashes and evictions against a model that fits in a few dictionaries."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from model.store import Claim, Fate, Role, StoreRules, leave_request, verify
from model.store.pictures import picture_digest
from model.window import LogKey
from tests.support.windows import LOG, held, join, open_state, picture, published, refused, window

LOGS = (LOG, LogKey(LOG.topic, LOG.topic_id, 1))
CAPACITY = 60
RULES = StoreRules(
    bytes_max=CAPACITY * 48, holdout_first=6, holdout_fraction=0.05, classes_max=3, compact_below=0.7, versions_kept=1
)
PICTURES = {seed: picture(seed) for seed in range(90)}
DIGESTS = {picture_digest(pixels): seed for seed, pixels in PICTURES.items()}

pictures = st.lists(st.tuples(st.integers(0, 89), st.sampled_from("abcd")), max_size=25)


class StoreMachine(RuleBasedStateMachine):
    """Drives a state directory and remembers what must be true of it."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.state = open_state(self.path, RULES)
        self.positions: dict[LogKey, int] = {}
        self.labels: dict[int, str] = {}
        """Label of each stored picture."""
        self.claim: Claim | None = None
        self.claimed: dict[int, str] = {}
        """Last label of each picture of the open claim's window."""
        self.trained: set[int] = set()
        """Pictures that were ever given to training."""

    def teardown(self) -> None:
        if hasattr(self, "state"):
            self.state.close()
            self.folder.cleanup()

    @precondition(lambda self: self.claim is None)
    @rule(first=pictures, second=pictures, dead=st.integers(0, 3), expired=st.integers(0, 3), seed=st.integers(0, 9))
    def take_window(self, first, second, dead: int, expired: int, seed: int) -> None:
        parts = [
            window(part, self.positions.get(log, 3), log=log, dead=dead, expired=expired)
            for log, part in zip(LOGS, (first, second), strict=True)
            if part or dead or expired
        ]
        if not parts:
            return
        one = join(*parts)
        self.claim = self.state.claim(one, seed=seed, state=self.state.ledger.current_state())
        self.claimed = dict([*first, *second])
        self.ends = {span.log: span.end for span in one.spans}
        for span in self.claim.spans:
            kinds = ("trained", "holdout", "dead_lettered", "expired", "duplicate", "waiting", "suspect")
            assert sum(getattr(span, kind) for kind in kinds) == span.end - span.start
        new = {DIGESTS[picture_digest(one)] for one in self.state.window(self.claim).pixels_NHWC}
        assert new.isdisjoint(self.labels)
        self.trained |= {DIGESTS[picture_digest(one)] for one in self.state.fresh(self.claim).pixels_NHWC}

    @precondition(lambda self: self.claim is None)
    @rule(seed=st.integers(0, 9))
    def retry(self, seed: int) -> None:
        parcel = self.state.ledger.due_parcel()
        if parcel is None:
            return
        self.claim = self.state.claim_retry(parcel, seed=seed, state=self.state.ledger.current_state())
        self.claimed, self.ends = {}, {}
        self.trained |= {DIGESTS[picture_digest(one)] for one in self.state.fresh(self.claim).pixels_NHWC}

    @precondition(lambda self: self.claim is None)
    @rule(kind=st.sampled_from(["quarantine.release", "quarantine.drop"]), parcel=st.integers(1, 12))
    def ask(self, kind: str, parcel: int) -> None:
        leave_request(self.path, kind, {"parcel": parcel}, 0)
        before = {DIGESTS[row[0]] for row in self.state._database.execute("SELECT digest FROM samples")}
        (event,) = self.state.answer_requests()
        after = {DIGESTS[row[0]] for row in self.state._database.execute("SELECT digest FROM samples")}
        assert before == after or (event.done and kind == "quarantine.drop")
        self.labels = {seed: label for seed, label in self.labels.items() if seed in after}

    @precondition(lambda self: self.claim is not None)
    @rule(fate=st.sampled_from([*Fate]), publish=st.booleans(), change=st.booleans())
    def commit(self, fate: Fate, publish: bool, change: bool) -> None:
        claim = self.claim
        assert claim is not None
        if claim.retried is not None and change and fate is Fate.ACCEPTED and claim.classes:
            self.state.commit(claim, held(change=True, contradicted=(0,)))
            self.claim = None
            self.forget_evicted()
            return
        if fate is not Fate.ACCEPTED:
            self.state.commit(claim, refused(fate))
        elif publish:
            self.state.commit(claim, published(self.state, claim))
            self.state.mark_published(claim.version)
        else:
            self.state.commit(claim, held())
        for seed, label in self.claimed.items():
            if seed not in self.labels or (fate is Fate.ACCEPTED and label in claim.classes):
                self.labels[seed] = label
        self.positions |= self.ends
        self.claim = None
        self.forget_evicted()

    def forget_evicted(self) -> None:
        stored = {DIGESTS[row[0]] for row in self.state._database.execute("SELECT digest FROM samples")}
        assert stored <= set(self.labels)
        if len(self.labels) <= CAPACITY:
            assert stored == set(self.labels), "nothing goes while there is room"
        else:
            assert len(stored) == CAPACITY
        self.labels = {seed: label for seed, label in self.labels.items() if seed in stored}

    @rule()
    def crash(self) -> None:
        before = self.state.open_claim()
        self.state.close()
        self.state = open_state(self.path, RULES)
        assert self.state.open_claim() == before == self.claim

    @rule()
    def tidy(self) -> None:
        self.state.tidy()

    @precondition(lambda self: self.claim is not None)
    @rule(n=st.integers(0, 40), seed=st.integers(0, 3))
    def draw(self, n: int, seed: int) -> None:
        one, two = (self.state.draw_replay(self.claim, n, np.random.default_rng(seed)) for _ in range(2))
        assert (one.batch.samples == two.batch.samples).all()
        assert len(one.batch) == (n if one.shares.any() else 0)
        for pixels, label in zip(one.batch.pixels_NHWC, one.batch.labels, strict=True):
            seed_of = DIGESTS[picture_digest(pixels)]
            assert self.claim is not None and self.labels[seed_of] == self.claim.classes[label]

    @invariant()
    def the_database_agrees_with_the_model(self) -> None:
        if not hasattr(self, "state"):
            return
        assert self.state.ledger.positions() == self.positions
        query = "SELECT digest, name, role, slot FROM samples JOIN labels USING (label) WHERE sample <= ?"
        horizon = self.claim.high_water if self.claim else 1 << 60
        rows = self.state._database.execute(query, (horizon,)).fetchall()
        assert {DIGESTS[digest]: label for digest, label, _, _ in rows} == self.labels
        held_out = {DIGESTS[digest] for digest, _, role, _ in rows if role == Role.HOLDOUT}
        assert held_out.isdisjoint(self.trained), "a picture is never judged by after it was trained on"

    @invariant()
    def nothing_contradicts(self) -> None:
        if hasattr(self, "state"):
            assert [finding for finding in verify(self.path) if not finding.harmless] == []


TestStore = StoreMachine.TestCase
TestStore.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[*HealthCheck], derandomize=True
)
