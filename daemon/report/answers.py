"""What a published version answers on held-out samples, asked of its ONNX file as an inference service would."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from model.publishing.manifest import Manifest

BATCH = 256
NO_ALIASES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Held-out samples in memory."""

    pixels_NHWC: NDArray[np.uint8]
    """uint8, [n, size, size, 3], RGB."""
    labels: tuple[str, ...]
    ids: tuple[str, ...]
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class VersionAnswers:
    """One version on the held-out samples, in their order."""

    version: int
    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]
    """float32, [n, classes]."""

    @property
    def predicted(self) -> tuple[str, ...]:
        """The class with the highest probability."""
        return tuple(self.classes[index] for index in self.probabilities.argmax(axis=1))

    def confidence(self) -> NDArray[np.float32]:
        """Return [n], the probability of the predicted class."""
        highest: NDArray[np.float32] = self.probabilities.max(axis=1)
        return highest


def ask(artefact: Path, manifest: Manifest, held_out: HeldOut) -> VersionAnswers:
    """Put the samples through the ONNX file on the CPU."""
    import onnxruntime  # noqa: PLC0415 - slow to load

    session = onnxruntime.InferenceSession(str(artefact), providers=["CPUExecutionProvider"])
    found = [np.empty((0, len(manifest.classes)), np.float32)]
    for start in range(0, len(held_out), BATCH):
        pixels = held_out.pixels_NHWC[start : start + BATCH]
        image = pixels.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
        found.append(session.run(["probabilities"], {"image": image})[0])
    return VersionAnswers(manifest.version, tuple(manifest.classes), np.concatenate(found))


def confusion(
    answers: VersionAnswers, labels: Sequence[str], classes: Sequence[str], aliases: Mapping[str, str] = NO_ALIASES
) -> NDArray[np.int64]:
    """Return [classes, classes]: rows are labels, columns what they were taken for.

    `aliases`: a version from before a merge answers with the name that the class had then.
    """
    index = {name: place for place, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), np.int64)
    for label, predicted in zip(labels, answers.predicted, strict=True):
        column = index.get(aliases.get(predicted, predicted))
        if label in index and column is not None:
            counts[index[label], column] += 1
    return counts


def elsewhere(counts: NDArray[np.int64], labels: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    """Return [classes], how many samples of each label were taken for a class that `counts` has no column for."""
    of = Counter(labels)
    rest: NDArray[np.int64] = np.array([of[name] for name in classes], np.int64) - counts.sum(axis=1)
    return rest


def most_wrong(answers: VersionAnswers, labels: Sequence[str], limit: int) -> list[int]:
    """Return the samples that are answered wrong with the most confidence, surest first."""
    wrong = [place for place, (a, b) in enumerate(zip(answers.predicted, labels, strict=True)) if a != b]
    confidence = answers.confidence()
    return sorted(wrong, key=lambda place: -float(confidence[place]))[:limit]
