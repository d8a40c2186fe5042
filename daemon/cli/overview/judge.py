"""Judges facts: what is wrong, worst first. A pure function; nothing is asked here."""

from daemon.cli.overview.facts import Facts
from daemon.cli.overview.problems import Problem, worst_first
from daemon.cli.overview.role_rules import by_roles, by_signs_of_life
from daemon.cli.overview.rules import by_clocks, by_disks, by_kafka, by_redis, by_state
from daemon.config import Config

ONE_OF_A_KIND = {"redis", "kafka", "eviction", "redis_memory", "disk", "topic", "brake", "buffer", "training"}
"""What this host sees itself and a role sees as well is one problem. Of others there may be several."""


def judge(facts: Facts, config: Config) -> list[Problem]:
    """Return what is wrong, worst first; empty: everything that is known is well."""
    own = [
        *(Problem(one.kind, one.what, one.cure) for one in facts.troubles),
        *by_redis(facts, config),
        *by_kafka(facts, config),
        *by_state(facts),
        *by_clocks(facts),
        *by_disks(facts),
        *by_signs_of_life(facts, config),
    ]
    found = list(own)
    for said in by_roles(facts):
        same = [place for place, one in enumerate(found) if one.kind == said.kind]
        if said.kind not in ONE_OF_A_KIND or not same:
            found.append(said)
        else:
            first = same[0]
            found[first] = _longer(found[first], said)
    return worst_first(found)


def _longer(one: Problem, again: Problem) -> Problem:
    """Return the first with the longer of both durations."""
    seconds = max((each.seconds for each in (one, again) if each.seconds is not None), default=None)
    return Problem(one.kind, one.what, one.cure or again.cure, seconds)
