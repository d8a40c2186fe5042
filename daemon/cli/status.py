"""`tidemill status`: where everything stands, from the learner's state, Redis and Kafka."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from daemon.cli.classes import advice, event_facts, waiting_facts
from daemon.cli.clocks import ask_clocks, clock_lines
from daemon.cli.options import AsJson, ConfigFile, Sets, StateFolder, examples, given
from daemon.cli.output import out, percent, print_json, print_table, say, size
from daemon.cli.state import open_ledger
from daemon.cli.status_dead_letters import dead_letter_lines, dead_letters_told
from daemon.cli.versions import version_facts
from daemon.config import Config

if TYPE_CHECKING:
    from model.store.ledger import Ledger
    from model.window import LogKey

WAITING_SHOWN = 10
"""Labels that the text names; --json has all."""
CLASS_EVENTS_SHOWN = 5
"""What happened to classes lately; `tidemill classes list` has more."""

EXAMPLES = examples("tidemill status", "tidemill status --json | jq '.positions[] | .end - .learnt'")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", rich_help_panel="Looking", epilog=EXAMPLES)(status)


@dataclass(slots=True)
class _Buffered:
    """What Redis says; `unreachable` has a line for each server that does not answer."""

    positions: "dict[LogKey, int]" = field(default_factory=dict)
    ends: "dict[LogKey, int]" = field(default_factory=dict)
    uncommitted: "dict[LogKey, tuple[int, int]]" = field(default_factory=dict)
    """(offset that a transaction is open at, records that wait for its end), where one is."""
    samples: int | None = None
    dead_letters: int | None = None
    dead_lettered: dict[str, dict[str, int]] | None = None
    bytes_used: int | None = None
    clocks: dict[str, Any] | None = None
    unreachable: list[str] = field(default_factory=list)


def status(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show champion, round, positions of every partition (learnt, buffered, end), buffer, sample store, waiting labels.

    Where Redis or Kafka does not answer its figures are null, and a line says so; the exit status is 0 as long as the
    state directory could be read.
    """
    config = given(context, file, sets, {"paths.state": state}).load().config
    with open_ledger(config) as ledger:
        buffered = _ask_redis(config)
        _ask_kafka(config, buffered)
        told = _told(config, ledger, buffered)
        told["waiting"]["labels"] = _waiting_labels(ledger, config)
        told["classes"] = {
            **ledger.book().counts(),
            "events": [event_facts(one) for one in ledger.book().newest_events(CLASS_EVENTS_SHOWN)],
        }
    for line in buffered.unreachable:
        say(f"tidemill: {line}")
    if as_json:
        print_json(told)
    else:
        _print(told, config.kafka.bootstrap_servers)


def _waiting_labels(ledger: "Ledger", config: Config) -> list[dict[str, Any]]:
    """Return the labels that wait; why, of those that more pictures would not help."""
    found = waiting_facts(ledger.book().waiting(), config.model.class_min_samples)
    flags = ("near", "retired", "admitted")
    plain = ("label", "count", "windows")
    return [
        {key: value for key, value in one.items() if key in plain or (any(one[flag] for flag in flags) and value)}
        for one in found
    ]


def _ask_redis(config: Config) -> _Buffered:
    from daemon.cli.buffers import open_learn_buffer  # noqa: PLC0415 - only where needed
    from model.window import LogKey  # noqa: PLC0415
    from streaming.buffer import BufferMisconfiguredError, BufferUnavailableError  # noqa: PLC0415

    found = _Buffered()
    try:
        with open_learn_buffer(config) as buffer:
            states = buffer.logs()
            found.dead_lettered = buffer.dead_lettered()
            found.clocks = ask_clocks(buffer, states)
    except (BufferUnavailableError, BufferMisconfiguredError) as error:
        found.unreachable.append(f"{error} (redis.url is {config.redis.masked_url})")
        return found
    for one in states:
        key = LogKey(one.log.topic, one.log.topic_id, one.log.partition, one.log.incarnation)
        found.positions[key] = one.position
        found.ends[key] = one.end
    found.samples = sum(one.samples for one in states)
    found.dead_letters = sum(one.dead_letters for one in states)
    found.bytes_used = sum(one.bytes_used for one in states)
    return found


