"""What the documentation lists is what there is."""

import re
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from daemon.learn.observer import Stage
from daemon.metrics import (
    PREFIX,
    ClockMetrics,
    DiskMetrics,
    IngestMetrics,
    LearnMetrics,
    OutageMetrics,
    RedisMetrics,
    RunMetrics,
    ServeMetrics,
    new_registry,
    show_buffer_limit,
    show_build,
)
from daemon.outage import Need
from model.pictures import INPUT
from model.publishing.metadata import identity

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def exported():
    roles = (
        ClockMetrics,
        IngestMetrics,
        lambda registry: LearnMetrics(registry, model="default"),
        lambda registry: OutageMetrics(registry, Need, lambda: 0),
        ServeMetrics,
        RunMetrics,
        lambda registry: show_buffer_limit(registry, 1),
        RedisMetrics,
        lambda registry: DiskMetrics(registry, {}),
        lambda registry: show_build(registry, "run"),
    )
    for role in roles:
        registry = new_registry()
        role(registry)
        for family in registry.collect():
            if family.name.startswith(f"{PREFIX}_"):
                suffix = "_total" if family.type == "counter" else ""
                yield family.name.removeprefix(f"{PREFIX}_") + suffix


def test_every_metric_is_documented_and_every_documented_metric_exists():
    listed = {
        name for row in re.findall(r"^\| (`.*?) \|", OPERATIONS, re.MULTILINE) for name in re.findall(r"`(\w+)", row)
    }
    names = set(exported())
    assert names, "no metric was found"
    assert names <= listed, f"not documented: {names - listed}"
    metrics_part = OPERATIONS.split("## Metrics")[1].split("\n## ")[0]
    listed_metrics = {
        name for row in re.findall(r"^\| (`.*?) \|", metrics_part, re.MULTILINE) for name in re.findall(r"`(\w+)", row)
    }
    assert listed_metrics <= names, f"documented, but not there: {listed_metrics - names}"


def test_everything_that_is_waited_for_is_documented():
    assert all(f"`{need.value}`" in OPERATIONS for need in Need)


def test_every_stage_is_documented():
    assert all(f"`{stage.value}`" in OPERATIONS for stage in Stage)


def test_links_between_documents_lead_somewhere():
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_files_named_in_the_architecture_exist():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:daemon|model|streaming)/[\w/.]+)`", text):
        assert (ROOT / name).exists(), name


@pytest.fixture
def snippets(tmp_path, monkeypatch):
    """The Python of the README, run beside a picture of pure green, lying on its side, and a model of colours."""
    monkeypatch.chdir(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (12, 9), (0, 255, 0)).save("1.jpg", exif=exif)
    shape = ["n", 3, 8, 8]
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["image"], ["means"], axes=[2, 3], keepdims=0),
            helper.make_node("Softmax", ["means"], ["probabilities"], axis=1),
        ],
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, identity("default", 1, ["red", "green", "blue"]))
    onnx.save(model, "model.onnx")
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_snippets_of_the_readme_run_as_they_stand(snippets, monkeypatch, capsys):
    sent = []

    class Producer:
        def __init__(self, **options):
            assert options["bootstrap_servers"]

        def send(self, topic, value, headers):
            sent.append((topic, value, dict(headers)["ce_label"]))

        def flush(self):
            sent.append("flushed")

    monkeypatch.setattr("kafka.KafkaProducer", Producer)
    assert len(snippets) == 2
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), {})
    assert sent == [("images", Path("1.jpg").read_bytes(), b"cat"), "flushed"]
    assert capsys.readouterr().out == "green\n"


def test_the_page_on_pictures_says_what_a_manifest_says():
    page = (ROOT / "docs" / "pictures.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^|]+?)` \|", page, re.MULTILINE))
    assert rows == INPUT
