import numpy as np

from daemon.report.answers import HeldOut, VersionAnswers, ask, confusion, most_wrong
from model.publishing.manifest import Manifest
from tests.support.repository import make_manifest
from tests.support.tiny_onnx import tiny_onnx

CLASSES = ("cat", "dog")
SURE = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.05, 0.95]], np.float32)
LABELS = ("cat", "cat", "cat", "dog")


def answers(probabilities=SURE):
    return VersionAnswers(3, CLASSES, probabilities)


def test_confusion_has_labels_as_rows():
    assert confusion(answers(), LABELS, CLASSES).tolist() == [[1, 2], [0, 1]]


def test_classes_that_are_not_drawn_are_left_out():
    assert confusion(answers(), LABELS, ["dog"]).tolist() == [[1]]


def test_the_surest_wrong_answer_comes_first():
    assert most_wrong(answers(), LABELS, 10) == [1, 2]
    assert most_wrong(answers(), LABELS, 1) == [1]


def test_a_version_is_asked_in_pieces_and_answers_in_order(tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(tiny_onnx())
    values = np.random.default_rng(1).permutation([20, 230] * 150)
    pixels = np.broadcast_to(values[:, None, None, None], (300, 4, 4, 3)).astype(np.uint8)
    labels = tuple("dog" if value > 100 else "cat" for value in values)
    names = ("",) * 300
    found = ask(file, Manifest.from_dict(make_manifest(1, b"x")), HeldOut(pixels, labels, names, names))
    assert found.predicted == labels
    assert found.probabilities.shape == (300, 2)
