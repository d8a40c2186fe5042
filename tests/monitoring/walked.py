"""The faults of `walk.py`, each with the two commands of its runbook, and the way back."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from kafka import KafkaProducer
from kafka.structs import TopicPartition

from tests.disasters.test_kafka import cut_short
from tests.monitoring.walk import PATIENCE_S, TOPIC, Walk
from tests.support.disks import leave_free
from tests.support.roles import eventually

PROMTOOL = "promtool query instant http://localhost:9090"
READY = "curl -s localhost:{}/readyz"


def freshness(walk: Walk) -> None:
    """Event times that lie ten minutes back: a producer that sends late."""
    late = datetime.now(UTC) - timedelta(minutes=10)
    walk.feed(
        120, until=lambda: walk.firing("TidemillFreshnessBudgetBurn"), ce_time=late.isoformat().replace("+00:00", "Z")
    )
    walk.wait("TidemillFreshnessBudgetBurn")
    walk.show("freshness", f"{PROMTOOL} tidemill:freshness_stage_seconds:mean15m", "tidemill status")


def dead_letters(walk: Walk) -> None:
    """A producer whose pictures are of a format that is not read, below the brake's half."""
    walk.feed(PATIENCE_S, 36, bad=24, until=lambda: walk.firing("TidemillIntakeBudgetBurn"))
    walk.wait("TidemillIntakeBudgetBurn")
    walk.wait("TidemillDeadLetterShare")
    walk.show(
        "dead-letters", "tidemill dead-letters list --limit 2", f"{PROMTOOL} tidemill:records_dead_lettered:rate5m"
    )


def brake(walk: Walk) -> None:
    """The same producer, most of whose records are bad."""
    walk.send(10, bad=1200)
    walk.wait("TidemillBrakeOn")
    walk.show("brake", READY.format(8081), "tidemill dead-letters list --limit 1")
    walk.show("brake: the way back", "tidemill release --brake")
    walk.wait_over("TidemillBrakeOn")
    walk.show("brake: over", READY.format(8081))
    walk.send(3000)


def outage(walk: Walk) -> None:
    """Redis hangs: ingestors and learner wait for it, and what comes waits in Kafka."""
    walk.redis.pause()
    try:
        walk.feed(20)
        walk.wait("TidemillOutageLasting")
        walk.show("outage-lasting", READY.format(8081), READY.format(8082))
        walk.feed(PATIENCE_S, until=lambda: walk.firing("TidemillIntakeBehind"))
        walk.wait("TidemillIntakeBehind")
        walk.show("intake-behind", f"{PROMTOOL} tidemill:consumer_lag_records:max", READY.format(8081))
    finally:
        walk.redis.resume()
    walk.wait_over("TidemillOutageLasting")
    walk.wait_over("TidemillIntakeBehind")
    walk.show("outage-lasting: over", READY.format(8081))


def role_absent(walk: Walk) -> None:
    """The learner is killed, and nobody starts it again."""
    walk.stop("learn", kill=True)
    walk.wait("TidemillRoleAbsent")
    walk.wait("TidemillInstanceDown")
    walk.show("role-absent", f"{PROMTOOL} 'up == 0'", "curl -sS localhost:8082/livez")
    walk.start("learn")
    walk.wait_over("TidemillRoleAbsent")


def role_restarting(walk: Walk) -> None:
    """A server that dies of something again and again."""
    for _ in range(3):
        walk.stop("serve", kill=True)
        walk.start("serve")
        time.sleep(6)
    walk.wait("TidemillRoleRestarting")
    walk.show("role-restarting", f"{PROMTOOL} 'changes(process_start_time_seconds[30m]) > 0'", READY.format(8080))


def role_given_up(walk: Walk) -> None:
    """A supervisor whose learner finds the state directory in use, as where somebody started one by hand."""
    walk.stop("ingest", "serve")
    walk.roles["run"] = walk.mill.start("run")
    (walk.folder / "run.json").write_text(f'[{{"targets": ["127.0.0.1:{walk.targets["run"]}"]}}]')
    walk.wait("TidemillRoleGivenUp")
    walk.show("role-given-up", READY.format(8083), f"{PROMTOOL} 'tidemill_role_given_up == 1'")
    walk.stop("run")
    (walk.folder / "run.json").write_text("[]")
    walk.start("ingest", "serve")


def transaction(walk: Walk) -> None:
    """A producer opens a transaction and sends no more."""
    producer = KafkaProducer(
        bootstrap_servers=walk.kafka.bootstrap, transactional_id="nightly", transaction_timeout_ms=300_000
    )
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(TOPIC, value=b"", headers=[("ce_label", b"red")]).get(10)
    walk.feed(70)  # the ingestor says it of one that has been open for a minute
    walk.wait("TidemillTransactionHanging")
    walk.show("transaction-hanging", READY.format(8081), "tidemill status")
    producer.abort_transaction()
    producer.close()
    walk.wait_over("TidemillTransactionHanging")


