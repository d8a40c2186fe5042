"""The command line as a function: arguments in, exit status and both outputs out."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from daemon.cli import main
from tests.support.repository import publish
from tests.support.windows import labelled, open_state, published, refused, take, window


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """What it said on standard error, of a role's lines the text alone."""
        lines = (json.loads(line)["event"] if line.startswith("{") else line for line in self.err.splitlines())
        return "".join(f"{line}\n" for line in lines)

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys, monkeypatch, tmp_path) -> Iterator[Run]:
    """`run("config", "--json")`: no environment but the given, no server but the named, a wide terminal."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TIDEMILL_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setenv("TIDEMILL_REDIS__URL", "redis://127.0.0.1:9/0")
    monkeypatch.setenv("TIDEMILL_PATHS__STATE", str(tmp_path / "state"))
    monkeypatch.setenv("TIDEMILL_PATHS__REPOSITORY", str(tmp_path / "models"))

    def ran(*args: str) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(args)
        said = capsys.readouterr()
        return Ran(ended.value.code or 0, said.out, said.err)

    yield ran
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()
    logging.captureWarnings(capture=False)
    threading.excepthook = threading.__excepthook__


@pytest.fixture
def history(tmp_path) -> Path:
    """A state of three rounds (published as 1, refused, published as 2) and the repository that goes with it."""
    with open_state(tmp_path / "state") as state:
        claim = take_version(state, tmp_path, range(40))
        (tmp_path / "models" / "default" / ".state_id").write_text(f"{state.ledger.state_id()}\n")
        state.mark_published(claim.version)
        take(state, labelled(range(100, 110)), refused())
        claim = take_version(state, tmp_path, range(200, 230))
        state.mark_published(claim.version)
    return tmp_path


def take_version(state, folder: Path, seeds: range):
    """Commit a round that publishes, in state and repository."""
    start = max(state.ledger.positions().values(), default=0)
    claim = state.claim(window(labelled(seeds), start), seed=7, state=state.ledger.current_state())
    manifest = publish(folder / "models", claim.version)
    commit = published(state, claim)
    new = replace(commit.version, manifest=manifest, sha256=manifest["file"]["sha256"])
    state.commit(claim, replace(commit, version=new, verdict="promoted", reason="not harmful"))
    return claim
