"""The exporter's process: what it says when it fails, and that it is never waited for without end."""

import pytest

from model.publishing.errors import ExportError, UnmappableError
from model.publishing.export import TIMEOUT_S, export
from tests.support.networks import Derived, Unexportable


def run(network, folder, timeout_s=TIMEOUT_S):
    return export(network.eval(), 2, height=8, width=8, work_dir=folder, timeout_s=timeout_s)


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
