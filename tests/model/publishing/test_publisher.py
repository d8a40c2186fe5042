"""One export for an architecture; every publication checked; a failed one leaves nothing behind."""

import itertools
import json

import numpy as np
import onnxruntime
import pytest
import torch

from model.publishing import publisher as module
from model.publishing.errors import NonFiniteError, ParityError, RuntimeRefusalError, StaleTensorError
from model.publishing.filling import fill
from model.publishing.parity import images
from model.publishing.publisher import Publisher
from tests.support.networks import Tiny, randomised

SAMPLES = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), dtype=np.uint8)
CLASSES = ("a", "b", "c", "d", "e")


@pytest.fixture
def exports(monkeypatch, tiny_template):
    """Export without a process; the list grows by one for each export."""
    done = []

    def export(network, classes, **_):
        done.append(classes)
        state = {f"{slot.source}": slot.shape for slot in tiny_template.slots}
        shapes = {name: torch.empty(shape) for name, shape in state.items()}
        shapes["head.weight"], shapes["head.bias"] = torch.empty(classes, 8), torch.empty(classes)
        return tiny_template.fit(shapes, classes)

    monkeypatch.setattr(module, "export", export)
    return done


@pytest.fixture
def stage(tmp_path):
    ticks = itertools.count()

    def run(network, publisher=None, *, classes=3, spec="tiny", version=1, name="model.onnx"):
        publisher = publisher or Publisher(tmp_path / "cache", clock=lambda: float(next(ticks)), threads=1)
        return publisher.stage(
            network,
            spec_json=json.dumps({"architecture": spec, "classes_n": classes}),
            classes=CLASSES[:classes],
            model_name="default",
            version=version,
            samples_NHWC=SAMPLES,
            out_path=tmp_path / name,
        )

    return run


def answers(path):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"image": images(SAMPLES)})[0]


def test_only_the_first_publication_exports(stage, exports, tmp_path):
    publisher = Publisher(tmp_path / "cache", clock=lambda: 0.0, threads=1)
    for version in (1, 2, 3):
        network = randomised(Tiny(3), seed=version)
        staged = stage(network, publisher, version=version)
        assert staged.exported is (version == 1)
        with torch.no_grad():
            wanted = torch.softmax(network(torch.from_numpy(images(SAMPLES))), 1).numpy()
        assert np.abs(answers(tmp_path / "model.onnx") - wanted).max() < 1e-5
    assert exports == [3]


def test_the_template_outlives_the_process(stage, exports):
    first = stage(randomised(Tiny(3), seed=1))
    again = stage(randomised(Tiny(3), seed=1))
    assert first.exported and not again.exported
    assert (first.sha256, first.bytes) == (again.sha256, again.bytes)
    assert exports == [3] and again.seconds == 1.0


def test_more_classes_need_no_export(stage, exports, tmp_path):
    stage(randomised(Tiny(3), seed=1))
    for classes in (4, 5, 2):
        staged = stage(randomised(Tiny(classes), seed=classes), classes=classes)
        assert not staged.exported and staged.parity_max_abs_error < 1e-5
        assert answers(tmp_path / "model.onnx").shape == (16, classes)
    assert exports == [3]


def test_another_architecture_is_exported(stage, exports):
    stage(randomised(Tiny(3), seed=1))
    assert stage(randomised(Tiny(3), seed=1), spec="other").exported


def test_a_damaged_template_is_made_anew(stage, exports, tmp_path):
    stage(randomised(Tiny(3), seed=1))
    [kept] = (tmp_path / "cache").glob("*.template")
    kept.write_bytes(kept.read_bytes()[:-7])
    assert stage(randomised(Tiny(3), seed=1)).exported
    assert not stage(randomised(Tiny(3), seed=1)).exported


class Changed(Tiny):
    """The same tensors, and another computation."""

    def forward(self, image):
        return 2.0 * super().forward(image)


def test_code_that_changed_behind_its_spec_is_exported_once_more_then_refused(stage, exports, tmp_path):
    stage(randomised(Tiny(3), seed=1))
    with pytest.raises(ParityError):
        stage(randomised(Changed(3), seed=1), name="changed.onnx")
    assert exports == [3, 3]
    assert not (tmp_path / "changed.onnx").exists()


def test_a_stale_tensor_is_caught_and_nothing_is_left(stage, exports, tmp_path, monkeypatch):
    old = {}

    def forgetful(template, state, metadata, path):
        old.setdefault("head.bias", state["head.bias"].clone())
        return fill(template, {**state, **old}, metadata, path)

    monkeypatch.setattr(module, "fill", forgetful)
    stage(randomised(Tiny(3), seed=1))
    with pytest.raises(StaleTensorError, match=r"head\.bias"):
        stage(randomised(Tiny(3), seed=2), name="stale.onnx")
    assert not (tmp_path / "stale.onnx").exists()


def test_weights_that_are_no_numbers_are_refused(stage, exports, tmp_path):
    network = randomised(Tiny(3), seed=1)
    with torch.no_grad():
        network.hidden.weight[0, 0] = float("nan")
    with pytest.raises(NonFiniteError, match=r"hidden\.weight"):
        stage(network)
    assert exports == [] and not (tmp_path / "model.onnx").exists()


def test_a_file_that_onnx_refuses_is_not_staged(stage, exports, tmp_path, monkeypatch):
    def broken(template, state, metadata, path):
        told = fill(template, state, metadata, path)
        path.write_bytes(path.read_bytes().replace(b"Softmax", b"Softmix"))
        return told

    monkeypatch.setattr(module, "fill", broken)
    with pytest.raises(RuntimeRefusalError):
        stage(randomised(Tiny(3), seed=1))
    assert not (tmp_path / "model.onnx").exists()


def test_the_network_is_left_as_it_was(stage, exports):
    network = randomised(Tiny(3), seed=1).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    stage(network)
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_torch_has_its_threads_again(stage, exports):
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        stage(randomised(Tiny(3), seed=1))
        with pytest.raises(ValueError, match="4 were named"):
            stage(randomised(Tiny(3), seed=1), classes=4)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_as_many_names_as_classes(stage, exports):
    with pytest.raises(ValueError, match="answers 3 classes, 4"):
        stage(randomised(Tiny(3), seed=1), classes=4)


def test_left_overs_of_a_killed_export_are_removed_before_the_first_model_is_staged(tmp_path, exports, stage):
    (tmp_path / "cache" / "export-x").mkdir(parents=True)
    (tmp_path / "cache" / "export-x" / "network.pt").write_bytes(b"large")
    stage(randomised(Tiny(3), seed=1), Publisher(tmp_path / "cache", clock=lambda: 0.0))
    assert not list((tmp_path / "cache").glob("export-*"))
