"""May a known picture have the other label that it came under? Asked of the champion, before anything is learnt.

Known pictures are no random sample: honest corrections are few, and of pictures that the model finds improbable under
their label, though it was trained on it. So the two labels are compared with each other, which asks nothing of the
model's accuracy; what it learnt by heart counts for the old label, and the benefit of the doubt with it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from model.examples import Labelled
from model.judging.answers import pieces
from model.learning.augment import as_image
from model.learning.device import device_faults
from model.store.facts import RelabelOutcome

SUPPORTED_SHARE = 0.5
"""Share of the relabels of a window, and of each of its sources, that must be likelier than what they replace."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A picture's two labels, as the champion sees them."""

    relabel: int
    source: str
    supported: bool | None
    """The new label is likelier than the old one; None: the champion does not know both."""


def likelier(
    network: nn.Module, batches: Iterable[Labelled], old: NDArray[np.int64], new: NDArray[np.int64], batch: int = 256
) -> NDArray[np.bool_]:
    """Return [n], whether the network finds class `new` likelier than class `old`, for each sample of the batches.

    `network` is put into eval mode. Raises DeviceError.
    """
    device = next(network.parameters()).device
    network.eval()
    found: list[NDArray[np.bool_]] = [np.empty(0, np.bool_)]
    start = 0
    with torch.inference_mode(), device_faults(device):
        for pixels_NHWC, _ in pieces(batches, batch):
            logits = network(as_image(torch.from_numpy(pixels_NHWC).to(device))).float().cpu().numpy()
            rows, part = np.arange(len(logits)), slice(start, start + len(logits))
            found.append(logits[rows, new[part]] > logits[rows, old[part]])
            start += len(logits)
    return np.concatenate(found)


def doubts(compared: Sequence[Comparison]) -> dict[int, RelabelOutcome]:
    """Return, by relabel, why it is not vouched for; the others are.

    A model errs, so a share of wrong labels hits its own errors: where most of a window's or a source's relabels are
    wrong, the few that look right are no better.
    """
    told = [one for one in compared if one.supported is not None]
    distrusted = {source for source in {one.source for one in told} if not _mostly_right(told, source)}
    everywhere = not _mostly_right(told)
    found: dict[int, RelabelOutcome] = {}
    for one in compared:
        if one.supported is None:
            found[one.relabel] = RelabelOutcome.UNVOUCHED
        elif not one.supported:
            found[one.relabel] = RelabelOutcome.CONTRADICTED
        elif everywhere or one.source in distrusted:
            found[one.relabel] = RelabelOutcome.DISTRUSTED
    return found


def _mostly_right(told: Sequence[Comparison], source: str | None = None) -> bool:
    counts = Counter(bool(one.supported) for one in told if source is None or one.source == source)
    return counts[True] >= SUPPORTED_SHARE * counts.total()
