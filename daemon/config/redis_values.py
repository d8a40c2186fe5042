"""What may stand behind each parameter of `redis.url`: what the client turns into something that works."""

import math
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass

SECONDS_MAX = 86_400
"""A day: what waits for longer waits for good."""
WHOLE_MAX = 1_000_000
READ_BYTES_MAX = 16 * 1_048_576
"""Each read of a connection makes room for so much."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What values of a parameter are right, in words and as a test of them."""

    words: str
    fits: Callable[[str], bool]


def _is_seconds(value: str) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    return value.isascii() and math.isfinite(number) and 0 < number <= SECONDS_MAX


def _whole(least: int, most: int) -> Kind:
    digits = re.compile("[0-9]{1,9}")
    return Kind(
        f"a whole number of {least} to {most}",
        lambda value: digits.fullmatch(value) is not None and least <= int(value) <= most,
    )


def _one_of(*words: str) -> Kind:
    return Kind(f"one of {', '.join(words)}", lambda value: value in words)


def _takes_ciphers(value: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(value)
    except ssl.SSLError:
        return False
    return True


# The client takes every other word as a yes, also "off".
_YES_NO = ("1", "t", "true", "y", "yes", "0", "f", "false", "n", "no")
_SECONDS = Kind(f"a number of seconds above 0, at most {SECONDS_MAX}", _is_seconds)
_BOOLEAN = Kind(f"one of {', '.join(_YES_NO)}", lambda value: value.lower() in _YES_NO)
_FLAGS = Kind(
    "names of OpenSSL's verify flags, as VERIFY_X509_STRICT, joined by commas",
    lambda value: all(flag.strip(" []") in ssl.VerifyFlags.__members__ for flag in value.split(",")),
)

KINDS = {
    "health_check_interval": _whole(0, SECONDS_MAX),
    "max_connections": _whole(1, WHOLE_MAX),
    "retry_on_timeout": _BOOLEAN,
    "socket_connect_timeout": _SECONDS,
    "socket_keepalive": _BOOLEAN,
    "socket_read_size": _whole(1, READ_BYTES_MAX),
    "socket_timeout": _SECONDS,
    "ssl_cert_reqs": _one_of("none", "optional", "required"),
    "ssl_check_hostname": _BOOLEAN,
    "ssl_ciphers": Kind("ciphers that this OpenSSL has", _takes_ciphers),
    "ssl_exclude_verify_flags": _FLAGS,
    "ssl_include_verify_flags": _FLAGS,
    "ssl_min_version": _one_of("769", "770", "771", "772"),
}
"""Parameters whose values are not free text. Those of TLS versions are its own numbers: 771 is 1.2, 772 is 1.3."""


def value_fault(name: str, value: str) -> str:
    """Return how a parameter must be given instead; empty where its value is right, or any text is.

    The value is not told: with an & as it stands in a password, a part of that could be one.
    """
    kind = KINDS.get(name)
    if kind is None or kind.fits(value):
        return ""
    return f"given with {kind.words} as {name}"
