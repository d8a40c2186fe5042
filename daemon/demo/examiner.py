"""The inference service's view: the pulled file, ONNX Runtime, and its own way to read pictures."""

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from daemon.demo.board import Scores
from daemon.demo.digits import Digit
from model.publishing.manifest import InputSpec, Manifest


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
        images = np.stack([as_input(file, manifest.input) for file in self._files])
        (probabilities,) = session.run(["probabilities"], {"image": images})
        guesses = [manifest.classes[int(index)] for index in probabilities.argmax(axis=1)]
        right = Counter(label for label, guess in zip(self._labels, guesses, strict=True) if label == guess)
        return Scores({label: (right[label], of) for label, of in sorted(Counter(self._labels).items())})


def as_input(file: bytes, spec: InputSpec) -> NDArray[np.float32]:
    """Return an encoded picture as the model wants it: float32 [3, height, width], RGB, 0 to 1."""
    with Image.open(io.BytesIO(file)) as picture:
        resized = picture.convert("RGB").resize((spec.width, spec.height), Image.Resampling.BILINEAR)
    pixels: NDArray[np.float32] = np.asarray(resized, np.float32).transpose(2, 0, 1) / np.float32(255)
    return pixels
