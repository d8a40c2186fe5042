"""What the learner shows of the champion, and of how fresh it is."""

from collections.abc import Sequence

from daemon.learn.observer import Champion, Freshness, Wait
from daemon.metrics.family import Family
from daemon.version import VERSION

FRESHNESS_BUCKETS_S = (1, 3, 10, 30, 60, 120, 300, 600, 1800, 3600, 10800, 43200, 86400, 604800)
WAIT_BUCKETS_S = (0.03, 0.1, 0.3, *FRESHNESS_BUCKETS_S)
PUBLISH_BUCKETS_S = (0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


class ChampionMetrics:
    """The part of a `LearnObserver` that hears of versions."""

    def __init__(self, make: Family, model: str) -> None:
        self._model = model
        self._version = make.optional("model_version", "The champion's version.")
        self._published = make.optional("model_published_timestamp_seconds", "When the champion was published.")
        self._info = make.gauge("model_info", "What the champion is.", ("model", "architecture", "classes", "tidemill"))
        self._freshness = make.histogram(
            "freshness_seconds", "From a sample's event time until a version that learnt it.", FRESHNESS_BUCKETS_S
        )
        self._waits = make.histogram(
            "freshness_stage_seconds", "The same by where the time went.", WAIT_BUCKETS_S, ("stage",)
        )
        self._implausible = make.counter(
            "event_times_implausible_total",
            "Samples of published versions whose event time lies ahead or over a year back: not in freshness_seconds.",
        )
        self._publish = make.histogram("publish_seconds", "From the commit until the pointer moved.", PUBLISH_BUCKETS_S)
        for wait in Wait:
            self._waits.labels(wait.value)

    def published(self, champion: Champion, seconds: float, freshness: Sequence[Freshness]) -> None:
        """Show the new champion, and how fresh it is; in OpenMetrics with the round as exemplar."""
        self.champion_known(champion)
        self._publish.observe(seconds)
        for of_round in freshness:
            exemplar = {"round": str(of_round.round)}
            for one in of_round.total_s:
                self._freshness.observe(max(one, 0.0), exemplar)
            for wait, waits_s in of_round.waits_s.items():
                child = self._waits.labels(wait.value)
                for one in waits_s:
                    child.observe(max(one, 0.0), exemplar)

    def champion_known(self, champion: Champion | None) -> None:
        """Show the champion, or nothing where there is none."""
        self._info.clear()
        if champion is None:
            self._version.clear()
            self._published.clear()
            return
        self._version.set(champion.version)
        self._published.set(champion.published_ms / 1000)
        self._info.labels(self._model, champion.architecture, str(champion.classes), VERSION).set(1)

    def event_times_implausible(self, samples: int) -> None:
        """Count what freshness leaves out."""
        self._implausible.inc(samples)
