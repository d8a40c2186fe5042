"""Which errors an operator can put right, and how each becomes one line and an exit status.

Imported when something went wrong, for it knows the errors of every package.
"""

from daemon.config import ConfigError
from daemon.errors import OperatorError
from model.disk import FULL, DiskError
from model.publishing.errors import (
    ForeignRepositoryError,
    PullError,
    RepositoryError,
    RepositoryLockedError,
    RepositoryUnavailableError,
    TargetError,
)
from model.store.errors import SchemaVersionError, StateError, StateUnavailableError
from streaming.buffer import BufferFullError, BufferMisconfiguredError, BufferUnavailableError
from streaming.kafka_admin import TopicMissingError
from streaming.kafka_options import KafkaRefusedError, KafkaUnavailableError

EXPECTED: tuple[type[Exception], ...] = (
    OperatorError,
    ConfigError,
    KafkaRefusedError,
    KafkaUnavailableError,
    TopicMissingError,
    BufferMisconfiguredError,
    BufferUnavailableError,
    BufferFullError,
    StateError,
    StateUnavailableError,
    RepositoryError,
    PullError,
    DiskError,
)
_SETTINGS: tuple[tuple[type[Exception], str, str], ...] = (
    (KafkaUnavailableError, "kafka.bootstrap_servers", "Start the brokers, or correct kafka.bootstrap_servers"),
    (TopicMissingError, "kafka.topics", ""),
    (BufferUnavailableError, "redis.url", "Start Redis, or correct redis.url"),
    (BufferMisconfiguredError, "redis.url", "Change that in the server, or correct redis.url"),
    (BufferFullError, "redis.url", "Give Redis more memory, or wait for the learner"),
    (StateUnavailableError, "paths.state", "Make room, or give the right to write there"),
    (RepositoryUnavailableError, "paths.repository", "Give the right to write there, or correct paths.repository"),
    (RepositoryLockedError, "paths.repository", "Stop the other learner, or choose another folder"),
    (ForeignRepositoryError, "paths.repository", "Choose another folder, or take it over with --adopt"),
    (RepositoryError, "paths.repository", "`tidemill verify` says what is wrong there"),
    (TargetError, "", "Name with --to a file in a folder that is there and may be written"),
    (PullError, "", "Check --url and --model, and that `tidemill serve` runs there"),
    (DiskError, "", "See that files can be written there"),
)


def as_operator_error(error: Exception) -> OperatorError:
    """Return what to tell the operator. `error` is one of EXPECTED other than ConfigError."""
    if isinstance(error, OperatorError):
        return error
    if isinstance(error, KafkaRefusedError):
        return OperatorError(error.setting, str(error), error.cure)
    if isinstance(error, DiskError) and error.errno in FULL:
        return OperatorError("", str(error), "Make room there")
    if isinstance(error, StateError):
        # Another schema's message says itself what to do; `verify` reads this one's only.
        cure = "" if isinstance(error, SchemaVersionError) else "`tidemill verify` looks closer"
        return OperatorError(error.setting, str(error), cure)
    for kind, setting, cure in _SETTINGS:
        if isinstance(error, kind):
            return OperatorError(setting, str(error), cure)
    return OperatorError("", str(error), "The log says more")


def lines_of(error: Exception) -> tuple[list[str], int]:
    """Return the lines to print and the exit status."""
    if isinstance(error, ConfigError):
        found = [str(problem) for problem in error.problems]
        if len(found) == 1:
            return [f"tidemill: {found[0]}"], error.exit_code
        return [f"tidemill: {len(found)} things are wrong with the configuration:"] + [
            f"  {line}" for line in found
        ], error.exit_code
    told = as_operator_error(error)
    return [f"tidemill: {told}"], told.exit_code
