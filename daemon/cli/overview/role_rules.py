"""What is wrong by what the roles say of themselves, and by signs of life that they leave."""

from collections.abc import Iterator

from daemon.cli.overview.facts import Facts, Role
from daemon.cli.overview.problems import KINDS, Problem
from daemon.config import Config
from daemon.outage import CURES, Need
from daemon.readiness import Check
from streaming.buffer import LogState

SILENT_S = 60.0
"""An ingestor registers what it reads every five seconds; pictures that take long to decode hold it up for thirty."""
KIND_OF_CHECK = {"topics": "topic", "partitions": "partition"}
"""Where a check of readiness is not called as the kind of problem is."""
CURE_OF_CHECK = {
    "kafka": "start the brokers, or set kafka.bootstrap_servers; nothing else is needed",
    "redis": "start Redis there, or set redis.url; nothing else is needed",
    "eviction": "run `CONFIG SET maxmemory-policy noeviction` there",
    "repository": "bring paths.repository back, with the right to read it",
    "answers": "see its log; /livez says whether its loop turns. A role may be restarted at any moment",
}
"""For reasons that do not say themselves what to do."""
CURE_OF_OUTAGE = {
    Need.REDIS: CURES[Need.REDIS],
    Need.REDIS_MEMORY: CURES[Need.REDIS_MEMORY],
    Need.DISK: "make room there, or give the right to write; the open round then goes on by itself",
    Need.REPOSITORY: "bring paths.repository back; the open round then goes on by itself",
    Need.DEVICE: "see learn.device and the machine; the round is tried again",
    Need.EXPORTER: "see the learner's log; the round is tried again",
    Need.RECORDS: "nothing: the ingestors read again what the buffer lost",
    Need.TRAINING: (
        "its log has the traceback: mend the setting, factory or version that it names; "
        "if the window is bad: `tidemill quarantine skip`"
    ),
    Need.ANNOUNCEMENT: "see the learner's log: create kafka.announce_topic, or give the right to write it",
}


def by_roles(facts: Facts) -> Iterator[Problem]:
    """Yield what the roles that answer say is wrong."""
    for role in facts.roles.values():
        said = [_said(role, check) for check in role.checks if not check.ok]
        yield from said
        if role.ready is False and not said:
            yield Problem("not_ready", f"{role.name} is not ready, and does not say why", "see its log")
        told = {one.kind for one in said}
        for what, seconds in role.outages_s.items():
            if what in ("announcement", "redis_memory") and what not in told:
                yield Problem(what, f"{role.name}: {_OUTAGES[what]}", CURE_OF_OUTAGE[Need(what)], seconds)


_OUTAGES = {
    "announcement": "versions are published and not announced, for Kafka does not take that",
    "redis_memory": "Redis has no room (maxmemory), so nothing more is buffered",
}


def _said(role: Role, check: Check) -> Problem:
    if role.name == "run":
        return Problem("role", f"{check.name}: {check.reason}", _unless_said(check.reason))
    kind = KIND_OF_CHECK.get(check.name, check.name)
    cure = CURE_OF_CHECK.get(check.name, "")
    seconds = role.outages_s.get(kind)
    if check.name == "learner":
        lasting = [what for what in role.outages_s if what in KINDS and what != "announcement"]
        kind = lasting[0] if len(lasting) == 1 else "learner"
        cure = CURE_OF_OUTAGE.get(Need(kind), "") if lasting and kind != "learner" else "bring back what it names"
        seconds = role.outages_s.get(kind)
    elif check.name == "answers":
        kind = "role"
    elif kind not in KINDS:
        kind = "not_ready"
    return Problem(kind, f"{role.name}: {check.reason or f'{check.name} is not well'}", cure, seconds)


def _unless_said(reason: str) -> str:
    return "" if "given up" in reason else "it is started again by itself; its log says what it died of"


def by_signs_of_life(facts: Facts, config: Config) -> Iterator[Problem]:
    """Yield the roles that are dead by what they leave: the learner its lock, ingestors what they register in Redis."""
    learner = facts.roles.get("learn")
    if facts.state is not None and facts.state.learner_lives is False and (learner is None or learner.ready is None):
        where = f"nobody holds {config.paths.state}/.lock, and learn.port {config.learn.port} does not answer"
        cure = "start `tidemill run` or `tidemill learn`; its last lines in the log say why it ended"
        yield Problem("role", f"no learner runs: {where}", cure)
    yield from _silent(facts, config)


def _silent(facts: Facts, config: Config) -> Iterator[Problem]:
    """Yield partitions that no ingestor reads, or that none reads anything; not where that has a cause that is said."""
    ingest = facts.roles.get("ingest")
    answers = ingest is not None and ingest.ready is not None
    if facts.redis is None or facts.kafka is None or (answers and ingest is not None and not ingest.ready):
        return
    logs = [one for one in _newest(facts) if one.log.topic in config.kafka.topics]
    silent = [one for one in logs if _silent_s(one) > SILENT_S]
    cure = "start `tidemill run` or `tidemill ingest`; the last lines of its log say why it ended"
    if not logs and not answers:
        topics = ", ".join(config.kafka.topics)
        yield Problem("role", f"no ingestor has read {topics} yet (job {config.job}, {config.redis.masked_url})", cure)
    elif silent and len(silent) == len(logs) and not answers:
        newest = min(map(_silent_s, silent))
        yield Problem("role", f"no ingestor runs: none has read {_named(silent)} lately", cure, newest)
    elif silent:
        stopped = {(one.topic, one.partition) for one in facts.cut_off}
        left = [one for one in silent if (one.log.topic, one.log.partition) not in stopped]
        if left:
            cure = "the log and /readyz of its ingestor say why; run as many ingestors as the partitions need"
            yield Problem("partition", f"no ingestor reads {_named(left)}", cure, min(map(_silent_s, left)))


def _newest(facts: Facts) -> list[LogState]:
    """Return the logs of partitions that the brokers have now, each in its newest incarnation."""
    assert facts.redis is not None
    assert facts.kafka is not None
    found = {}
    for one in sorted(facts.redis.logs, key=lambda one: one.log.incarnation):
        place = (one.log.topic, one.log.topic_id, one.log.partition)
        if place in facts.kafka.ends:
            found[place] = one
    return list(found.values())


def _silent_s(log: LogState) -> float:
    return (log.now_ms - log.registered_ms) / 1000


def _named(logs: list[LogState]) -> str:
    names = [f"{one.log.topic}:{one.log.partition}" for one in logs]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
