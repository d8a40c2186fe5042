"""What can be wrong with `redis.url`, found before anything is connected, and the address without its secrets."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from urllib.parse import SplitResult, parse_qsl, urlsplit

from daemon.config.redis_values import value_fault

_WORD = re.compile(r"[A-Za-z_]{1,40}")
SCHEMES = ("redis", "rediss", "unix")
_ANYWHERE = (
    "db",
    "username",
    "password",
    "client_name",
    "health_check_interval",
    "max_connections",
    "retry_on_timeout",
    "socket_connect_timeout",
    "socket_read_size",
    "socket_timeout",
)
_TCP = ("socket_keepalive",)
_TLS = (
    "ssl_ca_certs",
    "ssl_ca_data",
    "ssl_ca_path",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_ciphers",
    "ssl_exclude_verify_flags",
    "ssl_include_verify_flags",
    "ssl_keyfile",
    "ssl_min_version",
    "ssl_password",
)
_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
PARAMETERS = {"redis": (*_ANYWHERE, *_TCP), "rediss": (*_ANYWHERE, *_TCP, *_TLS), "unix": _ANYWHERE}
"""What may stand behind the question mark, by scheme: what the client knows, less what changes the form of answers."""
DATABASE_DIGITS_MAX = 6
"""No server has a million databases: its setting `databases` is 16 by default."""


ESCAPES = "in a user or password / is %2F, ? is %3F, # is %23, @ is %40, : is %3A and % is %25"


def is_address(url: str) -> bool:
    """Return whether `url` has the shape of an address of Redis: scheme, host or path, port, number of a database."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme not in SCHEMES or not (parts.netloc or parts.scheme == "unix"):
        return False
    database = parts.path.strip("/")
    # The client would take database 0 in silence.
    return parts.scheme == "unix" or not database or (database.isascii() and database.isdecimal())


def faults(url: str) -> Iterator[str]:
    """Yield what must be otherwise in an address of the right shape, without its secrets."""
    parts = urlsplit(url)
    if parts.fragment or "#" in url:
        yield f"written without #: {ESCAPES}"
        return
    if parts.scheme == "unix":
        if parts.hostname is not None or parts.path in ("", "/"):
            yield "unix:///path of the socket, with three slashes and the whole path"
    elif parts.hostname is None:
        yield f"given with a host, as redis://host:6379/0; {ESCAPES}"
    elif parts.port == 0:
        yield "given with a port of 1 to 65535"
    if not url.startswith(f"{parts.scheme}://"):  # the client looks at the text as it stands
        begun = url.partition(":")[0]
        yield f"begun with {parts.scheme}://, in small letters and with both slashes, not with {begun + ':'!r}"
    yield from _parameter_faults(parts)


def files_of(url: str) -> list[tuple[str, str]]:
    """Return the parameters of the address that name a file or folder, each with its path."""
    return [(name, value) for name, value in parse_qsl(urlsplit(url).query) if name in _FILES]


def _parameter_faults(parts: SplitResult) -> Iterator[str]:
    known = PARAMETERS[parts.scheme]
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    given = dict(pairs)
    for name, value in given.items():
        if name not in known:
            yield _unknown(name, parts)
        elif not value:
            yield f"given without {name}=, or with a value behind it"
        elif len([one for one, _ in pairs if one == name]) > 1:
            yield f"given with {name} once"
        elif fault := value_fault(name, value):
            yield fault
    if not all("!" <= letter <= "~" for letter in given.get("client_name", "")):
        yield "given with a client_name of letters, digits and signs, without blanks"
    yield from _database_faults(parts, given.get("db", ""))


def _database_faults(parts: SplitResult, queried: str) -> Iterator[str]:
    if queried and not (queried.isascii() and queried.isdecimal()):
        yield "given with a whole number of at least 0 as db"
    in_path = parts.path.strip("/") if parts.scheme != "unix" else ""
    if max(len(queried), len(in_path)) > DATABASE_DIGITS_MAX:
        yield "given with the number of a database that Redis can have; it has 16 unless told otherwise"
    if queried and in_path and queried.isdecimal() and int(queried) != int(in_path):
        yield "given with one database: its path and db name two"


def _unknown(name: str, parts: SplitResult) -> str:
    """Say that a parameter is none. Its name is told where it cannot be a part of a password that was cut at an &."""
    if name in _TLS:
        return f"rediss://, since {name} is for TLS alone, or given without {name}"
    near = get_close_matches(name.lower(), PARAMETERS[parts.scheme], n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(PARAMETERS[parts.scheme])}"
    open_ = "@" not in parts.netloc and "pass" not in parts.query.lower() and _WORD.fullmatch(name)
    shown = f"the parameter {name!r}, which is none" if open_ else "a parameter that is none"
    return f"given without {shown}: {hint}"
