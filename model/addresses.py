"""Addresses as they may be shown: scheme, host, port, and a path that is a database's number or a socket's. Light.

The only function that makes a text of an address. Users, passwords and what a question mark begins are never part of
it. An address that can be read in two ways, as one whose password holds a `/` as it stands, is not shown at all.
"""

import re

HIDDEN = "***"
_REDIS = ("redis", "rediss")
_SCHEMES = (*_REDIS, "unix", "http", "https")
_PLACE = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_DATABASE = re.compile(r"[0-9]{1,6}")
_SOCKET = re.compile(r"[A-Za-z0-9._/-]+")


def shown_address(address: str) -> str:
    """Return what of an address may be read by anyone: `redis://***@host:6379/0` at most.

    *** stands for a user or password, for what a question mark begins, and for all that cannot be told apart.
    """
    scheme, begins, rest = address.partition("://")
    if not begins or scheme not in _SCHEMES:
        return HIDDEN
    hidden = f"{scheme}://{HIDDEN}"
    before, asks, query = rest.partition("?")
    authority, slash, path = before.partition("/")
    # A # would begin what no client reads; an @ behind the authority shows that it ended too early.
    if "#" in rest or "@" in path or "@" in query or not rest.isascii() or not rest.isprintable():
        return hidden
    _, at, place = authority.rpartition("@")
    user, more = (f"{HIDDEN}@" if at else ""), (f"?{HIDDEN}" if asks else "")
    if scheme == "unix":
        return f"unix://{user}/{path}{more}" if not place and _SOCKET.fullmatch(path) else hidden
    found = _PLACE.fullmatch(place)
    if found is None or int(found["port"] or 0) > 65_535:
        return hidden
    return f"{scheme}://{user}{place}{_shown_path(scheme, slash + path)}{more}"


def _shown_path(scheme: str, path: str) -> str:
    if path in ("", "/"):
        return ""
    if scheme in _REDIS and _DATABASE.fullmatch(path.strip("/")):
        return f"/{path.strip('/')}"
    return f"/{HIDDEN}" if scheme in _REDIS else "/…"
