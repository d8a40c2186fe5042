"""What the learner counts, by theme."""

from prometheus_client import CollectorRegistry

from daemon.learn.observer import Past
from daemon.metrics.champion import ChampionMetrics
from daemon.metrics.family import Family
from daemon.metrics.holdings import HoldingMetrics
from daemon.metrics.quality import QualityMetrics
from daemon.metrics.rounds import RoundMetrics


class LearnMetrics(RoundMetrics, QualityMetrics, ChampionMetrics, HoldingMetrics):
    """A `LearnObserver` that counts: each part hears of its own theme."""

    def __init__(self, registry: CollectorRegistry, *, model: str) -> None:
        make = Family(registry)
        RoundMetrics.__init__(self, make)
        QualityMetrics.__init__(self, make)
        ChampionMetrics.__init__(self, make, model)
        HoldingMetrics.__init__(self, make)

    def past_known(self, past: Past) -> None:
        """Go on from it."""
        RoundMetrics.past_known(self, past)
        HoldingMetrics.past_known(self, past)
