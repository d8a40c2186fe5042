"""The one place that turns Redis' errors into the buffer's: what may pass, and what a person must change."""

from collections.abc import Iterator
from contextlib import contextmanager

from streaming.buffer import BufferFullError, BufferMisconfiguredError, BufferTakenError, BufferUnavailableError
from streaming.redis_library import exceptions

_TAKEN = "TAKEN by "
_NO_CLUSTER = (
    "Redis Cluster is not supported ({}): its keys may lie on several nodes, and a batch is one script; "
    "name a server with cluster-enabled no"
)
_NO_COMMAND = (
    "what answers at redis.url does not know a command that is needed ({}): a server of Redis 6.2 or newer with "
    "Lua scripts, or Valkey, is needed, and no proxy that leaves them out"
)
_OTHER_LEARNER = (
    "another learner has taken the buffer over ({}): "
    "this one has been away, or another runs on a copy of its state directory"
)
_FULL = "Redis is at its maxmemory: {}"
_NOT_NOW = "Redis takes no writes now: {}"
_REFUSED = "Redis refuses the user of redis.url: {}"
_MEANINGS: tuple[tuple[tuple[str, ...], type[Exception], str], ...] = (
    (
        (_TAKEN,),
        BufferTakenError,
        _OTHER_LEARNER,
    ),
    (("OOM command not allowed",), BufferFullError, _FULL),
    (
        ("LOADING ", "READONLY ", "MASTERDOWN ", "NOREPLICAS ", "MISCONF ", "BUSY ", "CLUSTERDOWN ", "TRYAGAIN "),
        BufferUnavailableError,
        _NOT_NOW,
    ),
    (
        ("NOAUTH ", "WRONGPASS ", "NOPERM ", "ACL failure in script", "executing the script can't"),
        BufferMisconfiguredError,
        _REFUSED,
    ),
    (
        ("DB index is out of range", "invalid DB index"),
        BufferMisconfiguredError,
        "this Redis has no database of the number in redis.url ({}): name one below its setting `databases`",
    ),
    (
        ("CROSSSLOT ", "MOVED ", "ASK ", "not allowed in cluster mode", "do not hash to the same slot"),
        BufferMisconfiguredError,
        _NO_CLUSTER,
    ),
    (
        ("nknown command", "nsupported command", "nknown Redis command", "nknown subcommand", "not supported"),
        BufferMisconfiguredError,
        _NO_COMMAND,
    ),
)
"""By words in the text: in an error that a script passes on, Redis 6 puts its code into the middle."""


@contextmanager
def translated_errors(*, tls: bool) -> Iterator[None]:
    """Raise the buffer's errors for redis-py's. What is none of them is a bug, and passes as it is.

    `tls`: whether redis.url says so, for where the two sides disagree about it neither tells.
    """
    try:
        yield
    except exceptions.OutOfMemoryError as error:
        raise BufferFullError(_FULL.format(error)) from error
    except (exceptions.AuthenticationError, exceptions.AuthorizationError, exceptions.NoPermissionError) as error:
        raise BufferMisconfiguredError(_REFUSED.format(error)) from error
    except exceptions.InvalidResponse as error:
        raise BufferUnavailableError(f"what answers does not speak Redis' protocol: {error}") from error
    except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
        raise BufferUnavailableError(f"Redis does not answer: {error}{_doubt(str(error), tls=tls)}") from error
    except (exceptions.ReadOnlyError, exceptions.ClusterDownError) as error:
        raise BufferUnavailableError(_NOT_NOW.format(error)) from error
    except (exceptions.AskError, exceptions.ClusterCrossSlotError) as error:
        raise BufferMisconfiguredError(_NO_CLUSTER.format(error)) from error
    except exceptions.ResponseError as error:
        meant = _meant(str(error))
        if meant is None:
            raise
        raise meant from error


def _meant(text: str) -> Exception | None:
    for words, kind, message in _MEANINGS:
        if any(word in text for word in words):
            return kind(message.format(text.partition(_TAKEN)[2] or text))
    return None


def _doubt(text: str, *, tls: bool) -> str:
    closed = "closed by server" in text or "reset by peer" in text
    if tls and (closed or "connecting to server" in text or "SSL" in text):
        return "; redis.url says rediss://: see that this port speaks TLS, and whose certificates are trusted"
    return "; if this port speaks TLS, redis.url must begin with rediss://" if closed and not tls else ""
