"""A learner killed in mid-round publishes byte for byte what an undisturbed one does, with the real exporter."""

import pytest

from tests.chaos.same import Twins

SEED = 7


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_learner_killed_in_mid_round_publishes_the_same_bytes(tmp_path, kafka_server, redis_server):
    assert Twins(tmp_path, kafka_server, redis_server, SEED, records=300).run(kills=2) > 0
