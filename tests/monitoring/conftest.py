"""One Tidemill for all tests of this folder: it lives through its faults once, then Prometheus is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.local.process import LocalServerMissingError
from tests.servers.fetch_kafka import missing as kafka_missing
from tests.servers.missing import unavailable
from tests.servers.prometheus import missing as prometheus_missing
from tests.support.monitored import Monitored

RULES = Path(__file__).parents[2] / "docker" / "prometheus" / "rules.yml"


@pytest.fixture(scope="session")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    """A Tidemill that has lived through it all, and still runs."""
    for reason in (prometheus_missing(), kafka_missing()):
        if reason is not None:
            unavailable(reason)
    try:
        one = Monitored(tmp_path_factory.mktemp("monitored"), [RULES] if RULES.is_file() else [])
    except LocalServerMissingError as error:
        unavailable(str(error))
    with one:
        live(one)
        yield one


def live(one: Monitored) -> None:
    """Load, and every fault that a panel, an annotation or an alert is there for, as far as one can be caused."""
    one.learns(["red", "green"], 300, broken=12)
    one.learns(["red", "green"], 200)
    one.learns(["red", "green", "blue"], 200)
    one.asks_for_what_is_not_there()
    one.a_file_is_damaged()
    one.learns(["red", "green", "blue"], 200, broken=5)
    one.learns(["red", "green"], 160, said_to_be=["green", "red"])
    one.a_transaction_hangs()
    one.redis_is_away()
    one.learns(["red", "green", "blue"], 200)
    one.rolls_back()
    one.learns(["red", "green", "blue"], 200)
    one.end()
