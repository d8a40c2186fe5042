"""What is wrong by what Redis, Kafka, the state directory and the disks say."""

import shlex
from collections.abc import Iterator

from daemon.cli.clocks import clock_lines
from daemon.cli.output import size
from daemon.cli.overview.facts import Disk, Facts, Kafka
from daemon.cli.overview.problems import Problem
from daemon.config import Config
from daemon.ingest.cure import release_command
from daemon.ingest.transactions import OPEN_MAX_S, transaction_cure
from daemon.words import counted
from streaming.source import Partition

LATE_S = 900.0
"""Samples that wait longer than this, and five times round.max_wait_s, wait too long."""
LATE_WAITS = 5
REFUSALS_MIN = 3
"""Rounds refused in a row that are no accident any more."""
VERSION_ROOM = {"paths.state": 4, "paths.repository": 2}
"""What the next version takes below each folder, in model files: weights and optimiser, the file and its staging."""
ROOM_LEAST = 1_000_000


def by_redis(facts: Facts, config: Config) -> Iterator[Problem]:
    """Yield eviction, brakes, a full buffer, samples that wait too long."""
    redis = facts.redis
    if redis is None:
        return
    if redis.unsafe:
        yield Problem("eviction", redis.unsafe, "run `CONFIG SET maxmemory-policy noeviction` there")
    for one in redis.brakes:
        command = release_command(f"--brake --name {shlex.quote(one.ingestor)}", config.job)
        counts = f"{one.outcomes.dead} of its last {one.outcomes.records} were dead letters"
        because = f": {one.blame}" if one.blame else ""
        what = f"{one.ingestor} takes no records of {one.topic or 'any topic'}, for {counts}{because}"
        yield Problem("brake", what, f"put the producer right, then run: {command}")
    used = sum(one.bytes_used for one in redis.logs)
    ingest = facts.roles.get("ingest")
    if used >= config.buffer.bytes_max or (ingest is not None and "buffer_full" in ingest.pauses):
        what = f"the buffer is full, {size(used)} of {size(config.buffer.bytes_max)}: records wait in Kafka"
        cure = "the learner makes room; where it is well and cannot keep up, raise buffer.bytes_max, Redis' maxmemory"
        yield Problem("buffer", what, cure)
    yield from _late(facts, config)


def _late(facts: Facts, config: Config) -> Iterator[Problem]:
    assert facts.redis is not None
    waiting = [one for one in facts.redis.logs if one.samples > 0 and one.oldest_buffered_ms is not None]
    oldest = max(((one.now_ms - (one.oldest_buffered_ms or 0)) / 1000 for one in waiting), default=0.0)
    if oldest > max(LATE_S, LATE_WAITS * config.round.max_wait_s):
        samples = sum(one.samples for one in waiting)
        cure = "see what the learner does (round, below) and its log; a learner that is too slow wants a faster device"
        yield Problem("late", f"{counted(samples, 'sample')} wait, and no round has taken the oldest", cure, oldest)


def by_kafka(facts: Facts, config: Config) -> Iterator[Problem]:
    """Yield missing topics, truncated partitions, transactions that hang."""
    ingest = facts.roles.get("ingest")
    reasons = {check.name: check.reason for check in ingest.checks} if ingest is not None else {}
    yield from (_missing(topic, config) for topic in (facts.kafka.missing if facts.kafka else ()))
    for one in facts.cut_off:
        name = f"{one.topic}:{one.partition}"
        if f"{name} is truncated" not in reasons.get("partitions", ""):
            what = f"{name} stands still: its log ends at {one.end}, and {one.read} records of it were read (truncated)"
            command = release_command(f"--partition {name}", config.job)
            yield Problem("partition", what, f"find out why, then read what is there as a new log: {command}")
    yield from _hanging(facts.kafka or Kafka({}), config, reasons.get("transactions", ""))