def publication(walk: Walk) -> None:
    """A repository on which a rename takes half a minute."""
    walk.stop("learn")
    command = [sys.executable, "-m", "tests.monitoring.slow_learner", str(walk.mill.file)]
    with (walk.folder / "slow.log").open("wb") as log:
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        walk.roles["learn"] = subprocess.Popen(command, cwd=walk.folder, stdout=log, stderr=log, env=environment)
    try:
        walk.feed(300, until=lambda: walk.firing("TidemillPublicationBudgetBurn"))
        walk.wait("TidemillPublicationBudgetBurn")
        slowest = "histogram_quantile(0.99, sum by (le) (rate(tidemill_publish_seconds_bucket[1h])))"
        stages = "tidemill:freshness_stage_seconds:mean15m"
        walk.show("publication", f"{PROMTOOL} '{slowest}'", f"{PROMTOOL} {stages}")
    finally:
        walk.stop("learn", kill=True)
        walk.start("learn")


def announcement(walk: Walk) -> None:
    """The topic of announcements is deleted."""
    walk.admin().delete_topics(["models"])
    walk.feed(PATIENCE_S, until=lambda: walk.firing("TidemillOutageMinor"))
    walk.wait("TidemillOutageMinor")
    walk.show("outage-lasting (minor)", f"{PROMTOOL} 'tidemill_outage_ongoing == 1'", READY.format(8082))
    walk.make_topics("models")
    walk.wait_over("TidemillOutageMinor")


def api(walk: Walk) -> None:
    """The pointer to the champion is damaged."""
    pointer = walk.folder / "models" / "default" / "champion.json"
    before = pointer.read_bytes()
    walk.stop("learn")
    pointer.write_text("{")

    def asked() -> bool:
        walk.ask(walk.targets["serve"], "/v1/models/default/champion")
        return walk.firing("TidemillApiBudgetBurn")

    eventually(asked, "TidemillApiBudgetBurn", PATIENCE_S)
    query = f"{PROMTOOL} 'sum by (route, code) (increase(tidemill_http_requests_total{{code=~\"5..\"}}[10m])) > 0'"
    walk.show("api", query, "curl -s localhost:8080/v1/models/default/champion")
    pointer.write_bytes(before)
    walk.start("learn")


def old_version(walk: Walk) -> None:
    """A server that reads a copy of the repository which nobody keeps up."""
    shutil.copytree(walk.folder / "models", walk.folder / "old")
    walk.stop("serve")
    process = walk.mill.start("serve", "--set", f"paths.repository={walk.folder / 'old'}")
    walk.roles["serve"] = process
    walk.feed(PATIENCE_S, until=lambda: walk.firing("TidemillServesOldVersion"))
    walk.wait("TidemillServesOldVersion")
    walk.show("serves-old-version", f"{PROMTOOL} tidemill_model_version", "tidemill versions | tail -n 3")
    walk.stop("serve")
    walk.start("serve")
    walk.wait_over("TidemillServesOldVersion")


def follower(walk: Walk) -> None:
    """An inference service that asks as ever, and does not take what it gets."""
    url = f"http://127.0.0.1:{walk.targets['serve']}/v1/models/default/champion"
    was = httpx.get(url).json()["version"]

    def asked() -> bool:
        with suppress(httpx.TransportError):
            httpx.get(url, params={"after": was}, headers={"user-agent": "scanner/1.4"}, timeout=5)
        walk.send(30)
        time.sleep(1)
        return walk.firing("TidemillFollowerStuck")

    eventually(asked, "TidemillFollowerStuck", PATIENCE_S)
    walk.show(
        "follower-stuck", f"{PROMTOOL} tidemill_followers", f"{PROMTOOL} 'tidemill_model_version{{job=\"serve\"}}'"
    )


def clock_skew(walk: Walk) -> None:
    """An ingestor whose clock is half a minute ahead."""
    shifted = walk.folder / "shifted"
    shifted.mkdir(exist_ok=True)
    (shifted / "sitecustomize.py").write_text(
        "import time\n_now, _now_ns = time.time, time.time_ns\n"
        "time.time = lambda: _now() + 30\ntime.time_ns = lambda: _now_ns() + 30_000_000_000\n"
    )
    walk.stop("ingest")
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(shifted), before])
    try:
        walk.start("ingest")
    finally:
        os.environ["PYTHONPATH"] = before
    walk.wait("TidemillClockSkew")
    walk.show("clock-skew", f"{PROMTOOL} tidemill_clock_skew_seconds", "tidemill status")
    walk.stop("ingest")
    walk.start("ingest")
    walk.wait_over("TidemillClockSkew")


def noise(walk: Walk) -> None:
    """A labelling job that calls half of the green pictures blue, from now on."""
    turn = iter(range(1_000_000))

    def mixed(colour: str) -> str:
        return "blue" if colour == "green" and next(turn) % 2 else colour

    walk.feed(PATIENCE_S, until=lambda: walk.firing("TidemillClassAccuracyDown"), label=mixed)
    if walk.firing("TidemillDrift"):
        walk.show("drift", "tidemill status", "tidemill rounds | tail -n 4")
    walk.wait("TidemillClassAccuracyDown")
    walk.show("class-accuracy-down", f"{PROMTOOL} tidemill_class_accuracy", "tidemill quarantine suspects")


