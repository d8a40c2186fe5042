"""Where training runs: `learn.device`."""

import torch


def resolve_device(name: str) -> torch.device:
    """Return the device named by auto, cpu, cuda or cuda:N. Raises DeviceError when it is not there."""
    raise NotImplementedError
