"""`tidemill push DIR`: a folder of class-named folders of images into Kafka."""

import socket
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.options import AsJson, ConfigFile, Sets, examples, given
from daemon.cli.output import print_json, say
from daemon.config import Config
from daemon.errors import OperatorError
from daemon.signals import stop_on_signals
from daemon.stopping import Stopping
from daemon.words import counted

if TYPE_CHECKING:
    from streaming.pusher import Found, Picture, Pushed

EXAMPLES = examples(
    "tidemill push ./my-images          (with ./my-images/cat/1.jpg, ./my-images/dog/2.png, …)",
    "tidemill push ./my-images --topic images --set kafka.bootstrap_servers=broker:9092",
)
FAILURES_SHOWN = 10
SKIPPED_SHOWN = 5
PUSH_STOP_S = 40.0
"""The acknowledgement of what was sent last (`streaming.pusher.ACKNOWLEDGE_TIMEOUT_S`), and closing the connection."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("push", rich_help_panel="Images in, models out", epilog=EXAMPLES)(push)


def push(
    context: typer.Context,
    *,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Holds a folder of images for each class, named by it.")
    ],
    file: ConfigFile = None,
    sets: Sets = None,
    topic: Annotated[str | None, typer.Option("--topic", help="The topic; else the first of kafka.topics.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Who sends (ce_source); else this host.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the order in which they are sent.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Send a folder of class-named folders of images (JPEG, PNG, WebP) to Kafka, each labelled with its folder's name.

    They are sent in a random order, the same for the same --seed. Files that are no such images are skipped, and said.
    Ends when Kafka has acknowledged every image: exit status 1 where one failed or it was stopped. To send the same
    again is harmless, for a picture that comes again is not learnt twice.
    """
    from streaming.pusher import pictures_in, shuffled  # noqa: PLC0415 - only where needed, for a quick --help

    config = given(context, file, sets).load().config
    try:
        found = pictures_in(folder)
    except NotADirectoryError as error:
        cure = "Name a folder that holds one folder of images for each class"
        raise OperatorError("", str(error), cure, exit_code=2) from error
    for name, why in list(found.unfit.items())[:SKIPPED_SHOWN]:
        say(f"tidemill: skipped the folder {name!r}: {why}")
    if not found.pictures:
        cure = "Put .jpg, .png or .webp files into one folder for each class, named by the class"
        raise OperatorError("", f"{folder} holds no images in class-named folders", cure, exit_code=2)
    _tell_skipped([one for one in found.skipped if one.relative_to(folder).parts[0] not in found.unfit])
    pictures = shuffled(found.pictures, seed)
    to = topic or config.kafka.topics[0]
    lost = "what Kafka has not acknowledged may be missing; to send the same again is harmless"
    stopping = Stopping.of_command("waits for Kafka to acknowledge what was sent", PUSH_STOP_S, lost, say)
    with stop_on_signals(stopping=stopping) as stop:
        pushed = _push(config, to, source or socket.gethostname(), pictures, stop.is_set)
    _report(pushed, found, to, as_json=as_json)
    if pushed.acknowledged < len(pictures):
        raise typer.Exit(1)


def _tell_skipped(skipped: "list[Path]") -> None:
    for path in skipped[:SKIPPED_SHOWN]:
        say(f"tidemill: skipped {path}: no .jpg, .png or .webp in a class-named folder")
    if len(skipped) > SKIPPED_SHOWN:
        say(f"tidemill: and {len(skipped) - SKIPPED_SHOWN} more files skipped")


def _push(config: Config, topic: str, source: str, pictures: "list[Picture]", stop: Callable[[], bool]) -> "Pushed":
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    from daemon.composition.kafka import kafka_options  # noqa: PLC0415
    from streaming.kafka_admin import KafkaAdmin  # noqa: PLC0415
    from streaming.pusher import Pushed, Pusher  # noqa: PLC0415

    options = kafka_options(config, "tidemill-push")
    admin = KafkaAdmin(options)
    try:
        admin.ensure(topic, create=config.kafka.create_topics, partitions=config.kafka.partitions)
    finally:
        admin.close()
    pusher = Pusher(options, topic, source)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    pushed = Pushed()
    try:
        with Progress(*columns, console=Console(file=sys.stderr)) as progress:
            bar = progress.add_task(f"pushing to {topic}", total=len(pictures))
            for pushed in pusher.push(pictures, stop):
                progress.update(bar, completed=pushed.acknowledged + pushed.failed)
    finally:
        pusher.close()
    return pushed


def _report(pushed: "Pushed", found: "Found", topic: str, *, as_json: bool) -> None:
    pictures = found.pictures
    classes = Counter(picture.label for picture in pictures)
    for failure in pushed.failures[:FAILURES_SHOWN]:
        say(f"tidemill: {failure.path}: {failure.reason}")
    if pushed.failed > FAILURES_SHOWN:
        say(f"tidemill: and {pushed.failed - FAILURES_SHOWN} more failed")
    if as_json:
        print_json(
            {
                "topic": topic,
                "images": len(pictures),
                "acknowledged": pushed.acknowledged,
                "failed": pushed.failed,
                "skipped": len(found.skipped),
                "classes": dict(classes),
                "failures": [{"path": str(one.path), "reason": one.reason} for one in pushed.failures],
            }
        )
        return
    images, of = counted(len(pictures), "image"), counted(len(classes), "class", "classes")
    typer.echo(f"{pushed.acknowledged} of {images} of {of} are in {topic}")
    left = len(pictures) - pushed.acknowledged - pushed.failed
    if left:
        say(f"tidemill: stopped with {left} images not sent: run the same command again")
