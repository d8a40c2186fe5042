"""Why a model could not be published or pulled. Each error says what to do about it."""


class PublishingError(Exception):
    """Root of what this package raises."""


class ExportError(PublishingError):
    """The exporter's child process failed, ran too long or wrote too much. The message ends with its last words."""


class UnmappableError(PublishingError):
    """The exported graph holds numbers that depend on the weights but equal none of them: it cannot be refilled."""


class NonFiniteError(PublishingError):
    """A weight is not a finite number. Nothing was written."""


class StaleTensorError(PublishingError):
    """A tensor of a filled file is not the one of the network that was to be published."""


class ParityError(PublishingError):
    """ONNX Runtime and torch disagree on real samples."""

    def __init__(self, probability_error: float, log_error: float, limits: tuple[float, float]) -> None:
        super().__init__(
            f"ONNX Runtime differs from torch: probabilities by {probability_error:.3g} (limit {limits[0]:g}), "
            f"log-probabilities by {log_error:.3g} (limit {limits[1]:g})"
        )
        self.probability_error = probability_error
        self.log_error = log_error


class RuntimeRefusalError(PublishingError):
    """ONNX Runtime, or onnx' own checker, refuses the file."""


class ManifestError(PublishingError):
    """A manifest is not of schema 1, or contradicts itself. The message names the key."""


class RepositoryError(PublishingError):
    """Root of what the repository raises."""


class RepositoryUnavailableError(RepositoryError):
    """`paths.repository` cannot be written or locked: not a folder, read-only, no room, no permission."""


class RepositoryLockedError(RepositoryError):
    """Another learner holds this model's lock."""


class ForeignRepositoryError(RepositoryError):
    """The repository belongs to another state directory; only `--adopt` takes it over."""


class VersionConflictError(RepositoryError):
    """A version folder that is already visible, or a newer champion, contradicts what was to be published."""


class BrokenRepositoryError(RepositoryError):
    """The champion pointer or a version folder cannot be served as it is."""


class MailboxFullError(RepositoryError):
    """Too many requests wait for the learner."""


class PullError(PublishingError):
    """A version could not be pulled: server out of reach, broken transfer, wrong digest, limit exceeded."""


class TargetError(PullError):
    """The local file cannot be written or read: no room, no permission, a folder of its name."""
