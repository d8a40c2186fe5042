import shutil

import pytest

from tests.servers import fetch_kafka
from tests.servers.missing import unavailable


def test_a_missing_server_skips_with_its_reason(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no java"):
        unavailable("no java")


def test_a_missing_server_fails_in_ci(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no java"):
        unavailable("no java")


@pytest.mark.parametrize(
    ("installed", "said"),
    [([], "apt-get install openjdk"), (["java"], "apt-get install maven"), (["java", "mvn"], "make kafka")],
)
def test_what_is_missing_is_named_with_its_cure(monkeypatch, tmp_path, installed, said):
    monkeypatch.setattr(shutil, "which", lambda name: name if name in installed else None)
    monkeypatch.setattr(fetch_kafka, "LIBS", tmp_path / "libs")
    reason = fetch_kafka.missing()
    assert reason is not None
    assert said in reason


def test_without_java_fetching_succeeds_and_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(fetch_kafka, "LIBS", tmp_path / "libs")
    assert fetch_kafka.main() == 0
    assert "will skip: no java" in capsys.readouterr().err
