"""Lets go of topics that an ingestor's brake has stopped."""

from collections.abc import Iterable, Mapping

import typer

from daemon.cli.buffers import open_ingest_buffer
from daemon.composition.kafka import kafka_options
from daemon.composition.names import ingestor_name
from daemon.config import Config
from daemon.errors import OperatorError
from daemon.ingest.blame import summary
from daemon.ingest.brake import brake_is_on
from streaming.buffer import ALL_TOPICS, IngestBuffer, Outcomes
from streaming.kafka_ends import both_ends
from streaming.kafka_options import KafkaUnavailableError
from streaming.records import Log


def release_brake(config: Config, topic: str | None, records: int | None) -> None:
    """Release every topic, or `topic`, that the ingestor's brake has stopped, until the ends of now or for `records`.

    Raises OperatorError where there is nothing to release, and what Redis and Kafka raise.
    """
    name = ingestor_name(config)
    with open_ingest_buffer(config) as buffer:
        stopped = _stopped(buffer.outcomes(name), name, config.job, topic)
        # What 0.1 counted is of all topics together, and so is forgotten for all of them.
        topics = config.kafka.topics if ALL_TOPICS in stopped else sorted(stopped)
        ends = {} if records else _ends(config, buffer, topics)
        told = [_told(name, one, found, summary(buffer.blamed(name, one))) for one, found in stopped.items()]
        for one in topics:
            of_topic = {log: end for log, end in ends.items() if log.topic == one}
            buffer.release(name, one, of_topic, records or 0)
            told.append(f"{_let_go(of_topic, records)} of {one} do not count for it")
    typer.echo("\n".join(told))


def _stopped(known: Mapping[str, Outcomes], name: str, job: str, topic: str | None) -> dict[str, Outcomes]:
    if not known:
        cure = "Give --name and the job (--set job=…) as the ingestor has them: its log and its /readyz say how"
        raise OperatorError("ingest.name", f"no ingestor {name!r} is known in job {job!r}", cure)
    wanted = {one: found for one, found in known.items() if topic is None or one in (topic, ALL_TOPICS)}
    stopped = {one: found for one, found in wanted.items() if brake_is_on(found)}
    if not stopped:
        where = f" on {topic}" if topic else ""
        facts = [f"{one.dead} of its last {one.records} records of {of or 'all topics'}" for of, one in known.items()]
        message = f"the brake of {name} in job {job!r} is not on{where}"
        raise OperatorError("", message, f"{', '.join(facts)} were dead letters")
    return stopped


def _told(name: str, topic: str, found: Outcomes, blame: str) -> str:
    where = f" on {topic}" if topic else ""
    because = f" ({blame})" if blame else ""
    return (
        f"released the brake of {name}{where}: "
        f"{found.dead} of its last {found.records} records were dead letters{because}"
    )


def _ends(config: Config, buffer: IngestBuffer, topics: Iterable[str]) -> dict[Log, int]:
    try:
        found = both_ends(kafka_options(config, "tidemill"), tuple(topics))
    except KafkaUnavailableError as error:
        cure = "Start the brokers, which say where the topics end now; or let go a number of records with --records"
        raise OperatorError("kafka.bootstrap_servers", str(error), cure) from error
    # What waits behind an open transaction is there already, and as bad.
    return {Log(*place, buffer.incarnation(*place)): one.log_end for place, one in found.items()}


def _let_go(ends: Mapping[Log, int], records: int | None) -> str:
    if records:
        return f"the next {records} records" if records > 1 else "the next record"
    places = ", ".join(f"{log.partition}: {end}" for log, end in sorted(ends.items()))
    return f"records up to the ends of now (offset by partition: {places})"
