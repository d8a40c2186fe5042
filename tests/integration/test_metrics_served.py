"""What the four ports serve, under load and after each role was killed, is what docs/operations.md says."""

import os
import signal
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from tests.integration.test_main_job import champion, learnt, produce, tidemill  # noqa: F401 - a fixture
from tests.servers import promtool
from tests.servers.missing import unavailable
from tests.support.exposition import OPEN_METRICS, PLAIN, Served, reference, scrape
from tests.support.roles import Tidemill, eventually

ROLES = {"ingest": "ingest", "learn": "learn", "serve": "http", "run": "run"}
"""Each role, and what its port is called."""
LASTING = (
    "rounds_total refusals_in_row waiting_dropped_total versions_retired_total model_version model_info "
    "model_published_timestamp_seconds commit_timestamp_seconds prequential_accuracy holdout_accuracy class_accuracy "
    "forgetting train_holdout_gap negative_flip_rate store_samples store_bytes quarantined_windows classes "
    "repository_versions repository_bytes challenger_turns"
)
"""What a learner shows after a restart as before."""


def url(one: Tidemill, role: str) -> str:
    return f"http://127.0.0.1:{one.ports[ROLES[role]]}"


def answers(one: Tidemill, role: str, accept: str = PLAIN) -> Served | None:
    try:
        return scrape(url(one, role), accept)
    except httpx.HTTPError:
        return None


def check(role: str, served: Served) -> None:
    """Names and labels, both ways; nothing that is there has no row, nothing with a row is missing."""
    told = reference(role)
    assert told.keys() == served.labels.keys(), (
        f"{role}: without a row {served.labels.keys() - told.keys()}, not served {told.keys() - served.labels.keys()}"
    )
    for name, labels in served.labels.items():
        assert labels <= {told[name].labels}, f"{role}: {name} has the labels {labels}, its row {told[name].labels}"
        assert labels or told[name].may_be_absent, (
            f"{role}: {name} has no sample, and its row does not say when it is absent"
        )
    zero = [name for (name, _), value in served.values.items() if "timestamp_seconds" in name and value <= 0]
    assert not zero, f"{role}: a moment is 0: {zero}"


def check_all(one: Tidemill, role: str) -> Served:
    """Check what a port serves in both forms, and have the real promtool look at it; return it as OpenMetrics."""
    plain, opened = scrape(url(one, role), PLAIN), scrape(url(one, role), OPEN_METRICS)
    for served in (plain, opened):
        check(role, served)
    assert promtool.check_metrics(plain.text) == []
    # promtool reads the older format alone. In this one the client's strict parser has read it, and Prometheus does.
    assert opened.text.endswith("# EOF\n")
    return opened


def lasting(served: Served) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    return {name: served.of(name) for name in LASTING.split()}


def children(supervisor: subprocess.Popen[bytes]) -> dict[str, int]:
    """Return the processes of the roles, by role."""
    found = {}
    for one in Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split():
        command = Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0")
        found |= {role: int(one) for role in ROLES if role.encode() in command}
    return found


def born(one: Tidemill, role: str) -> float | None:
    served = answers(one, role)
    return served.values.get(("process_start_time_seconds", frozenset())) if served else None


def ready(one: Tidemill, role: str) -> bool:
    try:
        return httpx.get(f"{url(one, role)}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def promtool_there() -> None:
    if reason := promtool.missing():
        unavailable(reason)


@pytest.mark.long
@pytest.mark.usefixtures("promtool_there")
@pytest.mark.timeout(900)
def test_what_is_served_is_what_is_documented_under_load_and_after_each_restart(
    tidemill: Tidemill,  # noqa: F811
    topic: str,
    kafka_server,
):
    supervisor = tidemill.start("run")
    total = sum(produce(kafka_server.bootstrap, topic, ["red", "green"], 300, seed=1))
    first = eventually(lambda: champion(tidemill), "the first version", 180)
    api = f"{tidemill.url}/v1/models/default/champion"
    waiting = threading.Thread(
        target=lambda: httpx.get(api, params={"after": 10_000, "wait": 2}, headers={"User-Agent": "odd"}, timeout=20)
    )
    waiting.start()
    httpx.get(api, params={"after": first["version"], "wait": 0.1}, timeout=20)
    total += sum(produce(kafka_server.bootstrap, topic, ["red", "green", "blue"], 450, seed=2))
    eventually(lambda: champion(tidemill)["version"] > first["version"], "a second version", 180)
    under_load = {role: check_all(tidemill, role) for role in ROLES}
    waiting.join()
    check_load(under_load)

    eventually(lambda: learnt(tidemill) == total, f"all {total} records in rounds", 180)
    for role in ("serve", "ingest", "learn"):
        eventually(lambda role=role: ready(tidemill, role), f"{role} is ready")
        before, former = scrape(url(tidemill, role)), born(tidemill, role)
        os.kill(children(supervisor)[role], signal.SIGKILL)
        again = lambda role=role, former=former: born(tidemill, role) not in (None, former)  # noqa: E731
        eventually(again, f"another process of {role}", 120)
        eventually(lambda role=role: ready(tidemill, role), f"{role} is ready again", 120)
        after = eventually(lambda role=role: settled(tidemill, role), f"{role} has looked around", 60)
        check_all(tidemill, role)
        if role == "learn":
            assert lasting(after) == lasting(before)
        assert scrape(url(tidemill, "run")).value("role_restarts_total", role=role) == 1

    before = scrape(url(tidemill, "learn"))
    assert tidemill.stop() == [0], tidemill.logs()
    tidemill.start("run")
    for role in ROLES:
        eventually(lambda role=role: ready(tidemill, role), f"{role} is ready again", 120)
        eventually(lambda role=role: settled(tidemill, role), f"{role} has looked around", 60)
        check_all(tidemill, role)
    assert lasting(scrape(url(tidemill, "learn"))) == lasting(before)


def settled(one: Tidemill, role: str) -> Served | None:
    """Return what a role serves once it has done everything for the first time that it does every few seconds."""
    served = answers(one, role)
    looked = {"ingest": "uncommitted_records", "learn": "repository_bytes", "serve": "model_version"}
    if served is None or (role in looked and not served.of(looked[role])):
        return None
    return served if role != "ingest" or served.of("clock_skew_seconds") else None


def check_load(served: dict[str, Served]) -> None:
    """Not only the names: what is known of the run shows."""
    ingest, learn, serve = served["ingest"], served["learn"], served["serve"]
    assert {role: one.of("build_info") != {} for role, one in served.items()} == dict.fromkeys(ROLES, True)
    assert set(ingest.of("records_expired_total").values()) == {0}
    assert ingest.value("redis_command_seconds_count", command="append") > 0
    for stage in ("kafka", "buffer", "round", "publish"):
        assert learn.value("freshness_stage_seconds_count", stage=stage) > 0, stage
    parts = sum(learn.of("freshness_stage_seconds_sum").values())
    assert parts == pytest.approx(learn.value("freshness_seconds_sum"), rel=0.05)
    assert {tuple(one) for one in learn.exemplars["freshness_seconds"]} == {("round",)}
    assert learn.value("dead_letters", reason="not_an_image") > 0
    assert serve.value("followers", model="default", version="1") == 1
    assert serve.value("followers", model="default", version="unknown") == 1
    assert serve.value("http_request_seconds_count", route="/v1/models/{name}/champion?wait") >= 1
    assert serve.value("model_version", model="default") == learn.value("model_version")
