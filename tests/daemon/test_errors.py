"""What an operator is told: one line, the setting, the cure."""

import errno
import os
from pathlib import Path

import pytest

from daemon.cli.failures import EXPECTED, lines_of
from daemon.config import ConfigError, Problem
from daemon.errors import OperatorError
from model.disk import DiskError
from model.store.errors import DamagedDatabaseError, SchemaVersionError
from streaming.kafka_options import KafkaRefusedError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OperatorError("http.port", "port 1 is in use", "Choose another"),
            "port 1 is in use. Choose another (setting: http.port)",
        ),
        (OperatorError("", "it is broken.", "Mend it."), "it is broken. Mend it"),
        (OperatorError("job", "it is taken", ""), "it is taken (setting: job)"),
    ],
)
def test_an_error_is_one_line(error, line):
    assert str(error) == line
    assert lines_of(error) == ([f"tidemill: {line}"], 1)


def test_whatever_is_expected_becomes_one_line_with_a_setting_or_a_cure():
    for kind in EXPECTED:
        if kind in (OperatorError, ConfigError, KafkaRefusedError, DiskError):
            continue
        error = kind.__new__(kind)
        Exception.__init__(error, "something is wrong")
        lines, status = lines_of(error)
        assert len(lines) == 1
        assert "something is wrong" in lines[0]
        assert len(lines[0]) > len("tidemill: something is wrong")
        assert status == 1


def test_what_kafka_refuses_names_its_setting():
    lines, status = lines_of(KafkaRefusedError("no right", "kafka.group", "Give it."))
    assert lines == ["tidemill: no right. Give it (setting: kafka.group)"]
    assert status == 1


def test_wrong_configuration_is_status_2():
    one = Problem("a", "1", "flag", "must be 2")
    assert lines_of(ConfigError((one,))) == (["tidemill: a = 1 (flag): must be 2"], 2)
    assert len(lines_of(ConfigError((one, one)))[0]) == 3


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_line_with_its_path(number):
    (line,), status = lines_of(DiskError(number, os.strerror(number), Path("/srv/state/one.json"), 4096))
    assert os.strerror(number) in line and "'/srv/state/one.json'" in line
    assert line.endswith(". Make room there")
    assert status == 1


def test_a_disk_that_refuses_otherwise_is_not_told_to_be_full():
    (line,), _ = lines_of(DiskError(errno.EROFS, os.strerror(errno.EROFS), Path("/srv/state/one.json")))
    assert "Make room" not in line
    assert line.endswith("See that files can be written there")


def test_another_schema_is_not_for_verify_to_look_at():
    (line,), _ = lines_of(SchemaVersionError("it is of schema 9: run the version that wrote it"))
    assert line == "tidemill: it is of schema 9: run the version that wrote it (setting: paths.state)"
    assert "`tidemill verify` looks closer" in lines_of(DamagedDatabaseError("it is damaged"))[0][0]
