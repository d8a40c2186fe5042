"""`tidemill ingest`, `learn` and `serve`: one role each, until SIGTERM or Ctrl-C."""

import importlib.util
from typing import Annotated

import typer

from daemon.cli.options import ConfigFile, RepositoryFolder, Sets, StateFolder, examples, given
from daemon.cli.role_logs import begin_logs, start_logs
from daemon.errors import PERSON_MUST_ACT, OperatorError
from daemon.logs import gather_libraries
from daemon.signals import INGEST_STOP_S, LEARN_STOP_S, SERVE_STOP_S, ending_at_once, stop_on_signals
from daemon.stopping import Stopping

PANEL = "Roles"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("ingest", rich_help_panel=PANEL, epilog=INGEST_EXAMPLES)(ingest)
    app.command("learn", rich_help_panel=PANEL, epilog=LEARN_EXAMPLES)(learn)
    app.command("serve", rich_help_panel=PANEL, epilog=SERVE_EXAMPLES)(serve)


INGEST_EXAMPLES = examples(
    "tidemill ingest --config tidemill.toml",
    "tidemill ingest --set kafka.bootstrap_servers=broker:9092 --set kafka.topics=images,more --port 0",
)


def ingest(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    port: Annotated[int | None, typer.Option("--port", help="Port of /metrics, /livez, /readyz (ingest.port).")] = None,
    name: Annotated[str | None, typer.Option("--name", help="This ingestor's name (ingest.name).")] = None,
) -> None:
    """Take labelled images from Kafka into the buffer in Redis. Start any number: they share the partitions."""
    told = given(context, file, sets, {"ingest.port": port, "ingest.name": name})
    begin_logs(told, "ingest")
    stopping = Stopping("the batch in hand is taken in, positions are committed, the group is left", INGEST_STOP_S)
    with stop_on_signals(INGEST_STOP_S, stopping) as stop:
        with ending_at_once():
            config = told.load().config
            start_logs(config, "ingest")
            from daemon.composition.ingest import run_ingest  # noqa: PLC0415 - loads only what this role needs

        run_ingest(config, stop)


LEARN_EXAMPLES = examples(
    "tidemill learn --config tidemill.toml",
    "tidemill learn --device cuda --state /var/lib/tidemill --repository /srv/models",
)


def learn(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port of /metrics, /livez, /readyz, /status (learn.port).")
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda or cuda:1 (learn.device).")] = None,
    state: StateFolder = None,
    repository: RepositoryFolder = None,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Take over repository and buffer of another state directory.")
    ] = False,
) -> None:
    """Train on what has gathered in the buffer, judge, and publish versions. One learner for a model.

    Needs `pip install 'tidemill\\[learn]'`, which brings torch.
    """
    flags = {"learn.port": port, "learn.device": device, "paths.state": state, "paths.repository": repository}
    told = given(context, file, sets, flags)
    begin_logs(told, "learn")
    stopping = Stopping("state and repository are closed", LEARN_STOP_S)
    with stop_on_signals(LEARN_STOP_S, stopping) as stop:
        with ending_at_once():
            config = told.load().config
            if importlib.util.find_spec("torch") is None:
                cure = "pip install 'tidemill[learn]'"
                missing = "torch is not installed, which the learner needs"
                raise OperatorError("", missing, cure, exit_code=PERSON_MUST_ACT)
            start_logs(config, "learn")
            from daemon.composition.learn import run_learn  # noqa: PLC0415 - loads torch

            gather_libraries()
        run_learn(config, stop, adopt=adopt, stopping=stopping)


SERVE_EXAMPLES = examples(
    "tidemill serve --repository /srv/models --host 0.0.0.0",
    "curl -s localhost:8080/v1/models/default/champion",
    "curl -O localhost:8080/v1/models/default/champion/model.onnx",
)


def serve(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on (http.host).")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on (http.port).")] = None,
    repository: RepositoryFolder = None,
) -> None:
    """Give out the newest model, and every version before it, over HTTP. Start any number.

    /v1/models/NAME/champion is the champion's manifest, …/champion/model.onnx its file; /docs describes the rest.
    """
    flags = {"http.host": host, "http.port": port, "paths.repository": repository}
    told = given(context, file, sets, flags)
    begin_logs(told, "serve")
    stopping = Stopping("who waits for news is answered, downloads have 5 s to end", SERVE_STOP_S)
    with stop_on_signals(SERVE_STOP_S, stopping) as stop:
        with ending_at_once():
            config = told.load().config
            start_logs(config, "serve")
            from daemon.serve.server import build_serve  # noqa: PLC0415 - loads only what this role needs

        build_serve(config).run(stop)
