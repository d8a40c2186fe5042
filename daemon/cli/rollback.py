"""`tidemill rollback VERSION`: an earlier version is champion again, and learning goes on from it."""

import time
from typing import Annotated

import typer

from daemon.cli.options import AsJson, ConfigFile, RepositoryFolder, Sets, StateFolder, examples, given
from daemon.cli.output import print_json
from daemon.cli.requests import WAIT_S, Wait, ask, await_answer, check_done
from daemon.cli.state import DATABASE
from daemon.config import Config
from daemon.errors import OperatorError

KIND = "rollback"
VERSIONS_NAMED = 10
EXAMPLES = examples(
    "tidemill versions",
    "tidemill rollback 41",
    "tidemill rollback 41 --wait 600",
    "tidemill rollback 41 --repository /srv/models",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(KIND, rich_help_panel="Roles", epilog=EXAMPLES)(rollback)


def rollback(
    context: typer.Context,
    *,
    version: Annotated[int, typer.Argument(min=1, help="The version to return to, as `tidemill versions` lists it.")],
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    repository: RepositoryFolder = None,
    wait: Wait = WAIT_S,
    as_json: AsJson = False,
) -> None:
    """Make VERSION the champion again: followers pull it, and learning goes on from its weights.

    The learner does it between two rounds. What was learnt since is set aside: `tidemill quarantine` lists it window by
    window, and releases or drops it; to roll forward again gives it back. Where this machine has only the repository,
    the request is left there. Exit status 1 where the learner refuses, or has not answered within --wait: the request
    stays, and is carried out when a learner runs.
    """
    flags = {"paths.state": state, "paths.repository": repository}
    config = given(context, file, sets, flags).load().config
    if (config.paths.state / DATABASE).exists():
        answer = ask(config, KIND, {"version": version}, wait).answer
    else:
        answer = _ask_over_repository(config, version, wait)
    if as_json:
        print_json({"version": version, "answer": answer})
    else:
        typer.echo(answer)


def _ask_over_repository(config: Config, version: int, wait_s: float) -> str:
    from model.publishing.mailbox import Mailbox  # noqa: PLC0415 - only where needed
    from model.publishing.reader import RepositoryReader  # noqa: PLC0415

    root, name = config.paths.repository, config.model.name
    reader = RepositoryReader(root, name)
    known = reader.versions()
    if not known:
        cure = "Name the state directory of a learner with --state, or its repository with --repository"
        raise OperatorError("paths.repository", f"{root} holds no version of {name}", cure)
    if version not in known and reader.is_retired(version):
        left = ", ".join(map(str, known[-VERSIONS_NAMED:]))
        raise OperatorError("publish.keep", f"version {version} is retired, its files are gone", f"Kept are {left}")
    if version not in known:
        raise OperatorError("", f"there is no version {version}", f"The newest is {known[-1]}")
    mailbox = Mailbox(root, name)
    try:
        asked = mailbox.ask(KIND, {"version": version}, time.time_ns() // 1_000_000)
    except OSError as error:
        cure = "Give the right to write there, or ask on the learner's machine"
        raise OperatorError("paths.repository", f"no request can be left there: {error}", cure) from error
    answer = await_answer(lambda: mailbox.answer(asked), wait_s)
    check_done(answer.text, done=answer.done)
    return answer.text