def nonsense(walk: Walk) -> None:
    """Labels that have nothing to do with the pictures."""
    turn = iter(range(1_000_000))
    labels = ("red", "green", "blue")

    def any_label(colour: str) -> str:
        return labels[(labels.index(colour) + 1 + next(turn) % 2) % 3]

    walk.feed(PATIENCE_S, 60, until=lambda: walk.firing("TidemillRefusalsInRow"), label=any_label)
    if walk.firing("TidemillDrift"):
        walk.show("drift", "tidemill status", "tidemill rounds | tail -n 4")
    walk.wait("TidemillRefusalsInRow")
    walk.show("refusals-in-row", "tidemill rounds | tail -n 4", "tidemill quarantine list")
    walk.feed(PATIENCE_S, 20, until=lambda: walk.firing("TidemillQuarantineGrowing"))
    walk.wait("TidemillQuarantineGrowing")
    walk.show("quarantine-growing", "tidemill quarantine list", f"{PROMTOOL} tidemill:quarantined_windows:max")


def expired(walk: Walk) -> None:
    """Retention takes records while no ingestor runs."""
    walk.stop("ingest")
    walk.send(50)
    walk.admin().delete_records({TopicPartition(TOPIC, 0): -1})
    walk.start("ingest")
    walk.send(60)
    walk.wait("TidemillRecordsExpired")
    eventually(
        lambda: any("expired" in one for round_ in walk.mill.json("rounds") for one in round_["lineage"]), "a round"
    )
    walk.show(
        "records-expired",
        f"{PROMTOOL} 'tidemill_records_expired_total > 0'",
        "tidemill rounds --json | grep -B 6 expired | tail -n 9",
    )


def truncated(walk: Walk) -> None:
    """A log that was cut short of what was read already."""
    for _ in range(4):
        walk.send(60)
        time.sleep(1)
    eventually(lambda: not walk.query("sum(tidemill_consumer_lag_records) > 0"), "all is taken in", PATIENCE_S)
    cut_short(walk.kafka, TOPIC, 0.5)
    walk.wait("TidemillPartitionStopped")
    walk.show("partition-stopped", READY.format(8081), "tidemill status")
    walk.show("partition-stopped: the way back", "tidemill release --partition images:0")
    walk.wait_over("TidemillPartitionStopped")


def disk(walk: Walk) -> None:
    """The learner's disk fills, and is full; records wait, and fill the buffer."""
    walk.stop("learn")
    state, aside = walk.folder / "state", walk.folder / "aside"
    state.rename(aside)
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tidemill-walk", str(state)], check=True)
    try:
        shutil.copytree(aside, state, dirs_exist_ok=True)
        leave_free(state, 90_000_000)
        walk.start("learn")
        with (state / "core.1").open("wb") as file:
            for _ in range(60):
                file.write(b"\0" * 500_000)
                file.flush()
                time.sleep(1)
                if walk.firing("TidemillDiskFilling"):
                    break
        walk.wait("TidemillDiskFilling")
        walk.show("disk-filling", f"{PROMTOOL} tidemill:disk:days_left", "ls -lS state | head -n 4")
        leave_free_in(state)
        walk.feed(PATIENCE_S, 20, until=lambda: walk.firing("TidemillLearningStalled"))
        walk.wait("TidemillLearningStalled")
        walk.show("learning-stalled", READY.format(8082), "tidemill status")
        walk.feed(PATIENCE_S, 60, until=lambda: walk.firing("TidemillBufferNearLimit"))
        walk.wait("TidemillBufferNearLimit")
        walk.show("buffer-near-limit", READY.format(8081), "tidemill status")
        for name in ("core.1", "core.2", "ballast"):
            (state / name).unlink()
        walk.wait_over("TidemillLearningStalled")
        walk.show("learning-stalled: over", READY.format(8082))
        walk.stop("learn")
        shutil.copytree(state, aside, dirs_exist_ok=True)
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)
    state.rmdir()
    aside.rename(state)
    sqlite3.connect(state / "tidemill.db").close()
    walk.start("learn")


def leave_free_in(state) -> None:
    """Take all that is left."""
    (state / "ballast").rename(state / "core.2")
    leave_free(state, 0)


FAULTS: dict[str, Callable[[Walk], None]] = {
    one.__name__: one
    for one in (
        freshness,
        role_absent,
        outage,
        transaction,
        publication,
        announcement,
        api,
        old_version,
        follower,
        clock_skew,
        role_restarting,
        disk,
        noise,
        nonsense,
        dead_letters,
        brake,
        expired,
        truncated,
        role_given_up,
    )
}
"""In an order in which one does not hide the next."""