def _ask_kafka(config: Config, found: _Buffered) -> None:
    """Put in the ends of now; where Kafka does not answer, those that ingestors saw last stay."""
    from daemon.composition.kafka import kafka_options  # noqa: PLC0415
    from model.window import LogKey  # noqa: PLC0415
    from streaming.kafka_ends import both_ends  # noqa: PLC0415 - only where needed
    from streaming.kafka_options import START_THEM, KafkaRefusedError, KafkaUnavailableError  # noqa: PLC0415

    try:
        ends = both_ends(kafka_options(config, "tidemill"), config.kafka.topics)
    except KafkaUnavailableError as error:
        setting = " (kafka.bootstrap_servers)" if error.cure == START_THEM else ""
        found.unreachable.append(f"{error}{setting}")
        return
    except KafkaRefusedError as error:
        found.unreachable.append(f"{error} ({error.setting})")
        return
    newest: dict[tuple[str, str, int], int] = {}
    for log in found.positions:
        place = (log.topic, log.topic_id, log.partition)
        newest[place] = max(log.incarnation, newest.get(place, 0))
    for place, (stable, log_end) in ends.items():
        key = LogKey(*place, newest.get(place, 0))
        found.ends[key] = stable
        if log_end > stable:
            found.uncommitted[key] = (stable, log_end - stable)


def _told(config: Config, ledger: "Ledger", buffered: _Buffered) -> dict[str, Any]:
    learnt = ledger.positions()
    champion = ledger.champion()
    reached = {"unreachable": buffered.unreachable} if buffered.unreachable else {}
    return {
        "champion": version_facts(champion, champion=True) if champion else None,
        "round": ledger.last_round(),
        "positions": [
            {
                "topic": log.topic,
                "topic_id": log.topic_id,
                "partition": log.partition,
                **({"incarnation": log.incarnation} if log.incarnation else {}),
                "learnt": learnt.get(log, 0),
                "buffered": buffered.positions.get(log),
                "end": buffered.ends.get(log),
                **_held_back(buffered, log),
            }
            for log in sorted({*learnt, *buffered.positions, *buffered.ends})
        ],
        "buffer": {
            "samples": buffered.samples,
            "dead_letters": buffered.dead_letters,
            "bytes": buffered.bytes_used,
        },
        "dead_letters": dead_letters_told(buffered.dead_lettered, config.kafka.dlq_suffix),
        "clocks": buffered.clocks,
        "store": ledger.counts(),
        "drift": ledger.drift(),
        "waiting": {
            "dropped": ledger.waiting_dropped(),
        },
        "relabels": _relabels(ledger),
        **reached,
    }


def _relabels(ledger: "Ledger") -> dict[str, Any]:
    """Return what is to say of known pictures that came under other labels."""
    waiting = ledger.relabels.waiting()
    return {
        "waiting": sum(waiting.values()),
        "rounds": list(waiting),
        "since_look": ledger.relabels.since_look(),
        "at_limit": ledger.relabels.at_limit(),
    }


def _held_back(buffered: _Buffered, log: "LogKey") -> dict[str, int]:
    """Return what an open transaction holds back, where one does."""
    if log not in buffered.uncommitted:
        return {}
    open_at, records = buffered.uncommitted[log]
    return {"uncommitted": records, "transaction_open_at": open_at}


