"""What can go wrong in training, sorted by whose fault it is."""


class LearningError(Exception):
    """Root of what this package raises."""


class DivergedError(LearningError):
    """Loss or gradient is not finite. Raised before such an update; counts as a failed attempt at the round."""

    def __init__(self, step: int, loss: float, gradient_norm: float) -> None:
        super().__init__(
            f"training diverged by step {step}: loss {loss:g}, gradient norm {gradient_norm:g}; "
            "if it happens again, lower learning.lr"
        )
        self.step = step


class StoppedError(LearningError):
    """The stop flag was up. Nothing is wrong; the round is done again after the next start."""


class DeviceError(LearningError):
    """`learn.device` is not there, out of memory or broken: not the window's fault, to be retried."""


class StateFileError(LearningError):
    """A weights file cannot be read as a learner's state."""
