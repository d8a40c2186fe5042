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
    "tidemill release --partition images:0 --skip 4711",
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
    skip: Annotated[
        int | None,
        typer.Option(
            "--skip", metavar="OFFSET", min=0, help="With --partition: give up records that cannot be read, up to here."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="With --partition: also where the log reaches as far as it was read.")
    ] = False,
) -> None:
    """Let go on what stopped to wait for a person: an ingestor's brake, a truncated partition, one that cannot be read.

    The brake is on when over half of an ingestor's last 1,000 records of a topic were dead letters: put the producer
    right first. What the topic holds now, or the next --records, then does not count for it: whoever takes these
    records in, and however bad they are, is not stopped before their end.
    A truncated partition's log ends before what was read already: its records are learnt as those of a new log.
    With --skip, records that cannot be read become dead letters, each counted: the ingestor's /readyz names them.
    Exit status 1 where there is nothing to let go.
    """
    if skip is not None and (partition is None or force):
        raise OperatorError("", "--skip goes with --partition TOPIC:P, and without --force", "Name one", exit_code=2)
    if brake == (partition is not None):
        raise OperatorError(
            "", "nothing to release is named", "Give either --brake or --partition TOPIC:P", exit_code=2
        )
    config = given(context, file, sets, {"ingest.name": name}).load().config
    if brake:
        from daemon.cli.release_brake import release_brake  # noqa: PLC0415 - only where needed

        release_brake(config, topic, records)
    elif partition is not None and skip is not None:
        _skip(config, *_topic_and_partition(partition), skip)
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
    from streaming.kafka_ends import committed_offset  # noqa: PLC0415
    from streaming.kafka_fetch import KafkaFetch  # noqa: PLC0415
    from streaming.records import Log  # noqa: PLC0415
    from streaming.source import Partition  # noqa: PLC0415

    kafka = kafka_options(config, "tidemill")
    topic_id, end = _end(config, topic, partition)
    with open_ingest_buffer(config) as buffer:
        log = Log(topic, topic_id, partition, buffer.incarnation(topic, topic_id, partition))
        read = buffer.position(log) or buffer.learnt(log)
        if read is None:
            read = committed_offset(kafka, config.group, topic, partition, commit_word(log)) or 0
        if not force and (end >= read or not KafkaFetch(kafka).fetch(Partition(topic, partition), read).out_of_range):
            message = (
                f"{topic}/{partition} is not truncated: its log ends at {max(end, read)}, and "
                f"{read} records of it were read"
            )
            cure = (
                "Nothing was changed, for to release it would have all of it learnt a second time. Where an ingestor "
                "stopped at it and the log has grown since, give --force"
            )
            raise OperatorError("", message, cure)
        now = buffer.open_incarnation(topic, topic_id, partition, log.incarnation + 1)
    typer.echo(f"released {topic}/{partition}: its log is read anew from its beginning, as incarnation {now}")


def _end(config: Config, topic: str, partition: int) -> tuple[str, int]:
    """Return the topic's id and where the partition ends. Raises OperatorError where there is no such partition."""
    from daemon.composition.kafka import kafka_options  # noqa: PLC0415
    from streaming.kafka_ends import end_offsets  # noqa: PLC0415

    ends = end_offsets(kafka_options(config, "tidemill"), [topic])
    known = {number: (topic_id, end) for (_, topic_id, number), end in ends.items()}
    if partition not in known:
        cure = f"It has the partitions {', '.join(map(str, sorted(known)))}" if known else "Name one that exists"
        raise OperatorError("", f"there is no {topic}/{partition} at {config.kafka.bootstrap_servers}", cure)
    return known[partition]


def _skip(config: Config, topic: str, partition: int, offset: int) -> None:
    """Leave the word for the partition's ingestor, where what comes next in it really cannot be read."""
    from daemon.cli.buffers import open_ingest_buffer  # noqa: PLC0415
    from daemon.composition.kafka import kafka_options  # noqa: PLC0415
    from streaming import codecs  # noqa: PLC0415
    from streaming.kafka_fetch import KafkaFetch  # noqa: PLC0415
    from streaming.records import Log  # noqa: PLC0415
    from streaming.source import Partition  # noqa: PLC0415
    from streaming.unreadable import unreadable_at  # noqa: PLC0415

    codecs.install(config.kafka.unpack_max_bytes)  # what an ingestor cannot read is not to be readable here
    topic_id, _ = _end(config, topic, partition)
    with open_ingest_buffer(config) as buffer:
        log = Log(topic, topic_id, partition, buffer.incarnation(topic, topic_id, partition))
        read = buffer.position(log) or buffer.learnt(log) or 0
        batch = unreadable_at(KafkaFetch(kafka_options(config, "tidemill")), Partition(topic, partition), read)
        if batch is None:
            message = f"{topic}/{partition} can be read from offset {read} on"
            raise OperatorError("", message, "Nothing was changed, for good records would be given up")
        last = offset if batch.last is None else batch.last
        if not batch.first <= offset <= last:
            message = f"offset {offset} is not among those of {topic}/{partition} that cannot be read"
            reach = "" if batch.last is None else f" and end with {batch.last}"
            raise OperatorError("", message, f"They begin with {batch.first}{reach}")
        buffer.ask_skip(log, offset)
    typer.echo(
        f"{topic}/{partition}: offsets {batch.first} to {last} become dead letters ({batch.why}); "
        "its ingestor goes on behind them within seconds"
    )
