"""What must not be printed, and how a text is freed of it. Everything that the process writes for people passes here.

The last line, not the first: whoever tells of an address tells what `model.addresses.shown_address` makes of it. A
library's words, an exception's or a traceback's may hold it all the same.
"""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from daemon.config import Config

MASK = "***"
SECRET_MIN = 4
"""Characters of a secret that is looked for in texts: a shorter one would blot out words."""
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s'\"<>]*@", re.IGNORECASE)
_BEARER = re.compile(r"\b((?:bearer|basic)\s+)[^\s'\"]+", re.IGNORECASE)
_VALUE = re.compile(r"([?&][\w.-]*(?:pass|token|secret|key)[\w.-]*=)[^\s&'\"]+", re.IGNORECASE)
_known: set[str] = set()


def hide(secrets: Iterable[str]) -> None:
    """Have these texts masked from now on, as they are and as addresses, JSON and Python spell them."""
    for secret in secrets:
        for spelt in {secret, unquote(secret), quote(secret), quote(secret, safe=""), repr(secret)[1:-1]}:
            if len(spelt) >= SECRET_MIN:
                _known.add(spelt)


def forget() -> None:
    """Know no secret any more."""
    _known.clear()


def masked(text: str) -> str:
    """Return `text` without the secrets that are known, and without what has the shape of one."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _URL.sub(rf"\1{MASK}@", text)
    return _VALUE.sub(rf"\1{MASK}", _BEARER.sub(rf"\1{MASK}", text))


def secrets_of(config: Config) -> tuple[str, ...]:
    """Return every secret of a configuration; of an address the parts that are."""
    plain = (config.kafka.sasl_password, config.http.rollback_token, config.pull.token)
    addresses = (config.redis.url, config.pull.url)
    found = [one.get_secret_value() for one in plain]
    for address in addresses:
        found += secrets_within(address.get_secret_value())
    return tuple(one for one in found if one)


def secrets_within(address: str) -> list[str]:
    """Return the parts of an address that are not to be shown: userinfo and the values behind the question mark."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return [address]
    user, at, _ = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    found = [user, password, name] if at else []
    return [*found, *(value for key, value in parse_qsl(parts.query) if "pass" in key or "user" in key)]
