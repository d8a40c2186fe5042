"""The exporter's process: what it says when it fails, and that it is never waited for without end."""

from pathlib import Path

import pytest

from model.learning.errors import StoppedError
from model.publishing.errors import ExportError, UnmappableError
from model.publishing.export import TIMEOUT_S, export
from tests.support.networks import Derived, Unexportable


def run(network, folder, timeout_s=TIMEOUT_S, **options):
    return export(network.eval(), 2, height=8, width=8, work_dir=folder, timeout_s=timeout_s, **options)


def children_of(folder: Path) -> list[str]:
    """Return the processes that were told this folder."""
    commands = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(process.read_text())
        except OSError:
            continue  # it ended while we looked
    return [command for command in commands if str(folder) in command]


def test_the_last_words_of_a_failed_export_are_told(tmp_path):
    with pytest.raises(ExportError, match=r"(?s)status 1: .*the network cannot be traced"):
        run(Unexportable(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_refusal_comes_back_as_what_it_is(tmp_path):
    with pytest.raises(UnmappableError, match="computed from weights"):
        run(Derived(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_export_that_takes_too_long_is_ended(tmp_path):
    with pytest.raises(ExportError, match=r"longer than 0\.05 s"):
        run(Derived(), tmp_path, timeout_s=0.05)
    assert not list(tmp_path.iterdir())


def test_a_network_that_cannot_be_pickled_is_named(tmp_path):
    network = Derived()
    network.hook = lambda: None
    with pytest.raises(ExportError, match="pickled"):
        run(network, tmp_path)


def test_a_stop_ends_the_export_and_its_process_at_once(tmp_path):
    alive = []

    def stop() -> bool:
        alive.extend(children_of(tmp_path))
        return bool(alive)

    with pytest.raises(StoppedError):
        run(Derived(), tmp_path, stop=stop)
    assert len(alive) == 1
    assert children_of(tmp_path) == []
    assert not list(tmp_path.iterdir())
