"""Why a network cannot be built. Each message names the setting and the cure."""


class NetworkError(Exception):
    """Root of what this package raises."""

    setting = "model.architecture"
    """The key to look at."""


class UnsupportedArchitectureError(NetworkError):
    """`model.architecture` names nothing that can be trained and exported at this `image.size`."""


class InitialWeightsError(NetworkError):
    """`model.initial_weights` cannot be read, or does not fit `model.architecture`."""

    setting = "model.initial_weights"


class TrainableError(NetworkError):
    """`model.trainable` names a part that is not known, or would leave random weights as they are."""

    setting = "model.trainable"


class ArchitectureChangedError(NetworkError):
    """The state directory was made with another architecture, size or stem than is configured now."""
