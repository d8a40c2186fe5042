"""The facts as `tidemill status` shows them to people: first whether it is well, then what is wrong, then the rest."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console

from daemon.cli.classes import advice
from daemon.cli.clocks import clock_lines
from daemon.cli.output import NONE, percent, print_table, size
from daemon.cli.overview.problems import Problem
from daemon.cli.status_dead_letters import dead_letter_lines
from daemon.config import Config
from daemon.ingest.transactions import transaction_cure
from daemon.words import counted, lasted
from streaming.source import Partition

WAITING_SHOWN = 10
"""Labels that the text names; --json has all."""
LEAD = 10
"""Columns of the words at the left."""
CURE = "-> "
Told = Mapping[str, Any]


def verdict(told: Told, problems: Sequence[Problem]) -> str:
    """Return the first line: well, or how many things are wrong."""
    if problems:
        return f"not well: {counted(len(problems), 'thing is', 'things are')} wrong"
    return f"well, as far as is known here: no word of {', '.join(told['unknown'])}" if told["unknown"] else "well"


def one_line(told: Told, problems: Sequence[Problem]) -> str:
    """Return all of it in one line, for scripts and their mails: the worst of what is wrong, and its cure."""
    if not problems:
        return verdict(told, problems)
    worst = problems[0]
    more = ", ".join(dict.fromkeys(one.kind for one in problems[1:]))
    rest = f" (and {len(problems) - 1} more: {more})" if more else ""
    return " ".join(f"not well: {said(worst)}{f' {CURE}{worst.cure}' if worst.cure else ''}{rest}".split())


def said(one: Problem) -> str:
    """Return what is wrong, and since when."""
    return one.what if one.seconds is None else f"{one.what} (for {lasted(one.seconds)})"


def show(console: Console, told: Told, problems: Sequence[Problem], config: Config, now_s: float) -> None:
    """Write everything. `now_s` is the time of day."""
    console.print(verdict(told, problems), style="bold red" if problems else "bold green")
    for number, one in enumerate(problems, 1):
        _hung(console, f" {number:>2} ", said(one), "")
        if one.cure:
            _hung(console, f"    {CURE}", one.cure, "cyan")
    if problems:
        console.print()
    for lead, text in (*_now(told, now_s, config.buffer.bytes_max), *_for_people(told, problems, config)):
        _hung(console, f"{lead:<{LEAD - 1}} ", text, "")
    if told["positions"]:
        console.print()
        print_table(
            ("topic", "partition", "learnt", "buffered", "end", "to learn"),
            [(*(one[key] for key in ("topic", "partition")), *_of_log(one)) for one in told["positions"]],
            console,
        )


def _hung(console: Console, lead: str, text: str, style: str) -> None:
    """Write a text beside its lead: on a terminal folded there, else as one line."""
    whole = " ".join(text.split())
    if not console.is_terminal or len(lead) + len(whole) <= console.width:
        console.print(f"{lead}{whole}".rstrip(), style=style)
        return
    room = max(20, console.width - len(lead))
    lines = textwrap.wrap(whole, room, break_long_words=False, break_on_hyphens=False)
    console.print(f"\n{' ' * len(lead)}".join([f"{lead}{lines[0]}", *lines[1:]]), style=style)


def _now(told: Told, now_s: float, max_bytes: int) -> Iterator[tuple[str, str]]:
    """Yield the lines that are always there, with a dash for what is not known."""
    yield "champion", _champion(told)
    yield "round", _round(told, now_s)
    yield "roles", ", ".join(f"{name} {_ready(role['ready'])}" for name, role in told["roles"].items()) or NONE
    yield "buffer", _buffer(told["buffer"], max_bytes)
    letters = list(dead_letter_lines(told["dead_letters"]))
    yield from (("dead", line) for line in letters)
    if not letters:
        yield "dead", NONE if told["dead_letters"] is None else "no record became a dead letter"
    yield "followers", _followers(told["followers"])
    store = told["store"]
    yield "store", NONE if store is None else ", ".join(f"{count} {role}" for role, count in store.items())


def _champion(told: Told) -> str:
    champion = told["champion"]
    if champion is None:
        return NONE if told["round"] is None else "none yet"
    accuracy = percent(champion["holdout_accuracy"])
    right = f"{accuracy} right of {champion['holdout']} held out" if accuracy else f"accuracy {NONE}"
    return f"version {champion['version']}, {counted(len(champion['classes']), 'class', 'classes')}, {right}"


def _round(told: Told, now_s: float) -> str:
    now, last = told["progress"], told["last_round"]
    if now is not None:
        steps = f", step {now['step']} of {now['steps']}" if now["steps"] else ""
        seconds = NONE if now["seconds"] is None else lasted(now["seconds"])
        return f"{now['round']} in progress for {seconds}: stage {now['stage'] or NONE}{steps}"
    if last is None:
        return NONE if told["round"] is None else "none yet"
    outcome = f"published version {last['version']}" if last["version"] else last["outcome"]
    return f"{last['round']} was the last: {outcome}, {lasted(max(0.0, now_s - _seconds(last['committed_at'])))} ago"


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _ready(ready: bool | None) -> str:
    return NONE if ready is None else "ready" if ready else "not ready"


def _buffer(buffer: Told, max_bytes: int) -> str:
    if buffer["samples"] is None:
        return NONE
    letters = buffer["dead_letters"]
    dead = f" and {counted(letters, 'dead letter')} to account for" if letters else ""
    return f"{counted(buffer['samples'], 'sample')} waiting{dead}, {size(buffer['bytes'])} of {size(max_bytes)}"


def _followers(followers: Mapping[str, int] | None) -> str:
    if followers is None:
        return NONE
    ordered = sorted(followers.items(), key=lambda item: -int(item[0]) if item[0].isdigit() else 1)
    return ", ".join(f"{count} with {_version(version)}" for version, count in ordered if count) or "none lately"


def _version(version: str) -> str:
    return f"version {version}" if version.isdigit() else f"{version} ones"


def _for_people(told: Told, problems: Sequence[Problem], config: Config) -> Iterator[tuple[str, str]]:
    """Yield what a person may want to look at; where there is nothing, no line."""
    yield from (("clocks", line) for line in clock_lines(told["clocks"] or {"here_s": 0.0, "ingestors": []}))
    if told["drift"]:
        where = ", ".join(map(repr, told["drift"]["classes"])) or "over all"
        yield "drift", f"newest alarm in round {told['drift']['round']}: {where}"
    if (quarantine := told["quarantine"]) and quarantine["windows"]:
        wait = counted(quarantine["windows"], "window waits", "windows wait")
        yield "aside", f"{wait} in quarantine: `tidemill quarantine list`"
    yield from _waiting(told["waiting"]) if told["waiting"] else ()
    yield from _relabels(told["relabels"]) if told["relabels"] else ()
    if not any(one.kind == "transaction" for one in problems):
        yield from _open_transactions(told["positions"], config.kafka.bootstrap_servers)
    yield from _class_events(told["classes"]["events"]) if told["classes"] else ()


def _open_transactions(positions: Sequence[Told], servers: str) -> Iterator[tuple[str, str]]:
    """Yield what waits for the end of a transaction: `end` does not count it. A live producer's lasts seconds."""
    for one in positions:
        if "uncommitted" in one:
            place, at = Partition(one["topic"], one["partition"]), one["transaction_open_at"]
            behind = f"{counted(one['uncommitted'], 'record waits', 'records wait')} behind the transaction open"
            yield "waiting", f"{place.topic}:{place.partition}: {behind} at offset {at}"
            yield "", f"if it lasts: {transaction_cure(servers, place, at)}"


