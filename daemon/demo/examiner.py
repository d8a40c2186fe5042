"""The inference service's view: the pulled file, ONNX Runtime, and `prepare` for the pictures."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from daemon.demo.board import Scores
from daemon.demo.digits import Digit
from model.pictures import prepare
from model.publishing.manifest import Manifest


class Examiner:
    """Puts a model to the test on pictures that were never streamed."""

    def __init__(self, test: Sequence[Digit]) -> None:
        self._labels = [digit.label for digit in test]
        self._files = [digit.png() for digit in test]

    def examine(self, path: Path, manifest: Manifest) -> Scores:
        """Return how many pictures of each class the model at `path` has right; 0 of a class that it does not know."""
        import onnxruntime  # noqa: PLC0415 - slow to load, and an extra

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        (probabilities,) = session.run(["probabilities"], {"image": prepare(self._files, manifest.input)})
        guesses = [manifest.classes[int(index)] for index in probabilities.argmax(axis=1)]
        right = Counter(label for label, guess in zip(self._labels, guesses, strict=True) if label == guess)
        return Scores({label: (right[label], of) for label, of in sorted(Counter(self._labels).items())})
