"""`tidemill release`: lets go on what stopped to wait for a person."""

from typing import Annotated

import typer

from daemon.cli.options import ConfigFile, Sets, examples, given
from daemon.composition.names import ingestor_name
from daemon.config import Config
from daemon.errors import OperatorError

EXAMPLES = examples(
    "tidemill release --brake",
    "tidemill release --brake --name ingest-2",
    "tidemill release --partition images:0",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("release", rich_help_panel="Roles", epilog=EXAMPLES)(release)


def release(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    brake: Annotated[bool, typer.Option("--brake", help="Let an ingestor go on after too many dead letters.")] = False,
    name: Annotated[str | None, typer.Option("--name", help="The ingestor; else ingest.name, or this host.")] = None,
    partition: Annotated[
        str | None,
        typer.Option("--partition", metavar="TOPIC:P", help="Read a truncated partition anew, from its beginning."),
    ] = None,
) -> None:
    """Let go on what stopped to wait for a person: an ingestor's brake, or a partition whose log was truncated.

    The brake is on when over half of an ingestor's last 1,000 records were dead letters: put the producer right
    first. A truncated partition's log ends before what was read already: its records are learnt as those of a new log.
    """
    if brake == (partition is not None):
        raise OperatorError(
            "", "nothing to release is named", "Give either --brake or --partition TOPIC:P", exit_code=2
        )
    config = given(context, file, sets, {"ingest.name": name}).load().config
    if brake:
        _release_brake(config)
    elif partition is not None:
        _release_partition(config, *_topic_and_partition(partition))


def _release_brake(config: Config) -> None:
    from daemon.cli.buffers import open_ingest_buffer  # noqa: PLC0415 - only where needed

    name = ingestor_name(config)
    with open_ingest_buffer(config) as buffer:
        records, dead = buffer.outcomes(name)
        buffer.release(name)
    typer.echo(f"released the brake of {name}: {dead} of its last {records} records were dead letters")


def _topic_and_partition(text: str) -> tuple[str, int]:
    topic, colon, number = text.rpartition(":")
    if not (topic and colon and number.isdecimal()):
        raise OperatorError("", f"--partition {text} names no partition", "Write TOPIC:P, as in images:0", exit_code=2)
    return topic, int(number)


def _release_partition(config: Config, topic: str, partition: int) -> None:
    from daemon.cli.buffers import open_ingest_buffer  # noqa: PLC0415
    from daemon.composition.kafka import kafka_options  # noqa: PLC0415
    from streaming.kafka_ends import end_offsets  # noqa: PLC0415

    known = {number: topic_id for _, topic_id, number in end_offsets(kafka_options(config, "tidemill"), [topic])}
    if partition not in known:
        cure = f"It has the partitions {', '.join(map(str, sorted(known)))}" if known else "Name one that exists"
        raise OperatorError("", f"there is no {topic}/{partition} at {config.kafka.bootstrap_servers}", cure)
    topic_id = known[partition]
    with open_ingest_buffer(config) as buffer:
        wanted = buffer.incarnation(topic, topic_id, partition) + 1
        now = buffer.open_incarnation(topic, topic_id, partition, wanted)
    typer.echo(f"released {topic}/{partition}: its log is read anew from its beginning, as incarnation {now}")
