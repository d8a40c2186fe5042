"""Without log.otlp no role imports anything of OpenTelemetry, nor do its libraries bring an SDK or an exporter.

FastAPI requires OpenTelemetry's API (stubs that do nothing without an SDK) and imports it by itself: so in the process
of `serve` that alone is there. redis-py would bring API and SDK: see streaming/redis_library.py.
"""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.roles import eventually

ROOT = Path(__file__).parents[2]
WATCHED = """
import atexit, json, sys
from pathlib import Path
class Recorder:
    importers = set()
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            frame = sys._getframe(1)
            while "importlib" in frame.f_code.co_filename or frame.f_globals.get("__name__", "") == "importlib":
                frame = frame.f_back
            self.importers.add(frame.f_globals.get("__name__", "").partition(".")[0])
        return None
sys.meta_path.insert(0, Recorder())
def leave():
    theirs = [name for name in sys.modules if name.partition(".")[0] == "opentelemetry"]
    Path(sys.argv[1]).write_text(json.dumps({"loaded": theirs, "importers": sorted(Recorder.importers)}))
atexit.register(leave)
from daemon.cli import main
main(sys.argv[2:])
"""
SETS = {
    "kafka.bootstrap_servers": "127.0.0.1:9",
    "redis.url": "redis://127.0.0.1:9/0",
    "http.port": 0,
    "ingest.port": 0,
    "learn.port": 0,
    "run.port": 0,
    "model.architecture": "model.network.mlp:mlp",
    "log.format": "json",
}
STARTED = {"ingest": "waiting for", "learn": "waiting for", "serve": '"serving"'}


@pytest.mark.slow
@pytest.mark.parametrize("role", ["ingest", "serve", "learn"])
def test_a_role_imports_nothing_of_opentelemetry(role, tmp_path):
    sets = [part for key, value in SETS.items() for part in ("--set", f"{key}={value}")]
    errors, found = tmp_path / "errors", tmp_path / "found"
    with errors.open("w") as stream:
        command = [sys.executable, "-c", WATCHED, str(found), role, *sets]
        process = subprocess.Popen(
            command, cwd=tmp_path, stderr=stream, env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        )
    try:
        eventually(lambda: STARTED[role] in errors.read_text(), f"{role} is at work", 120)
        process.terminate()
        assert process.wait(60) == 0, errors.read_text()
    finally:
        process.kill()
    seen = json.loads(found.read_text())
    assert not {"daemon", "model", "streaming"} & set(seen["importers"]), seen
    theirs = [name for name in seen["loaded"] if name.partition(".")[0] == "opentelemetry"]
    if role == "serve":
        assert set(seen["importers"]) <= {"fastapi", "starlette", "opentelemetry"}, seen
        costly = ("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.proto")
        theirs = [name for name in theirs if name.startswith(costly)]
    assert theirs == []


def test_two_files_of_ours_import_it_and_they_only_where_it_is_asked_for():
    importing = set()
    for package in ("daemon", "model", "streaming"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if any(name.partition(".")[0] == "opentelemetry" for name in names):
                    importing.add(file.relative_to(ROOT).as_posix())
    # composition/tracing.py names a type, for the type checker alone
    assert importing == {"daemon/tracing/exporter.py", "daemon/tracing/otlp.py", "daemon/composition/tracing.py"}


def test_no_variable_makes_fastapi_send_anything(monkeypatch, tmp_path):
    from prometheus_client import CollectorRegistry

    from daemon.serve.app import build_app
    from daemon.serve.champions import Champions

    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    app = build_app(Champions(tmp_path, "default"), [], CollectorRegistry())
    assert not app._telemetry["auto_configure"]
    assert not any(app._telemetry[kind] for kind in ("tracing", "metrics", "logs"))


def test_the_sdk_that_is_missing_is_told_with_the_cure(monkeypatch):
    import importlib.util

    from daemon.composition.tracing import learn_spans
    from daemon.config import load
    from daemon.errors import OperatorError

    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    config = load(sets=["log.otlp=http://127.0.0.1:4318"], environ={}).config
    with (
        pytest.raises(OperatorError, match=r"pip install 'tidemill\[otlp\]'.*log\.otlp") as told,
        learn_spans(config, None),
    ):
        pass
    assert told.value.exit_code == 78


@pytest.mark.parametrize("url", ["collector:4318", "http://user:secret@collector", "http://collector?x=1", "ftp://c"])
def test_what_is_no_collectors_url_is_refused(url):
    from daemon.config import ConfigError, load

    with pytest.raises(ConfigError, match=r"log\.otlp"):
        load(sets=[f"log.otlp={url}"], environ={})