def _class_events(events: Sequence[Told]) -> Iterator[tuple[str, str]]:
    """Yield what happened to classes lately; those to which the same happened at once in one line."""
    alike: dict[tuple[str, int], list[str]] = {}
    for one in events:
        into = f" into {one['into']!r}" if "into" in one else ""
        alike.setdefault((one["event"], one["round"]), []).append(f"{one['name']!r}{into}")
    for (event, after), names in alike.items():
        yield "classes", f"{event} after round {after}: {', '.join(names)}"


def _waiting(waiting: Told) -> Iterator[tuple[str, str]]:
    """Yield which labels are no class yet: a new class in the making, or a misspelt one."""
    labels = waiting["labels"]
    more = f", and {counted(len(labels) - WAITING_SHOWN, 'more label')}" if len(labels) > WAITING_SHOWN else ""
    named = ", ".join(
        f"{one['label']!r} {one['count']} in {counted(one['windows'], 'window')}"
        + (f" ({one['why']})" if "why" in one else "")
        for one in labels[:WAITING_SHOWN]
    )
    if named:
        yield "waiting", f"{named}{more}"
    yield from (("", line) for line in advice(labels))
    if waiting["dropped"]:
        yield "", f"{waiting['dropped']} dropped while they waited (store.waiting_max)"


def _relabels(relabels: Told) -> Iterator[tuple[str, str]]:
    """Yield what of relabelled images a person is to look at."""
    if waiting := relabels["waiting"]:
        images = counted(
            waiting, "known image came under another label and waits", "known images came under other labels and wait"
        )
        yield "relabels", f"{images}: `tidemill quarantine list`"
    if since := relabels["since_look"]:
        images = counted(since, "was", "were")
        yield "relabels", f"{images} relabelled since the last `tidemill quarantine reviewed`"
    if sources := relabels["at_limit"]:
        named = ", ".join(repr(one) if one else "(no source given)" for one in sources[:WAITING_SHOWN])
        more = f" and {len(sources) - WAITING_SHOWN} more" if len(sources) > WAITING_SHOWN else ""
        yield "relabels", f"at their limit (store.relabel_class_max, store.relabel_holdout_max): {named}{more}"


def _of_log(one: Told) -> tuple[int | None, ...]:
    learnt, end = one["learnt"], one["end"]
    return learnt, one["buffered"], end, None if learnt is None or end is None else max(0, end - learnt)
