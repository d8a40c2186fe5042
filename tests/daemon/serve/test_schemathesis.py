"""No answer that the document does not tell of: schemathesis asks a live process whatever the document allows, and not.

The repository has several versions, of which some are retired, and no learner: a rollback is asked for and waits.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from model.publishing.layout import ModelPaths
from model.publishing.retired import remove_versions, write_retired
from tests.support.repository import publish
from tests.support.roles import Tidemill, eventually

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
TOKEN = "a-token-of-our-own"
# Held answers are tested in test_waiting; here they would only take time.
SETTINGS = f"""
[[operations]]
include-path-regex = ".*"
parameters = {{ "query.wait" = 0.0 }}
headers = {{ Authorization = "Bearer {TOKEN}" }}

[checks.positive_data_acceptance]
expected-statuses = [200, 202, 206, 304, 404, 409, 410, 416, 503]

[checks.negative_data_rejection]
expected-statuses = [400, 401, 404, 405, 413, 422, 503]
"""


@pytest.fixture
def tidemill(tmp_path):
    for version in range(1, 6):
        manifest = publish(tmp_path / "models", version)
        if version <= 2:
            paths = ModelPaths(tmp_path / "models", "default")
            write_retired(paths, [(version, version)], lambda _step: None)
            publish(tmp_path / "models", 99 + version, model="other")
            remove_versions(paths, {version: manifest["file"]["sha256"]}, lambda _step: None)
    shutil.rmtree(tmp_path / "models" / "default" / "1", ignore_errors=True)
    one = Tidemill(tmp_path, {"http": {"rollback_token": TOKEN}})
    try:
        yield one
    finally:
        one.stop()


@pytest.mark.slow
def test_nothing_is_answered_that_the_document_does_not_tell_of(tidemill, tmp_path):
    tidemill.start("serve")
    eventually(lambda: _answers(tidemill.url), "serve answers", 30)
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS)
    command = [SCHEMATHESIS, "--config-file", str(settings), "run", f"{tidemill.url}/openapi.json"]
    options = ["--max-examples=25", "--seed=1", "--phases=examples,coverage,fuzzing", "--no-color"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, cwd=tmp_path, timeout=200, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:] + tidemill.logs()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/livez", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
