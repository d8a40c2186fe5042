"""A client that openapi-python-client makes of the document, without a warning, used against a live process."""

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from model.publishing.layout import ModelPaths
from tests.servers import fetch_client_generator as generator
from tests.servers.missing import unavailable
from tests.support.repository import publish
from tests.support.roles import Tidemill, eventually

TOKEN = "a-token-of-our-own"
USE = """
import json, sys
from client.client import AuthenticatedClient, Client
from client.api.health import livez, readyz
from client.api.models import (download_champion, download_version, get_champion, get_champion_head, get_manifest,
                               get_model, list_models, list_versions)
from client.api.rollback import get_rollback, roll_back
from client.models import Manifest, ModelList, NotReady, Problem, Ready, RollbackWanted, VersionList
url, token = sys.argv[1:]
plain = Client(url)
models = list_models.sync(client=plain, limit=1)
assert isinstance(models, ModelList) and models.models[0].name == "birds" and models.next_ == "birds"
assert get_model.sync("default", client=plain).versions == [3, 4, 5]
page = list_versions.sync("default", client=plain, limit=3)
assert isinstance(page, VersionList) and [one.version for one in page.versions] == [5, 4, 3] and page.next_ == 3
assert page.versions[0].metrics.accuracy == 0.95 and page.versions[0].metrics.holdout == 8
rest = list_versions.sync("default", client=plain, before=3)
assert [str(one.state) for one in rest.versions] == ["retired", "retired"] and rest.versions[0].sha256 is None
champion = get_champion.sync_detailed("default", client=plain)
assert isinstance(champion.parsed, Manifest) and champion.parsed.version == 5
assert champion.parsed.lineage[0].from_ == 400 and champion.parsed.gate.verdict == "promoted"
same = get_champion.sync_detailed("default", client=plain, if_none_match=champion.headers["etag"])
assert int(same.status_code) == 304
assert int(get_champion_head.sync_detailed("default", client=plain).status_code) == 200
whole = download_champion.sync("default", client=plain).payload.read()
part = download_version.sync_detailed(client=plain, name="default", version=5, range_="bytes=0-3")
assert int(part.status_code) == 206 and part.parsed.payload.read() == whole[:4]
for answer, status in (
    (get_manifest.sync("default", 99, client=plain), 404),
    (get_manifest.sync("default", 1, client=plain), 410),
    (download_version.sync("default", 5, client=plain, range_="bytes=99999999-"), 416),
    (list_versions.sync("default", client=plain, limit=0), 422),
    (get_champion.sync("broken", client=plain), 503),
):
    assert isinstance(answer, Problem) and answer.status == status, (status, answer)
assert isinstance(readyz.sync(client=plain), Ready) and livez.sync(client=plain).alive
wrong = AuthenticatedClient(url, "wrong")
right = AuthenticatedClient(url, token)
wanted = RollbackWanted(4)
assert roll_back.sync("default", client=wrong, body=wanted).status == 401
gone = roll_back.sync("default", client=right, body=RollbackWanted(1))
assert isinstance(gone, Problem) and gone.status == 409
waiting = roll_back.sync("default", client=right, body=wanted, wait=0.0)
assert str(waiting.state) == "waiting"
assert str(get_rollback.sync("default", waiting.id, client=right).state) == "waiting"
print(json.dumps("passed"))
"""


@pytest.fixture
def tidemill(tmp_path):
    for version in (3, 4, 5):
        publish(tmp_path / "models", version)
    ModelPaths(tmp_path / "models", "default").retired.write_text('{"retired": [[1, 2]]}')
    publish(tmp_path / "models", 1, model="birds")
    publish(tmp_path / "models", 1, model="broken")
    ModelPaths(tmp_path / "models", "broken").pointer.write_text("{")
    one = Tidemill(tmp_path, {"http": {"rollback_token": TOKEN}})
    try:
        yield one
    finally:
        one.stop()


def _document(url: str) -> bytes | None:
    try:
        return httpx.get(f"{url}/openapi.json", timeout=10).content
    except httpx.TransportError:
        return None


@pytest.mark.long
def test_a_generated_client_works_against_a_live_server(tidemill, tmp_path):
    if (why := generator.missing()) is not None:
        unavailable(why)
    tidemill.start("serve")
    document = eventually(lambda: _document(tidemill.url), "serve answers", 30)
    (tmp_path / "openapi.json").write_bytes(document)
    (tmp_path / "settings.yml").write_text("post_hooks: []\n")
    files = ["--path", "openapi.json", "--config", "settings.yml", "--output-path", "client"]
    made = _run([generator.GENERATOR, "generate", "--meta", "none", "--fail-on-warning", *files], tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    (tmp_path / "use.py").write_text(USE)
    used = _run([generator.PYTHON, "use.py", tidemill.url, TOKEN], tmp_path)
    assert used.returncode == 0, used.stderr + tidemill.logs()
    assert json.loads(used.stdout) == "passed"


def _run(command: list[object], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(one) for one in command], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
