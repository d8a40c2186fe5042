"""Cross-entropy corrected for what the batch happens to hold.

Balanced softmax (Ren 2020), which is logit adjustment (Menon 2021) by the label shares of the batch. For streams with
many wrong labels, the generalised cross-entropy (Zhang 2018) of the same.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

SHARE_MIN = 1e-4
"""Floor of a class' share: one that a batch hardly holds is not pushed away without end."""


def label_shares(labels: NDArray[np.int64], classes_n: int) -> NDArray[np.float64]:
    """Return the histogram of labels, [classes_n], summing to 1; all 0 where there are none."""
    counts = np.bincount(labels, minlength=classes_n).astype(np.float64)
    shares: NDArray[np.float64] = counts / max(counts.sum(), 1.0)
    return shares


def log_shares(fresh: NDArray[np.float64], replay: NDArray[np.float64], fresh_share: float) -> NDArray[np.float64]:
    """Return the log of the label shares to expect in a batch, [classes_n], floored at SHARE_MIN.

    `fresh` is the window's histogram, `replay` the distribution that replay is drawn by.
    """
    expected = fresh_share * fresh + (1.0 - fresh_share) * replay
    logs: NDArray[np.float64] = np.log(np.maximum(expected, SHARE_MIN))
    return logs


def balanced_loss(logits: Tensor, labels: Tensor, log_share: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the mean cross-entropy of logits + log shares, in float32 whatever the logits are in."""
    return functional.cross_entropy(logits.float() + log_share, labels, label_smoothing=smoothing)


def robust_loss(logits: Tensor, labels: Tensor, log_share: Tensor, exponent: float) -> Tensor:
    """Return the mean of (1 - p^q) / q, p the corrected probability of the label, q in (0, 1].

    A sample counts by p^q of what it counts in cross-entropy, which is the limit at q = 0.
    """
    log_p = functional.log_softmax(logits.float() + log_share, dim=1).gather(1, labels[:, None])[:, 0]
    return (-torch.expm1(exponent * log_p) / exponent).mean()
