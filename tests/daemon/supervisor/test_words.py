"""What a role said last, and what of its standard error is no line of its log."""

import io
import json

import pytest

from daemon.supervisor.process import Spawned, words_of
from tests.support.roles import eventually


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            json.dumps({"event": "tidemill: paths.state is in use", "level": "critical"}),
            "tidemill: paths.state is in use",
        ),
        ("2026-11-27T14:10:25.830698Z [critical ] tidemill: in use", "tidemill: in use"),
        ("Segmentation fault", "Segmentation fault"),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_the_words_of_a_line_are_its_event(line, words):
    assert words_of(line) == words


def test_what_is_no_line_of_a_log_in_json_is_told_with_its_role():
    errors, raw = io.StringIO(), []
    options = ["--no-such-option"]
    spawned = Spawned("serve", options, errors=errors, raw=lambda role, line: raw.append((role, line)))
    eventually(lambda: spawned.poll() is not None, "the role ends", 60)
    assert "no-such-option" in spawned.last_words() or raw
    assert errors.getvalue() == ""
    assert {role for role, _ in raw} == {"serve"}
    assert any("no-such-option" in line for _, line in raw)
