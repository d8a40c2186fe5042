"""What the learner counts of rounds: how they ended, where the one in progress is, and how it trains."""

from daemon.learn.observer import Outcome, Past, Stage
from daemon.metrics.family import Family

STAGE_BUCKETS_S = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1800)
WITHIN = tuple(stage for stage in Stage if stage is not Stage.TAKE)
"""Stages of a round; before the claim there is none."""


class RoundMetrics:
    """The part of a `LearnObserver` that hears of rounds."""

    def __init__(self, make: Family) -> None:
        self._rounds = make.counter("rounds_total", "Rounds, by how they ended.", ("outcome",))
        self._refused_in_row = make.optional("refusals_in_row", "Rounds refused since one was published or held.")
        self._number = make.optional("round_number", "The round in progress; absent between rounds.")
        self._stage = make.gauge(
            "round_stage", "1 for the stage that the round in progress is in; absent between rounds.", ("stage",)
        )
        self._stages = make.histogram(
            "round_stage_seconds", "Seconds of each stage of a round.", STAGE_BUCKETS_S, ("stage",)
        )
        self._commit = make.optional("commit_timestamp_seconds", "When the newest round was committed.")
        self._trained = make.counter("trained_samples_total", "Samples trained on.", ("kind",))
        self._speed = make.optional("train_samples_per_second", "Speed of the newest training steps.")
        self._loss = make.optional("train_loss", "Loss of the newest training step.")
        self._challenger = make.optional(
            "challenger_turns", "Turns of training that the challenger under way has had, of learning.challenger_turns."
        )
        self._refused = 0
        self._within = False
        for outcome in Outcome:
            self._rounds.labels(outcome.value)
        for stage in Stage:
            self._stages.labels(stage.value)
        for kind in ("fresh", "replay"):
            self._trained.labels(kind)

    def past_known(self, past: Past) -> None:
        """Go on from what former lives counted: what ended between the last scrape and a death is no loss then."""
        for outcome, rounds in past.rounds.items():
            self._rounds.labels(outcome.value).inc(rounds)
        self._refused = past.refused_in_row
        self._refused_in_row.set(self._refused)

    def round_started(self, number: int, samples: int) -> None:
        """Show it."""
        self._number.set(number)

    def stage_started(self, stage: Stage) -> None:
        """Show it; what is done between rounds, as a publication that had to wait, is no stage of one."""
        if stage is Stage.TAKE:
            self._between()
        self._within = self._within or stage is Stage.CLAIM
        if self._within:
            for one in WITHIN:
                self._stage.labels(one.value).set(int(one is stage))

    def stage_ended(self, stage: Stage, seconds: float) -> None:
        """Count a stage's seconds."""
        self._stages.labels(stage.value).observe(seconds)

    def round_ended(self, number: int, outcome: Outcome, seconds: float) -> None:
        """Count the round."""
        self._between()
        self._rounds.labels(outcome.value).inc()
        if outcome in (Outcome.PUBLISHED, Outcome.HELD):
            self._refused = 0
        elif outcome is Outcome.REFUSED:
            self._refused += 1
        self._refused_in_row.set(self._refused)

    def _between(self) -> None:
        self._within = False
        self._number.clear()
        self._stage.clear()

    def stepped(self, step: int, steps: int, loss: float, samples_per_second: float) -> None:
        """Show how training goes."""
        self._loss.set(loss)
        self._speed.set(samples_per_second)

    def trained(self, fresh: int, replayed: int) -> None:
        """Count what was trained on."""
        self._trained.labels("fresh").inc(fresh)
        self._trained.labels("replay").inc(replayed)

    def committed(self, at_ms: int) -> None:
        """Show when the last commit was."""
        self._commit.set(at_ms / 1000)

    def challenger_trained(self, turns: int) -> None:
        """Show how far a challenger is."""
        self._challenger.set(turns)
