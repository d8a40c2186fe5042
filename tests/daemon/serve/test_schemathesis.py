"""No answer that the document does not tell of: schemathesis asks a live process whatever the document allows, and not.

The repository has several versions, of which two are retired, and no learner: a rollback is asked for and waits.
"""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from model.publishing.layout import ModelPaths
from tests.support.repository import publish
from tests.support.roles import Tidemill, eventually

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
TOKEN = "a-token-of-our-own"
EXAMPLES = 12
# Held answers are tested in test_waiting; here they would only take time.
SETTINGS = f"""
[[operations]]
include-path-regex = ".*"
parameters = {{{{ "query.wait" = 0.0{{more}} }}}}
headers = {{{{ Authorization = "Bearer {TOKEN}" }}}}

[checks.positive_data_acceptance]
expected-statuses = [200, 202, 206, 304, 404, 409, 410, 416, 503]

[checks.negative_data_rejection]
expected-statuses = [400, 401, 404, 405, 413, 422, 503]
"""
KNOWN = ', "path.name" = "default", "path.version" = {version}'


@pytest.fixture
def tidemill(tmp_path):
    for version in (3, 4, 5):
        publish(tmp_path / "models", version)
    ModelPaths(tmp_path / "models", "default").retired.write_text('{"retired": [[1, 2]]}')
    publish(tmp_path / "models", 1, model="other")
    one = Tidemill(tmp_path, {"http": {"rollback_token": TOKEN}})
    try:
        yield one
    finally:
        one.stop()


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("what", ["whatever", "a version that is there", "one that is retired"])
def test_nothing_is_answered_that_the_document_does_not_tell_of(tidemill, tmp_path, what):
    tidemill.start("serve")
    eventually(lambda: _answers(tidemill.url), "serve answers", 30)
    more = {"whatever": "", "one that is retired": KNOWN.format(version=1)}.get(what, KNOWN.format(version=4))
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS.format(more=more))
    command = [SCHEMATHESIS, "--config-file", str(settings), "run", f"{tidemill.url}/openapi.json"]
    phases = "coverage" if what == "whatever" else "examples,fuzzing"
    options = [f"--max-examples={EXAMPLES}", "--seed=1", f"--phases={phases}", "--no-color"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, cwd=tmp_path, timeout=500, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:] + tidemill.logs()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/livez", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
