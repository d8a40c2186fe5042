"""`tidemill pull`: the champion into a local file, once or again and again."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from daemon.cli.options import AsJson, ConfigFile, Sets, examples, given
from daemon.cli.output import percent, say, size
from daemon.config import Config
from daemon.errors import OperatorError
from daemon.interrupts import interrupted
from daemon.masking import hide, secrets_within
from model.addresses import shown_address

if TYPE_CHECKING:
    from model.publishing.follower import Follower, Pulled

EXAMPLES = examples(
    "tidemill pull --to model.onnx",
    "tidemill pull --url http://models:8080 --model default --to /srv/model.onnx",
    "tidemill pull --once --timeout 60 --to model.onnx",
)
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - a place to ask at, not one to listen on
ASK_AGAIN_S = 1.0
NOT_THERE = (
    "--url holds a user, a password or a token, and every user of this machine sees a command's options: give the "
    "address as TIDEMILL_PULL__URL, or in a file that TIDEMILL_PULL__URL_FILE names, a bearer token as "
    "TIDEMILL_PULL__TOKEN"
)
ADDRESS_CURE = (
    "Give another --url, as http://host:8080; in a user or password (better in TIDEMILL_PULL__URL) / is %2F, ? is %3F, "
    "# is %23, @ is %40 and : is %3A"
)


class TimeIsOverError(KeyboardInterrupt):
    """--timeout is over; passes through whatever waits, as Ctrl-C does."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pull", rich_help_panel="Images in, models out", epilog=EXAMPLES)(pull)


def pull(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url", help="The server, without password; else that of pull.url, else of http.host, http.port."
        ),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="The model's name (model.name).")] = None,
    to: Annotated[Path, typer.Option("--to", help="The file that is replaced, at once and whole.")] = Path(
        "model.onnx"
    ),
    once: Annotated[bool, typer.Option("--once", help="Pull the champion of now, then end.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.0, help="End after so many seconds; 1 if nothing was pulled.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep a local file equal to the champion: pull it, wait for the next, until Ctrl-C.

    Behind a proxy it learns for how long that holds a request, and asks for less.

    The file is replaced only by a whole version whose digest fits. Each version is told on standard output. Where
    there is none yet it waits, with --once too, as long as --timeout says.
    """
    import httpx  # noqa: PLC0415 - only where needed, for a quick --help

    from model.publishing.download import check_target  # noqa: PLC0415
    from model.publishing.errors import PullError  # noqa: PLC0415
    from model.publishing.follower import Follower  # noqa: PLC0415

    config = given(context, file, sets, {"model.name": model}).load().config
    address = _address(config, url)
    shown = shown_address(address)
    check_target(to)
    last = ""

    def failed(error: PullError, retry_in_s: float) -> None:
        nonlocal last
        last = str(error)
        say(f"tidemill: {error}; trying again in {max(retry_in_s, 0.1):.1f} s")

    def shortened(wait_s: float) -> None:
        say(f"tidemill: the way to {shown} does not hold a request for longer: asking for {wait_s:.0f} s from now on")

    pulled = 0
    try:
        with _interrupts(timeout), httpx.Client(headers=_proof(config)) as client:
            try:
                pause = threading.Event().wait
                follower = Follower(
                    address, config.model.name, to, pause=pause, client=client, failed=failed, shortened=shortened
                )
            except PullError as error:
                raise OperatorError("", str(error), ADDRESS_CURE, exit_code=2) from error
            for version in _first(follower) if once else follower.follow():
                _tell(version, as_json=as_json)
                pulled += 1
    except TimeIsOverError:
        if not pulled:
            cure = "See that `tidemill learn` publishes there, or wait longer with --timeout"
            told = f"{shown} gave no version of {config.model.name} in time"
            raise OperatorError("", f"{told} (the last try: {last})" if last else told, cure) from None
    except KeyboardInterrupt:
        say("tidemill: stopped")


def _address(config: Config, url: str | None) -> str:
    """Return where to pull from, and have nothing of it printed that is secret."""
    address = url or config.pull.url.get_secret_value() or _own_address(config)
    hide(secrets_within(address))
    if url and ("@" in url or "?" in url):
        say(f"tidemill: {NOT_THERE}")
    return address


def _proof(config: Config) -> dict[str, str]:
    token = config.pull.token.get_secret_value()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _own_address(config: Config) -> str:
    host = "127.0.0.1" if config.http.host in ANY_ADDRESS else config.http.host
    return f"http://[{host}]:{config.http.port}" if ":" in host else f"http://{host}:{config.http.port}"


def _first(follower: "Follower") -> Iterator["Pulled"]:
    """Yield the champion once there is one."""
    waiting = threading.Event()
    while (version := follower.pull()) is None:
        waiting.wait(ASK_AGAIN_S)
    yield version


def _tell(version: "Pulled", *, as_json: bool) -> None:
    manifest = version.manifest
    accuracy = manifest.evaluation.candidate_accuracy
    if as_json:
        facts = {
            "version": version.version,
            "path": str(version.path),
            "sha256": manifest.file.sha256,
            "classes": list(manifest.classes),
            "holdout_accuracy": accuracy,
        }
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    judged = f", {percent(accuracy)} on held-out samples" if accuracy is not None else ""
    typer.echo(f"version {version.version} → {version.path} ({size(manifest.file.bytes)}{judged})")


@contextmanager
def _interrupts(timeout_s: float | None) -> Iterator[None]:
    """Let SIGTERM end what waits as Ctrl-C does, and the time limit too: a pull may be cut short at any moment."""

    def over(_number: int, _frame: FrameType | None) -> NoReturn:
        raise TimeIsOverError

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGALRM, over)
    # A timer of 0 would never ring.
    signal.setitimer(signal.ITIMER_REAL, max(timeout_s, 0.001) if timeout_s is not None else 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
