"""Where training runs: `learn.device`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

from model.learning.errors import DeviceError


def resolve_device(name: str) -> torch.device:
    """Return the device named by auto, cpu, cuda or cuda:N. Raises DeviceError when it is not there."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda", 0) if count else torch.device("cpu")
    if name == "cpu":
        return torch.device("cpu")
    kind, _, index = name.partition(":")
    if kind != "cuda" or not (index or "0").isdecimal():
        raise DeviceError(f"learn.device: {name!r} is none of auto, cpu, cuda, cuda:N")
    if int(index or 0) >= count:
        raise DeviceError(f"learn.device: {name!r} is not there ({count} CUDA devices are); take cpu or auto")
    return torch.device("cuda", int(index or 0))


def precision(device: torch.device) -> AbstractContextManager[object]:
    """Return the context of a forward pass in training: bf16 autocast on CUDA, float32 on the CPU."""
    return torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else nullcontext()


def lay_out(network: nn.Module, device: torch.device) -> None:
    """Put the weights in the order that is fastest on the device: channels_last on CUDA."""
    network.to(memory_format=torch.channels_last if device.type == "cuda" else torch.contiguous_format)


@contextmanager
def device_faults(device: torch.device) -> Iterator[None]:
    """Turn what the device fails at into DeviceError: nothing of it is the samples' fault."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DeviceError(f"learn.device {device}: out of memory; lower round.batch ({error})") from error
    except torch.AcceleratorError as error:
        raise DeviceError(f"learn.device {device} failed: {error}") from error
