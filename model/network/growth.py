"""A head with more classes, its old rows untouched."""

from model.network.network import Network


def grow(network: Network, classes_n: int, seed: int) -> None:
    """Give the head rows for classes up to `classes_n`, in place; old rows stay bit for bit.

    New weights: random directions from `seed`, at the mean norm of the old rows. New biases: the least of the old.
    The head's parameters are new objects afterwards. Raises ValueError when `classes_n` is less than there are.
    """
    raise NotImplementedError
