"""What raises the same in window after window is no window's fault: learning stands still, and nothing is lost."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemon.learn.faults import WindowFault, blame_window, signature_of
from daemon.learn.standstill import RETRY_MAX_S
from daemon.outage import Need
from model.candidates import CandidateMaker
from model.learning.errors import DivergedError
from model.publishing.errors import ParityError
from model.publishing.mailbox import Mailbox
from model.store import leave_request, verify
from tests.support.accounting import check_tiles
from tests.support.learners import LOG, Bench, Crash, CrashAt


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path)
    yield one
    one.die()


class Maker(CandidateMaker):
    """Training calls `trouble` first, which may raise."""

    trouble = staticmethod(lambda claim: None)

    def train(self, claim, fresh, **hooks):
        type(self).trouble(claim)
        return super().train(claim, fresh, **hooks)


def maker_with(trouble):
    return type("Broken", (Maker,), {"trouble": staticmethod(trouble)})


def our_bug(claim):
    return {}[claim.round]


def another_bug(claim):
    raise TypeError(f"round {claim.round}")


def learn(bench, learner, windows, turns=12):
    """Feed windows of 200, and turn until nothing more is done, or as often as it is told."""
    for _ in range(windows):
        bench.feed(200)
        bench.now_ms += 60_000
        for _ in range(turns):
            if not learner.turn():
                break


def quarantined(learner):
    return learner.directory.ledger.counts()["quarantined"]


def refused(learner):
    return [one["outcome"] for one in learner.directory.ledger.rounds()].count("refused")


def test_a_bug_of_ours_stops_the_learning_at_the_third_window_and_quarantines_no_further(bench):
    learner = bench.learner(maker=maker_with(our_bug))
    with capture_logs() as said:
        learn(bench, learner, 6)
    assert quarantined(learner) == 360, "two windows, before it could be known"
    claim = learner.directory.ledger.open_claim()
    assert claim is not None and claim.round == 3
    assert len(list(learner.directory.ledger.rounds())) == 2
    outage = learner.standstill.outage
    assert outage.ongoing
    for part in ("rounds 1, 2 and 3", "KeyError", "test_standstill", "tidemill quarantine skip", "traceback"):
        assert part in outage.reason
    assert "\n" not in outage.reason
    failed = [one for one in said if one["event"] == "a round failed"]
    assert len(failed) >= 7
    assert all("Traceback" in one["exception"] and "our_bug" in one["exception"] for one in failed)


def test_a_restart_tries_once_and_resets_nothing(bench):
    learn(bench, bench.learner(maker=maker_with(our_bug)), 4)
    for _ in range(12):
        learner = bench.learner(maker=maker_with(our_bug))
        learner.turn()
        learner.turn()
        assert learner.standstill.outage.ongoing
        assert quarantined(learner) == 360
        assert learner.directory.ledger.open_claim().round == 3
        learner.leave()


def test_after_a_restart_it_is_said_before_anything_is_tried(bench):
    learn(bench, bench.learner(maker=maker_with(our_bug)), 3)
    learner = bench.learner(maker=maker_with(our_bug))
    learner._start()
    assert "rounds 1, 2 and 3" in learner.standstill.outage.reason


def test_it_is_tried_again_ever_less_often(bench):
    tries = []
    learner = bench.learner(maker=maker_with(lambda claim: (tries.append(bench.now_ms), our_bug(claim))))
    learn(bench, learner, 3)
    before, began = len(tries), bench.now_ms
    while bench.now_ms < began + 4 * RETRY_MAX_S * 1000:
        learner.turn()
        bench.now_ms += 1_000
    assert 4 <= len(tries) - before <= 24
    assert quarantined(learner) == 360


def test_once_cured_all_windows_are_learnt_also_those_that_were_quarantined(bench):
    broken = [True]
    learner = bench.learner(maker=maker_with(lambda claim: broken and our_bug(claim)))
    learn(bench, learner, 5)
    assert quarantined(learner) == 360
    broken.clear()
    bench.now_ms += 1_000 * int(RETRY_MAX_S)
    with capture_logs() as said:
        for _ in range(20):
            learner.turn()
    assert not learner.standstill.outage.ongoing
    counts = learner.directory.ledger.counts()
    assert (counts["quarantined"], counts["suspect"]) == (0, 0)
    assert sum(counts.values()) == 900, "of 1,000 records 100 are dead letters"
    assert [one["rounds"] for one in said if "given back" in one["event"]] == [[1, 2]]
    totals = check_tiles(entry["lineage"] for entry in learner.directory.ledger.rounds())
    assert totals == {(LOG.topic, LOG.topic_id, 0): (0, 1000, 1000)}
    bench.die()
    assert verify(bench.folder / "state") == []


def test_killed_before_they_are_given_back_the_next_life_gives_them_back(bench):
    learn(bench, bench.learner(maker=maker_with(our_bug)), 3)
    learner = bench.learner(CrashAt("commit.after"))
    with pytest.raises(Crash):
        for _ in range(5):
            bench.now_ms += 1_000
            learner.turn()
    learner = bench.learner()
    assert quarantined(learner) == 360
    for _ in range(20):
        learner.turn()
    assert quarantined(learner) == 0


def test_one_poisoned_window_is_still_quarantined_and_learning_goes_on(bench):
    learner = bench.learner(maker=maker_with(lambda claim: our_bug(claim) if claim.round in (2, 4) else None))
    learn(bench, learner, 5)
    outcomes = [one["outcome"] for one in learner.directory.ledger.rounds()]
    assert outcomes == ["published", "refused", "published", "refused", "published"]
    assert not learner.standstill.outage.ongoing
    assert quarantined(learner) == 360


def test_windows_that_raise_different_things_are_each_at_fault(bench):
    learner = bench.learner(maker=maker_with(lambda claim: (our_bug if claim.round % 2 else another_bug)(claim)))
    learn(bench, learner, 4)
    assert quarantined(learner) == 720
    assert not learner.standstill.outage.ongoing


def varying_bug(claim):
    raise (KeyError, ValueError, TypeError)[claim.round % 3](claim.round)


def test_a_bug_that_varies_from_window_to_window_stops_the_learning_at_the_fifth(bench):
    learner = bench.learner(maker=maker_with(varying_bug))
    learn(bench, learner, 8)
    assert quarantined(learner) == 720, "four windows, before it could be known"
    assert learner.directory.ledger.standing_round() == 5
    for part in ("5 windows in a row (rounds 1, 2, 3, 4 and 5) raised different things", "TypeError", "traceback"):
        assert part in learner.standstill.outage.reason
    learner = bench.learner(maker=maker_with(varying_bug))
    learner._start()
    assert "raised different things" in learner.standstill.outage.reason
    learner = bench.learner()
    for _ in range(30):
        learner.turn()
        bench.now_ms += 11_000
    assert not learner.standstill.outage.ongoing
    counts = learner.directory.ledger.counts()
    assert (counts["quarantined"], counts["suspect"]) == (0, 0), "all five are given back, and learnt"


def test_different_errors_with_a_judged_candidate_between_are_each_windows_fault(bench):
    learner = bench.learner(maker=maker_with(lambda claim: claim.round % 4 and varying_bug(claim)))
    learn(bench, learner, 11)
    assert not learner.standstill.outage.ongoing
    assert quarantined(learner) == 9 * 180


def test_a_window_without_anything_to_train_breaks_no_row(bench):
    learner = bench.learner(maker=maker_with(our_bug))
    learn(bench, learner, 1)
    bench.feed(200, ("dark",))
    bench.now_ms += 60_000
    for _ in range(3):
        learn(bench, learner, 1)
    assert learner.standstill.outage.ongoing
    assert refused(learner) == 2


def test_what_differs_in_the_message_alone_is_the_same(bench):
    learner = bench.learner(maker=maker_with(another_bug))
    learn(bench, learner, 5)
    assert quarantined(learner) == 360
    assert learner.standstill.outage.ongoing


def test_a_file_that_somebody_elses_code_lacks_is_no_full_disk(bench):
    learner = bench.learner(maker=maker_with(lambda claim: Path("/nonexistent/lut.bin").read_bytes()))
    with capture_logs() as said:
        learn(bench, learner, 5)
    assert not learner.outage.ongoing, learner.outage.reason
    assert "lut.bin" in learner.standstill.outage.reason
    assert quarantined(learner) == 360
    assert all("Traceback" in one["exception"] for one in said if one["event"] == "a round failed")


class Unequal:
    """A publisher that finds ONNX Runtime and torch at odds."""

    def stage(self, *_args, **_facts):
        raise ParityError(0.1, 0.2, (1e-4, 1e-3))


def test_a_parity_error_of_two_windows_in_a_row_is_no_windows_fault(bench):
    learner = bench.learner()
    learner.round.publisher = Unequal()
    learn(bench, learner, 4)
    assert quarantined(learner) == 180, "one window, before it could be known"
    assert learner.standstill.outage.ongoing
    assert "model.architecture" in learner.standstill.outage.reason


def test_training_that_diverges_in_each_window_stops_too(bench):
    def diverge(claim):
        raise DivergedError(claim.round, float("nan"), 1.0)

    learner = bench.learner(maker=maker_with(diverge))
    learn(bench, learner, 5)
    assert quarantined(learner) == 360
    assert "learning.lr" in learner.standstill.outage.reason


def test_a_person_may_set_the_window_aside_all_the_same(bench):
    learner = bench.learner(maker=maker_with(lambda claim: our_bug(claim) if claim.round <= 3 else None))
    learn(bench, learner, 4)
    assert learner.directory.ledger.standing_round() == 3
    request = leave_request(learner.directory.path, "quarantine.skip", {"round": 3}, bench.now_ms)
    for _ in range(12):
        learner.turn()
    event = learner.directory.ledger.event(request)
    assert event is not None and event.done
    assert not learner.standstill.outage.ongoing
    assert learner.directory.ledger.standing_round() is None
    outcomes = {one["round"]: one["outcome"] for one in learner.directory.ledger.rounds()}
    assert (outcomes[3], outcomes[4]) == ("refused", "published")
    assert quarantined(learner) == 180, "the one that a person set aside; the two before it are given back"


@pytest.mark.parametrize("over_repository", [False, True])
def test_a_rollback_does_not_wait_for_a_cure(bench, over_repository):
    broken = []
    learner = bench.learner(maker=maker_with(lambda claim: broken and our_bug(claim)))
    learn(bench, learner, 2)
    broken.append(True)
    learn(bench, learner, 3)
    ledger = learner.directory.ledger
    assert ledger.standing_round() == 5
    mailbox = Mailbox(bench.folder / "models", "default")
    if over_repository:
        asked = mailbox.ask("rollback", {"version": 1}, bench.now_ms)
    else:
        asked = leave_request(learner.directory.path, "rollback", {"version": 1}, bench.now_ms)
    for _ in range(2):
        learner.turn()
    assert ledger.event(asked).done, ledger.event(asked).answer
    assert ledger.champion().version == 1
    assert not over_repository or mailbox.answer(asked).done
    assert [one["outcome"] for one in ledger.rounds()].count("refused") == 3
    learn(bench, learner, 1)
    assert ledger.standing_round() == 6, "the next one stands still at once"
    assert ledger.open_claim().attempt < 4
    broken.clear()
    for _ in range(40):
        bench.now_ms += 1_000 * int(RETRY_MAX_S)
        learner.turn()
    assert not learner.standstill.outage.ongoing
    assert ledger.counts()["suspect"] == 180, "what the rollback undid waits for a person, as ever"
    assert quarantined(learner) == 0, "what made way for the request was learnt, too"


def test_what_is_no_request_that_is_known_costs_no_window(bench):
    learner = bench.learner(maker=maker_with(our_bug))
    learn(bench, learner, 3)
    leave_request(learner.directory.path, "make.coffee", {}, bench.now_ms)
    for _ in range(4):
        learner.turn()
    assert learner.directory.ledger.standing_round() == 3


def test_a_skip_is_refused_where_the_round_ended_by_itself(bench):
    learner = bench.learner()
    learn(bench, learner, 1)
    request = leave_request(learner.directory.path, "quarantine.skip", {"round": 1}, bench.now_ms)
    learner.turn()
    event = learner.directory.ledger.event(request)
    assert event is not None and not event.done and "published" in event.answer


def test_windows_in_a_row_that_end_the_process_are_not_all_quarantined(bench):
    deaths = 0
    while deaths < 60:
        bench.feed(200)
        bench.now_ms += 60_000
        learner = bench.learner(CrashAt("round.train.after"))
        try:
            for _ in range(3):
                learner.turn()
        except Crash:
            deaths += 1
            continue
        break
    assert deaths == 30, "ten for each of three windows"
    assert refused(learner) == 2
    assert "died" in learner.standstill.outage.reason
    bench.now_ms += 1_000 * int(RETRY_MAX_S - 1)
    assert not learner.turn(), "it is not tried at once: that would end the process again"
    bench.now_ms += 2_000
    with pytest.raises(Crash):
        learner.turn()


def test_kills_while_it_stands_still_quarantine_nothing(bench):
    learn(bench, bench.learner(maker=maker_with(our_bug)), 3)
    for _ in range(12):
        learner = bench.learner(maker=maker_with(our_bug))
        learner._start()  # and killed
        assert learner.standstill.outage.ongoing
    assert quarantined(learner) == 360
    assert learner.directory.ledger.standing_round() == 3


def test_the_metric_says_that_a_person_must_see_to_it(bench):
    told = []

    class Observer:
        def failed(self, need, seconds):
            told.append(need)

        def recovered(self, need, seconds):
            told.append(need)

    learner = bench.learner(maker=maker_with(our_bug))
    learner.standstill.outage._observer = Observer()
    learn(bench, learner, 3)
    assert set(told) == {Need.TRAINING}


def test_a_signature_names_type_and_place_and_nothing_that_varies():
    def raised(number):
        try:
            with blame_window():
                our_bug(type("Claim", (), {"round": number}))
        except WindowFault as fault:
            return fault.signature
        raise AssertionError

    assert raised(1) == raised(2)
    assert raised(1).startswith("builtins.KeyError at tests.daemon.learn.test_standstill:our_bug:")
    namespace = {}
    signatures = set()
    for number in range(2):  # as torch.fx names the code that it makes
        exec(compile("def made(): raise ValueError", f"<eval_with_key>.{number}", "exec"), namespace)
        try:
            namespace["made"]()
        except ValueError as error:
            signatures.add(signature_of(error))
    assert len(signatures) == 1
