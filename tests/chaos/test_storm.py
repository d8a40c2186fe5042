"""A seeded part of `make chaos`: some named steps and some random faults on one cluster, then all checks."""

from random import Random

import pytest

from tests.chaos import points, steps
from tests.chaos.faults import EVERYWHERE, draw_strike
from tests.chaos.report import Report
from tests.chaos.site import Site
from tests.chaos.storm import Storm

SEED = 20261124
FAULTS = 5


def chosen(seed):
    """Two steps of the learner and one of an ingestor."""
    draw = Random(f"{seed} chosen")
    return [
        *draw.sample([one for one in points.LEARN if not one.startswith("compaction")], 2),
        draw.choice(points.INGEST),
    ]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_whatever_is_killed_nothing_is_lost_or_taken_in_twice(tmp_path, kafka_server, redis_server):
    report = Report(SEED)
    with Site(tmp_path, kafka_server, redis_server, seed=SEED) as site:
        steps.kill_at_each(site, chosen(SEED), SEED, report)
        Storm(site, FAULTS, SEED, report).run()
        totals = site.check_at_rest()
    assert report.count == FAULTS
    assert totals.records >= totals.acknowledged > 0
    assert totals.versions > 0


def test_the_same_seed_draws_the_same_faults():
    class Calm:
        ingestors = ()

    def drawn(seed):
        draw = Random(f"{seed} storm")
        servers = [one for one in EVERYWHERE if one[0] != "ingest"]
        return [draw_strike(draw, Calm(), servers, 300) for _ in range(50)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
