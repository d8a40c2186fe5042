"""From a learner's state to the network that is judged and exported."""

import copy
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from model.examples import Labelled
from model.learning.augment import as_image
from model.learning.device import device_faults
from model.learning.plan import batch_bounds
from model.learning.state import LearnerState
from model.network.network import Network
from model.network.spec import Trainable
from model.network.trainable import learning_modules

CALIBRATION_BATCH = 256


def published_network(
    state: LearnerState, calibration: Labelled | None = None, trainable: Trainable = "all"
) -> Network:
    """Return a copy with the averaged weights, in eval mode, on the state's device.

    `calibration`: BatchNorm's statistics are re-estimated on these (about a thousand replayed samples, unaugmented) and
    kept in the state, so that `published_network(state)` gives the same network later, also from its file. Without,
    those of the last time are used. `trainable`: norms outside of that part keep their statistics. Raises DeviceError.
    """
    network = copy.deepcopy(state.network).to(memory_format=torch.contiguous_format).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(state.average.tensors[name])
        with device_faults(network.mean.device):
            if calibration is not None and len(calibration.labels) > 1:
                state.statistics = state.statistics | _estimated(network, calibration, trainable)
        for name, buffer in network.named_buffers():
            if name in state.statistics:
                buffer.copy_(state.statistics[name])
    return network


def answered(network: Network, examples: Labelled) -> NDArray[np.float32]:
    """Return the logits [n, classes] on pixels as they are stored, for a network in eval mode. Raises DeviceError."""
    device, n = network.mean.device, len(examples.labels)
    with torch.inference_mode(), device_faults(device):
        parts = [
            network(
                as_image(torch.from_numpy(examples.pixels_NHWC[start : start + CALIBRATION_BATCH]).to(device))
            ).cpu()
            for start in range(0, n, CALIBRATION_BATCH)
        ]
    return torch.cat(parts).numpy()


def _estimated(network: Network, calibration: Labelled, trainable: Trainable) -> dict[str, Tensor]:
    """Put the samples through, so that each norm's statistics are the mean over them; return copies of these."""
    learning = learning_modules(network, trainable)
    norms = {name: module for name, module in learning.items() if isinstance(module, _BatchNorm)}
    if not norms:
        return {}
    momenta = {name: norm.momentum for name, norm in norms.items()}
    for norm in norms.values():
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches, all of one size
        norm.train()
    n = len(calibration.labels)
    bounds = batch_bounds(n, -(-n // CALIBRATION_BATCH))
    for start, end in pairwise(bounds):
        pixels = torch.from_numpy(calibration.pixels_NHWC[start:end])
        network(as_image(pixels.to(network.mean.device)))
    for name, norm in norms.items():
        norm.momentum = momenta[name]
        norm.eval()
    return {
        f"{name}.{key}": buffer.detach().clone()
        for name, norm in norms.items()
        for key, buffer in norm.named_buffers(recurse=False)
    }
