"""Holds a part of a state still while the rest learns."""

import torch

from model.learning.state import LearnerState
from model.network.spec import Trainable
from model.network.trainable import frozen_names, learning_modules


class Freezing:
    """What does not learn takes no gradient, and is in eval mode, its norms with statistics of their own."""

    def __init__(self, state: LearnerState, trainable: Trainable) -> None:
        """Put the network into training mode but for what is frozen. Raises TrainableError.

        What is frozen takes the values that are published, its average and the statistics estimated for it, so that a
        model which has learnt is frozen as it was judged.
        """
        network = state.network.train()
        frozen = frozen_names(network, trainable)
        published = state.average.tensors | state.statistics
        if frozen:
            network.eval()
            for module in learning_modules(network, trainable).values():
                module.training = True  # not .train(): submodules stand in the list themselves
        with torch.no_grad():
            for name, tensor in network.state_dict().items():
                if name in frozen and name in published:
                    tensor.copy_(published[name])
        self._held = [one for name, one in network.named_parameters() if name in frozen and one.requires_grad]
        for parameter in self._held:
            parameter.requires_grad_(False)

    def end(self) -> None:
        """Let go of what was held: a state does not know which part of it learnt."""
        for parameter in self._held:
            parameter.requires_grad_(True)
