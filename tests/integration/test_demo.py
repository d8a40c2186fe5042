"""`tidemill demo` as a newcomer runs it, and as it is interrupted."""

import json
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import onnxruntime
import pytest
from PIL import Image

from tests.support.demo_process import DemoProcess, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a short name: the path of a Unix socket has its limit."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        yield Path(folder)


@pytest.fixture
def demo(home):
    process = DemoProcess(home)
    yield process
    process.close()


def test_the_demo_keeps_its_promises_and_leaves_nothing_running(demo):
    status = demo.process.wait(180)
    said = demo.said()
    assert status == 0, said
    assert demo.children() == []
    assert demo.left() == []
    assert "BROKEN" not in said
    assert "died" not in said

    table = json.loads((demo.output / "versions.json").read_text())
    versions = table["versions"]
    assert table["kept"]
    assert len(versions) >= 5
    assert [row["version"] for row in versions] == list(range(1, len(versions) + 1))
    assert versions[-1]["accuracy"]["all"] >= 0.95
    assert versions[-1]["accuracy"]["0-4"] >= 0.9
    # Five to nine came later: the first version cannot know them.
    assert versions[0]["accuracy"]["5-9"] == 0
    assert len(table["dead_letters"]) == 9
    assert table["dead_letters"] == table["broken_records_sent"]
    assert sum(row["samples"]["fresh"] for row in versions) >= 1000

    with Image.open(demo.output / "accuracy.png") as picture:
        assert picture.format == "PNG"
    for role in ("ingest", "learn", "serve", "run"):
        assert "process_cpu_seconds_total" in (demo.output / "metrics" / f"{role}.prom").read_text()
    pulled = demo.output / "pulled" / "model.onnx"
    champion = demo.output / "models" / "digits" / str(len(versions)) / "model.onnx"
    assert pulled.read_bytes() == champion.read_bytes()
    assert onnxruntime.InferenceSession(str(pulled)).get_inputs()[0].name == "image"
    assert str(Path("demo-output/accuracy.png")) in said


def test_ctrl_c_ends_everything_also_after_a_role_died(home):
    demo = DemoProcess(home, "--keep")
    try:
        # Any version: a follower pulls the newest, and may never see the first.
        demo.wait_said("pulled and tested")
        demo.wait_said("tidemill.toml")
        (url,) = [line.split()[1] for line in demo.said().splitlines() if line.endswith("/champion")]
        assert httpx.get(url).json()["model"] == "digits"
        demo.kill_role("serve")
        demo.wait_said("serve died (signal 9) and is started again")
        assert demo.send(signal.SIGINT) == 130
        told, ended = demo.said().find("tidemill: stopping: "), demo.said().find("Interrupted; everything has stopped")
        assert 0 <= told < ended
        assert demo.children() == []
        assert demo.left() == []
    finally:
        demo.close()


def test_a_killed_demo_takes_its_processes_with_it(demo):
    demo.wait_said("the producer sends digits 0 to 4")
    assert len(demo.children()) >= 6
    assert demo.send(signal.SIGKILL) == -signal.SIGKILL
    wait_until(lambda: not demo.children() and not demo.left(), demo)


def test_somebody_elses_folder_is_refused_in_one_line(home):
    (home / "demo-output").mkdir()
    (home / "demo-output" / "thesis.tex").write_text("dear")
    demo = DemoProcess(home)
    try:
        assert demo.process.wait(60) == 1
        (line,) = demo.said().splitlines()
        assert "no demo made it" in line
        assert "--dir" in line
    finally:
        demo.close()
    assert [path.name for path in (home / "demo-output").iterdir()] == ["thesis.tex"]
