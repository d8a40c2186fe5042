"""The images as `make image` built them: what they hold, and that the roles run from them as their user."""

import json
import urllib.error
import urllib.request

import pytest
from kafka import KafkaProducer

from daemon.version import VERSION
from tests.images.image import Image, built, missing, stop
from tests.servers.missing import unavailable
from tests.support.images import encode, picture
from tests.support.repository import publish
from tests.support.roles import eventually, free_port

pytestmark = pytest.mark.image
BYTES_MAX = 350_000_000
TARGETS = ("ingest", "serve")


@pytest.fixture(scope="module", params=TARGETS)
def image(request):
    """Each image in turn."""
    yield from opened(request.param)


@pytest.fixture(scope="module")
def serve_image():
    yield from opened("serve")


@pytest.fixture(scope="module")
def ingest_image():
    yield from opened("ingest")


@pytest.fixture
def learn_image():
    """Only where `make image TARGETS=learn` has built it: six gigabytes."""
    if missing() is None and not built("learn"):
        pytest.skip("make image TARGETS=learn builds it: six gigabytes")
    yield from opened("learn")


def opened(target):
    if reason := missing():
        unavailable(reason)
    one = Image(target)
    try:
        yield one
    finally:
        one.close()


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def test_it_is_small(image):
    assert image.size_bytes() <= BYTES_MAX


def test_its_configuration_is_what_a_cluster_expects(image):
    config = image.config
    user, group = config["User"].split(":")
    assert user.isdecimal() and int(user) >= 1000 and group.isdecimal()
    assert config["Entrypoint"] == ["tidemill"], "an exec form, so that SIGTERM reaches the role"
    assert config["Labels"]["org.opencontainers.image.version"] == VERSION
    assert len(config["Labels"]["org.opencontainers.image.revision"]) == 40
    assert config["Healthcheck"]["Test"][0] == "CMD"


def test_no_tool_is_left_to_build_or_install_with(image):
    for tool in ("pip", "gcc", "cc", "make", "git"):
        assert image.run("sh", "-c", f"command -v {tool}").returncode != 0
    assert image.run("python3", "-c", "import torch").returncode != 0
    found = image.run("sh", "-c", "ls -d /build /src").stdout
    assert found == ""


def test_serve_answers_from_its_image(serve_image, tmp_path):
    models = tmp_path / "models"
    tmp_path.chmod(0o755)
    publish(models, 1, b"a model")
    for path in (models, *models.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o644)
    port = free_port()
    process = serve_image.start(tmp_path / "log", env={"TIDEMILL_HTTP__PORT": str(port)}, models=models)
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: get(f"{url}/readyz")[0] == 200 or process.poll(), "serve is ready")
    assert process.poll() is None, (tmp_path / "log").read_text()
    assert json.loads(get(f"{url}/v1/models/default/champion")[1])["version"] == 1
    health = serve_image.run(*serve_image.config["Healthcheck"]["Test"][1:-1], str(port))
    assert health.returncode == 0, health.stderr
    stop(process)
    assert process.wait(15) == 0, (tmp_path / "log").read_text()
    assert serve_image.run(*serve_image.config["Healthcheck"]["Test"][1:-1], str(port)).returncode == 1


def test_ingest_takes_records_in_from_its_image(ingest_image, tmp_path, kafka_server, redis_url, topic):
    port = free_port()
    settings = {
        "TIDEMILL_KAFKA__BOOTSTRAP_SERVERS": kafka_server.bootstrap,
        "TIDEMILL_KAFKA__TOPICS": topic,
        "TIDEMILL_REDIS__URL": redis_url,
        "TIDEMILL_INGEST__PORT": str(port),
    }
    process = ingest_image.start(tmp_path / "log", env=settings)
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: get(f"{url}/readyz")[0] == 200 or process.poll() is not None, "ingest is ready")
    assert process.poll() is None, (tmp_path / "log").read_text()
    producer = KafkaProducer(bootstrap_servers=kafka_server.bootstrap)
    producer.send(topic, value=encode(picture(), "JPEG"), headers=[("ce_label", b"cat")])
    producer.flush(10)
    producer.close()
    eventually(lambda: b"tidemill_records_buffered_total 1.0" in get(f"{url}/metrics")[1], "the image is buffered")
    stop(process)
    assert process.wait(20) == 0, (tmp_path / "log").read_text()


def test_learn_is_ready_from_its_image(learn_image, tmp_path, redis_url):
    tmp_path.chmod(0o755)
    folders = {name: tmp_path / name for name in ("state", "models")}
    for folder in folders.values():
        folder.mkdir()
        folder.chmod(0o777)
    port = free_port()
    settings = {"TIDEMILL_REDIS__URL": redis_url, "TIDEMILL_LEARN__PORT": str(port), "TIDEMILL_JOB": "from-image"}
    process = learn_image.start(tmp_path / "log", env=settings, **folders)
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: get(f"{url}/readyz")[0] == 200 or process.poll() is not None, "learn is ready", 120)
    assert process.poll() is None, (tmp_path / "log").read_text()
    stop(process)
    assert process.wait(60) == 0, (tmp_path / "log").read_text()
