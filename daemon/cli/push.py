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

if TYPE_CHECKING:
    from streaming.pusher import Picture, Pushed

EXAMPLES = examples(
    "tidemill push ./my-images          (with ./my-images/cat/1.jpg, ./my-images/dog/2.png, …)",
    "tidemill push ./my-images --topic images --set kafka.bootstrap_servers=broker:9092",
)
FAILURES_SHOWN = 10


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
    as_json: AsJson = False,
) -> None:
    """Send a folder of class-named folders of images (JPEG, PNG, WebP) to Kafka, each labelled with its folder's name.

    Ends when Kafka has acknowledged every image: exit status 1 where one failed or it was stopped. To send the same
    again is harmless, for a picture that comes again is not learnt twice.
    """
    from streaming.pusher import pictures_in  # noqa: PLC0415 - only where needed, for a quick --help

    config = given(context, file, sets).load().config
    try:
        pictures = pictures_in(folder)
    except NotADirectoryError as error:
        raise OperatorError("", str(error), "Name a folder that holds one folder of images for each class") from error
    if not pictures:
        cure = "Put .jpg, .png or .webp files into one folder for each class, named by the class"
        raise OperatorError("", f"{folder} holds no images in class-named folders", cure)
    to = topic or config.kafka.topics[0]
    with stop_on_signals() as stop:
        pushed = _push(config, to, source or socket.gethostname(), pictures, stop.is_set)
    _report(pushed, pictures, to, as_json=as_json)
    if pushed.acknowledged < len(pictures):
        raise typer.Exit(1)


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


def _report(pushed: "Pushed", pictures: "list[Picture]", topic: str, *, as_json: bool) -> None:
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
                "classes": dict(classes),
                "failures": [{"path": str(one.path), "reason": one.reason} for one in pushed.failures],
            }
        )
        return
    typer.echo(f"{pushed.acknowledged} of {len(pictures)} images of {len(classes)} classes are in {topic}")
    left = len(pictures) - pushed.acknowledged - pushed.failed
    if left:
        say(f"tidemill: stopped with {left} images not sent: run the same command again")
