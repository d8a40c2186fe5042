"""Which part of a network learns: all of it, its last block with the head, or the head alone."""

from torch import nn

from model.network.build import build
from model.network.errors import TrainableError
from model.network.families import family_of
from model.network.network import Network
from model.network.spec import NetworkSpec, Trainable


def learning_modules(network: Network, trainable: Trainable) -> dict[str, nn.Module]:
    """Return the modules that learn, by name in the network, their submodules among them.

    The last block is all from its first module on: torchvision defines modules in the order that an image passes them.
    Raises TrainableError where the architecture's last block is not known.
    """
    if trainable == "all":
        return dict(network.named_modules())
    if trainable == "head":
        return {f"body.{network.head_name}": network.head}
    every = list(network.named_modules())
    first = [name for name, _ in every].index(f"body.{_last_block(network)}")
    return dict(every[first:])


def frozen_names(network: Network, trainable: Trainable) -> set[str]:
    """Return the names of the tensors, of parameters and buffers, that stay as they are. Raises TrainableError.

    Mean and deviation of the input are not among them: the first version fixes them.
    """
    learning = learning_modules(network, trainable)
    names = [name for name in network.state_dict() if name.startswith("body.")]
    return {name for name in names if name.rpartition(".")[0] not in learning}


def check_trainable(spec: NetworkSpec, trainable: Trainable) -> None:
    """Refuse a part that this architecture does not have. Raises TrainableError. For the start."""
    if trainable == "last-block":
        learning_modules(build(spec, seed=0), trainable)


def _last_block(network: Network) -> str:
    """Return the name, within the body, of the first module of the last block."""
    path = family_of(network.spec.architecture).last_block
    if not path:
        raise TrainableError(
            f'model.trainable "last-block": which block is the last of {network.spec.architecture!r} is not known; '
            'take "head" or "all"'
        )
    module: nn.Module = network.body
    names: list[str] = []
    for part in path.split("."):
        children = [name for name, _ in module.named_children()]
        names.append(children[int(part)] if part.startswith("-") else part)
        module = module.get_submodule(names[-1])
    return ".".join(names)