def _print(told: dict[str, Any], servers: str) -> None:
    console = out()
    champion = told["champion"]
    if champion:
        accuracy = percent(champion["holdout_accuracy"]) or "not known"
        console.print(
            f"champion  version {champion['version']}, {len(champion['classes'])} classes, {accuracy} held out"
        )
    else:
        console.print("champion  none yet")
    buffer = told["buffer"]
    known = buffer["samples"] is not None
    console.print(f"round     {told['round']}")
    console.print(f"buffer    {_waiting(buffer)}" if known else "buffer    not known")
    for line in dead_letter_lines(told["dead_letters"]):
        console.print(line)
    for line in clock_lines(told["clocks"]) if told["clocks"] else ():
        console.print(f"clocks    {line}")
    console.print("store     " + ", ".join(f"{count} {role}" for role, count in told["store"].items()))
    if told["drift"]:
        where = ", ".join(map(repr, told["drift"]["classes"])) or "over all"
        console.print(f"drift     newest alarm in round {told['drift']['round']}: {where}")
    _print_waiting(told["waiting"])
    _print_relabels(told["relabels"])
    _print_uncommitted(told["positions"], servers)
    for one in told["classes"]["events"]:
        into = f" into {one['into']!r}" if "into" in one else ""
        console.print(f"classes   {one['event']} after round {one['round']}: {one['name']!r}{into}")
    console.print()
    print_table(
        ("topic", "partition", "learnt", "buffered", "end", "to learn"),
        [
            (
                one["topic"],
                one["partition"],
                one["learnt"],
                one["buffered"],
                one["end"],
                None if one["end"] is None else max(0, one["end"] - one["learnt"]),
            )
            for one in told["positions"]
        ],
    )


def _waiting(buffer: dict[str, Any]) -> str:
    dead = f" and {buffer['dead_letters']} dead letters to account for" if buffer["dead_letters"] else ""
    return f"{buffer['samples']} samples waiting{dead}, {size(buffer['bytes'])}"


def _print_uncommitted(positions: list[dict[str, Any]], servers: str) -> None:
    """Say what waits for the end of a transaction: `end` does not count it."""
    from daemon.ingest.transactions import transaction_cure  # noqa: PLC0415 - only where needed
    from streaming.source import Partition  # noqa: PLC0415

    for one in positions:
        if "uncommitted" in one:
            place = Partition(one["topic"], one["partition"])
            behind = f"{one['uncommitted']} records wait behind the transaction open at offset"
            out().print(f"waiting   {place.topic}:{place.partition}: {behind} {one['transaction_open_at']}")
            out().print(f"          if it lasts: {transaction_cure(servers, place, one['transaction_open_at'])}")


def _print_waiting(waiting: dict[str, Any]) -> None:
    """Say which labels are no class yet: a new class in the making, or a misspelt one."""
    labels = waiting["labels"]
    more = f", and {len(labels) - WAITING_SHOWN} more labels" if len(labels) > WAITING_SHOWN else ""
    named = ", ".join(
        f"{one['label']!r} {one['count']} in {one['windows']} {'window' if one['windows'] == 1 else 'windows'}"
        + (f" ({one['why']})" if "why" in one else "")
        for one in labels[:WAITING_SHOWN]
    )
    if named:
        out().print(f"waiting   {named}{more}")
    for line in advice(labels):
        out().print(f"          {line}")
    if waiting["dropped"]:
        out().print(f"          {waiting['dropped']} dropped while they waited (store.waiting_max)")


def _print_relabels(relabels: dict[str, Any]) -> None:
    """Say what a person is to look at."""
    if waiting := relabels["waiting"]:
        out().print(f"relabels  {waiting} known images came under other labels and wait: `tidemill quarantine list`")
    if relabels["since_look"]:
        out().print(f"          {relabels['since_look']} were relabelled since the last `tidemill quarantine reviewed`")
    if sources := relabels["at_limit"]:
        named = ", ".join(repr(one) if one else "(no source given)" for one in sources[:WAITING_SHOWN])
        more = f" and {len(sources) - WAITING_SHOWN} more" if len(sources) > WAITING_SHOWN else ""
        out().print(f"          at their limit (store.relabel_class_max, store.relabel_holdout_max): {named}{more}")
