"""`tidemill dead-letters`: what became dead letters, why, and to send it again."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.options import AsJson, ConfigFile, Sets, examples, given
from daemon.cli.output import clipped, clock_time, print_json, print_table, say
from daemon.config import Config
from daemon.errors import OperatorError
from daemon.words import counted

if TYPE_CHECKING:
    from streaming.letter_reader import LetterReader
    from streaming.letters import Letter
    from streaming.replay import Replayed

EXAMPLES = examples(
    "tidemill dead-letters list --reason not_an_image",
    "tidemill dead-letters save ./letters",
    "tidemill dead-letters replay --reason unknown_label --dry-run",
)
LIMIT = 50

Reasons = Annotated[
    list[str] | None, typer.Option("--reason", metavar="REASON", help="Only of this reason. May be repeated.")
]
Topics = Annotated[
    list[str] | None, typer.Option("--topic", metavar="TOPIC", help="Only of this topic; else of all in kafka.topics.")
]

group = typer.Typer(no_args_is_help=True, epilog=EXAMPLES)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(
        group, name="dead-letters", rich_help_panel="Looking", help="Records that could not become samples, and why."
    )


@group.command("list")
def list_letters(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    reason: Reasons = None,
    topic: Topics = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest of each topic; more are counted.")] = LIMIT,
    as_json: AsJson = False,
) -> None:
    """List the newest dead letters of each topic, oldest first. Reads all of them, and leaves no trace in Kafka."""
    config = given(context, file, sets).load().config
    wanted = _wanted(reason)
    told: list[dict[str, Any]] = []
    for reader in _readers(config, topic):
        newest: deque[dict[str, Any]] = deque(maxlen=limit)
        reasons: Counter[str] = Counter()
        for letter in _letters(reader):
            if wanted(letter):
                newest.append(_facts(letter))
                reasons[letter.reason] += 1
        told += newest
        by_reason = ", ".join(f"{count} {name}" for name, count in reasons.most_common())
        say(f"{reader.dead_letters}: {counted(reasons.total(), 'dead letter')}{f': {by_reason}' if by_reason else ''}")
    if as_json:
        print_json(told)
    else:
        _print(told)


@group.command("save")
def save_letters(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder; it is made where it does not exist.")],
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    reason: Reasons = None,
    topic: Topics = None,
) -> None:
    """Save the value of each dead letter as a file, and all else of it as JSON beside it.

    `images-0-17.jpg` is what offset 17 of images/0 held, by the type that its bytes have; `images-0-17.json` has its
    key, its headers and why it is a dead letter. A file that is there already is never overwritten. Exit status 1
    where one that is there holds something else.
    """
    from daemon.cli.letter_files import LetterFiles  # noqa: PLC0415 - only where needed

    config = given(context, file, sets).load().config
    wanted = _wanted(reason)
    files = LetterFiles(folder)
    for reader in _readers(config, topic):
        for letter in _letters(reader):
            if wanted(letter):
                files.save(letter)
    there = counted(files.there, "was there", "were there")
    typer.echo(f"saved {counted(files.saved, 'dead letter')} to {folder}; {there} already")
    if files.lost:
        why = "their topic did not take them, or no client could read them"
        say(f"tidemill: {counted(files.lost, 'of them has lost its', 'of them have lost their')} bytes, for {why}")
    if files.differ:
        named = ", ".join(files.differ)
        message = f"files in {folder} hold something else than the dead letters of their names: {named}"
        raise OperatorError("", message, "They were left as they are: move them, or save to another folder")


@group.command("replay")
def replay_letters(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    reason: Reasons = None,
    topic: Topics = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be sent.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send records that became dead letters back to their topic, as they came: put right first what they died of.

    Each is sent once, however often this is run: Kafka notes it in the group <kafka.group>.dead-letters, in the same
    transaction. It has the header tidemill.replayed_from then. What has lost its bytes cannot be sent, and is named.
    """
    from streaming.replay import Replayer, ReplayTakenOverError  # noqa: PLC0415 - only where needed
    from streaming.replay_marks import ScatteredError  # noqa: PLC0415

    config = given(context, file, sets).load().config
    wanted = _wanted(reason)
    replayer = Replayer(_kafka(config), f"{config.group}.dead-letters", dry=dry_run)
    told: list[dict[str, Any]] = []
    try:
        for reader in _readers(config, topic):
            of = reader.topic
            found = replayer.replay(reader, of, wanted)
            told.append(_replayed_facts(reader, found))
            if not as_json:
                _print_replayed(reader, found, dry=dry_run)
    except ReplayTakenOverError as error:
        raise OperatorError("", str(error), "Nothing was sent twice: wait for it to end") from error
    except ScatteredError as error:
        message = "what was sent and what was not lie too scattered to be noted"
        raise OperatorError("", message, "Send all that is left, without --reason") from error
    finally:
        replayer.close()
    if as_json:
        print_json(told)


