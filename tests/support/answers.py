"""Answers of models that were never trained: right and wrong as told."""

import numpy as np

from model.judging.answers import Answers


def answers(right, labels=None):
    """Return answers that are right where `right` is true; labels are 0 and 1 in turn unless given."""
    right = np.asarray(right, bool)
    truth = np.arange(len(right)) % 2 if labels is None else np.asarray(labels)
    return Answers(np.where(right, truth, truth + 1).astype(np.int64), truth.astype(np.int64))


def paired(n, lost, won, both=None):
    """Return (candidate, champion) over `n` samples: `lost` and `won` by the candidate, `both` right in both."""
    both = n - lost - won if both is None else both
    candidate = np.zeros(n, bool)
    champion = np.zeros(n, bool)
    candidate[:won] = True
    champion[won : won + lost] = True
    candidate[won + lost : won + lost + both] = champion[won + lost : won + lost + both] = True
    return answers(candidate), answers(champion)
