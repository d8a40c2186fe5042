"""Variables that begin like ours and are none: what Kubernetes, Docker and image builds put into the environment.

Kubernetes describes each Service of a namespace to its pods, Docker each link to a container: a Service called
`tidemill` or `tidemill-learn` gives TIDEMILL_PORT=tcp://10.96.0.12:8080 and TIDEMILL_LEARN_SERVICE_HOST. They are known
by name and value together, so that a misspelt setting, as TIDEMILL_HTTP_PORT=8080, is still refused.
"""

import ipaddress
import re
from collections.abc import Mapping

IMAGE_VARIABLES = frozenset({"TIDEMILL_VERSION"})
"""What the build of an image leaves behind."""

_OWNER = r"(?P<owner>TIDEMILL(?:_+[A-Z0-9]+)*)"
"""A Service's name or a link's alias, in capitals; every other character is an underscore there."""
_PLACE = r"_PORT_\d{1,5}_(?:TCP|UDP|SCTP)"
_ADDRESS = re.compile(r"(?:tcp|udp|sctp)://(?P<host>[0-9.]+|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:.]+):(?P<port>\d{1,5})")
_LINK = re.compile(r"(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)+/(?P<alias>[A-Za-z0-9][A-Za-z0-9_.-]*)")


def is_foreign(variable: str, environ: Mapping[str, str]) -> bool:
    """Return whether the variable, which is no setting's name, is certain to come from elsewhere."""
    if variable in IMAGE_VARIABLES:
        return True
    value = environ[variable]
    return any(
        (match := pattern.fullmatch(variable)) is not None and fits(value, match["owner"], environ)
        for pattern, fits in _SHAPES
    )


def _is_host(value: str, _owner: str, _environ: Mapping[str, str]) -> bool:
    try:
        ipaddress.ip_address(value.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _is_port(value: str, _owner: str, _environ: Mapping[str, str]) -> bool:
    return value.isdecimal() and 1 <= int(value[:6]) <= 65_535


def _is_address(value: str, owner: str, environ: Mapping[str, str]) -> bool:
    match = _ADDRESS.fullmatch(value)
    return match is not None and _is_host(match["host"], owner, environ) and _is_port(match["port"], owner, environ)


def _is_protocol(value: str, _owner: str, _environ: Mapping[str, str]) -> bool:
    return value in {"tcp", "udp", "sctp"}


def _is_link(value: str, owner: str, _environ: Mapping[str, str]) -> bool:
    match = _LINK.fullmatch(value)
    return match is not None and re.sub(r"[^A-Z0-9]", "_", match["alias"].upper()) == owner


def _is_linked(_value: str, owner: str, environ: Mapping[str, str]) -> bool:
    """A linked container's own variables may hold anything: only beside the link's name are they one's."""
    return _is_link(environ.get(f"{owner}_NAME", ""), owner, environ)


_SHAPES = tuple(
    (re.compile(_OWNER + ending), fits)
    for ending, fits in (
        ("_SERVICE_HOST", _is_host),
        (r"_SERVICE_PORT(?:_[A-Z0-9_]+)?", _is_port),
        ("_PORT", _is_address),
        (f"{_PLACE}(?:_START|_END)?", _is_address),
        (f"{_PLACE}_ADDR", _is_host),
        (f"{_PLACE}_PORT(?:_START|_END)?", _is_port),
        (f"{_PLACE}_PROTO", _is_protocol),
        ("_NAME", _is_link),
        (r"_ENV_[A-Za-z0-9_]+", _is_linked),
    )
)