def _hanging(kafka: Kafka, config: Config, said: str) -> Iterator[Problem]:
    """Yield transactions that last: the brokers say how long nothing was written in one, or an ingestor has `said` so.

    One that is merely open is none: a live producer's lasts seconds.
    """
    yielded = False
    for (topic, topic_id, partition), one in sorted(kafka.ends.items()):
        seconds = kafka.hanging_s.get((topic, topic_id, partition))
        told = f"{topic}:{partition}: " in said
        if one.log_end > one.stable and (told or (seconds or 0.0) >= OPEN_MAX_S):
            behind = f"{counted(one.log_end - one.stable, 'record')} of {topic}:{partition} behind the transaction"
            cure = transaction_cure(config.kafka.bootstrap_servers, Partition(topic, partition), one.stable)
            yield Problem("transaction", f"there wait {behind} open at offset {one.stable}", cure, seconds)
            yielded = True
    if said and not yielded:
        yield Problem("transaction", f"ingest: {said}", "")


def _missing(topic: str, config: Config) -> Problem:
    if config.kafka.create_topics:
        cure = "it is made when `tidemill ingest` starts (kafka.create_topics)"
    else:
        cure = "create it, or set kafka.create_topics=true to have it made"
    letters = topic not in config.kafka.topics
    why = ": the first dead letter would stop its topic" if letters else ""
    return Problem("topic", f"topic {topic} does not exist{why}", cure)


def by_state(facts: Facts) -> Iterator[Problem]:
    """Yield learning that stands still, refusals in a row, a quarantine that grows."""
    if facts.state is None:
        return
    outlook = facts.state.outlook
    if outlook.open is not None and outlook.open.stands_still:
        what = f"learning stands still at round {outlook.open.round}, for windows in a row raised the same"
        cure = (
            "the learner's log has the traceback: mend the setting, factory or version that it comes from; "
            "if the window is bad: tidemill quarantine skip"
        )
        since_s = (facts.now_ms - outlook.open.since_ms) / 1000
        yield Problem("training", f"{what}: {_line(outlook.open.stands_still)}", cure, max(0.0, since_s))
    if outlook.refused >= REFUSALS_MIN:
        what = f"the last {outlook.refused} rounds were refused, the newest: {_line(outlook.refused_reason)}"
        cure = "`tidemill quarantine list` says who sent what: put that producer right; the champion stays meanwhile"
        yield Problem("refusals", what, cure)
    if outlook.quarantined_lately:
        several = f"{counted(outlook.quarantined_lately, 'window')} came into quarantine within a day"
        newest = outlook.newest_quarantined
        cure = f"look: tidemill quarantine show {newest}; then `tidemill quarantine release {newest}`, or `drop`"
        yield Problem("quarantine", f"{several}, {outlook.quarantined} wait there for a person", cure)


def by_clocks(facts: Facts) -> Iterator[Problem]:
    """Yield clocks that are wrong."""
    for line in clock_lines(facts.redis.clocks) if facts.redis else ():
        yield Problem("clock", f"clock: {line}", "set both right (NTP); no decision depends on it, times in logs do")


def by_disks(facts: Facts) -> Iterator[Problem]:
    """Yield folders with less room than the next version takes."""
    champion = facts.state.champion if facts.state else None
    file_bytes = int(champion.manifest.get("file", {}).get("bytes", 0)) if champion else 0
    for disk in facts.disks:
        needed = max(ROOM_LEAST, VERSION_ROOM[disk.setting] * file_bytes)
        if disk.free_bytes < needed:
            yield _full(disk, needed)


def _full(disk: Disk, needed: int) -> Problem:
    what = f"{disk.path} ({disk.setting}) has {size(disk.free_bytes)} free of {size(disk.size_bytes)}"
    cure = "make room there; nothing is lost meanwhile, and the learner goes on by itself"
    return Problem("disk", f"{what}, a version may take {size(needed)}", cure)


def _line(text: str) -> str:
    return " ".join(text.split())
