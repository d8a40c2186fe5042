"""`tidemill release`: lets go on what stopped to wait for a person."""

from typing import Annotated

import typer

from daemon.cli.options import ConfigFile, Sets, examples, given
from daemon.config import Config
from daemon.errors import OperatorError

EXAMPLES = examples(
    "tidemill release --brake",
    "tidemill release --brake --name ingest-2 --topic images --records 5000",
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
    topic: Annotated[str | None, typer.Option("--topic", help="With --brake: of this topic alone.")] = None,
    records: Annotated[
        int | None,
        typer.Option("--records", min=1, help="With --brake: let go so many records, rather than all up to now."),
    ] = None,
    partition: Annotated[
        str | None,
        typer.Option("--partition", metavar="TOPIC:P", help="Read a truncated partition anew, from its beginning."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="With --partition: also where the log reaches as far as it was read.")
    ] = False,
) -> None:
    """Let go on what stopped to wait for a person: an ingestor's brake, or a partition whose log was truncated.

    The brake is on when over half of an ingestor's last 1,000 records of a topic were dead letters: put the producer
    right first. What the topic holds now, or the next --records, then does not count for it: whoever takes these
    records in, and however bad they are, is not stopped before their end.
    A truncated partition's log ends before what was read already: its records are learnt as those of a new log.
    Exit status 1 where there is nothing to let go.
    """
    if brake == (partition is not None):
        raise OperatorError(
            "", "nothing to release is named", "Give either --brake or --partition TOPIC:P", exit_code=2
        )
    config = given(context, file, sets, {"ingest.name": name}).load().config
    if brake:
        from daemon.cli.release_brake import release_brake  # noqa: PLC0415 - only where needed

        release_brake(config, topic, records)
    elif partition is not None:
        _release_partition(config, *_topic_and_partition(partition), force=force)


def _topic_and_partition(text: str) -> tuple[str, int]:
    topic, colon, number = text.rpartition(":")
    if not (topic and colon and number.isdecimal()):
        raise OperatorError("", f"--partition {text} names no partition", "Write TOPIC:P, as in images:0", exit_code=2)
    return topic, int(number)


def _release_partition(config: Config, topic: str, partition: int, *, force: bool) -> None:
    """Open the next incarnation, where what was read reaches beyond the log's end (as `open_lane` judges it)."""
    from daemon.cli.buffers import open_ingest_buffer  # noqa: PLC0415
    from daemon.composition.kafka import kafka_options  # noqa: PLC0415
    from daemon.ingest.start import commit_word  # noqa: PLC0415
    from streaming.kafka_ends import committed_offset, end_offsets  # noqa: PLC0415
    from streaming.records import Log  # noqa: PLC0415

    kafka = kafka_options(config, "tidemill")
    known = {number: (topic_id, end) for (_, topic_id, number), end in end_offsets(kafka, [topic]).items()}
    if partition not in known:
        cure = f"It has the partitions {', '.join(map(str, sorted(known)))}" if known else "Name one that exists"
        raise OperatorError("", f"there is no {topic}/{partition} at {config.kafka.bootstrap_servers}", cure)
    topic_id, end = known[partition]
    with open_ingest_buffer(config) as buffer:
        log = Log(topic, topic_id, partition, buffer.incarnation(topic, topic_id, partition))
        read = buffer.position(log) or buffer.learnt(log)
        if read is None:
            read = committed_offset(kafka, config.group, topic, partition, commit_word(log)) or 0
        if end >= read and not force:
            message = f"{topic}/{partition} is not truncated: its log ends at {end}, and {read} records of it were read"
            cure = (
                "Nothing was changed, for to release it would have all of it learnt a second time. Where an ingestor "
                "stopped at it and the log has grown since, give --force"
            )
            raise OperatorError("", message, cure)
        now = buffer.open_incarnation(topic, topic_id, partition, log.incarnation + 1)
    typer.echo(f"released {topic}/{partition}: its log is read anew from its beginning, as incarnation {now}")