def _kafka(config: Config) -> Any:
    from daemon.composition.kafka import kafka_options  # noqa: PLC0415 - only where needed

    return kafka_options(config, "tidemill")


def _wanted(reasons: Sequence[str] | None) -> "Callable[[Letter], bool]":
    """Return whether a letter is asked for. Raises OperatorError for a reason that there is not."""
    from streaming.records import Reason  # noqa: PLC0415 - only where needed

    for one in reasons or ():
        if one not in list(Reason):
            known = ", ".join(Reason)
            raise OperatorError("", f"there is no reason {one!r}", f"These are: {known}", exit_code=2)
    return lambda letter: not reasons or letter.reason in reasons


@contextmanager
def _closing(reader: "LetterReader") -> "Iterator[LetterReader]":
    try:
        yield reader
    finally:
        reader.close()


def _readers(config: Config, topics: Sequence[str] | None) -> "Iterator[LetterReader]":
    """Yield what reads the dead letters of each topic that has any; of the others it is said that there is none."""
    from streaming.letter_reader import LetterReader  # noqa: PLC0415 - only where needed

    for topic in topics or config.kafka.topics:
        with _closing(LetterReader(_kafka(config), topic, config.kafka.dlq_suffix)) as reader:
            if reader.topic_id() is None:
                say(f"tidemill: there is no topic {reader.dead_letters} at {config.kafka.bootstrap_servers}")
            else:
                yield reader


def _letters(reader: "LetterReader") -> "Iterator[Letter]":
    foreign = 0
    for found in reader.read_all():
        if found.letter is None:
            foreign += 1
        else:
            yield found.letter
    if foreign:
        more = counted(foreign, "more record is none", "more records are none")
        say(f"{reader.dead_letters}: {more} of Tidemill's dead letters")


def _facts(letter: "Letter") -> dict[str, Any]:
    sender = letter.sender
    lost = {"lost": list(letter.lost), "loss": letter.loss} if letter.lost else {}
    again = {"replayed_from": letter.replayed_from} if letter.replayed_from else {}
    return {
        "topic": letter.origin.topic,
        "partition": letter.origin.partition,
        "offset": letter.origin.offset,
        "reason": letter.reason,
        "message": letter.message,
        "label": sender.label,
        "id": sender.sample_id,
        "source": sender.source,
        "bytes": letter.value_bytes,
        **lost,
        **again,
        "at_ms": letter.sent_ms,
        "dead_letter": letter.place._asdict(),
    }


def _print(told: list[dict[str, Any]]) -> None:
    if not told:
        return
    columns = ("record", "at", "reason", "label", "source", "id", "bytes", "what is the matter")
    rows = [
        (
            f"{one['topic']}/{one['partition']}/{one['offset']}",
            clock_time(one["at_ms"]),
            one["reason"],
            clipped(one["label"]),
            clipped(one["source"]),
            clipped(one["id"]),
            one["bytes"],
            _matter(one),
        )
        for one in told
    ]
    print_table(columns, rows)


def _matter(one: dict[str, Any]) -> str:
    lost = f" ({one['loss']})" if "loss" in one else ""
    again = f" (sent again from {one['replayed_from']})" if "replayed_from" in one else ""
    return f"{' '.join(one['message'].split())}{lost}{again}"


def _replayed_facts(reader: "LetterReader", found: "Replayed") -> dict[str, Any]:
    return {
        "topic": reader.topic,
        "dead_letters": reader.dead_letters,
        "replayed": found.sent,
        "before": found.before,
        "not_asked": found.not_asked,
        "lost": found.lost,
        "too_large": found.too_large,
        "foreign": found.foreign,
        "not_sent": [_facts(letter) for letter in found.told],
    }


def _print_replayed(reader: "LetterReader", found: "Replayed", *, dry: bool) -> None:
    larger = "larger than the topic takes (max.message.bytes)"
    more = (
        (found.before, "was sent before", "were sent before"),
        (found.not_asked, "is of another reason", "are of other reasons"),
        (found.lost, "has lost bytes", "have lost bytes"),
        (found.too_large, f"is {larger}", f"are {larger}"),
        (found.foreign, "is none of Tidemill's", "are none of Tidemill's"),
    )
    rest = "".join(f"; {counted(*one)}" for one in more if one[0])
    verb = "would send" if dry else "sent"
    typer.echo(f"{verb} {counted(found.sent, 'record')} of {reader.dead_letters} to {reader.topic} again{rest}")
    for letter in found.told:
        why = letter.loss or f"it is too large, {letter.value_bytes} bytes"
        say(f"not sent: {letter.origin} ({letter.place}): {why}; send it from its source")
