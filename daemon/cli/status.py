"""`tidemill status`: where everything stands, from the learner's state, Redis and Kafka."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from daemon.cli.clocks import ask_clocks, clock_lines
from daemon.cli.options import AsJson, ConfigFile, Sets, StateFolder, examples, given
from daemon.cli.output import out, percent, print_json, print_table, say, size
from daemon.cli.state import open_ledger
from daemon.cli.versions import version_facts
from daemon.config import Config

if TYPE_CHECKING:
    from model.store.ledger import Ledger
    from model.window import LogKey

WAITING_SHOWN = 10
"""Labels that the text names; --json has all."""

EXAMPLES = examples("tidemill status", "tidemill status --json | jq '.positions[] | .end - .learnt'")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", rich_help_panel="Looking", epilog=EXAMPLES)(status)


@dataclass(slots=True)
class _Buffered:
    """What Redis says; `unreachable` has a line for each server that does not answer."""

    positions: "dict[LogKey, int]" = field(default_factory=dict)
    ends: "dict[LogKey, int]" = field(default_factory=dict)
    samples: int | None = None
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
        told = _told(ledger, buffered)
    for line in buffered.unreachable:
        say(f"tidemill: {line}")
    if as_json:
        print_json(told)
    else:
        _print(told)


def _ask_redis(config: Config) -> _Buffered:
    from daemon.cli.buffers import open_learn_buffer  # noqa: PLC0415 - only where needed
    from model.window import LogKey  # noqa: PLC0415
    from streaming.buffer import BufferMisconfiguredError, BufferUnavailableError  # noqa: PLC0415

    found = _Buffered()
    try:
        with open_learn_buffer(config) as buffer:
            states = buffer.logs()
            found.clocks = ask_clocks(buffer, states)
    except (BufferUnavailableError, BufferMisconfiguredError) as error:
        found.unreachable.append(f"{error} (redis.url is {config.redis.masked_url})")
        return found
    for one in states:
        key = LogKey(one.log.topic, one.log.topic_id, one.log.partition, one.log.incarnation)
        found.positions[key] = one.position
        found.ends[key] = one.end
    found.samples = sum(one.length for one in states)
    found.bytes_used = sum(one.bytes_used for one in states)
    return found


def _ask_kafka(config: Config, found: _Buffered) -> None:
    """Put in the ends of now; where Kafka does not answer, those that ingestors saw last stay."""
    from daemon.composition.kafka import kafka_options  # noqa: PLC0415
    from model.window import LogKey  # noqa: PLC0415
    from streaming.kafka_ends import end_offsets  # noqa: PLC0415 - only where needed
    from streaming.kafka_options import KafkaRefusedError, KafkaUnavailableError  # noqa: PLC0415

    try:
        ends = end_offsets(kafka_options(config, "tidemill"), config.kafka.topics)
    except (KafkaUnavailableError, KafkaRefusedError) as error:
        found.unreachable.append(f"{error} (kafka.bootstrap_servers)")
        return
    newest: dict[tuple[str, str, int], int] = {}
    for log in found.positions:
        place = (log.topic, log.topic_id, log.partition)
        newest[place] = max(log.incarnation, newest.get(place, 0))
    for place, end in ends.items():
        found.ends[LogKey(*place, newest.get(place, 0))] = end


def _told(ledger: "Ledger", buffered: _Buffered) -> dict[str, Any]:
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
            }
            for log in sorted({*learnt, *buffered.positions, *buffered.ends})
        ],
        "buffer": {"samples": buffered.samples, "bytes": buffered.bytes_used},
        "clocks": buffered.clocks,
        "store": ledger.counts(),
        "drift": ledger.drift(),
        "waiting": {
            "dropped": ledger.waiting_dropped(),
            "labels": [{"label": one.label, "count": one.pictures, "windows": one.windows} for one in ledger.waiting()],
        },
        **reached,
    }


def _print(told: dict[str, Any]) -> None:
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
    console.print(f"buffer    {buffer['samples']} waiting, {size(buffer['bytes'])}" if known else "buffer    not known")
    for line in clock_lines(told["clocks"]) if told["clocks"] else ():
        console.print(f"clocks    {line}")
    console.print("store     " + ", ".join(f"{count} {role}" for role, count in told["store"].items()))
    if told["drift"]:
        where = ", ".join(map(repr, told["drift"]["classes"])) or "over all"
        console.print(f"drift     newest alarm in round {told['drift']['round']}: {where}")
    _print_waiting(told["waiting"])
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
                None if one["end"] is None else one["end"] - one["learnt"],
            )
            for one in told["positions"]
        ],
    )


def _print_waiting(waiting: dict[str, Any]) -> None:
    """Say which labels are no class yet: a new class in the making, or a misspelt one."""
    labels = waiting["labels"]
    more = f", and {len(labels) - WAITING_SHOWN} more labels" if len(labels) > WAITING_SHOWN else ""
    named = ", ".join(
        f"{one['label']!r} {one['count']} in {one['windows']} {'window' if one['windows'] == 1 else 'windows'}"
        for one in labels[:WAITING_SHOWN]
    )
    if named:
        out().print(f"waiting   {named}{more}")
    if waiting["dropped"]:
        out().print(f"          {waiting['dropped']} dropped while they waited (store.waiting_max)")
