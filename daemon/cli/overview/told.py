"""The facts as `tidemill status --json` tells them. What is not known is null."""

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.cli.overview.facts import Facts, Role
from daemon.cli.overview.problems import Problem
from daemon.cli.status_dead_letters import dead_letters_told
from daemon.cli.versions import version_facts
from daemon.config import Config
from model.store.facts import iso_utc
from model.window import LogKey
from streaming.kafka_ends import Ends


def told_of(facts: Facts, problems: Sequence[Problem], config: Config) -> dict[str, Any]:
    """Return everything, as JSON values."""
    state, redis = facts.state, facts.redis
    logs = redis.logs if redis else ()
    unreachable = [one.what for one in facts.troubles if one.kind in ("redis", "kafka", "state")]
    return {
        "well": not problems,
        "problems": [
            {"kind": one.kind, "what": one.what, "cure": one.cure, "seconds": _rounded(one.seconds)} for one in problems
        ],
        "unknown": unknown(facts),
        "champion": version_facts(state.champion, champion=True) if state and state.champion else None,
        "round": state.last_round if state else None,
        "progress": _progress(facts),
        "last_round": _last(facts),
        "roles": {name: _role(role) for name, role in facts.roles.items()},
        "followers": facts.roles["serve"].followers if "serve" in facts.roles else None,
        "positions": _positions(facts),
        "buffer": {
            "samples": sum(one.samples for one in logs) if redis else None,
            "dead_letters": sum(one.dead_letters for one in logs) if redis else None,
            "bytes": sum(one.bytes_used for one in logs) if redis else None,
        },
        "dead_letters": dead_letters_told(redis.dead_lettered if redis else None, config.kafka.dlq_suffix),
        "clocks": redis.clocks if redis else None,
        "disks": [
            {"setting": one.setting, "path": one.path, "free_bytes": one.free_bytes, "size_bytes": one.size_bytes}
            for one in facts.disks
        ],
        "store": state.store if state else None,
        "drift": state.drift if state else None,
        "quarantine": _quarantine(facts),
        "waiting": state.waiting if state else None,
        "relabels": state.relabels if state else None,
        "classes": state.classes if state else None,
        **({"unreachable": unreachable} if unreachable else {}),
    }


def unknown(facts: Facts) -> list[str]:
    """Return of what nothing is known, and nothing is wrong as far as anyone can tell."""
    roles = [name for name, role in facts.roles.items() if role.ready is None and name != "run"]
    troubled = {one.kind for one in facts.troubles}
    learner = facts.state is not None and facts.state.learner_lives
    known_otherwise = {"learn"} if learner else set()
    state = ["state"] if facts.state is None and "state" not in troubled else []
    return [name for name in roles if name not in known_otherwise] + state


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _role(role: Role) -> dict[str, Any]:
    reasons = [check.reason or check.name for check in role.checks if not check.ok]
    return {"ready": role.ready, "port": role.port or None, "reason": "; ".join(reasons)}


def _progress(facts: Facts) -> dict[str, Any] | None:
    """Return the round in progress: as its learner says, else as far as the state knows."""
    learner = facts.roles.get("learn")
    if learner is not None and (one := learner.progress) is not None:
        steps = {"step": one.step, "steps": one.steps} if one.steps else {"step": None, "steps": None}
        return {"round": one.round, "stage": one.stage, **steps, "seconds": _rounded(one.seconds)}
    claim = facts.state.outlook.open if facts.state else None
    if claim is None:
        return None
    seconds = max(0.0, (facts.now_ms - claim.since_ms) / 1000)
    return {"round": claim.round, "stage": None, "step": None, "steps": None, "seconds": _rounded(seconds)}


def _last(facts: Facts) -> dict[str, Any] | None:
    last = facts.state.outlook.last if facts.state else None
    if last is None:
        return None
    return {"round": last.round, "outcome": last.outcome, "version": last.version, "committed_at": iso_utc(last.at_ms)}


def _quarantine(facts: Facts) -> dict[str, Any] | None:
    if facts.state is None:
        return None
    outlook = facts.state.outlook
    return {
        "windows": outlook.quarantined,
        "within_a_day": outlook.quarantined_lately,
        "newest": outlook.newest_quarantined,
        "refused_in_a_row": outlook.refused,
    }


def _positions(facts: Facts) -> list[dict[str, Any]]:
    learnt = facts.state.positions if facts.state else {}
    states = {
        LogKey(one.log.topic, one.log.topic_id, one.log.partition, one.log.incarnation): one
        for one in (facts.redis.logs if facts.redis else ())
    }
    ends = _ends(states, facts.kafka.ends if facts.kafka else {})
    return [
        {
            "topic": log.topic,
            "topic_id": log.topic_id,
            "partition": log.partition,
            **({"incarnation": log.incarnation} if log.incarnation else {}),
            "learnt": learnt.get(log, 0) if facts.state else None,
            "buffered": states[log].position if log in states else None,
            # Where Kafka does not answer, what ingestors saw last.
            "end": ends[log].stable if log in ends else states[log].end if log in states else None,
            **_held_back(ends.get(log)),
        }
        for log in sorted({*learnt, *states, *ends})
    ]


def _ends(known: Mapping[LogKey, object], ends: Mapping[tuple[str, str, int], Ends]) -> dict[LogKey, Ends]:
    """Return the ends of now by log: they are those of each partition's newest incarnation."""
    newest: dict[tuple[str, str, int], int] = {}
    for log in known:
        place = (log.topic, log.topic_id, log.partition)
        newest[place] = max(log.incarnation, newest.get(place, 0))
    return {LogKey(*place, newest.get(place, 0)): one for place, one in ends.items()}


def _held_back(ends: Ends | None) -> dict[str, int]:
    """Return what an open transaction holds back, where one does."""
    if ends is None or ends.log_end <= ends.stable:
        return {}
    return {"uncommitted": ends.log_end - ends.stable, "transaction_open_at": ends.stable}
