"""Whatever an observer can be told, somebody tells it."""

import inspect
import re
from pathlib import Path

import pytest

from daemon.ingest.observer import IngestObserver
from daemon.learn.observer import LearnObserver
from daemon.outage import OutageObserver

DAEMON = Path(__file__).parents[2] / "daemon"


@pytest.mark.parametrize("observer", [IngestObserver, LearnObserver, OutageObserver])
def test_every_method_of_an_observer_is_called(observer):
    sources = [file.read_text(encoding="utf-8") for file in DAEMON.rglob("*.py")]
    methods = [name for name, _ in inspect.getmembers(observer, inspect.isfunction) if not name.startswith("_")]
    assert methods
    for name in methods:
        called = re.compile(rf"observer\.{name}\(")
        assert any(called.search(text) for text in sources), f"nobody calls {observer.__name__}.{name}"
